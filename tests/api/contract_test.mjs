// The server and its own description: every route that /api/openapi.json names is called, with every
// outcome that it names, and every answer and problem is what its schema says. Schemas are closed: a
// field that is dropped from or added to an answer fails here.

import assert from 'node:assert/strict';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Served } from './served.mjs';

const { default: Ajv } = createRequire(join(process.env.ROLLCALL_DEPS_DIR, 'here.js'))('ajv/dist/2020');

const KEY = 'show_s05_e03';
let served;
let api;
let ajv;
const operations = new Map();  // By operationId: {method, path, operation}.
const seen = new Map();        // By operationId: the statuses that came.
const bodies = [];             // [schema, body]: what was answered.

function validate(schema, body, where) {
  const check = ajv.getSchema(`api${schema.$ref}`) ?? ajv.compile({ ...schema, $id: undefined });
  assert.ok(check(body), `${where}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(body).slice(0, 400)}`);
  if (schema.$ref) bodies.push([schema.$ref, body]);
}

// Over the unix socket, where routes are that TCP does not have.
function askSocket(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: join(served.data, 'rollcall.sock'), method, path, headers }, (answer) => {
      const pieces = [];
      answer.on('data', (bytes) => pieces.push(bytes));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: new Headers(answer.headers), bytes: Buffer.concat(pieces) }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function askTcp(method, path, headers, body) {
  const answer = await fetch(served.base + path, { method, headers, body });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

// Calls an operation as the file has it and holds the answer against it.
async function call(id, { at = {}, query = {}, body, headers = {}, socket = false } = {}) {
  const { method, path, operation } = operations.get(id);
  const names = new Set((operation.parameters ?? []).filter(({ in: place }) => place !== 'header').map(({ name }) => name));
  for (const name of [...Object.keys(at), ...Object.keys(query)]) assert.ok(names.has(name), `${id} has no ${name}`);
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(at[name]));
  const search = new URLSearchParams(query).toString();
  const ask = socket || operation['x-unix-socket-only'] ? askSocket : askTcp;
  const answer = await ask(method.toUpperCase(), search ? `${filled}?${search}` : filled,
    body === undefined ? headers : { 'content-type': 'application/json', ...headers }, body === undefined ? undefined : JSON.stringify(body));
  const where = `${id} ${answer.status}`;
  const described = operation.responses[answer.status] ?? operation.responses.default;
  assert.ok(described, `${where} is not in the file`);
  seen.get(id).add(operation.responses[answer.status] ? String(answer.status) : 'default');
  const type = (answer.headers.get('content-type') ?? '').split(';')[0];
  const content = described.content;
  if (!content) {
    assert.equal(answer.bytes.length, 0, where);
    return answer;
  }
  const of = content[type] ?? content['*/*'];
  assert.ok(of, `${where}: ${type} is not in the file`);
  if (type === 'application/json' || type === 'application/problem+json') {
    if (answer.status !== 206) {
      answer.body = JSON.parse(answer.bytes);
      if (of.schema.$ref) validate(of.schema, answer.body, where);
    }
  }
  return answer;
}

// Who has it is told so. What changes by itself meanwhile is asked for again.
async function callTwice(id, how = {}) {
  for (let i = 0; i < 50; ++i) {
    const tag = (await call(id, how)).headers.get('etag');
    const again = await call(id, { ...how, headers: { ...how.headers, 'if-none-match': tag } });
    if (again.status === 304) return;
  }
  assert.fail(`${id} is never the same twice`);
}

async function follow(query, headers = {}) {
  const { operation } = operations.get('followEvents');
  const events = operation.responses['200'].content['text/event-stream']['x-events'];
  const names = new Set();
  for await (const { event, data } of served.events(`/api/events?${new URLSearchParams(query)}`, { headers })) {
    const schema = event === 'gone' ? undefined : events[event];
    assert.ok(schema, `event ${event} is not in the file`);
    validate(schema, data, `event ${event}`);
    names.add(event);
    if (event === 'reset') break;
  }
  seen.get('followEvents').add('200');
  return names;
}

before(async () => {
  served = new Served();
  await served.start();
  api = (await served.get('/api/openapi.json')).body;
  ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addSchema(api, 'api');
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      operations.set(operation.operationId, { method, path, operation });
      seen.set(operation.operationId, new Set());
    }
  }
});
after(() => served.end());

test('every object of a schema is closed, or says of what it is a map', () => {
  const walk = (schema, where) => {
    if (typeof schema !== 'object' || schema === null) return;
    if (schema.type === 'object' && !where.startsWith('paths')) {
      assert.ok('additionalProperties' in schema, where);
    }
    for (const [name, inner] of Object.entries(schema)) walk(inner, `${where}.${name}`);
  };
  walk(api.components.schemas, 'schemas');
});

test('every route answers as the file says', { timeout: 250_000 }, async () => {
  await callTwice('isAlive');
  await callTwice('isReady');
  await call('getMetrics');
  await callTwice('getApi');
  await callTwice('getDocs');
  await callTwice('hello');
  await call('work');
  await call('detach');
  await call('leave');

  await callTwice('listEpisodes');
  await call('addEpisode', { body: { video: served.video } });
  assert.equal((await call('addEpisode', { body: { video: served.video }, socket: true })).status, 201);
  assert.equal((await call('addEpisode', { body: { video: served.video }, socket: true })).status, 200);
  const at = { key: 'Show_S05_E03_11062025' };
  await call('getReport', { at });

  const { body: { job: { job_id: id } } } = await call('startJob', { body: { kind: 'analyze', episode: KEY, effort: 'draft' } });
  assert.equal((await call('startJob', { body: { kind: 'analyze', episode: KEY, effort: 'draft' } })).status, 409);
  await call('startJob', { body: { kind: 'dance', episode: KEY } });
  await call('getActive', { at });
  await call('getJob', { at: { job: id } });
  const names = await follow({ topics: `job:${id}`, every_ms: 500 });
  assert.deepEqual([...names].sort(), ['begin', 'job', 'view']);
  await follow({ topics: 'jobs', after: 'nonsense' });
  await call('followEvents', { query: { topics: 'weather' } });
  await call('settle', { body: { job_id: id } });

  const job = { job: String(id) };
  for (const one of ['getJob', 'listJobEvents', 'diagnoseJob', 'getJobLog', 'listJobs', 'getActive', 'getState',
    'getReport', 'getTimeline', 'getEpisode', 'listFiles', 'getVideo', 'listEpisodes']) {
    const { path } = operations.get(one);
    await callTwice(one, { at: { ...(path.includes('{job}') ? job : {}), ...(path.includes('{key}') ? at : {}) } });
  }
  await call('getJob', { at: { job: `analyze_${KEY}` } });
  await call('getJob', { at: { job: 4711 } });
  await call('getJobLog', { at: job, query: { lines: 3 } });
  await call('getJobLog', { at: job, query: { lines: 0 } });
  await call('listJobs', { query: { limit: 0 } });
  await call('listJobEvents', { at: job, query: { after: 5 } });
  await call('getTimeline', { at, query: { from_ms: 0, to_ms: 5000 } });
  await call('diagnoseJob', { at: { job: 'nobody' } });
  await call('listJobs', { query: { limit: 'many' } });
  await call('listJobEvents', { at: { job: 4711 } });
  await call('settle', { body: { job_id: 4711 } });

  await callTwice('getFile', { at: { ...at, name: 'totals.csv' } });
  await callTwice('getStill', { at: { ...at, id: 1 } });
  for (const [one, where] of [['getFile', { ...at, name: 'totals.csv' }], ['getStill', { ...at, id: 1 }], ['getVideo', at], ['getReport', at]]) {
    assert.equal((await call(one, { at: where, headers: { range: 'bytes=0-9' } })).bytes.length, 10);
  }
  for (const [one, where] of [['getFile', { ...at, name: 'totals.csv' }], ['getVideo', at]]) {
    assert.equal((await call(one, { at: where, headers: { range: 'bytes=999999999-' } })).status, 416);
  }
  await call('getFile', { at: { ...at, name: '..' } });
  await call('getStill', { at: { ...at, id: 99999 } });

  await call('listPeople', { at: { key: 'nobody' } });
  for (const [one, more] of [['listPeople', {}], ['getPerson', { person: 1 }], ['suggestPeople', {}], ['getTrack', { id: 1 }], ['listEdits', {}]]) {
    await callTwice(one, { at: { ...at, ...more } });
    await call(one, { at: { key: 'nobody', ...more } });
  }
  const said = await call('addEdits', { at, body: { kind: 'name', person: 1, name: 'Anna' }, headers: { 'idempotency-key': 'once' } });
  assert.equal(said.status, 201);
  const repeated = await call('addEdits', { at, body: { kind: 'name', person: 1, name: 'Anna' }, headers: { 'idempotency-key': 'once' } });
  assert.deepEqual(repeated.body, said.body);
  assert.equal((await call('addEdits', { at, body: { kind: 'name', person: 1, name: 'Bea' }, headers: { 'idempotency-key': 'once' } })).status, 422);
  await call('addEdits', { at, body: { edits: [{ kind: 'ignore', person: 2 }, { kind: 'exclude', from_ms: 0, to_ms: 10 }], who: 'contract' } });
  assert.equal((await call('undoEdit', { at, body: {} })).status, 201);
  assert.equal((await call('undoEdit', { at, body: { sequence: 999 } })).status, 409);
  assert.equal((await call('redoEdit', { at, body: {} })).status, 201);
  assert.equal((await call('redoEdit', { at, body: {} })).status, 409);
  for (const { job_id: open } of (await call('getActive', { at })).body.jobs) await follow({ topics: `job:${open}` });

  const again = { body: { kind: 'validate', episode: KEY, effort: 'draft' }, headers: { 'idempotency-key': 'a start' } };
  const first = await call('startJob', again);
  const second = await call('startJob', again);
  assert.equal(second.status, 202);
  assert.equal(second.body.repeated, true);
  assert.equal(second.body.job.job_id, first.body.job.job_id);

  const { body: { job: { job_id: other } } } = await call('startJob', { body: { kind: 'detect', episode: KEY, effort: 'full' } });
  await call('cancelJob', { at: { job: other } });
  await follow({ topics: `job:${other}` });
  await call('cancelJob', { at: { job: 4711 } });
  await call('resumeJob', { at: { job: other }, body: {} });
  await call('cancelJob', { at: { job: `detect_${KEY}` } });
  await call('retryJob', { at: { job: other } });
  await call('resumeJob', { at: { job: other }, body: { skip_poison: 'yes' } });
  await call('retryJob', { at: { job: other }, body: { skip_poison: 'yes' } });
  await call('removeEpisode', { at });
  for (const { job_id: open, state } of (await call('listJobs')).body.jobs) {
    if (['succeeded', 'cancelled', 'failed'].includes(state)) continue;
    await call('cancelJob', { at: { job: open } });
    await follow({ topics: `job:${open}` });
  }
  await callTwice('checkStore');
  await callTwice('checkFiles');
  await call('removeEpisode', { at, query: { keep_files: 'true' } });
  await call('removeEpisode', { at, query: { keep_files: 'perhaps' } });
  for (const one of ['getEpisode', 'getState', 'getActive', 'getReport', 'getTimeline', 'listFiles', 'getVideo']) {
    assert.equal((await call(one, { at })).status, 404, one);
  }
});

test('nothing of the file was left out', () => {
  for (const [id, { operation }] of operations) {
    for (const status of Object.keys(operation.responses)) {
      // A problem of what takes nothing is the engine's own end.
      if (status === 'default' && !operation.parameters && !operation.requestBody) continue;
      assert.ok(seen.get(id).has(status), `${id} never answered ${status}`);
    }
  }
});

// The proof proves something.
test('a field that is dropped from an answer, or added to it, is seen', () => {
  const tried = new Set();
  for (const [ref, body] of bodies) {
    if (tried.has(ref)) continue;
    tried.add(ref);
    const check = ajv.getSchema(`api${ref}`);
    const schema = ref.slice(2).split('/').reduce((inner, name) => inner[name], api);
    assert.ok(!check({ ...body, added: 1 }), `${ref} takes another field`);
    for (const name of schema.required) {
      const { [name]: dropped, ...rest } = body;
      assert.ok(dropped !== undefined && !check(rest), `${ref} does without ${name}`);
    }
  }
  assert.ok(tried.size > 20, `${tried.size} schemas`);
});
