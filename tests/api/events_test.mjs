// Many programs follow a job over event streams that are cut off again and again, while its workers
// and its engine are killed: each holds every event of it once, in order.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Served } from './served.mjs';

const kClients = Number(process.env.ROLLCALL_SSE_CLIENTS ?? 50);
const kReconnects = Number(process.env.ROLLCALL_SSE_RECONNECTS ?? 10);

const sleep = (ms) => new Promise((go) => { setTimeout(go, ms); });
let served;

before(async () => {
  served = new Served();
  await served.start();
  served.rollcall('episodes', 'add', served.video);
});
after(() => served.end());

// Reads until the job has ended for it, over as many connections as it takes.
class Reader {
  constructor(number) {
    this.number = number;
    this.held = [];
    this.cuts = 0;
    this.cursor = undefined;
    this.resets = 0;
    this.hasEnded = false;
    this.slowestMs = 0;  // From a connection to its first event.
  }

  async read() {
    while (!this.hasEnded || this.cuts < kReconnects) {
      try {
        await this.readOnce();
      } catch {
        await sleep(20);  // The engine is gone for a while, or we have cut it off.
      }
    }
  }

  async readOnce() {
    const cut = new AbortController();
    // The last connections are left alone, so that the end of a long job is waited for.
    const isToBeCut = this.cuts < kReconnects;
    const timer = isToBeCut ? setTimeout(() => cut.abort(), 50 + ((this.number * 37 + this.cuts * 91) % 400)) : undefined;
    const headers = this.cursor ? { 'last-event-id': this.cursor } : {};
    const begun = Date.now();
    let isFirst = true;
    try {
      for await (const { event, id, data } of served.events('/api/events?topics=jobs', { headers, signal: cut.signal })) {
        if (isFirst) this.slowestMs = Math.max(this.slowestMs, Date.now() - begun);
        isFirst = false;
        if (id) this.cursor = id;
        if (event === 'reset') this.resets += 1;
        if (event !== 'job') continue;
        this.held.push([data.job_id, data.seq]);
        if (data.kind === 'job_succeeded') this.hasEnded = true;
        if (this.hasEnded && this.cuts >= kReconnects) return;
      }
    } finally {
      clearTimeout(timer);
      if (isToBeCut && cut.signal.aborted) this.cuts += 1;
    }
  }
}

// The worker of a stage, as its lock file says.
function workerOf(stage) {
  try {
    return JSON.parse(readFileSync(join(served.data, `jobs/${stage}_show_s05_e03/.lock`), 'utf8')).pid;
  } catch {
    return undefined;
  }
}

test('after any number of reconnects everybody holds every event once, in order', { timeout: 280_000 }, async () => {
  const readers = Array.from({ length: kClients }, (_, i) => new Reader(i));
  // Each has its place before there is anything to tell.
  await Promise.all(readers.map(async (reader) => {
    for await (const { event, id } of served.events('/api/events?topics=jobs')) {
      assert.equal(event, 'begin');
      reader.cursor = id;
      break;
    }
  }));
  const reading = Promise.all(readers.map((reader) => reader.read()));

  const { body } = await served.post('/api/jobs', { kind: 'detect', episode: 'show_s05_e03', effort: 'full' });
  const id = body.job.job_id;
  let kills = 0;
  let owners = 0;
  for (const stage of ['extract', 'detect', 'detect']) {
    const until = Date.now() + 60_000;
    let pid;
    while (!pid && Date.now() < until) {
      pid = workerOf(stage);
      await sleep(10);
    }
    await sleep(300);
    if (stage === 'detect' && owners === 0) {
      await served.kill();
      owners += 1;
      await served.start();
    } else {
      try {
        process.kill(pid, 'SIGKILL');
        kills += 1;
      } catch { /* It has ended already. */ }
    }
  }
  await reading;

  const all = [];
  while (true) {
    const page = (await served.get(`/api/jobs/${id}/events?after=${all.length}`)).body.events;
    if (page.length === 0) break;
    all.push(...page.map(({ seq }) => [id, seq]));
  }
  assert.equal(owners, 1);
  assert.ok(kills > 0, 'no worker was killed');
  assert.ok(all.length > 15, `${all.length} events`);
  for (const reader of readers) {
    assert.equal(reader.resets, 0);
    assert.ok(reader.cuts >= kReconnects);
    assert.deepEqual(reader.held, all, `reader ${reader.number}`);
  }
  const slowest = Math.max(...readers.map(({ slowestMs }) => slowestMs));
  console.log(`${kClients} clients, ${kReconnects} reconnects each, ${kills} workers and ${owners} owner killed, `
    + `${all.length} events; slowest reattach ${slowest} ms`);
});

test('a cursor that means nothing here gives a reset', async () => {
  for (const cursor of ['nonsense', 'other.3', '.', '%00']) {
    for await (const { event, id } of served.events(`/api/events?topics=jobs&after=${encodeURIComponent(cursor)}`)) {
      assert.equal(event, 'reset', cursor);
      assert.match(id, /^[0-9a-f]+\.\d+$/);
      break;
    }
  }
});
