// Whole databases of the Cosmos emulator: a test's is emptied and used again, or copied, as to fill one takes
// longer than most tests; what is in one is kept, and put back for each of many trials. cosmos.cjs requires this
// before the server is made, because it stands in the place of the account.
'use strict';

const { createHash } = require('crypto');
const Account = require('@vercel/cosmosdb-server/lib/account');

let account;
Account.default = class extends Account.default {
  constructor(...address) { super(...address); account = this; }
};
const withoutItsOwn = ({ _etag, _rid, _self, _ts, ...told }) => told;
const empty = name => {
  const database = account.database(name);
  if (!database.read()) return null;
  return [...database.collections._data.values()].map(collection => {
    Object.assign(collection.documents, { _data: new Map(), _index: new Map(), nextExpiry: undefined });
    return withoutItsOwn(collection.read());
  });
};
const copy = (name, to) => {
  account.databases.create({ id: to });
  for (const collection of account.database(name).collections._data.values()) {
    account.database(to).collections.create(withoutItsOwn(collection.read()));
    const { documents } = account.database(to).collection(collection.read().id);
    collection.documents._data.forEach(each => documents.create(withoutItsOwn(each.read())));
  }
  return null;
};

// What is kept, by the hash of it: put back, the items and their ETags are the same.
const kept = new Map();
const keep = name => {
  const found = [...account.database(name).collections._data.values()]
    .map(each => [each.read().id, [...each.documents._data.values()].map(item => item.read())]);
  const text = JSON.stringify(found);
  const named = createHash('sha256').update(text).digest('hex');
  kept.set(named, text);
  return named;
};
const putBack = (name, named) => {
  for (const [id, found] of JSON.parse(kept.get(named))) {
    const { documents } = account.database(name).collection(id);
    Object.assign(documents, { _data: new Map(), _index: new Map(), nextExpiry: undefined });
    found.forEach(each => documents._set(each));
  }
  return null;
};

const forget = () => { kept.clear(); return null; };

const setConsistency = level => { account.read().userConsistencyPolicy.defaultConsistencyLevel = level; };

module.exports = { empty, copy, keep, putBack, forget, setConsistency };
