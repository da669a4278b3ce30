// Another program's view of Rollcall: `rollcall serve --port`, asked over HTTP with nothing but
// fetch.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Served } from './served.mjs';

let served;
const get = (...args) => served.get(...args);
const post = (...args) => served.post(...args);

// The files follow the store within seconds.
async function untilEqual(wanted, look) {
  const until = Date.now() + 10_000;
  while (!isDeepStrictEqual(wanted, look()) && Date.now() < until) await new Promise((go) => { setTimeout(go, 20); });
  assert.deepEqual(look(), wanted);
}

before(async () => {
  served = new Served();
  await served.start();
  served.rollcall('episodes', 'add', served.video);
});
after(() => served.end());

test('follows a job from its start to its end and reads what came of it', async () => {
  const started = await post('/api/jobs', { kind: 'extract', episode: 'Show_S05_E03' });
  assert.equal(started.status, 202);
  const id = started.body.job.job_id;
  assert.equal(started.headers.get('location'), `/api/jobs/${id}`);

  const views = [];
  const told = [];
  for await (const { event, data: view } of served.events(`/api/events?topics=job:${id}`)) {
    if (event === 'view') views.push(view);
    if (event === 'job') told.push(view.seq);
  }
  assert.equal(views.at(-1).state, 'succeeded');

  const { body: { events } } = await get(`/api/jobs/${id}/events`);
  assert.deepEqual(events.map(({ seq }) => seq), events.map((_, i) => i + 1));
  assert.deepEqual(told, told.map((_, i) => events.length - told.length + i + 1), 'those behind the beginning');

  const { body: state, headers } = await get('/api/episodes/SHOW_S05_E03_11062025/state');
  assert.equal(headers.get('content-location'), '/api/episodes/show_s05_e03/state');
  await untilEqual(state, () => JSON.parse(readFileSync(join(served.data, 'episodes/show_s05_e03/state.json'), 'utf8')));
  assert.equal(state.states.extracted_frames, true);

  const { body: { files } } = await get('/api/episodes/show_s05_e03/files');
  for (const { name, size_bytes: size } of files) {
    const file = await fetch(`${served.base}/api/episodes/show_s05_e03/files/${name}`);
    assert.equal((await file.arrayBuffer()).byteLength, size, name);
  }
});

test('shows who is there when, and their faces', { timeout: 200_000 }, async () => {
  const { body: { job: { job_id: id } } } = await post('/api/jobs', { kind: 'analyze', episode: 'show_s05_e03', effort: 'draft' });
  for await (const { event, data } of served.events(`/api/events?topics=job:${id}`)) {
    if (event === 'view') assert.notEqual(data.state, 'failed', JSON.stringify(data));
  }
  const { body: report } = await get('/api/episodes/show_s05_e03/report');
  const { body: { people } } = await get('/api/episodes/show_s05_e03/timeline');
  assert.ok(people.length > 1);
  assert.deepEqual(people.map(({ id: who, intervals }) => [who, intervals]),
    report.people.map(({ id: who, intervals }) => [who, intervals]));
  const [{ start_ms: start, end_ms: end }] = people[0].intervals;
  const { body: { people: then } } = await get(`/api/episodes/show_s05_e03/timeline?from_ms=${start}&to_ms=${start + 1}`);
  assert.deepEqual(then.find(({ id: who }) => who === people[0].id).intervals, [{ start_ms: start, end_ms: end }]);
  const track = Number(/track_(\d+)/.exec(report.people[0].still)[1]);
  const still = await fetch(`${served.base}/api/episodes/show_s05_e03/tracks/${track}/still`);
  assert.equal(still.headers.get('content-type'), 'image/jpeg');
  const bytes = Buffer.from(await still.arrayBuffer());
  assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8]);
  const again = await fetch(still.url, { headers: { 'if-none-match': still.headers.get('etag') } });
  assert.equal(again.status, 304);
});

test('what the command line shows is what the API answers', async () => {
  const told = JSON.parse(served.rollcall('episodes', 'show', 'show_s05_e03', '--json'));
  assert.deepEqual((await get('/api/episodes/show_s05_e03')).body, told);
});

test('gives the video in parts', async () => {
  const whole = readFileSync(served.video);
  const response = await fetch(`${served.base}/api/episodes/show_s05_e03/video`, { headers: { range: 'bytes=1000-1999' } });
  assert.equal(response.status, 206);
  assert.equal(response.headers.get('content-range'), `bytes 1000-1999/${whole.length}`);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), whole.subarray(1000, 2000));
  const all = await fetch(`${served.base}/api/episodes/show_s05_e03/video`);
  assert.deepEqual(Buffer.from(await all.arrayBuffer()), whole);
});

test('tells what is wrong as a problem', async () => {
  const problems = [
    [await get('/api/nothing'), 404, 'ERR_NO_SUCH_RESOURCE'],
    [await get('/api/jobs/4711'), 404, 'ERR_JOB_NOT_FOUND'],
    [await get('/api/episodes/nobody'), 404, 'ERR_EPISODE_NOT_REGISTERED'],
    [await get('/api/jobs', { method: 'DELETE' }), 405, 'ERR_METHOD_NOT_ALLOWED'],
    [await post('/api/jobs', { kind: 'dance', episode: 'show_s05_e03' }), 400, 'ERR_BAD_PARAMS'],
    [await post('/api/jobs', { video: '/etc/passwd' }), 403, 'ERR_FORBIDDEN'],
    [await post('/api/jobs', { kind: 'extract' }, { origin: 'http://elsewhere.example' }), 403, 'ERR_FORBIDDEN'],
    [await get('/api/jobs', { method: 'POST', body: 'kind=extract' }), 415, 'ERR_UNSUPPORTED_MEDIA_TYPE'],
  ];
  for (const [{ status, headers, body }, wanted, reason] of problems) {
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(status, wanted, reason);
    assert.equal(body.status, wanted);
    assert.equal(body.reason, reason);
  }
});
