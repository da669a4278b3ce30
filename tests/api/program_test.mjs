// Another program's view of Rollcall: `rollcall serve --port`, asked over HTTP with nothing but
// fetch.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

const { ROLLCALL, ROLLCALL_SOURCE_DIR, ROLLCALL_DEPS_DIR } = process.env;
const folder = mkdtempSync(join(tmpdir(), 'rollcall-api-'));
const data = join(folder, 'data');
const video = join(folder, 'Show_S05_E03.mp4');
let server;
let base;

function rollcall(...args) {
  const run = spawnSync(ROLLCALL, [...args, '--data', data], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

async function get(path, init) {
  const response = await fetch(base + path, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const post = (path, body = {}, headers = {}) => get(path, {
  method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body),
});

// The events of a stream until it ends.
async function* eventsOf(path) {
  const response = await fetch(base + path);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  let text = '';
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks.filter((each) => !each.startsWith(':'))) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
      yield { event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

// The files follow the store within seconds.
async function untilEqual(wanted, look) {
  const until = Date.now() + 10_000;
  while (!isDeepStrictEqual(wanted, look()) && Date.now() < until) await new Promise((go) => { setTimeout(go, 20); });
  assert.deepEqual(look(), wanted);
}

before(async () => {
  const composed = spawnSync(ROLLCALL, ['compose', join(ROLLCALL_SOURCE_DIR, 'tools/sample/sample.toml'), '-o', video],
    { encoding: 'utf8', env: { ...process.env, ROLLCALL_MEDIA: join(ROLLCALL_DEPS_DIR, 'photos') } });
  assert.equal(composed.status, 0, composed.stderr);
  server = spawn(ROLLCALL, ['serve', '--data', data, '--port', '0'], { stdio: ['ignore', 'inherit', 'pipe'] });
  let said = '';
  for await (const bytes of server.stderr) {
    said += bytes;
    base = /answering at (http:\S+)\//.exec(said)?.[1];
    if (base) break;
  }
  assert.ok(base, said);
  rollcall('episodes', 'add', video);
});

after(async () => {
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  assert.equal(await ended, 0);
  rmSync(folder, { recursive: true });
});

test('follows a job from its start to its end and reads what came of it', async () => {
  const started = await post('/api/jobs', { kind: 'extract', episode: 'Show_S05_E03' });
  assert.equal(started.status, 202);
  const id = started.body.job.job_id;
  assert.equal(started.headers.get('location'), `/api/jobs/${id}`);

  const views = [];
  const told = [];
  for await (const { event, data: view } of eventsOf(`/api/events?topics=job:${id}`)) {
    if (event === 'view') views.push(view);
    if (event === 'job') told.push(view.seq);
  }
  assert.equal(views.at(-1).state, 'succeeded');

  const { body: { events } } = await get(`/api/jobs/${id}/events`);
  assert.deepEqual(events.map(({ seq }) => seq), events.map((_, i) => i + 1));
  assert.deepEqual(told, told.map((_, i) => events.length - told.length + i + 1), 'those behind the beginning');

  const { body: state, headers } = await get('/api/episodes/SHOW_S05_E03_11062025/state');
  assert.equal(headers.get('content-location'), '/api/episodes/show_s05_e03/state');
  await untilEqual(state, () => JSON.parse(readFileSync(join(data, 'episodes/show_s05_e03/state.json'), 'utf8')));
  assert.equal(state.states.extracted_frames, true);

  const { body: { files } } = await get('/api/episodes/show_s05_e03/files');
  for (const { name, size_bytes: size } of files) {
    const file = await fetch(`${base}/api/episodes/show_s05_e03/files/${name}`);
    assert.equal((await file.arrayBuffer()).byteLength, size, name);
  }
});

test('what the command line shows is what the API answers', async () => {
  const told = JSON.parse(rollcall('episodes', 'show', 'show_s05_e03', '--json'));
  assert.deepEqual((await get('/api/episodes/show_s05_e03')).body, told);
});

test('gives the video in parts', async () => {
  const whole = readFileSync(video);
  const response = await fetch(`${base}/api/episodes/show_s05_e03/video`, { headers: { range: 'bytes=1000-1999' } });
  assert.equal(response.status, 206);
  assert.equal(response.headers.get('content-range'), `bytes 1000-1999/${whole.length}`);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), whole.subarray(1000, 2000));
  const all = await fetch(`${base}/api/episodes/show_s05_e03/video`);
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
