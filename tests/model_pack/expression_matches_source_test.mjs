// The converted expression model gives what @vladmandic/face-api itself gives, on faces of the
// package's demo photographs and on noise.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import vm from 'node:vm';

const deps = process.env.ROLLCALL_DEPS_DIR;
const source = join(deps, 'models', 'source', 'face-api');
const kSide = 112;
const kMean = [122.782, 117.001, 104.298];
const kLabels = ['neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised'];
// One float32 addition order differs from the other; probabilities lie in 0…1.
const kTolerance = 1e-5;

// Squares around faces, located by eye: centre and side as shares of the photograph.
const kFaces = [
  { photo: 'sample3', x: 0.622, y: 0.293, side: 0.115, expected: 'happy' },
  { photo: 'sample3', x: 0.836, y: 0.319, side: 0.115, expected: 'happy' },
  { photo: 'sample1', x: 0.827, y: 0.262, side: 0.115, expected: 'happy' },
  { photo: 'sample4', x: 0.702, y: 0.21, side: 0.105, expected: 'happy' },
  { photo: 'sample1', x: 0.25, y: 0.36, side: 0.11 },
  { photo: 'sample5', x: 0.25, y: 0.8, side: 0.12 },
];

// 112×112 RGB bytes.
function cropOf({ photo, x, y, side }) {
  const box = `iw*${side}:iw*${side}:iw*(${x}-${side}/2):ih*${y}-iw*${side}/2`;
  return execFileSync('ffmpeg', ['-v', 'error', '-i', join(deps, 'photos', `${photo}.jpg`),
    '-vf', `crop=${box},scale=${kSide}:${kSide}`, '-frames:v', '1', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']);
}

function noise(seed) {
  let state = seed;
  return Buffer.from(Array.from({ length: kSide * kSide * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  }));
}

// The package's browser bundle in a context of its own: inside Node proper it looks for tfjs-node.
async function loadFaceApi() {
  const context = vm.createContext({
    console: { ...console, warn() {} }, performance, setTimeout, clearTimeout, TextEncoder, TextDecoder,
    module: { exports: {} }, ArrayBuffer, Float32Array, Int32Array, Uint8Array,
  });
  context.self = context;
  vm.runInContext(readFileSync(join(source, 'dist', 'face-api.js'), 'utf8'), context);
  const faceapi = context.faceapi ?? context.module.exports;
  const { tf } = faceapi;
  tf.env().setPlatform('test', {
    fetch() {},
    now: () => performance.now(),
    encode: (text) => new TextEncoder().encode(text),
    decode: (bytes) => new TextDecoder().decode(bytes),
    isTypedArray: (value) => ArrayBuffer.isView(value) && !(value instanceof DataView),
  });
  faceapi.env.setEnv({ Canvas: class {}, Image: class {}, ImageData: class {}, Video: class {} });
  await tf.setBackend('cpu');
  return faceapi;
}

async function probabilitiesOfPackage(images) {
  const faceapi = await loadFaceApi();
  const manifest = JSON.parse(
    readFileSync(join(source, 'model', 'face_expression_model-weights_manifest.json'), 'utf8'),
  );
  const file = readFileSync(join(source, 'model', 'face_expression_model.bin'));
  const weights = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  const net = new faceapi.FaceExpressionNet();
  net.loadFromWeightMap(faceapi.tf.io.decodeWeights(weights, manifest.flatMap((group) => group.weights)));
  const results = [];
  for (const image of images) {
    const tensor = faceapi.tf.tensor3d(Float32Array.from(image), [kSide, kSide, 3]);
    results.push(await net.predictExpressions(tensor)); // eslint-disable-line no-await-in-loop
  }
  return results.map((result) => kLabels.map((label) => result[label]));
}

function probabilitiesOfPack(images) {
  const faces = Buffer.concat(images.map((image) => {
    const planes = new Float32Array(3 * kSide * kSide);
    for (let i = 0; i < kSide * kSide; i += 1) {
      for (let c = 0; c < 3; c += 1) planes[c * kSide * kSide + i] = (image[3 * i + c] - kMean[c]) / 255;
    }
    return Buffer.from(planes.buffer);
  }));
  const model = join(deps, 'models', 'default', 'expression.onnx');
  const lines = execFileSync(process.env.EXPRESSION_PROBE, [model], { input: faces, encoding: 'utf8' });
  return lines.trim().split('\n').map((line) => line.trim().split(' ').map(Number));
}

let ofPackage;
let ofPack;
before(async () => {
  const images = [...kFaces.map(cropOf), noise(1), noise(2), Buffer.alloc(kSide * kSide * 3)];
  ofPackage = await probabilitiesOfPackage(images);
  ofPack = probabilitiesOfPack(images);
});

test('gives the probabilities of the package', () => {
  assert.equal(ofPack.length, ofPackage.length);
  ofPackage.forEach((expected, i) => expected.forEach((value, label) => {
    assert.ok(
      Math.abs(value - ofPack[i][label]) < kTolerance,
      `image ${i}, ${kLabels[label]}: ${value} in the package, ${ofPack[i][label]} in the pack`,
    );
  }));
});

test('sees the laughing faces as happy', () => {
  kFaces.forEach(({ photo, expected }, i) => {
    if (!expected) return;
    const best = kLabels[ofPack[i].indexOf(Math.max(...ofPack[i]))];
    assert.equal(best, expected, `face ${i} of ${photo}`);
  });
});
