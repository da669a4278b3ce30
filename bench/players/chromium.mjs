// A video in headless Chromium: <video><track default>, served from here, driven over the DevTools pipe.
import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

const kTypes = { '.mp4': 'video/mp4', '.webm': 'video/webm', '.mkv': 'video/x-matroska', '.ts': 'video/mp2t' };
const kPage = `<!doctype html><style>body{margin:0;background:#000}video{display:block;width:100vw;height:100vh}</style>
<video id=v muted preload=auto src=/video><track default kind=subtitles srclang=en src=/cues.vtt></video>`;

// In the page. The picture on screen is the one that was composited last.
const kScript = `
  const video = document.getElementById('v');
  const track = video.textTracks[0];
  let shown = null;
  const watch = (_, { mediaTime }) => { shown = mediaTime; video.requestVideoFrameCallback(watch); };
  video.requestVideoFrameCallback(watch);
  const settled = () => new Promise((done) => {
    const step = (left) => (left ? requestAnimationFrame(() => step(left - 1)) : done());
    step(6);
  });
  const ready = new Promise((done, failed) => {
    video.addEventListener('error', () => failed(new Error(video.error.message)));
    const cuesRead = () => document.querySelector('track').readyState === 2;
    const look = () => (video.readyState >= 2 && cuesRead() ? done() : setTimeout(look, 20));
    look();
  });
  async function opened() {
    await ready;
    await settled();
    return { seconds: video.currentTime, mediaTime: shown, duration: video.duration };
  }
  async function seek(seconds) {
    const sought = new Promise((done) => video.addEventListener('seeked', done, { once: true }));
    video.currentTime = seconds;
    await sought;
    await settled();
    return { mediaTime: shown, text: [...track.activeCues].map((cue) => cue.text).join('\\n') };
  }
  async function show(mode) { track.mode = mode; await settled(); }
  // The first picture in which the cue is active, or is not any more, while the video plays.
  async function play(from, text, is_start) {
    await seek(from);
    return new Promise((done) => {
      const stop = (found) => { clearTimeout(limit); video.pause(); done(found); };
      const limit = setTimeout(() => stop(null), 4000);
      const look = (_, { mediaTime }) => {
        const is_active = [...track.activeCues].some((cue) => cue.text === text);
        if (is_active === is_start) stop(mediaTime); else video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
      video.play();
    });
  }`;

function serve(video, vtt) {
  const { size } = statSync(video);
  const server = createServer((request, response) => {
    if (request.url === '/') return response.setHeader('Content-Type', 'text/html').end(kPage);
    if (request.url === '/cues.vtt') return response.setHeader('Content-Type', 'text/vtt').end(readFileSync(vtt));
    if (request.url !== '/video') return response.writeHead(404).end();
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [null, '0', ''];
    const last = to ? Math.min(Number(to), size - 1) : size - 1;
    response.writeHead(request.headers.range ? 206 : 200, {
      'Content-Type': kTypes[extname(video)] ?? 'application/octet-stream', 'Accept-Ranges': 'bytes',
      'Content-Length': last - Number(from) + 1, 'Content-Range': `bytes ${from}-${last}/${size}`,
    });
    const stream = createReadStream(video, { start: Number(from), end: last });
    response.on('close', () => stream.destroy());
    return stream.pipe(response);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

// DevTools messages end with a zero byte; 3 is to the browser, 4 from it.
function devTools(child) {
  const waiting = new Map();
  let id = 0;
  let rest = '';
  child.stdio[4].on('data', (bytes) => {
    const messages = (rest + bytes).split('\0');
    rest = messages.pop();
    for (const message of messages.map((each) => JSON.parse(each))) {
      const { done, failed } = waiting.get(message.id) ?? {};
      waiting.delete(message.id);
      if (message.error) failed?.(new Error(message.error.message));
      else done?.(message.result);
    }
  });
  let has_ended = false;
  const end = () => {
    has_ended = true;
    waiting.forEach(({ failed }) => failed(new Error('Chromium has ended')));
  };
  child.on('exit', end).on('error', end);
  child.stdio[3].on('error', end);
  return (method, params = {}, sessionId = undefined) => new Promise((done, failed) => {
    if (has_ended) failed(new Error('Chromium has ended'));
    id += 1;
    waiting.set(id, { done, failed });
    child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
}

// A player: `at` is where to seek to show a picture, from its beginning, as a part of its time: Chromium shows the
// picture that is on screen at what was sought.
export async function openChromium({ video, vtt, width, height, program }) {
  const server = await serve(video, vtt);
  const profile = mkdtempSync(join(tmpdir(), 'players-chromium-'));
  const child = spawn(program, [
    '--headless', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--autoplay-policy=no-user-gesture-required',
    '--no-first-run', '--disable-gpu', ...(process.getuid() === 0 ? ['--no-sandbox'] : []), 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => child.on('exit', done).on('error', done));
  const send = devTools(child);
  const close = async () => {
    child.kill();
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    const page = (method, params) => send(method, params, sessionId);
    const run = async (expression) => {
      const { result, exceptionDetails } = await page('Runtime.evaluate', {
        expression, awaitPromise: true, returnByValue: true,
      });
      if (exceptionDetails) throw new Error(`Chromium: ${exceptionDetails.exception.description}`);
      return result.value;
    };
    const shoot = async (path) => {
      const { data } = await page('Page.captureScreenshot', { format: 'png' });
      writeFileSync(path, Buffer.from(data, 'base64'));
    };
    await page('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await page('Page.enable');
    await page('Page.navigate', { url: `http://127.0.0.1:${server.address().port}/` });
    await run(`new Promise((done) => {
      const look = () => (document.getElementById('v') ? done() : setTimeout(look, 20));
      look();
    })`);
    await run(kScript);
    const first = await run('opened()');
    return {
      name: 'Chromium', at: 0.1, close,
      opened: `currentTime ${first.seconds}, picture ${first.mediaTime}, duration ${first.duration}`,
      async seek(seconds, { withText, withoutText }) {
        const { text, mediaTime } = await run(`seek(${seconds})`);
        await shoot(withText);
        await run('show("hidden")');
        await shoot(withoutText);
        await run('show("showing")');
        return { text, seconds: mediaTime };
      },
      play: ({ from, text, is_start }) => run(`play(${from}, ${JSON.stringify(text)}, ${is_start})`),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
