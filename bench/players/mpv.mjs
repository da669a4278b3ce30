// A video in mpv, without a window, driven over its JSON socket.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const kOpenMs = 10_000;
const kAnswerMs = 20_000;
// In a transport stream mpv else lands on the keyframe after what was sought.
const kSeekBackSeconds = 12;

async function connected(path, child) {
  for (const end = Date.now() + kOpenMs; Date.now() < end && child.exitCode === null;) {
    const socket = connect(path);
    const is_open = await new Promise((done) => {
      socket.on('connect', () => done(true)).on('error', () => done(false));
    });
    if (is_open) return socket;
    await new Promise((done) => { setTimeout(done, 50); });
  }
  throw new Error(`mpv does not open its socket (exit code ${child.exitCode})`);
}

// A player: `at` is where to seek to show a picture, from its beginning, as a part of its time: mpv shows the first
// picture that begins at or after what was sought.
export async function openMpv({ video, vtt, program }) {
  const folder = mkdtempSync(join(tmpdir(), 'players-mpv-'));
  const child = spawn(program, [
    '--no-config', '--idle=yes', '--pause', '--keep-open=yes', '--hr-seek=yes',
    `--hr-seek-demuxer-offset=${kSeekBackSeconds}`, '--vo=null', '--ao=null', '--osd-level=0',
    '--sub-auto=no', '--hwdec=no', `--input-ipc-server=${join(folder, 'socket')}`,
  ], { stdio: 'ignore' });
  const ended = new Promise((done) => child.on('exit', done).on('error', done));
  let socket;
  const close = async () => {
    socket?.destroy();
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    socket = await connected(join(folder, 'socket'), child);
    const waiting = new Set();  // Of [is_it, done].
    let rest = '';
    socket.on('data', (bytes) => {
      const lines = (rest + bytes).split('\n');
      rest = lines.pop();
      for (const message of lines.filter(Boolean).map((line) => JSON.parse(line))) {
        for (const each of [...waiting].filter(([is_it]) => is_it(message))) {
          waiting.delete(each);
          each[1](message);
        }
      }
    });
    const heard = (is_it, what) => new Promise((done, failed) => {
      const limit = setTimeout(() => failed(new Error(`mpv does not answer: ${what}`)), kAnswerMs);
      waiting.add([is_it, (message) => { clearTimeout(limit); done(message); }]);
    });
    let id = 0;
    const send = async (...command) => {
      id += 1;
      const own = id;
      const answer = heard((message) => message.request_id === own, command.join(' '));
      socket.write(`${JSON.stringify({ command, request_id: own })}\n`);
      const { error, data } = await answer;
      return error === 'success' ? data : null;
    };
    const restarted = () => heard((message) => message.event === 'playback-restart', 'playback-restart');
    const property = (name) => send('get_property', name);

    const opened = restarted();
    await send('loadfile', video);
    await opened;
    await send('sub-add', vtt, 'select');
    const says = [];
    for (const name of ['time-pos', 'demuxer-start-time', 'container-fps', 'duration']) {
      says.push(`${name} ${await property(name)}`);
    }
    return {
      name: 'mpv', at: -0.25, opened: says.join(', '), close,
      async seek(seconds, { withText, withoutText }) {
        const there = restarted();
        await send('seek', seconds, 'absolute+exact');
        await there;
        await send('screenshot-to-file', withText, 'subtitles');
        await send('screenshot-to-file', withoutText, 'video');
        return { text: (await property('sub-text')) ?? '', seconds: await property('time-pos') };
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
