// Azurite's blob service, as its own program starts it, which can keep what is in a container and put it back.
//
//   NODE_PATH=.../node_modules node azurite.cjs ...      with the arguments of azurite-blob
//   POST /_kept?container=NAME             keeps all blobs, blocks that are not committed among them; answers
//                                          a name, the same one as long as nothing is written
//   PUT /_kept?container=NAME&kept=...     puts that into a container, this one or another
//   DELETE /_kept                          forgets what is kept
'use strict';

// Telemetry is off and nothing is in SQL, yet to load their libraries takes most of what a start takes.
const leaveOut = (name, exports) => {
  const filename = require.resolve(name);
  require.cache[filename] = { id: filename, filename, loaded: true, children: [], paths: [], exports };
};
const nothing = () => undefined;
const telemetry = { init: nothing, TraceRequest: nothing, TraceStartEvent: nothing, TraceStopEvent: nothing };
leaveOut('azurite/dist/src/common/Telemetry', { AzuriteTelemetryClient: telemetry });
leaveOut('azurite/dist/src/blob/SqlBlobServer', {});

const { createHash } = require('crypto');
require('./azurite_checksums.cjs');
const { serialize, deserialize } = require('v8'); // unlike JSON it knows dates and buffers
const Store = require('azurite/dist/src/blob/persistence/LokiBlobMetadataStore').default;
const Listeners = require('azurite/dist/src/blob/BlobRequestListenerFactory').default;

let store;
const init = Store.prototype.init;
Store.prototype.init = function started() {
  store = this;
  return init.call(this);
};
const collections = () => [store.BLOBS_COLLECTION, store.BLOCKS_COLLECTION].map(name => store.db.getCollection(name));
const withoutItsOwn = ({ $loki, meta, ...told }) => told;

const kept = new Map();
const keep = containerName => {
  const found = serialize(collections().map(each => each.find({ containerName }).map(withoutItsOwn)));
  const name = createHash('sha256').update(found).digest('hex');
  kept.set(name, found);
  return name;
};
const putBack = (containerName, name) => {
  const found = deserialize(kept.get(name));
  collections().forEach((each, i) => {
    each.findAndRemove({ containerName });
    found[i].forEach(document => each.insert({ ...document, containerName }));
  });
  return null;
};
const control = ({ method, url }) => {
  const asked = new URL(url, 'http://emulator').searchParams;
  if (method === 'POST') return keep(asked.get('container'));
  if (method === 'PUT') return putBack(asked.get('container'), asked.get('kept'));
  kept.clear();
  return null;
};

const create = Listeners.prototype.createRequestListener;
Listeners.prototype.createRequestListener = function inFrontOf() {
  const passOn = create.call(this);
  return (request, response) => {
    if (!request.url.startsWith('/_kept')) return passOn(request, response);
    response.writeHead(200, { 'content-type': 'application/json' });
    return response.end(JSON.stringify(control(request)));
  };
};

require('azurite/dist/src/blob/main');
