#!/usr/bin/env node
// Do a video's subtitles appear on the right picture? players.mjs VIDEO VTT [--out FOLDER] [--cues N] [--player NAME]
//
// README.md says what is looked at. Exit codes: 0 all cues within one picture, 1 one is off, 2 usage, 5 no answer.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openChromium } from './chromium.mjs';
import { openMpv } from './mpv.mjs';
import { compareShots, readVideo } from './pictures.mjs';

const kRoundingSeconds = 0.0006;  // WebVTT has milliseconds.
const kPicturesAround = 2;
const kOffMax = 1;
const kPlayBeforeSeconds = 0.5;

// [{ start, end, text }], times in seconds. As Rollcall writes them: no settings, no markup but & < >.
export function readCues(vtt) {
  const seconds = (time) => time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  const plain = (text) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  return [...vtt.matchAll(/^([\d:.]+) --> ([\d:.]+)\n((?:.+\n?)+)/gm)]
    .map(([, start, end, text]) => ({ start: seconds(start), end: seconds(end), text: plain(text.trim()) }));
}

// `count` of them: the first, the last, and of those between as evenly as can be.
export function chosen(cues, count) {
  if (cues.length <= count) return cues;
  const at = Array.from({ length: count }, (_, i) => Math.round((i * (cues.length - 1)) / Math.max(count - 1, 1)));
  return [...new Set(at)].map((i) => cues[i]);
}

// The first picture that is shown at or after `seconds`; as many as there are if there is none.
export function pictureAt(pictures, seconds) {
  const found = pictures.findIndex((picture) => picture.seconds >= seconds - kRoundingSeconds);
  return found < 0 ? pictures.length : found;
}

// Which of the file's pictures the player shows: by its number, else by the player's own time.
function shownPicture(pictures, { number, seconds }) {
  if (number !== null) return pictures.findIndex((picture) => picture.number === number);
  const far = (picture) => Math.abs(picture.seconds - seconds);
  return pictures.reduce((best, picture, at) => (far(picture) < far(pictures[best]) ? at : best), 0);
}

// Seeks to the pictures around an edge of a cue, one after the other, and tells where the text comes or goes.
async function edgeOf({ player, pictures, cue, is_start, out, name }) {
  const edge = is_start ? cue.start : cue.end;
  const expected = pictureAt(pictures, edge);
  const step = pictures[1].seconds - pictures[0].seconds;
  const faults = [];
  if (expected >= pictures.length && !is_start) return { edge, expected, off: 0, is_at_end: true, faults };
  let found = null;
  for (let at = expected - kPicturesAround; at < expected + kPicturesAround && at < pictures.length; at += 1) {
    const begins = at < 0 ? pictures[0].seconds + at * step : pictures[at].seconds;
    if (begins < 0) continue;
    const place = at < expected ? `minus${expected - at}` : `plus${at - expected}`;
    const withText = join(out, `${player.name.toLowerCase()}_${name}_${place}.png`);
    const withoutText = join(out, 'without_text.png');
    const sought = Math.max(0, begins + player.at * step).toFixed(6);
    const seen = await player.seek(sought, { withText, withoutText });
    const shot = compareShots(withText, withoutText);
    const shown = shownPicture(pictures, { number: shot.number, seconds: seen.seconds });
    const is_active = seen.text.split('\n').includes(cue.text);
    if (shot.is_drawn !== (seen.text !== '')) {
      const what = shot.is_drawn ? 'text is drawn, and no cue is active' : 'a cue is active, and no text is drawn';
      faults.push(`${withText}: ${what}`);
    }
    if (is_active === is_start && !found) found = { shown, seconds: seen.seconds };
  }
  if (!found) faults.push(`${player.name}: "${cue.text}" does not ${is_start ? 'come' : 'go'} near ${edge}`);
  return { edge, expected, found, off: found ? found.shown - expected : 0, faults };
}

// What the player calls the time of the file's first picture.
async function lookAtFirst({ player, pictures, out }) {
  const withText = join(out, `${player.name.toLowerCase()}_first.png`);
  const withoutText = join(out, 'without_text.png');
  const step = pictures[1].seconds - pictures[0].seconds;
  const sought = Math.max(0, pictures[0].seconds + player.at * step).toFixed(6);
  const { seconds } = await player.seek(sought, { withText, withoutText });
  const shown = shownPicture(pictures, { number: compareShots(withText, withoutText).number, seconds });
  const shift = seconds - pictures[shown].seconds;
  console.log(`${player.name}: opens with ${player.opened}; calls ${seconds.toFixed(3)}`
    + ` what is ${pictures[shown].seconds.toFixed(3)} of the file: ${shift.toFixed(3)} s more`);
}

async function look({ player, video, cues, out }) {
  const { pictures } = video;
  const off = [];
  await lookAtFirst({ player, pictures, out });
  for (const [at, cue] of cues.entries()) {
    for (const is_start of [true, false]) {
      const name = `cue${at + 1}_${is_start ? 'start' : 'end'}`;
      const edge = await edgeOf({ player, pictures, cue, is_start, out, name });
      const line = [player.name, name, `"${cue.text}"`, `vtt ${edge.edge.toFixed(3)}`];
      if (edge.is_at_end) line.push('the video ends with it');
      if (edge.found) {
        const number = pictures[edge.found.shown]?.number ?? edge.found.shown;
        line.push(`picture ${pictures[edge.expected]?.number ?? edge.expected} expected, ${number} shown`,
          `player's time ${edge.found.seconds?.toFixed(3)}`, `off ${edge.off}`);
      }
      if (player.play && !edge.is_at_end) {
        const from = Math.max(0, edge.edge - kPlayBeforeSeconds);
        const played = await player.play({ from, text: cue.text, is_start });
        line.push(`while playing ${played === null ? 'not seen' : played.toFixed(3)}`);
      }
      console.log(line.join(' | '));
      edge.faults.forEach((fault) => console.log(`  ${fault}`));
      if (Math.abs(edge.off) > kOffMax || edge.faults.length > 0) off.push(name);
    }
  }
  return off;
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string', default: 'players_out' },
      cues: { type: 'string', default: '3' },
      player: { type: 'string' },
      chromium: { type: 'string', default: 'chromium' }, mpv: { type: 'string', default: 'mpv' },
    },
  });
  if (positionals.length !== 2) {
    console.error('players.mjs VIDEO VTT [--out FOLDER] [--cues N] [--player chromium|mpv]');
    return 2;
  }
  const [path, vtt] = positionals.map((each) => resolve(each));
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const video = readVideo(path);
  const cues = chosen(readCues(readFileSync(vtt, 'utf8')), Number(values.cues));
  const from = (time) => `${(video.pictures[0].seconds + video.zero - time).toFixed(3)}`;
  console.log(`${positionals[0]}: the file's zero is ${video.zero.toFixed(3)} of its container; the first picture is at`
    + ` ${from(video.zero)} of the file, ${from(video.formatStart)} of ffprobe's start_time`);
  if (cues.length === 0 || video.pictures.length < 2) throw new Error('no cues, or fewer than two pictures');
  const off = [];
  for (const [name, open] of [['chromium', openChromium], ['mpv', openMpv]]) {
    if (values.player && values.player !== name) continue;
    const player = await open({ video: path, vtt, width: video.width, height: video.height, program: values[name] });
    try {
      off.push(...await look({ player, video, cues, out }));
    } finally {
      await player.close();
    }
  }
  rmSync(join(out, 'without_text.png'), { force: true });
  console.log(off.length ? `${off.length} edges are off` : 'every cue is on its picture');
  return off.length ? 1 : 0;
}

process.exitCode = await main().catch((error) => {
  console.error(`players: ${error.message}`);
  return 5;
});
