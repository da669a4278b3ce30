// What the server takes and costs, on one machine, as ratios within one run:
//
//   node main.mjs ROLLCALL SOURCE DEPS     (bench/server/README.md)
//
// - requests a second and the 99th percentile of `state` and `active`, without and with 200 event
//   streams that are open meanwhile;
// - memory of the server's process for an idle stream;
// - reading a file in one piece, against `cat` of it through a pipe and, where it is there, nginx.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';

[process.env.ROLLCALL, process.env.ROLLCALL_SOURCE_DIR, process.env.ROLLCALL_DEPS_DIR] = process.argv.slice(2);
const { Served } = await import('../../tests/api/served.mjs');

const kStreams = 200;
const kConnections = 8;
const kSeconds = 5;

const served = new Served();
await served.start();
served.rollcall('episodes', 'add', served.video);
const { body: { job: { job_id: id } } } = await served.post('/api/jobs', { kind: 'analyze', episode: 'show_s05_e03', effort: 'draft' });
for await (const { event } of served.events(`/api/events?topics=job:${id}`)) if (event === 'gone') process.exit(1);

const residentKb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${served.server.pid}/status`, 'utf8'))[1]);
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

// Requests of `path`, over connections that stay open.
async function load(path) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: kConnections });
  const took = [];
  const until = performance.now() + kSeconds * 1000;
  const one = () => new Promise((resolve, reject) => {
    const begun = performance.now();
    http.get(`${served.base}${path}`, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        took.push(performance.now() - begun);
        resolve(answer.statusCode);
      });
    }).on('error', reject);
  });
  await Promise.all(Array.from({ length: kConnections }, async () => {
    while (performance.now() < until) if (await one() !== 200) throw new Error(path);
  }));
  agent.destroy();
  took.sort((a, b) => a - b);
  return { a_second: Math.round(took.length / kSeconds), p99_ms: Number(at(took, 0.99).toFixed(2)) };
}

// Streams that are open and idle.
function openStreams(count) {
  const agent = new http.Agent({ maxSockets: count });
  return Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const request = http.get(`${served.base}/api/events?topics=jobs`, { agent }, (answer) => answer.once('data', () => resolve(request)));
    request.on('error', (error) => { if (!request.destroyed) reject(error); });
  })));
}

const figures = {};
for (const part of ['state', 'active']) figures[`${part}, no streams`] = await load(`/api/episodes/show_s05_e03/${part}`);
const before = residentKb();
const streams = await openStreams(kStreams);
const idle = residentKb();
for (const part of ['state', 'active']) figures[`${part}, ${kStreams} streams`] = await load(`/api/episodes/show_s05_e03/${part}`);
figures['KB for an idle stream'] = Number(((idle - before) / kStreams).toFixed(1));
for (const stream of streams) stream.destroy();

// A large file, which lies in memory after the first reading.
const large = join(served.folder, 'Big_S01_E01.mp4');
writeFileSync(large, Buffer.alloc(1 << 20, 7));
spawnSync('truncate', ['-s', '1G', large]);
served.rollcall('episodes', 'add', large);
const seconds = (command, args) => {
  const run = () => {
    const begun = performance.now();
    const done = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (done.status !== 0) throw new Error(`${command} ${args}`);
    return (performance.now() - begun) / 1000;
  };
  run();
  return Math.min(run(), run(), run());
};
const ours = seconds('curl', ['-sfo', '/dev/null', `${served.base}/api/episodes/big_s01_e01/video`]);
figures['1 GiB by curl, s'] = Number(ours.toFixed(2));
const nginx = spawnSync('sh', ['-c', 'command -v nginx']).stdout.toString().trim();
if (nginx && existsSync(nginx)) {
  mkdirSync(join(served.folder, 'nginx'));
  const conf = join(served.folder, 'nginx/nginx.conf');
  const port = served.port + 1;
  writeFileSync(conf, `daemon off; pid ${served.folder}/nginx/pid; error_log stderr error; worker_processes 1;
events { } http { access_log off; sendfile on; client_body_temp_path ${served.folder}/nginx/a; proxy_temp_path ${served.folder}/nginx/b;
fastcgi_temp_path ${served.folder}/nginx/c; uwsgi_temp_path ${served.folder}/nginx/d; scgi_temp_path ${served.folder}/nginx/e;
server { listen 127.0.0.1:${port}; root ${served.folder}; } } user root;`);
  spawnSync('chmod', ['755', served.folder]);
  const other = spawn(nginx, ['-c', conf], { stdio: 'inherit' });
  await new Promise((go) => { setTimeout(go, 500); });
  const theirs = seconds('curl', ['-sfo', '/dev/null', `http://127.0.0.1:${port}/Big_S01_E01.mp4`]);
  figures['the same from nginx, s'] = Number(theirs.toFixed(2));
  figures['ours : nginx'] = Number((ours / theirs).toFixed(2));
  other.kill();
} else {
  figures['nginx'] = 'not installed (Debian: nginx-light)';
}
console.log(JSON.stringify(figures, null, 1));
await served.end();
