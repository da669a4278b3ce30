#!/usr/bin/env node
// Compares the time that two builds of rollcall take for the same video.
//
//   node bench/beside.mjs OLD NEW VIDEO [ROUNDS]
//
// Both run at once, each on a processor of its own, and change places each round: what else goes on
// on the machine slows both. (One after the other, figures of a shared machine differ by a tenth.)
// OLD and NEW are two files. Prints each round's and the median ratio of NEW to OLD: CPU seconds, wall seconds, and the largest
// process of each. With one processor a run, decoding and networks share it: the wall's ratio is
// that of the work, not of the waiting.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [oldOne, newOne, video, rounds = '2'] = process.argv.slice(2);
if (!video) {
  console.error('usage: node bench/beside.mjs OLD NEW VIDEO [ROUNDS]');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'rollcall-beside-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

// MB at most of the largest process of this program that there is now.
function largestProcess(program) {
  let largest = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== program) continue;
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      largest = Math.max(largest, Number(peak?.[1] ?? 0) / 1000);
    } catch {
      // It has ended meanwhile.
    }
  }
  return largest;
}

function run(program, processor, name) {
  const data = join(work, name);
  rmSync(data, { recursive: true, force: true });
  const script = 'TIMEFORMAT="%U %S %R"; time "$0" analyze "$1" --data "$2" >/dev/null 2>&1';
  const child = spawn('taskset', ['-c', String(processor), 'bash', '-c', script, program, video, data],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let megabytes = 0;
  const timer = setInterval(() => { megabytes = Math.max(megabytes, largestProcess(program)); }, 200);
  child.stderr.on('data', (bytes) => { said += bytes; });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearInterval(timer);
      if (code !== 0) {
        console.error(`${program} ended with ${code}: ${said}`);
        process.exit(1);
      }
      const [user, system, wall] = said.trim().split(' ').map(Number);
      resolve({ cpu: user + system, wall, megabytes });
    });
  });
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
}

const ratios = [];
for (let round = 0; round < Number(rounds); ++round) {
  const [before, now] = await Promise.all([
    run(realpathSync(oldOne), round % 2, 'old'), run(realpathSync(newOne), (round + 1) % 2, 'new')]);
  ratios.push({ cpu: now.cpu / before.cpu, wall: now.wall / before.wall });
  console.log(`round ${round + 1}: CPU ${now.cpu.toFixed(1)} against ${before.cpu.toFixed(1)} s, wall ${now.wall.toFixed(1)} against ${before.wall.toFixed(1)} s, largest process ${now.megabytes.toFixed(0)} against ${before.megabytes.toFixed(0)} MB`);
}
console.log(`median: CPU ${median(ratios.map((r) => r.cpu)).toFixed(3)}, wall ${median(ratios.map((r) => r.wall)).toFixed(3)}`);
