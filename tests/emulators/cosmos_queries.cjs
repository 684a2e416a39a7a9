// Queries of the Cosmos emulator, each parsed once for all containers and compiled once for all times it is asked.
//
// The library parses a query anew for each container and compiles it anew each time it is asked. A test has
// containers of its own, so that was most of what its queries took.
'use strict';

const LIB = '@zeit/cosmosdb-query/lib/';
const query = require('@zeit/cosmosdb-query').default;
const executor = require(`${LIB}executor`);
const FUNCTIONS = ['aggregate-functions', 'builtin-functions'].map(name => require(`${LIB}${name}`));
const helpers = require(`${LIB}helpers`);

const once = make => {
  const made = new Map();
  return text => {
    if (!made.has(text)) made.set(text, make(text));
    return made.get(text);
  };
};
const compiled = once(code => new Function(`"use strict";return (${code})`)());
executor.default = (documents, { code, parameters, udf = {}, maxItemCount, continuation, compositeIndexes }) => {
  const values = Object.fromEntries((parameters || []).map(({ name, value }) => [name.slice(1), value]));
  return compiled(code)(...FUNCTIONS, documents, helpers, udf, values, maxItemCount, continuation, compositeIndexes);
};

module.exports = { parsed: once(query) };
