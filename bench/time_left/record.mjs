// Records how far detect of one video had come, and when, while other work on the same machine
// begins and ends as told:
//
//   node record.mjs ROLLCALL MODELS VIDEO EFFORT LOAD OUT
//
// LOAD is "", or steps "SECONDS:COUNT,…" from the start of detect: from then on COUNT other processes
// compute. OUT gets lines "T_MS CPU_MS DONE": milliseconds since the first progress, by the clock and
// of the worker's own processor time (all its threads), and the units done; only where DONE grew.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [rollcall, models, video, effort, load, out] = process.argv.slice(2);
const steps = load === '' ? [] : load.split(',').map((step) => step.split(':').map(Number));
const data = mkdtempSync(path.join(tmpdir(), 'rollcall-trace-'));

const burners = [];
function burn(count) {
  while (burners.length > count) burners.pop().kill();
  while (burners.length < count) {
    // Each a session of its own, among which the kernel shares the processors out.
    const work = 'for (let i = 1; ; i = (i * 16807) % 2147483647);';
    burners.push(spawn(process.execPath, ['-e', work], { detached: true, stdio: 'ignore' }));
  }
}

function get(target) {
  return new Promise((resolve) => {
    const request = http.get({ socketPath: path.join(data, 'rollcall.sock'), path: target }, (answer) => {
      let text = '';
      answer.on('data', (bytes) => { text += bytes; });
      answer.on('end', () => resolve(answer.statusCode === 200 ? JSON.parse(text) : undefined));
    });
    request.on('error', () => resolve(undefined));
  });
}

// Fields 14 and 15 of /proc/PID/stat, in hundredths of a second.
function cpuMs(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const analyze = spawn(
  rollcall,
  ['--data', data, 'analyze', video, '--episode', 'trace', '--effort', effort, '--models', models],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
const ended = new Promise((resolve) => analyze.on('exit', resolve));
let isEnded = false;
ended.then(() => { isEnded = true; });

const samples = [];
let total = 0;
let unit = '';
let pid;
while (!isEnded) {
  await sleep(100);
  const list = await get('/api/jobs');
  const detect = list?.jobs?.[0]?.stages?.find((stage) => stage.name === 'detect');
  if (!detect || detect.state !== 'running' || !detect.done) continue;
  try {
    pid ??= JSON.parse(readFileSync(path.join(data, 'jobs/detect_trace/.lock'), 'utf8')).pid;
  } catch { /* Not written yet. */ }
  const cpu = cpuMs(pid);
  if (cpu === undefined) continue;
  const at = Date.now() - 1000 * (detect.progress_age_s ?? 0);
  ({ total, unit } = detect);
  const seconds = samples.length === 0 ? 0 : (at - samples[0].at) / 1000;
  burn(steps.filter(([from]) => from <= seconds).at(-1)?.[1] ?? 0);
  if (samples.length > 0 && detect.done <= samples.at(-1).done) continue;
  samples.push({ at, cpu, done: detect.done });
}
burn(0);
rmSync(data, { recursive: true, force: true });
const lines = samples.map(({ at, cpu, done }) => `${Math.round(at - samples[0].at)} ${cpu - samples[0].cpu} ${done}`);
const heading = `# ${path.basename(video)} ${effort}, load "${load}"\ntotal ${total} ${unit}\n`;
writeFileSync(out, `${heading}${lines.join('\n')}\n`);
console.log(`${out}: ${samples.length} samples, ${samples.at(-1).done} of ${total} ${unit}`);
