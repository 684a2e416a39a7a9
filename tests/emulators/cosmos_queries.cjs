// How the Cosmos emulator runs a query: by the code that @zeit/cosmosdb-query 0.7 writes for it, but
//  - it is made into a function once, not for each request, so that node compiles it well;
//  - its rows are listed in linear time: it copies the list for each document of the partition;
//  - what it loaded is in its answer, for the charge, so that it need not run again to find that out.
'use strict';

const LIB = '@zeit/cosmosdb-query/lib/';
const aggregates = require(`${LIB}aggregate-functions`);
const builtins = require(`${LIB}builtin-functions`);
const executor = require(`${LIB}executor`);
const helpers = require(`${LIB}helpers`);

const MOST = 500; // queries whose functions are kept
const COPYING = /\$c\.reduce\(\(\$, (\w+)\) => typeof \1 !== "undefined" \? \[\.\.\.\$, \{\s*\1: \1\s*\}\] : \$, \[\]\)/;

const functions = new Map();
const functionOf = code => {
  if (!functions.has(code)) {
    if (functions.size >= MOST) functions.clear();
    const linear = code.replace(COPYING, '$$c.map($1 => ({ $1 }))');
    functions.set(code, new Function(`"use strict";return (${linear})`)());
  }
  return functions.get(code);
};

executor.default = (documents, { code, parameters, udf = {}, maxItemCount, continuation, compositeIndexes }) => {
  const values = Object.fromEntries((parameters ?? []).map(({ name, value }) => [name.slice(1), value]));
  let rows = []; // of an aggregate all that it counts, otherwise no more than TOP
  const noting = {
    ...helpers,
    sort: (...given) => { rows = helpers.sort(...given); return rows; },
    paginate: (found, ...rest) => { rows = found.map(([, row]) => row); return helpers.paginate(found, ...rest); },
  };
  const run = functionOf(code);
  const answer = run(aggregates, builtins, documents, noting, udf, values, maxItemCount, continuation, compositeIndexes);
  return { ...answer, loaded: [...new Set(rows.map(row => Object.values(row)[0]))] };
};
