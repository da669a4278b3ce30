// Which picture is it: the times of a video's pictures, and the numbers that videos.sh put into them.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const kCodeBits = 12;
const kFieldPixels = 16;
const kFields = kCodeBits + 4;
// A picture that begins later than this after the rest of its file does so by a damaged clock (docs/time.md).
const kLateSecondsMax = 3600;
const kLight = 128;

function output(program, args) {
  const ended = spawnSync(program, args, { maxBuffer: 1 << 30 });
  if (ended.error) throw new Error(`${program} cannot be run: ${ended.error.message}`);
  if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${ended.stderr}`);
  return ended.stdout;
}

// The number in these sixteen fields; null if there is no code.
function numberIn(fields) {
  const bits = [...fields].map((light) => light > kLight);
  if (!bits[0] || bits[1] || bits[kFields - 2] || !bits[kFields - 1]) return null;
  return bits.slice(2, 2 + kCodeBits).reduce((number, bit, place) => number + (bit ? 2 ** place : 0), 0);
}

// What a video's pictures are, as libav reads it. Times are seconds from the file's zero (docs/time.md):
// pictures: [{ seconds, number }], number null where there is no code.
export function readVideo(path) {
  const probe = JSON.parse(output('ffprobe', [
    '-v', 'error', '-of', 'json', '-show_entries', 'format=start_time,format_name:stream=codec_type,start_time,width,height', path,
  ]));
  const sound = probe.streams
    .filter((stream) => stream.codec_type === 'audio').map((stream) => Number(stream.start_time));
  const { width, height } = probe.streams.find((stream) => stream.codec_type === 'video');
  const times = output('ffprobe', [
    '-v', 'error', '-of', 'csv=p=0', '-select_streams', 'v:0', '-show_entries', 'frame=best_effort_timestamp_time', path,
  ]).toString().split('\n').map(parseFloat).filter(Number.isFinite);
  const codes = output('ffmpeg', [
    '-nostdin', '-v', 'error', '-i', path, '-map', '0:v:0', '-vf',
    `crop=${kFields * kFieldPixels}:${kFieldPixels}:0:0,scale=${kFields}:1:flags=area,format=gray`,
    '-fps_mode', 'passthrough', '-f', 'rawvideo', '-',
  ]);
  if (codes.length !== times.length * kFields) {
    throw new Error(`${path}: ffmpeg gives ${codes.length / kFields} pictures, ffprobe ${times.length}`);
  }
  const first = Math.min(...times);
  const begins = Math.min(first, ...sound.filter((sounds) => first - sounds < kLateSecondsMax));
  const isMp4 = probe.format.format_name.startsWith('mov,mp4');
  const zero = isMp4 && first < kLateSecondsMax ? Math.min(first, 0) : Math.max(begins, Math.min(first, 0));
  const pictures = times.map((time, at) => ({
    seconds: time - zero, number: numberIn(codes.subarray(at * kFields, (at + 1) * kFields)),
  }));
  return { width, height, zero, formatStart: Number(probe.format.start_time), pictures };
}

// A PNG's grey pixels.
function readShot(path) {
  const head = readFileSync(path).subarray(16, 24);  // IHDR.
  const grey = output('ffmpeg', ['-nostdin', '-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'gray', '-']);
  return { width: head.readUInt32BE(0), height: head.readUInt32BE(4), grey };
}

// Of two screenshots of one moment, with and without subtitles: the picture's number and whether there is text.
export function compareShots(withText, withoutText) {
  const shot = readShot(withText);
  const bare = readShot(withoutText);
  const middle = kFieldPixels / 2;
  const fields = Array.from({ length: kFields }, (_, at) => bare.grey[middle * bare.width + at * kFieldPixels + middle]);
  let different = 0;
  for (let at = 0; at < shot.grey.length; at += 1) {
    if (Math.abs(shot.grey[at] - bare.grey[at]) > kLight / 2) different += 1;
  }
  // A name of one letter in small print has more pixels than that.
  return { number: numberIn(fields), is_drawn: different > 30 };
}
