// The rules of tidy.mjs on small trees: each bad tree must fail by its rule, each good one pass.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { brokenRules, checkRooms, circlesIn, readModules, underFloor, violationsOf } from './tidy.mjs';

// What cmake/AddModule.cmake would write for these folders.
const kModules = [
  'module\tbase\tsrc/base\t\t\t\t\tsrc/base/error_test.cc',
  'module\tdomain\tsrc/domain\tbase\t\t\t\t',
  'module\tstore\tsrc/store\tdomain\t\tstore/testing\t\t',
  'module\tstore/sqlite\tsrc/store/sqlite\tstore\tthird_party::sqlite\tstore/testing\t\tsrc/store/sqlite/job_test.cc',
  'module\tserver\tsrc/server\tbase\t\t\t\t',
  'suite\tkill_test\ttests/kill\tbase\t\t\t\ttests/kill/kill_test.cc',
].join('\n');

const kTree = {
  'src/base/error.h': '#include <string>\n',
  'src/base/error_test.cc': '#include "base/error.h"\n#include <gtest/gtest.h>\n',
  'src/domain/box.h': '#include "base/error.h"\n',
  'src/store/job_store.h': '#include "domain/box.h"\n',
  'src/store/testing/contract.h': '#include <gtest/gtest.h>\n#include "store/job_store.h"\n',
  'src/store/sqlite/job.cc': '#include <sqlite3.h>\n#include "store/job_store.h"\n',
  'src/store/sqlite/job_test.cc': '#include "store/testing/contract.h"\n',
  'tests/kill/kill_test.cc': '#include "base/error.h"\n#include "beside.h"\n',
  'tests/kill/beside.h': '\n',
  'docs/guide.md': 'Put the folder where you like: `~/.local/share/rollcall`.\n',
};

function rulesBroken(changes) {
  const root = mkdtempSync(join(tmpdir(), 'rollcall-tidy-'));
  try {
    for (const [path, text] of Object.entries({ ...kTree, ...changes })) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return violationsOf(root, readModules(kModules)).map(({ path, rule }) => `${path} ${rule}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const lines = (count) => '\n'.repeat(count);

const kGood = {
  'the tree itself': {},
  'an include in a comment': { 'src/base/error.h': '// #include "store/job_store.h"\n' },
  'a path inside a URL': { 'docs/guide.md': 'GET https://example.org/home/videos\n' },
  'a co_await of named objects': { 'src/server/http.cc': 'co_await Send(socket, std::move(reply), token);\n' },
  'a captureless lambda in co_await': { 'src/server/http.cc': 'co_await Post([](int code) { return code; });\n' },
  'a brace after a finished co_await': { 'src/server/http.cc': 'if (co_await Ready()) { Call(Reply{1}); }\n' },
  'sleeping outside tests': { 'src/base/clock.cc': 'std::this_thread::sleep_for(wait);\n' },
  'a stage that commits a segment': {
    'src/pipeline/cut.cc': '// Released later; seen in state.json.\nReturn(context.CommitSegment(segment, bytes));\n' },
  'the runtime itself': { 'src/store/lease.h': 'struct StageRun { Fence fence; };\n' },
  'a test of the runtime that has an episode': { 'src/jobs/testing/fake_kind.cc': '// An episode.\n' },
  'files at their limit': { 'src/base/a.cc': lines(800), 'src/base/a.h': lines(300) },
};

const kBad = {
  'a module that is not named': [{ 'src/base/clock.cc': '#include "domain/box.h"\n' }, 'src/base/clock.cc layer'],
  'a module named only by a dependency': [
    { 'src/store/sqlite/job.cc': '#include "domain/box.h"\n' }, 'src/store/sqlite/job.cc layer'],
  'a parent that does not name its part': [
    { 'src/store/sqlite/pool.h': '\n', 'src/store/open.cc': '#include "store/sqlite/pool.h"\n' }, 'src/store/open.cc layer'],
  'a suite that does not name a module': [
    { 'tests/kill/kill_test.cc': '#include "domain/box.h"\n' }, 'tests/kill/kill_test.cc layer'],
  'test code in the program': [
    { 'src/store/sqlite/job.cc': '#include "store/testing/contract.h"\n' }, 'src/store/sqlite/job.cc layer'],
  'a fake that the program includes': [
    { 'src/store/open.cc': '#include "store/testing/contract.h"\n' }, 'src/store/open.cc layer'],
  'an include beside instead of from src': [
    { 'src/base/error.cc': '#include "error.h"\n' }, 'src/base/error.cc include'],
  'SQLite outside its folder': [{ 'src/store/row.cc': '#include <sqlite3.h>\n' }, 'src/store/row.cc third-party'],
  'libav outside its folder': [
    { 'src/base/probe.cc': 'extern "C" {\n#include <libavutil/frame.h>\n}\n' }, 'src/base/probe.cc third-party'],
  'ONNX Runtime outside its folder': [
    { 'src/domain/model.cc': '#include <onnxruntime_cxx_api.h>\n' }, 'src/domain/model.cc third-party'],
  'Beast outside its folder': [
    { 'src/base/net.cc': '#include <boost/beast/core.hpp>\n' }, 'src/base/net.cc third-party'],
  'GoogleTest in the program': [{ 'src/base/error.cc': '#include <gtest/gtest.h>\n' }, 'src/base/error.cc third-party'],
  'a test in no target': [{ 'src/domain/box_test.cc': '\n' }, 'src/domain/box_test.cc target'],
  'a capturing lambda in co_await': [
    { 'src/server/http.cc': 'co_await Post(executor, [this] { Go(); });\n' }, 'src/server/http.cc co_await'],
  'a brace-built temporary in co_await': [
    { 'src/server/http.cc': 'auto n = co_await Send(\n    Reply{200, "ok"});\n' }, 'src/server/http.cc co_await'],
  'a braced list in co_await': [{ 'src/server/http.cc': 'co_await Send(socket, {1, 2});\n' }, 'src/server/http.cc co_await'],
  'a test that sleeps': [
    { 'src/base/error_test.cc': 'std::this_thread::sleep_for(1s);\n' }, 'src/base/error_test.cc sleep'],
  'a long source file': [{ 'src/base/a.cc': lines(801) }, 'src/base/a.cc size'],
  'a long header': [{ 'src/base/a.h': lines(301) }, 'src/base/a.h size'],
  'a file called common.h': [{ 'src/base/common.h': '' }, 'src/base/common.h name'],
  'a file called types.h': [{ 'src/base/types.h': '' }, 'src/base/types.h name'],
  'a helper file': [{ 'src/base/string_helper.cc': '' }, 'src/base/string_helper.cc name'],
  'a util file': [{ 'src/base/utils.h': '' }, 'src/base/utils.h name'],
  'a manager': [{ 'src/base/pool.h': 'class PoolManager final {};\n' }, 'src/base/pool.h name'],
  'a stage that names a state': [
    { 'src/pipeline/cut.cc': 'run.state = domain::JobState::kSucceeded;\n' }, 'src/pipeline/cut.cc lifecycle'],
  'a stage that writes the files of the runtime': [
    { 'src/pipeline/cut.cc': 'Write(folder / "runtime.json", bytes);\n' }, 'src/pipeline/cut.cc lifecycle'],
  'a stage that knows the store': [
    { 'src/pipeline/cut.h': '#include "store/job_store.h"\n' }, 'src/pipeline/cut.h lifecycle'],
  'a runtime that knows a kind': [{ 'src/jobs/engine.cc': '// Of each Episode.\n' }, 'src/jobs/engine.cc kindless'],
  'a worker that knows a kind': [{ 'src/worker/link.cc': 'int seasons = 1;\n' }, 'src/worker/link.cc kindless'],
  'a long file in a room': [{ 'src/jobs/engine.cc': lines(401) }, 'src/jobs/engine.cc rooms'],
  'a path of one machine': [{ 'docs/guide.md': 'cd /home/ann/rollcall\n' }, 'docs/guide.md machine'],
  'such a path in a benchmark': [{ 'bench/run.sh': 'cat "/work/clips/a.mp4"\n' }, 'bench/run.sh machine'],
  'a registry host': [{ 'tools/get.sh': 'curl https://registry.example.org/x\n' }, 'tools/get.sh machine'],
  'resolved addresses': [{ 'web/package-lock.json': '{"resolved": "http://somewhere/x.tgz"}' }, 'web/package-lock.json machine'],
};

for (const [name, changes] of Object.entries(kGood)) {
  test(`passes ${name}`, () => assert.deepEqual(rulesBroken(changes), []));
}
for (const [name, [changes, expected]] of Object.entries(kBad)) {
  test(`refuses ${name}`, () => assert.ok(rulesBroken(changes).includes(expected), rulesBroken(changes).join('\n')));
}

const kRules = {
  third_party: [{ folders: ['src/base'] }, { folders: ['src/store/sqlite', 'src/server'] }],
  lifecycle: { folder: 'src/store' },
  kindless: { folders: ['src/base'] },
  rooms: { folders: ['src/base'] },
  planned_folders: [],
};
test('passes rules whose folders are all there', () => assert.deepEqual(brokenRules(kRules, readModules(kModules)), []));
test('refuses a rule about a folder that was renamed', () => {
  const moved = readModules(kModules.replaceAll('src/store/sqlite', 'src/store/sqlite3'));
  assert.deepEqual(brokenRules(kRules, moved), ['a rule names src/store/sqlite, which is no module']);
});
test('refuses a planned folder that is there', () => {
  assert.equal(brokenRules({ ...kRules, planned_folders: ['src/server'] }, readModules(kModules)).length, 1);
});
test('refuses a count that has fallen, or whose floor is not known', () => {
  assert.deepEqual(underFloor({ tidy_rules: 3 }, '# What\ntidy_rules 3\n'), []);
  assert.equal(underFloor({ tidy_rules: 2 }, 'tidy_rules 3\n').length, 1);
  assert.equal(underFloor({ tidy_rules: 2 }, '').length, 1);
});

test('refuses rooms whose files are long by half', () => {
  const of = (...lengths) => [...checkRooms(lengths.map((each, i) => ({ path: `src/jobs/a${i}.cc`, lines: each })))];
  assert.deepEqual(of(10, 150, 400), []);
  assert.equal(of(10, 151, 400).length, 1);
});
test('refuses modules in a circle, however long', () => {
  assert.deepEqual(circlesIn(readModules(kModules)), []);
  const round = readModules(kModules.replace('module\tbase\tsrc/base\t\t', 'module\tbase\tsrc/base\tstore\t'));
  assert.match(circlesIn(round)[0], /base -> store -> domain -> base/);
});
