// A Cosmos DB (NoSQL) for tests: @vercel/cosmosdb-server 1.0.1 with its gaps mended, no fork.
//
//   NODE_PATH=.../node_modules node cosmos.cjs [PORT]     plain HTTP on 127.0.0.1, prints "ready PORT"
//
// Each gap that is mended, and the page of the Azure Cosmos DB documentation (learn.microsoft.com/azure/
// cosmos-db, /rest/api/cosmos-db) that says how the real one behaves. That is our reading, not evidence:
//  1. reading a missing item was 500, is 404; If-None-Match with the current ETag is 304
//       rest/api/cosmos-db/get-a-document
//  2. a query or a list with a partition key saw every partition, is confined to it, as is one with a
//     prefix of a hierarchical key                           rest/api/cosmos-db/querying-cosmosdb-resources-using-the-rest-api
//  3. hierarchical partition keys used their first level only       hierarchical-partition-keys
//  4. a document whose key differs from the header was taken, an operation on an item without the header
//     was 500; both are 400                                  rest/api/cosmos-db/create-a-document
//  5. batches: the key comes from the header, Patch and If-Match work, all or nothing with 207 and 424,
//     at most 100 operations (400) and 2 MB (413)            transactional-batch, concepts-limits
//  6. an item over 2 MB was taken, is 413; an id over 1,023 bytes is 400       concepts-limits
//  7. nothing ever expired; now DefaultTimeToLive and an item's `ttl` do. Without the first the second
//     means nothing, -1 means never                                       nosql/time-to-live
//  8. a unique key in the way of an upsert was 500, is 409              unique-keys
//  9. a patch's predicate was lower-cased as a whole; its case is kept         partial-document-update
// 10. OFFSET .. LIMIT .. was a syntax error                     nosql/query/offset-limit
// 11. replacing a container's settings threw its documents away    rest/api/cosmos-db/replace-a-collection
// 12. an ETag was a bare word, is a quoted one              nosql/database-transactions-optimistic-concurrency
// 13. every query read the whole container; partitions are kept apart (speed only), rows are not copied for each document: cosmos_queries.cjs
// 14. every charge was 1 RU; they go by kind and size           cosmos_charges.cjs
// 15. there were no session tokens and no replicas that are behind      cosmos_replicas.cjs
// 16. what is in a missing container was 404 like a missing item; its sub-status is 1003    troubleshoot-not-found
// Not there, so that code must not lean on it: throughput (offers, 429 by itself), indexing limits, LIKE, CONTAINS with three arguments, GROUP BY, DISTINCT, the change feed, stored
// procedures, deletion by partition key, If-None-Match on an upsert.
'use strict';

const LIB = '@vercel/cosmosdb-server/lib/';
const keys = require(`${LIB}utils/get-partition-from-header`);
const Items = require(`${LIB}account/items`).default;
const Documents = require(`${LIB}account/documents`).default;
const operations = require(`${LIB}handler/_document-operations`);
const { patchOperation } = require(`${LIB}handler/_patch-operations`);
const readItems = require(`${LIB}handler/_read-items`).default;
const getValue = require(`${LIB}utils/get-value`).default;
const readJson = require(`${LIB}json`).default;
const { parsed } = require('./cosmos_queries.cjs');
const { inFrontOf } = require('./faults.cjs');
const { chargeOf, chargeOfQuery, LEAST } = require('./cosmos_charges.cjs');
const replicas = require('./cosmos_replicas.cjs');

const KEY_HEADER = 'x-ms-documentdb-partitionkey';
const MAX_BYTES = 2 * 1024 * 1024;
const MAX_OPERATIONS = 100;
const NOT_FOUND = { code: 'NotFound', message: 'Resource Not Found' };
const WRITES = ['create', 'replace', 'upsert'];

const refusal = (statusCode, code, message) => ({ statusCode, body: { code, message } });
const handler = (name, replacement) => { require(`${LIB}handler/${name}`).default = replacement; };
const original = name => require(`${LIB}handler/${name}`).default;
const finish = (response, { statusCode, body }) => { response.statusCode = statusCode; return body; };
const pathsOf = collection => collection.read().partitionKey.paths.map(path => path.slice(1).split('/'));
const valuesOf = (collection, document) => pathsOf(collection).map(path => getValue(path, document));

Items.prototype._getQuery = parsed;

// --- 3: the partition of a hierarchical key is the JSON of all its levels ----------------------------
const parseOne = keys.parsePartitionKey;
keys.parsePartitionKey = (header, missing) => {
  const values = JSON.parse(header);
  return Array.isArray(values) && values.length > 1 ? JSON.stringify(values) : parseOne(header, missing);
};
const partitionOfOne = Items.prototype._getPartition;
Items.prototype._getPartition = function partition(document) {
  const paths = this._partitionKeyPath || [];
  if (paths.length < 2) return partitionOfOne.call(this, document);
  return JSON.stringify(paths.map(path => getValue(path.slice(1).split('/'), document)));
};

// --- 12, 13 and what 7 needs: documents by partition, and when the next of them expires ---------------
class Shelf extends Map {
  constructor(partitionOf) { super(); this.partitionOf = partitionOf; this.parts = new Map(); }

  set(rid, item) {
    const name = this.partitionOf(item.read());
    if (!this.parts.has(name)) this.parts.set(name, new Map());
    this.parts.get(name).set(rid, item);
    return super.set(rid, item);
  }

  delete(rid) {
    const item = this.get(rid);
    if (item) {
      const name = this.partitionOf(item.read());
      this.parts.get(name).delete(rid);
      if (!this.parts.get(name).size) this.parts.delete(name);
    }
    return super.delete(rid);
  }
}
const shelve = documents => {
  if (!(documents._data instanceof Shelf)) documents._data = new Shelf(each => documents._getPartition(each));
  return documents._data;
};
const expiryOf = (collection, document) => {
  const { defaultTtl } = collection.read();
  const ttl = document.ttl ?? defaultTtl;
  return defaultTtl == null || !(ttl > 0) ? Infinity : document._ts + ttl;
};
const keep = Items.prototype._set;
Documents.prototype._set = function set(document) {
  shelve(this);
  if (!document._etag.startsWith('"')) document._etag = `"${document._etag}"`;
  this.nextExpiry = Math.min(this.nextExpiry ?? Infinity, expiryOf(this._parent, document));
  replicas.changed(this, 'written', document);
  return keep.call(this, document);
};
const remove = Items.prototype.delete;
Documents.prototype.delete = function deleteOne(id, partition) {
  const document = this._item('/id', id, partition).read();
  if (document) replicas.changed(this, 'deleted', document);
  return remove.call(this, id, partition);
};
const purge = collection => {
  const { documents } = collection;
  const now = Date.now() / 1e3;
  if ((documents.nextExpiry ?? Infinity) > now) return;
  documents.nextExpiry = Infinity;
  [...documents._data.values()].map(item => item.read()).forEach(document => {
    const expiry = expiryOf(collection, document);
    if (expiry <= now) documents.delete(document.id, documents._getPartition(document));
    else documents.nextExpiry = Math.min(documents.nextExpiry, expiry);
  });
};
const open = (account, request, response, params) => {
  const collection = account.database(params.dbId).collection(params.collId);
  response.statusCode = 404;
  response.setHeader('x-ms-substatus', '1003');
  if (!collection.read()) return null;
  purge(collection);
  shelve(collection.documents);
  response.setHeader('x-ms-substatus', '1002');
  replicas.setHeaders(collection.documents, request, response, params);
  if (replicas.isAhead(collection.documents, request)) return null;
  response.statusCode = 200;
  response.removeHeader('x-ms-substatus');
  return collection;
};

// --- one operation on one item, alone or in a batch: 4, 6, 8, 9 ---------------------------------------
const refused = (collection, kind, header, document, id) => {
  if (!header) return refusal(400, 'BadRequest', 'PartitionKey value must be supplied for this operation.');
  if (Buffer.byteLength(String(id ?? '')) > 1023) return refusal(400, 'BadRequest', 'The id is over 1023 bytes.');
  if (!WRITES.includes(kind)) return null;
  if (!document || typeof document.id !== 'string') {
    return refusal(400, 'BadRequest', "The input content is invalid because the required properties - 'id; ' - are missing");
  }
  if (Buffer.byteLength(JSON.stringify(document)) > MAX_BYTES) {
    return refusal(413, 'RequestEntityTooLarge', 'Request size is too large');
  }
  if (JSON.stringify(valuesOf(collection, document)) !== JSON.stringify([].concat(JSON.parse(header)))) {
    return refusal(400, 'BadRequest', "PartitionKey extracted from document doesn't match the one specified in the header");
  }
  return null;
};
const race = (collection, id, header) => {
  const document = collection.document(id, keys.parsePartitionKey(header, id)).read();
  if (!document) return;
  const again = () => ({ statusCode: 200, body: collection.documents.replace({ ...document }, document) });
  replicas.writing(collection.documents, again);
};
const INVALID = refusal(400, 'BadRequest', 'Invalid condition in patch request.');
const unmet = (collection, id, header, condition) => { // Cosmos looks at the one item, not at the container
  const document = collection.document(id, keys.parsePartitionKey(header, id)).read();
  if (!document || !condition) return null;
  const parameters = []; // so that a condition without its values is parsed once
  const text = condition.replace(/^\s*from\s+c\s+where/i, '').replace(/"[^"\\]*"|\b\d+\b/g, value =>
    parameters[parameters.push({ name: `@value${parameters.length}`, value: JSON.parse(value) }) - 1].name);
  try {
    if (parsed(`SELECT * FROM c WHERE (${text})`).exec([document], { parameters }).result.length) return null;
    return refusal(412, 'PreconditionFailed', 'Condition specified in the patch request is not satisfied.');
  } catch { return INVALID; }
};
const patch = (collection, { id, partitionKey, ifMatch, resourceBody }) =>
  unmet(collection, id, partitionKey, resourceBody.condition) || patchOperation(collection, {
    id, partitionKey, ifMatch, operations: Array.isArray(resourceBody) ? resourceBody : resourceBody.operations,
  });
const DO = {
  create: operations.createOperation,
  read: operations.readOperation,
  replace: operations.replaceOperation,
  delete: operations.deleteOperation,
  upsert: operations.upsertOperation,
  patch,
};
const attempt = (collection, kind, input) => {
  try {
    const result = DO[kind](collection, input);
    if (result.statusCode === 404) return { ...result, body: { ...NOT_FOUND } };
    return result;
  } catch (error) {
    if (error.conflict) return refusal(409, 'Conflict', error.message);
    throw error;
  }
};
const perform = (collection, kind, input) => {
  const id = input.id ?? input.resourceBody?.id;
  const no = refused(collection, kind, input.partitionKey, input.resourceBody, id);
  if (no) return { ...no, charge: LEAST };
  const stored = () => collection.document(id, keys.parsePartitionKey(input.partitionKey, id)).read();
  const before = stored();
  const result = attempt(collection, kind, { ...input, id });
  return { ...result, charge: chargeOf(collection, kind, result.statusCode, before, stored()) };
};
const readAsOf = (collection, request, read) => {
  const { documents } = collection;
  const now = documents._data;
  documents._data = replicas.asOf(documents, now, request);
  try { return read(); } finally { documents._data = now; }
};
const item = kind => async (account, request, response, params) => {
  const body = ['read', 'delete'].includes(kind) ? undefined : await readJson(request);
  const collection = open(account, request, response, params);
  if (!collection) return NOT_FOUND;
  const { documents } = collection;
  const { [KEY_HEADER]: partitionKey, 'if-match': ifMatch } = request.headers;
  const id = params.docId && decodeURIComponent(params.docId);
  if (request.race && ifMatch) race(collection, id ?? body.id, partitionKey);
  if (kind === 'replace' && body.id !== id && collection.document(id, keys.parsePartitionKey(partitionKey, id)).read()) {
    return finish(response, refusal(400, 'BadRequest', 'replacing id is not allowed'));
  }
  const work = () => perform(collection, kind, { id, partitionKey, ifMatch, resourceBody: body });
  const result = kind === 'read' ? readAsOf(collection, request, work) : replicas.writing(documents, work);
  replicas.setHeaders(documents, request, response, params, kind !== 'read' && result.statusCode < 400);
  response.charge = result.charge;
  if (kind === 'read' && result.statusCode === 200 && request.headers['if-none-match'] === result.body._etag) {
    return finish(response, { statusCode: 304, body: {} });
  }
  return finish(response, result);
};
['create', 'read', 'replace', 'delete', 'upsert', 'patch'].forEach(kind => handler(`${kind}-document`, item(kind)));

// --- 5: batches ---------------------------------------------------------------------------------------
const undo = (documents, partition, before) => {
  [...(documents._data.parts.get(partition)?.values() ?? [])]
    .forEach(each => documents.delete(each.read().id, partition));
  before.forEach(each => documents._set(each.read()));
};
const failedAt = (steps, failed, answer) => ({
  refused: true,
  answers: steps.map((_, i) => (i === failed ? { requestCharge: LEAST, ...answer } : { statusCode: 424, requestCharge: 0 })),
});
const allOrNothing = (collection, steps, partitionKey, undoAll) => {
  const answers = [];
  for (const step of steps) {
    const { statusCode, body, charge } = perform(collection, step.operationType.toLowerCase(), { ...step, partitionKey });
    if (statusCode >= 400) {
      undoAll();
      return failedAt(steps, answers.length, { statusCode });
    }
    answers.push({ statusCode, requestCharge: charge, eTag: body?._etag, resourceBody: body });
  }
  return { answers, refused: false };
};
handler('batch-documents', async (account, request, response, params) => {
  const steps = await readJson(request);
  const collection = open(account, request, response, params);
  if (!collection) return NOT_FOUND;
  if (!Array.isArray(steps) || steps.length > MAX_OPERATIONS) {
    return finish(response, refusal(400, 'BadRequest', 'Batch request has more operations than what is supported.'));
  }
  if (Number(request.headers['content-length'] || 0) > MAX_BYTES) {
    return finish(response, refusal(413, 'RequestEntityTooLarge', 'Request size is too large'));
  }
  const partitionKey = request.headers[KEY_HEADER];
  const partition = keys.parsePartitionKey(partitionKey);
  const { documents } = collection;
  if (request.race) steps.filter(step => step.ifMatch).forEach(step => race(collection, step.id, partitionKey));
  const before = [...(documents._data.parts.get(partition)?.values() ?? [])];
  const { answers, refused: refusedStep } = request.inside
    ? failedAt(steps, 0, request.inside)
    : replicas.writing(documents, () => allOrNothing(collection, steps, partitionKey, () => undo(documents, partition, before)));
  replicas.setHeaders(documents, request, response, params);
  if (refusedStep) response.statusCode = 207;
  response.charge = answers.reduce((sum, each) => sum + each.requestCharge, 0);
  return answers;
});

// --- 2, 10: queries and lists -------------------------------------------------------------------------
const confined = (collection, request) => {
  const { documents } = collection;
  const header = request.headers[KEY_HEADER];
  const view = Object.create(documents);
  const partition = header && keys.parsePartitionKey(header);
  if (request.stale) {
    const fits = each => !header || documents._getPartition(each.read()) === partition;
    view._data = new Map([...replicas.asOf(documents, documents._data, request)].filter(([, each]) => fits(each)));
    return view;
  }
  if (!header) return documents;
  const wanted = [].concat(JSON.parse(header));
  if (wanted.length === pathsOf(collection).length) {
    view._data = documents._data.parts.get(partition) ?? new Map();
  } else {
    const fits = each => wanted.every((value, i) => valuesOf(collection, each.read())[i] === value);
    view._data = new Map([...documents._data].filter(([, each]) => fits(each)));
  }
  return view;
};
// The documents that a query loads, whatever it selects of them; of `SELECT *` a page.
const WHOLE = /^\s*SELECT\s+(TOP\s+\d+\s+)?\*/i;
const loaded = ({ query }, page, answer) =>
  ((page.continuation || answer.continuation) && WHOLE.test(query) ? answer.result : answer.loaded);
const OFFSET = /\s+OFFSET\s+(\d+|@\w+)\s+LIMIT\s+(\d+|@\w+)\s*$/i;
let seen;
handler('query-documents', (account, request, response, params) => readItems(request, response, 'Documents', async page => {
  const body = await readJson(request);
  const collection = open(account, request, response, params);
  if (!collection) return null;
  seen.query(params.collId, body.query, request.headers[KEY_HEADER]);
  const window = OFFSET.exec(body.query);
  const number = text => (text[0] === '@' ? body.parameters.find(each => each.name === text).value : Number(text));
  const view = confined(collection, request);
  try {
    replicas.setHeaders(collection.documents, request, response, params);
    if (!window) {
      const answer = view.query(body, page);
      response.charge = chargeOfQuery(loaded(body, page, answer));
      return answer;
    }
    const [from, count] = [number(window[1]), number(window[2])];
    const { result } = view.query({ ...body, query: body.query.slice(0, window.index) }, {});
    return { result: result.slice(from, from + count), continuation: null };
  } catch (error) {
    if (!error.badRequest) throw error;
    return finish(response, refusal(400, 'BadRequest', error.message));
  }
}));
handler('read-documents', (account, request, response, params) => readItems(request, response, 'Documents', async page => {
  const collection = open(account, request, response, params);
  return collection && confined(collection, request).read(page);
}));
const readRanges = original('read-partition-key-ranges');
handler('read-partition-key-ranges', async (...asked) => {
  const answer = await readRanges(...asked);
  (answer.PartitionKeyRanges ?? []).forEach(range => { range.id = String(range.id); }); // was a number
  return answer;
});

// --- 11: a container's settings are replaced, its documents stay ---------------------------------------
const replaceContainer = original('replace-collection');
handler('replace-collection', async (account, request, response, params) => {
  const { documents } = account.database(params.dbId).collection(params.collId);
  const answer = await replaceContainer(account, request, response, params);
  const fresh = account.database(params.dbId).collection(params.collId);
  if (fresh.read() && fresh.documents !== documents) {
    documents._parent = fresh;
    documents.nextExpiry = 0;
    fresh.documents = documents;
  }
  return answer;
});

// --- whole databases: emptied, copied, kept and put back ------------------------------------------------
const { setConsistency, ...databases } = require('./cosmos_databases.cjs');

const { createHttpServer } = require(`${LIB}index`);
const server = createHttpServer({ keepAlive: true });
server.keepAliveTimeout = 60_000; // longer than a client keeps a connection, so that none is closed under it
seen = inFrontOf(server, databases, setConsistency);
server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => console.log(`ready ${server.address().port}`));
