// tools/make-model-pack.mjs: what it makes, and that it refuses what is not pinned.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync,
  symlinkSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const tools = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'tools');
const deps = process.env.ROLLCALL_DEPS_DIR;
const folders = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

function freshDeps() {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-pack-'));
  folders.push(folder);
  mkdirSync(join(folder, 'models'));
  symlinkSync(join(deps, 'models', 'source'), join(folder, 'models', 'source'));
  return folder;
}

function make(folder, env = {}) {
  return spawnSync(process.execPath, [join(tools, 'make-model-pack.mjs')], {
    env: { ...process.env, ROLLCALL_DEPS_DIR: folder, ...env }, encoding: 'utf8',
  });
}

const hashOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

test('makes a pack whose files have the hashes that pack.toml names', () => {
  const folder = freshDeps();
  const run = make(folder);
  assert.equal(run.status, 0, run.stderr);
  const pack = join(folder, 'models', 'default');
  const toml = readFileSync(join(pack, 'pack.toml'), 'utf8');
  const files = [...toml.matchAll(/^file = "(.+)"\nsha256 = "(.+)"$/gm)];
  assert.equal(files.length, 4);
  for (const [, file, sha256] of files) assert.equal(hashOf(join(pack, file)), sha256);
});

test('does nothing the second time and repairs a missing file', () => {
  const folder = freshDeps();
  assert.equal(make(folder).status, 0);
  const file = join(folder, 'models', 'default', 'expression.onnx');
  const made = statSync(file).ino;
  assert.equal(make(folder).stdout, '');
  assert.equal(statSync(file).ino, made);
  rmSync(file);
  assert.equal(make(folder).status, 0);
  assert.ok(existsSync(file));
});

test('refuses a model whose hash is not pinned and leaves nothing behind', () => {
  const folder = freshDeps();
  const lock = JSON.parse(readFileSync(join(tools, 'model-pack.lock.json'), 'utf8'));
  lock.roles.expression.sha256 = '0'.repeat(64);
  const lockFile = join(folder, 'lock.json');
  writeFileSync(lockFile, JSON.stringify(lock));
  const run = make(folder, { ROLLCALL_MODEL_LOCK: lockFile });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /expression model is not the one/);
  assert.deepEqual(readdirSync(join(folder, 'models')), ['source']);
});

test('says in one sentence what is missing', () => {
  const folder = freshDeps();
  rmSync(join(folder, 'models', 'source'));
  const run = make(folder);
  assert.equal(run.status, 1);
  assert.equal(run.stderr.trim().split('\n').length, 1);
  assert.match(run.stderr, /fetch-packages/);
});

test('refuses weights that do not fill their manifest', () => {
  const folder = freshDeps();
  rmSync(join(folder, 'models', 'source'));
  cpSync(join(deps, 'models', 'source'), join(folder, 'models', 'source'), { recursive: true });
  const weights = join(folder, 'models', 'source', 'face-api', 'model', 'face_expression_model.bin');
  writeFileSync(weights, Buffer.concat([readFileSync(weights), Buffer.alloc(1)]));
  const run = make(folder);
  assert.equal(run.status, 1);
  assert.match(run.stderr, /329469 bytes/);
});
