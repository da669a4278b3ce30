#!/usr/bin/env node
// Checks the rules of docs/decisions.md that a machine can check: tidy.mjs ROOT MODULES_TXT
//
// MODULES_TXT is what cmake/AddModule.cmake wrote: one line per target, tab-separated
// kind name folder depends libs test_depends test_libs tests. Prints `file:line: rule: sentence`
// per violation and exits 1 if there is one. The tables are in rules.json.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const rules = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'rules.json'), 'utf8'));
const kCodeFolders = ['src', 'tests', 'bench', 'fuzz', 'web/src'];
const kCodeExtensions = new Set(['.cc', '.h', '.ts', '.tsx']);
const kTextExtensions = new Set([
  ...kCodeExtensions, '', '.md', '.json', '.sh', '.mjs', '.js', '.cmake', '.txt', '.toml', '.yaml', '.yml',
]);
const kSkippedFolders = new Set(['.git', '.deps', '.cache', 'build', 'node_modules', 'dist', 'shared']);

// Paths relative to ROOT of the files under `folder`.
function filesUnder(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) return kSkippedFolders.has(entry.name) ? [] : filesUnder(root, path);
    return entry.isFile() && !kSkippedFolders.has(entry.name) ? [path] : [];  // A worktree's .git is a file.
  }).sort();
}

export function readModules(text) {
  const list = (column) => (column ?? '').split(',').filter(Boolean);
  return text.split('\n').filter(Boolean).map((line) => {
    const [kind, name, folder, depends, libs, testDepends, , tests] = line.split('\t');
    return {
      kind, name, folder, depends: list(depends), libs: list(libs), testDepends: list(testDepends), tests: list(tests),
    };
  });
}

// Blanks comments and, if asked, the contents of string literals; lines keep their numbers.
export function stripped(text, { strings }) {
  const blank = (match) => match.replace(/[^\n]/g, ' ');
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"(\w*)\([\s\S]*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'/g;
  return text.replace(pattern, (match) => {
    const is_comment = match.startsWith('//') || match.startsWith('/*');
    return is_comment || strings ? blank(match) : match;
  });
}

const lineOf = (text, at) => text.slice(0, at).split('\n').length;
const isTestCode = (path) => /(_test|_bench)\.cc$|\/testing\/|\/test_main\.cc$|^(tests|bench|fuzz)\//.test(path);

// The module whose folder is the deepest one that holds `path`.
function moduleOf(path, modules) {
  return modules
    .filter((module) => module.kind === 'module' && path.startsWith(`${module.folder}/`))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

function allowedModules(path, modules) {
  const own = moduleOf(path, modules);
  const targets = own ? [own] : modules.filter((module) => path.startsWith(`${module.folder}/`));
  const names = targets.flatMap((target) => [
    target.name, ...target.depends, ...(isTestCode(path) ? target.testDepends : []),
  ]);
  return { own, names: new Set(names.map((name) => name.replace(/\/testing$/, ''))) };
}

function* checkIncludes(path, text, modules, root) {
  const { own, names } = allowedModules(path, modules);
  const code = stripped(text, { strings: false });
  for (const match of code.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]/gm)) {
    const line = lineOf(code, match.index);
    const [, quote, header] = match;
    const library = rules.third_party.find((each) => new RegExp(each.header).test(header));
    const isSource = path.startsWith('src/');
    if (library && isSource && !library.folders.some((folder) => path.startsWith(`${folder}/`))) {
      yield { path, line, rule: 'third-party', say: `${library.name} belongs to ${library.folders.join(', ')} only` };
    }
    if (/^(gtest|gmock|benchmark)\//.test(header) && !isTestCode(path)) {
      yield { path, line, rule: 'third-party', say: `<${header}> is for tests and benchmarks` };
    }
    if (quote !== '"' || library) continue;
    const target = moduleOf(`src/${header}`, modules);
    const isBeside = existsSync(join(root, dirname(path), header));
    if (!target || !existsSync(join(root, 'src', header))) {
      if (isSource || !isBeside) {
        yield { path, line, rule: 'include', say: `"${header}" is not a file under src/` };
      }
      continue;
    }
    if (target !== own && !names.has(target.name)) {
      const folder = own?.folder ?? dirname(path);
      yield { path, line, rule: 'layer', say: `${folder}/CMakeLists.txt does not name ${target.name} ("${header}")` };
    }
    if (/(^|\/)testing\//.test(header) && !isTestCode(path)) {
      yield { path, line, rule: 'layer', say: `"${header}" is for tests` };
    }
  }
}

// GCC 12.2 destroys a capturing lambda or a brace-built temporary twice when it is an argument
// inside a co_await expression.
function* checkCoAwait(path, text) {
  const code = stripped(text, { strings: true });
  for (const match of code.matchAll(/\bco_await\b/g)) {
    let depth = 0;
    let end = match.index;
    for (; end < code.length; end += 1) {
      if ('([{'.includes(code[end])) depth += 1;
      if (')]}'.includes(code[end])) depth -= 1;
      if (depth < 0 || (depth === 0 && code[end] === ';')) break;
    }
    const expression = code.slice(match.index, end);
    const lambda = expression.search(/[(,]\s*\[[^\]]+\]\s*(\(|\{|mutable\b)/);
    const braces = expression.search(/[(,]\s*(?:[A-Za-z_][\w:]*(?:<[^<>(){};]*>)?\s*)?\{/);
    const at = [lambda, braces].filter((found) => found >= 0).sort((a, b) => a - b)[0];
    if (at === undefined) continue;
    const what = at === lambda ? 'a capturing lambda' : 'a brace-built temporary';
    yield {
      path, line: lineOf(code, match.index + at + 1), rule: 'co_await', say: `${what} inside co_await: name the object first (GCC 12.2)`,
    };
  }
}

function* checkCode(path, text) {
  const extension = extname(path);
  const lines = text.split('\n').length - 1;
  const most = rules.lines_max[extension];
  if (most && lines > most) yield { path, line: most, rule: 'size', say: `${lines} lines; ${extension} files end at ${most}` };
  if (new RegExp(rules.file_name).test(basename(path))) {
    yield { path, line: 1, rule: 'name', say: 'a file is named after the one thing it holds' };
  }
  const code = stripped(text, { strings: true });
  if (extension === '.cc' || extension === '.h') {
    for (const match of code.matchAll(new RegExp(rules.type_name, 'g'))) {
      yield { path, line: lineOf(code, match.index), rule: 'name', say: `${match[1]}: name the thing, not its kind` };
    }
  }
  if (path.endsWith('_test.cc')) {
    for (const match of code.matchAll(/\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(/g)) {
      yield { path, line: lineOf(code, match.index), rule: 'sleep', say: 'tests wait by signal and take time from a fake clock' };
    }
  }
}

// A stage is a function: states, leases, heartbeats and the files that show them are the runtime's.
function* checkLifecycle(path, text) {
  const { folder, names, files, headers } = rules.lifecycle;
  if (!path.startsWith(`${folder}/`) || isTestCode(path)) return;
  const code = stripped(text, { strings: false });
  const include = /^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm;
  const found = [
    ...stripped(text, { strings: true }).matchAll(new RegExp(names, 'g')),
    ...code.matchAll(new RegExp(files, 'g')),
    ...[...code.matchAll(include)].filter(([, header]) => new RegExp(headers).test(header)),
  ];
  for (const match of found) {
    yield {
      path, line: lineOf(text, match.index), rule: 'lifecycle', say: `${match[0].trim()}: a stage knows nothing of the life of its job`,
    };
  }
}

// The runtime runs subjects of any kind: it names none, comments included.
function* checkKindless(path, text) {
  const { folders, names } = rules.kindless;
  if (isTestCode(path) || !folders.some((folder) => path.startsWith(`${folder}/`))) return;
  for (const match of text.matchAll(new RegExp(names, 'gi'))) {
    yield { path, line: lineOf(text, match.index), rule: 'kindless', say: `"${match[0]}": no kind of subject is known here` };
  }
}

// Rooms are read: no file in them is long, and half of them are short.
export function* checkRooms(lengths) {
  const { folders, lines_max: most, lines_median_max: mostAtHalf } = rules.rooms;
  const inRooms = lengths.filter(({ path }) => path.endsWith('.cc') && folders.some((folder) => path.startsWith(`${folder}/`)));
  for (const { path, lines } of inRooms) {
    if (lines > most) yield { path, line: most, rule: 'rooms', say: `${lines} lines; a .cc file here ends at ${most}` };
  }
  const sorted = inRooms.map(({ lines }) => lines).sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  if (median > mostAtHalf) yield { path: folders[0], line: 1, rule: 'rooms', say: `the median of .cc files is ${median} lines, above ${mostAtHalf}` };
}

// A module that depends on itself by way of others has no place to begin to read.
export function circlesIn(modules) {
  const depends = new Map(modules.filter(({ kind }) => kind === 'module').map(({ name, depends: on }) => [name, on]));
  const done = new Set();
  const visit = (name, way) => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return null;
    const circle = (depends.get(name) ?? []).map((next) => visit(next, [...way, name])).find(Boolean);
    done.add(name);
    return circle ?? null;
  };
  return [...depends.keys()].map((name) => visit(name, [])).filter(Boolean)
    .map((circle) => `modules in a circle: ${circle.join(' -> ')}`);
}

function* checkText(path, text) {
  const patterns = [
    [/(?<![\w.$}*-])\/(home|root|work|Users)\/[\w.-]+/g, 'an absolute path of one machine'],
    [/\b(registry|deb|npm|pypi)\.[a-z0-9-]+\.(org|com|net|io)\b/g, 'the host of a package registry'],
    [/"resolved"\s*:\s*"https?:/g, 'a lock file with resolved addresses'],
  ];
  for (const [pattern, what] of patterns) {
    const match = pattern.exec(text);
    if (match) yield { path, line: lineOf(text, match.index), rule: 'machine', say: `${what}: ${match[0]}` };
  }
}

// A rule that names a folder which is gone would pass everything.
export function brokenRules(table, modules) {
  const there = new Set(modules.map((module) => module.folder));
  const named = [
    ...table.third_party.flatMap(({ folders }) => folders), table.lifecycle.folder,
    ...table.kindless.folders, ...table.rooms.folders,
  ];
  const planned = new Set(table.planned_folders);
  return [
    ...named.filter((folder) => !there.has(folder) && !planned.has(folder))
      .map((folder) => `a rule names ${folder}, which is no module`),
    ...[...planned].filter((folder) => there.has(folder)).map((folder) => `${folder} is not planned any more: it is there`),
    ...[...planned].filter((folder) => !named.includes(folder)).map((folder) => `${folder} is planned and in no rule`),
  ];
}

// What tests/floors.txt says that there must be at least; the counts themselves are printed.
export function underFloor(counts, floors) {
  const floor = new Map(floors.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(/\s+/)));
  return Object.entries(counts).filter(([name, count]) => !(count >= Number(floor.get(name))))
    .map(([name, count]) => `${count} ${name}, of ${floor.get(name) ?? 'an unknown number'} in tests/floors.txt`);
}

export function countsOf(root, modules) {
  return {
    tidy_modules: modules.filter(({ kind }) => kind === 'module').length,
    tidy_rules: rules.third_party.length,
    tidy_files: kCodeFolders.flatMap((folder) => filesUnder(root, folder)).filter((path) => kCodeExtensions.has(extname(path))).length,
  };
}

export function violationsOf(root, modules) {
  const found = [];
  const taken = new Set(modules.flatMap((module) => module.tests));
  const code = kCodeFolders.flatMap((folder) => filesUnder(root, folder))
    .filter((path) => kCodeExtensions.has(extname(path)));
  const lengths = [];
  for (const path of code) {
    const text = readFileSync(join(root, path), 'utf8');
    found.push(...checkCode(path, text));
    if (!/\.(cc|h)$/.test(path)) continue;
    found.push(...checkLifecycle(path, text), ...checkKindless(path, text));
    lengths.push({ path, lines: text.split('\n').length - 1 });
    found.push(...checkIncludes(path, text, modules, root), ...checkCoAwait(path, text));
    if (path.endsWith('_test.cc') && !taken.has(path)) {
      found.push({ path, line: 1, rule: 'target', say: 'this test is in no target' });
    }
  }
  found.push(...checkRooms(lengths));
  const texts = filesUnder(root, '')
    .filter((path) => kTextExtensions.has(extname(path)) && !path.startsWith('tests/tidy/'));
  for (const path of texts) found.push(...checkText(path, readFileSync(join(root, path), 'utf8')));
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [root, modulesFile] = process.argv.slice(2);
  const modules = readModules(readFileSync(modulesFile, 'utf8'));
  const counts = countsOf(root, modules);
  const floors = readFileSync(join(root, 'tests/floors.txt'), 'utf8');
  console.log(Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', '));
  const found = [
    ...[...brokenRules(rules, modules), ...circlesIn(modules), ...underFloor(counts, floors)]
      .map((say) => ({ path: 'tests/tidy/rules.json', line: 1, rule: 'rules', say })),
    ...violationsOf(root, modules),
  ];
  found.forEach(({ path, line, rule, say }) => console.log(`${path}:${line}: ${rule}: ${say}`));
  console.log(found.length ? `${found.length} violations` : 'tidy');
  process.exit(found.length ? 1 : 0);
}
