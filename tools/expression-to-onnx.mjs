// Turns the expression network of @vladmandic/face-api into an ONNX file.
//
// Source of the layers: src/faceExpressionNet, src/faceFeatureExtractor and
// src/common/depthwiseSeparableConv of the package. Four dense blocks, each of four 3×3
// convolutions (depthwise and pointwise but for the very first), the first of a block with stride
// 2; then the mean over 7×7, a linear layer, and softmax over seven labels.
// Input 1×3×112×112 per face, RGB, already (x − mean) / 255; output: probabilities.
//
// Deterministic: the same weights give the same bytes, and their hash is pinned.

export const kExpressionLabels = [
  'neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised',
];

// The weights file holds, one after another, tensors of float32 or of uint8 (value·scale + min).
export function readWeights(manifest, bytes) {
  const tensors = new Map();
  let at = 0;
  for (const { name, shape, quantization } of manifest.flatMap((group) => group.weights)) {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(size);
    for (let i = 0; i < size; i += 1) {
      values[i] = quantization
        ? bytes[at + i] * quantization.scale + quantization.min
        : bytes.readFloatLE(at + 4 * i);
    }
    at += quantization ? size : 4 * size;
    tensors.set(name, { shape, values });
  }
  if (at !== bytes.length) {
    throw new Error(`the weights file has ${bytes.length} bytes, its manifest describes ${at}`);
  }
  return tensors;
}

// Protocol buffers: https://protobuf.dev/programming-guides/encoding. Field numbers: onnx.proto3.
function varint(value) {
  const out = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(out);
}
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
function message(field, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}

const kFloat = 1; // TensorProto.DataType.FLOAT
const kAttributeInt = 2;
const kAttributeInts = 7;

function attribute(name, value) {
  const body = Array.isArray(value)
    ? [...value.map((each) => number(8, each)), number(20, kAttributeInts)]
    : [number(3, value), number(20, kAttributeInt)];
  return message(5, message(1, name), ...body);
}

function tensor(name, dims, values) {
  const raw = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => raw.writeFloatLE(value, 4 * i));
  return message(5, ...dims.map((dim) => number(1, dim)), number(2, kFloat), message(8, name), message(9, raw));
}

function valueInfo(field, name, dims) {
  const shape = dims.map((dim) => message(1, typeof dim === 'string' ? message(2, dim) : number(1, dim)));
  return message(field, message(1, name), message(2, message(1, number(1, kFloat), message(2, ...shape))));
}

class Graph {
  nodes = [];
  initialisers = [];

  add(type, inputs, output, attributes = {}) {
    this.nodes.push(message(
      1,
      ...inputs.map((input) => message(1, input)),
      message(2, output),
      message(3, output),
      message(4, type),
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ));
    return output;
  }

  constant(name, dims, values) {
    this.initialisers.push(tensor(name, dims, values));
    return name;
  }
}

// [height, width, in, out] → [out, in, height, width]; depthwise ([h, w, channels, 1]) → [channels, 1, h, w].
function convolutionFilter({ shape: [height, width, inputs, outputs], values }, depthwise) {
  const [outer, inner] = depthwise ? [inputs, outputs] : [outputs, inputs];
  const moved = new Float32Array(values.length);
  let at = 0;
  for (let o = 0; o < outer; o += 1) {
    for (let i = 0; i < inner; i += 1) {
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const [third, fourth] = depthwise ? [o, i] : [i, o];
          moved[at] = values[((y * width + x) * inputs + third) * outputs + fourth];
          at += 1;
        }
      }
    }
  }
  return { dims: [outer, inner, height, width], values: moved };
}

// TensorFlow's 'same': with stride 2 over an even size, one row and column of zeros at the end.
function window(stride) {
  return {
    kernel_shape: [3, 3],
    strides: [stride, stride],
    pads: stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1],
  };
}

function addConvolution(graph, weights, name, input, stride) {
  const full = weights.get(`${name}/filters`);
  const bias = weights.get(`${name}/bias`);
  const biasName = graph.constant(`${name}/bias`, bias.shape, bias.values);
  if (full) {
    const filter = convolutionFilter(full, false);
    const filterName = graph.constant(`${name}/filters`, filter.dims, filter.values);
    return graph.add('Conv', [input, filterName, biasName], name, window(stride));
  }
  const depthwise = convolutionFilter(weights.get(`${name}/depthwise_filter`), true);
  const pointwise = convolutionFilter(weights.get(`${name}/pointwise_filter`), false);
  const spread = graph.add(
    'Conv',
    [input, graph.constant(`${name}/depthwise_filter`, depthwise.dims, depthwise.values)],
    `${name}/depthwise`,
    { ...window(stride), group: depthwise.dims[0] },
  );
  const pointwiseName = graph.constant(`${name}/pointwise_filter`, pointwise.dims, pointwise.values);
  return graph.add('Conv', [spread, pointwiseName, biasName], name, { kernel_shape: [1, 1] });
}

// out1 = relu(conv0); in3 = relu(out1 + out2); in4 = relu(out1 + out2 + out3); … as the package does.
function addDenseBlock(graph, weights, name, input) {
  const first = graph.add('Relu', [addConvolution(graph, weights, `${name}/conv0`, input, 2)], `${name}/in1`);
  let sum = first;
  let next = first;
  for (let i = 1; i < 4; i += 1) {
    const out = addConvolution(graph, weights, `${name}/conv${i}`, next, 1);
    sum = graph.add('Add', [sum, out], `${name}/sum${i}`);
    next = graph.add('Relu', [sum], `${name}/relu${i}`);
  }
  return next;
}

export function expressionToOnnx(manifest, bytes) {
  const weights = readWeights(manifest, bytes);
  const graph = new Graph();
  let out = 'input';
  for (let block = 0; block < 4; block += 1) out = addDenseBlock(graph, weights, `dense${block}`, out);
  out = graph.add('AveragePool', [out], 'mean', { kernel_shape: [7, 7], strides: [2, 2] });
  out = graph.add('Flatten', [out], 'features');
  const linear = weights.get('fc/weights');
  const bias = weights.get('fc/bias');
  out = graph.add('Gemm', [
    out,
    graph.constant('fc/weights', linear.shape, linear.values),
    graph.constant('fc/bias', bias.shape, bias.values),
  ], 'logits');
  graph.add('Softmax', [out], 'probabilities', { axis: 1 });

  return Buffer.concat([
    number(1, 7), // IR version 7
    message(2, 'rollcall expression-to-onnx'),
    message(
      7,
      ...graph.nodes,
      message(2, 'face_expression'),
      ...graph.initialisers,
      valueInfo(11, 'input', ['faces', 3, 112, 112]),
      valueInfo(12, 'probabilities', ['faces', kExpressionLabels.length]),
    ),
    message(8, message(1, ''), number(2, 13)), // Operator set 13
  ]);
}
