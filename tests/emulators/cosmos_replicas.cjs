// Session tokens of the Cosmos emulator, and replicas that are behind: what another client has just written
// may be missing from a read or a query, as the service's Session consistency allows.
//
// A container counts its writes (its LSN); every answer about items has `x-ms-session-token: 0:-1#LSN`. A
// request that a fault of kind `stale` strikes is answered as things were `seconds` ago, but never from before
// the session token that it carries. A token that is ahead of the container is a 404 with sub-status 1002.
//   consistency-levels, how-to-manage-consistency#utilize-session-tokens, troubleshoot-not-found
'use strict';

const MOST = 200; // changes that are remembered, the oldest are forgotten

// Does a write; its changes get the next LSN if it is done, and are forgotten if it is refused.
const writing = (documents, write) => {
  documents.changes ??= [];
  documents.lsn ??= 1;
  const known = documents.changes.length;
  documents.writing = documents.lsn + 1;
  const result = write();
  documents.writing = 0;
  const refused = result.refused ?? result.statusCode >= 400;
  if (refused) documents.changes.length = known;
  else documents.lsn += 1;
  documents.changes.splice(0, documents.changes.length - MOST);
  return result;
};

// Notes that a document was written or deleted.
const changed = (documents, kind, document) => {
  if (documents.writing) documents.changes.push({ kind, document, lsn: documents.writing, at: Date.now() });
};

const lsnOf = token => Math.max(0, ...String(token ?? '').split(',').map(each => Number(each.split('#')[1]) || 0));

// The documents of a Map by _rid as the replica that is asked has them.
const asOf = (documents, data, request) => {
  if (!request.stale) return data;
  const since = Date.now() - request.stale * 1000;
  const least = lsnOf(request.headers['x-ms-session-token']);
  const view = new Map(data);
  const missed = [...(documents.changes ?? [])].reverse().filter(each => each.at > since && each.lsn > least);
  if (missed.length) request.lsn = missed.at(-1).lsn - 1;
  missed.forEach(each => {
    if (each.kind === 'written') view.delete(each.document._rid);
    else view.set(each.document._rid, { read: () => each.document });
  });
  return view;
};

const isAhead = (documents, request) => lsnOf(request.headers['x-ms-session-token']) > (documents.lsn ?? 1);

// The SDK notes the tokens of answers that name their container, and says that only a changed document's do.
const setHeaders = (documents, request, response, { dbId, collId }, changedOne = false) => {
  if (changedOne) response.setHeader('x-ms-alt-content-path', `dbs/${dbId}/colls/${collId}`);
  response.setHeader('x-ms-session-token', `0:-1#${request.lsn ?? documents.lsn ?? 1}`);
  response.setHeader('x-ms-documentdb-partitionkeyrangeid', '0');
};

module.exports = { writing, changed, asOf, isAhead, setHeaders };
