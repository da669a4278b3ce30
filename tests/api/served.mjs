// A data directory with one episode, and `rollcall serve` on it, as another program meets them.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const { ROLLCALL, ROLLCALL_SOURCE_DIR, ROLLCALL_DEPS_DIR } = process.env;

export class Served {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'rollcall-api-'));
    this.data = join(this.folder, 'data');
    this.video = join(this.folder, 'Show_S05_E03.mp4');
    this.port = 0;
    const composed = spawnSync(ROLLCALL, ['compose', join(ROLLCALL_SOURCE_DIR, 'tools/sample/sample.toml'), '-o', this.video],
      { encoding: 'utf8', env: { ...process.env, ROLLCALL_MEDIA: join(ROLLCALL_DEPS_DIR, 'photos') } });
    assert.equal(composed.status, 0, composed.stderr);
  }

  // Anew at the same port, where it has ended before.
  async start() {
    this.server = spawn(ROLLCALL, ['serve', '--data', this.data, '--port', String(this.port)],
      { stdio: ['ignore', 'inherit', 'pipe'] });
    this.ended = once(this.server, 'exit');
    let said = '';
    for await (const bytes of this.server.stderr) {
      said += bytes;
      this.base = /answering at (http:\S+)\//.exec(said)?.[1];
      if (this.base) break;
    }
    assert.ok(this.base, said);
    this.port = Number(new URL(this.base).port);
    this.server.stderr.resume();
  }

  async kill() {
    this.server.kill('SIGKILL');
    await this.ended;
  }

  async end() {
    this.server.kill('SIGTERM');
    assert.equal((await this.ended)[0], 0);
    rmSync(this.folder, { recursive: true });
  }

  // The command line on the same data directory.
  rollcall(...args) {
    const run = spawnSync(ROLLCALL, [...args, '--data', this.data], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
  }

  // A copy of the default pack whose numbers `change` has changed, with these files beside it.
  packWith(name, change, files = []) {
    const from = join(ROLLCALL_DEPS_DIR, 'models/default');
    const folder = join(this.folder, name);
    cpSync(from, folder, { recursive: true, dereference: true });
    for (const file of files) cpSync(file, join(folder, basename(file)));
    writeFileSync(join(folder, 'pack.toml'), change(readFileSync(join(from, 'pack.toml'), 'utf8')));
    return folder;
  }

  async get(path, init) {
    const response = await fetch(this.base + path, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  post(path, body = {}, headers = {}) {
    return this.get(path, {
      method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body),
    });
  }

  // The events of a stream until it ends.
  async* events(path, init) {
    const response = await fetch(this.base + path, init);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    let text = '';
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      const blocks = text.split('\n\n');
      text = blocks.pop();
      for (const block of blocks.filter((each) => !each.startsWith(':'))) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
        yield { event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
      }
    }
  }
}
