// Scripted faults and counters in front of the Cosmos emulator; cosmos.cjs starts it.
//
//   POST /_faults [{...}, ...]   adds faults; asked in order, the first that fits is used
//   DELETE /_faults              forgets them, and seeds chance anew (?seed=7); with ?seen=too as DELETE /_seen
//   DELETE /_items               empties the containers of ?database=, answers how they are set or null
//   POST /_items                 copies ?database= with all that is in it to the new database ?to=
//   POST /_kept                  keeps what is in ?database=; answers a name, the same as long as nothing is written
//   PUT /_kept                   puts what has the name ?kept= into ?database=, which has the same containers
//   DELETE /_kept                forgets what is kept
//   POST /_account               the account's consistency is ?consistency=; Session again with DELETE /_faults
//   GET /_seen                   {containers: {NAME: {...}}, queries: [...]}; DELETE /_seen starts at nought
//
// A fault, with the same fields as tests/emulators/faults.py:
//   on       glob over "OPERATION CONTAINER": read, create, upsert, replace, delete, patch, batch, query,
//            list (read_all_items), meta and make (reading and writing what is no item)
//   kind     status  answers `status` with `headers` and does nothing
//            reset   does nothing and resets the connection
//            lost    does it, and resets the connection before the answer
//            slow    waits `seconds`, then does it
//            stall   never answers
//            race    another writer changes what If-Match is about just before: a true 412
//            stale   a read or a query is answered by a replica that is `seconds` behind
//            inside  a batch is answered 207: its first step got `status`, with the headers' retry-after
//   times    how often (1 unless told; null for always); chance: 0..1
'use strict';

const MESSAGES = {
  401: ['Unauthorized', 'The input authorization token cannot serve the request.'],
  403: ['Forbidden', 'Request blocked by Auth.'],
  404: ['NotFound', 'The read session is not available for the input session token.'],
  408: ['RequestTimeout', 'Request timed out.'],
  410: ['Gone', 'Resource is no longer available.'],
  429: ['TooManyRequests', 'The request rate is too large. Please retry after sometime.'],
  449: ['RetryWith', 'Conflicting request to resource has been attempted. Retry to avoid conflicts.'],
  500: ['InternalServerError', 'Unknown server error.'],
  503: ['ServiceUnavailable', 'Service is currently unavailable.'],
};
const SUBSTATUS = { 404: '1002', 429: '3200' };
const BODY_LIMIT = 64 * 1024;

// Small, seeded and good enough to decide which request fails (mulberry32).
const chances = seed => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const glob = text => new RegExp(`^${text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`);

class Faults {
  constructor() { this.clear(0); }

  clear(seed) { this.script = []; this.random = chances(seed); }

  add(faults) {
    this.script.push(...faults.map(fault => ({ on: '*', kind: 'status', times: 1, chance: 1, ...fault })));
  }

  take(name) {
    const fault = this.script.find(each => glob(each.on).test(name) && this.random() < each.chance);
    if (!fault) return null;
    if (fault.times !== null) fault.times -= 1;
    this.script = this.script.filter(each => each.times === null || each.times > 0);
    return fault;
  }
}

class Seen {
  constructor() { this.clear(); }

  clear() { this.containers = {}; this.queries = new Map(); }

  of(container) {
    this.containers[container] ??= {
      requests: 0, queries: 0, cross_partition: 0, request_units: 0, struck: {}, bytes_in: 0, operations: {},
      statuses: {},
    };
    return this.containers[container];
  }

  // Called by cosmos.cjs, which has read the query.
  query(container, text, partition) {
    const key = `${container}\0${text}\0${partition === undefined}`;
    const entry = this.queries.get(key) || { container, query: text, cross_partition: partition === undefined, times: 0 };
    entry.times += 1;
    this.queries.set(key, entry);
  }

  json() { return { containers: this.containers, queries: [...this.queries.values()] }; }
}

const isTrue = value => String(value).toLowerCase() === 'true';
const operationOf = (request, item) => {
  const { method, headers } = request;
  if (method === 'POST') {
    if (isTrue(headers['x-ms-documentdb-isquery']) || headers['content-type'] === 'application/query+json') return 'query';
    if (isTrue(headers['x-ms-cosmos-is-batch-request'])) return 'batch';
    return isTrue(headers['x-ms-documentdb-is-upsert']) ? 'upsert' : 'create';
  }
  if (method === 'GET') return item ? 'read' : 'list';
  return { PUT: 'replace', PATCH: 'patch', DELETE: 'delete' }[method] || 'meta';
};
const charged = response => (response.charge ?? 1).toFixed(2);
const readAll = async request => {
  const parts = [];
  let size = 0;
  for await (const part of request) { size += part.length; if (size < BODY_LIMIT) parts.push(part); }
  return JSON.parse(Buffer.concat(parts).toString() || 'null');
};
const answer = (response, status, body) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

// Puts faults and counters before what `server` does; control paths begin with /_.
const inFrontOf = (server, { empty, copy, keep, putBack, forget }, setConsistency) => {
  const faults = new Faults();
  const seen = new Seen();
  const waiting = new Set();
  const [inner] = server.listeners('request');
  server.removeAllListeners('request');

  const control = async (request, response) => {
    const url = new URL(request.url, 'http://emulator');
    if (url.pathname === '/_seen') {
      if (request.method === 'DELETE') seen.clear();
      return answer(response, 200, seen.json());
    }
    if (url.pathname === '/_items') {
      waiting.forEach(clearTimeout); // what a test before left on its way must not arrive now
      waiting.clear();
      const asked = request.method === 'POST' ? copy : empty;
      return answer(response, 200, asked(url.searchParams.get('database'), url.searchParams.get('to')));
    }
    if (url.pathname === '/_kept') {
      const asked = { POST: keep, PUT: putBack, DELETE: forget }[request.method];
      return answer(response, 200, asked(url.searchParams.get('database'), url.searchParams.get('kept')));
    }
    if (url.pathname === '/_account') {
      setConsistency(url.searchParams.get('consistency'));
      return answer(response, 200, null);
    }
    if (request.method === 'DELETE') setConsistency('Session');
    if (request.method === 'DELETE' && url.searchParams.get('seen')) seen.clear();
    if (request.method === 'DELETE') faults.clear(Number(url.searchParams.get('seed') || 0));
    if (request.method === 'POST') faults.add(await readAll(request));
    return answer(response, 200, faults.script);
  };

  server.on('request', (request, response) => {
    if (request.url.startsWith('/_')) {
      control(request, response).catch(error => answer(response, 400, { message: error.message }));
      return;
    }
    const [, container, item] = /^\/+dbs\/[^/]+\/colls\/([^/]+)\/docs\/*([^/?]*)/.exec(request.url) || [];
    const operation = container ? operationOf(request, item) : request.method === 'GET' ? 'meta' : 'make';
    const count = seen.of(container || '');
    count.requests += 1;
    count.operations[operation] = (count.operations[operation] || 0) + 1;
    count.bytes_in += Number(request.headers['content-length'] || 0);
    if (operation === 'query' || operation === 'list') {
      count.queries += 1;
      if (!request.headers['x-ms-documentdb-partitionkey']) count.cross_partition += 1;
    }
    const setHeader = response.setHeader.bind(response);
    response.setHeader = (name, value) => setHeader(name, name === 'x-ms-request-charge' ? charged(response) : value);
    response.on('finish', () => {
      count.request_units += Number(response.getHeader('x-ms-request-charge') || 0);
      count.statuses[response.statusCode] = (count.statuses[response.statusCode] || 0) + 1;
    });

    const fault = faults.take(`${operation} ${container || ''}`.trim());
    if (!fault) { inner(request, response); return; }
    const struck = fault.kind === 'status' ? fault.status : fault.kind;
    count.struck[struck] = (count.struck[struck] || 0) + 1;
    switch (fault.kind) {
      case 'reset':
        request.socket.resetAndDestroy();
        break;
      case 'lost':
        response.end = () => request.socket.resetAndDestroy();
        inner(request, response);
        break;
      case 'stall':
        break;
      case 'slow':
        waiting.add(setTimeout(() => inner(request, response), (fault.seconds || 0) * 1000));
        break;
      case 'race':
        request.race = true;
        inner(request, response);
        break;
      case 'stale':
        request.stale = fault.seconds;
        inner(request, response);
        break;
      case 'inside':
        request.inside = {
          statusCode: fault.status,
          subStatusCode: Number(SUBSTATUS[fault.status] || 0),
          retryAfterMilliseconds: Number(fault.headers?.['x-ms-retry-after-ms'] || 0),
        };
        inner(request, response);
        break;
      default: {
        const [code, message] = MESSAGES[fault.status] || ['Error', 'Scripted fault.'];
        const headers = { 'x-ms-substatus': SUBSTATUS[fault.status] || '0', ...fault.headers };
        if (fault.status === 429) headers['x-ms-retry-after-ms'] ??= '20';
        Object.entries(headers).forEach(([name, value]) => response.setHeader(name, value));
        request.resume();
        answer(response, fault.status, { code, message: fault.message || message });
      }
    }
  });
  return seen;
};

module.exports = { inFrontOf };
