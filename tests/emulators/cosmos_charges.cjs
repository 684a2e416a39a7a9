// Request units of the Cosmos emulator, by kind and size: lines through what Azure's documentation says.
//
//   a point read     1 RU for 1 KB, 10 RU for 100 KB, in between and beyond a straight line
//   an insert        5 RU and 50 RU in the same way     optimize-cost-reads-writes; a deletion costs the same
//   a replacement    twice an insert; so is a patch, and an upsert of what exists
//                    (the service's own calculator: create 5.71, delete 5.71, update 10.67)
//   a batch          what its steps cost
//   a query          3 RU, and 0.1 RU for each KB of the documents that it loads; assumed, as no page says it
//   an indexed word  0.25 RU for each value of an indexed array that is added or removed; assumed
//   a refused write or a missing item: 1 RU; what is throttled: nothing
// This is our reading, not evidence. Nothing here was measured on Azure.
'use strict';

const READ = [1, 10];
const WRITE = [5, 50];
const LEAST = 1;
const QUERY = 3;
const QUERY_KB = 0.1;
const WORD = 0.25;

const sizes = new WeakMap(); // a document that is replaced is another object
const sizeOf = document => {
  if (!sizes.has(document)) sizes.set(document, Buffer.byteLength(JSON.stringify(document)) / 1024);
  return sizes.get(document);
};
const onLine = ([small, large], kb) => small + ((large - small) * (Math.max(kb, 1) - 1)) / 99;

// The values of indexed arrays ("/words/[]/?"), each an entry of the index of its own.
const indexedIn = (collection, document) => {
  const { includedPaths = [] } = collection.read().indexingPolicy || {};
  const arrays = includedPaths.map(({ path }) => /^\/(\w+)\/\[\]\/\?$/.exec(path)?.[1]).filter(Boolean);
  return new Set(arrays.flatMap(name => (document?.[name] ?? []).map(value => `${name} ${value}`)));
};
const changed = (before, after) =>
  [...after].filter(each => !before.has(each)).length + [...before].filter(each => !after.has(each)).length;

// What one operation on one item costs; `before` and `after` are the item, null where it is not there.
const chargeOf = (collection, kind, statusCode, before, after) => {
  if (kind === 'read') return before ? onLine(READ, sizeOf(before)) : LEAST;
  if (statusCode >= 400) return LEAST;
  const times = before && after ? 2 : 1;
  const words = changed(indexedIn(collection, before), indexedIn(collection, after));
  return times * onLine(WRITE, sizeOf(after ?? before)) + words * WORD;
};

// What a query that loads these documents costs.
const chargeOfQuery = documents => QUERY + QUERY_KB * documents.reduce((sum, each) => sum + sizeOf(each), 0);

module.exports = { chargeOf, chargeOfQuery, LEAST };
