#!/usr/bin/env node
// Makes the default model pack, .deps/models/default/, out of what tools/fetch-packages.sh fetched.
//
// Everything about the pack stands in tools/model-pack.lock.json. A file whose SHA-256 is not the
// pinned one stops the program; nothing is left half made. Silent when there is nothing to do.
// Environment: ROLLCALL_DEPS_DIR, default .deps.
import { createHash } from 'node:crypto';
import {
  copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync,
  chmodSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expressionToOnnx } from './expression-to-onnx.mjs';

const tools = dirname(fileURLToPath(import.meta.url));
const deps = process.env.ROLLCALL_DEPS_DIR ?? join(tools, '..', '.deps');
const lockFile = process.env.ROLLCALL_MODEL_LOCK ?? join(tools, 'model-pack.lock.json');
const sources = join(deps, 'models', 'source');

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part));
  return hash.digest('hex');
};

function fail(sentence) {
  console.error(`make-model-pack: ${sentence}`);
  process.exit(1);
}

function modelBytes(role) {
  try {
    if (!role.converted) return readFileSync(join(sources, role.from));
    const manifest = readFileSync(join(sources, `${role.converted}-weights_manifest.json`), 'utf8');
    return expressionToOnnx(JSON.parse(manifest), readFileSync(join(sources, `${role.converted}.bin`)));
  } catch (error) {
    return fail(`${role.from ?? role.converted} cannot be read (${error.message}); run tools/fetch-packages.sh.`);
  }
}

function tomlValue(value) {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function packToml({ name, version, roles }) {
  const lines = [
    '# Written by tools/make-model-pack.mjs from tools/model-pack.lock.json.',
    `name = ${tomlValue(name)}`,
    `version = ${tomlValue(version)}`,
  ];
  for (const [role, { params, from, converted, ...keys }] of Object.entries(roles)) {
    lines.push('', `[${role}]`);
    for (const [key, value] of Object.entries(keys)) lines.push(`${key} = ${tomlValue(value)}`);
    lines.push(`[${role}.params]`);
    for (const [key, value] of Object.entries(params)) lines.push(`${key} = ${tomlValue(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

const lockText = readFileSync(lockFile, 'utf8');
const lock = JSON.parse(lockText);
const place = join(deps, 'models', lock.name);
const stamp = join(deps, 'stamps', `model-pack-${lock.name}`);
const wanted = sha256(lockText, ...['make-model-pack.mjs', 'expression-to-onnx.mjs']
  .map((file) => readFileSync(join(tools, file))));
const parts = ['pack.toml', ...Object.values(lock.roles).map((role) => role.file)];
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
    && parts.every((file) => existsSync(join(place, file)))) {
  process.exit(0);
}

mkdirSync(join(deps, 'models'), { recursive: true });
mkdirSync(join(deps, 'stamps'), { recursive: true });
const work = mkdtempSync(join(deps, 'models', '.making-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const made = join(work, lock.name);
mkdirSync(made);
for (const [name, role] of Object.entries(lock.roles)) {
  const bytes = modelBytes(role);
  if (sha256(bytes) !== role.sha256) {
    fail(`the ${name} model is not the one that model-pack.lock.json pins (found SHA-256 ${sha256(bytes)}).`);
  }
  writeFileSync(join(made, role.file), bytes);
}
for (const [to, from] of Object.entries(lock.licences)) copyFileSync(join(sources, from), join(made, to));
writeFileSync(join(made, 'pack.toml'), packToml(lock));
chmodSync(made, 0o755);
if (existsSync(place)) renameSync(place, join(work, 'old'));
renameSync(made, place);
writeFileSync(`${stamp}.tmp`, wanted);
renameSync(`${stamp}.tmp`, stamp);
