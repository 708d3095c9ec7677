// Forward passes with PyTorch's names and numbers. A tensor is {shape, data}: the sizes of its
// axes and a Float32Array, row by row. One image at a time, so that there is no batch axis.

const tensor = (shape, data) => {
  const count = shape.reduce((a, b) => a * b, 1);
  data ??= new Float32Array(count);
  if (data.length !== count) throw new Error(`shape ${shape} is for ${count} numbers, not ${data.length}`);
  return {shape, data};
};

const pair = value => (Array.isArray(value) ? value : [value, value]);

// Equation (2.5) of chapter 02; below 1 where the kernel has no position.
const outputSize = (size, kernel, stride = 1, padding = 0, dilation = 1) =>
  Math.floor((size - dilation * (kernel - 1) - 1 + 2 * padding) / stride) + 1;

function outputSides(x, kernel, stride, padding, dilation) {
  return [0, 1].map(axis => {
    const size = outputSize(x.shape[axis + 1], kernel[axis], stride[axis], padding[axis], dilation[axis]);
    if (size < 1) throw new Error(`a kernel of ${kernel} has no position in a map of ${x.shape.slice(1)}`);
    return size;
  });
}

// The first and the last output position + 1 at which a weight's pixel, which lies `offset` from
// the output's first pixel, is inside the `size` pixels of the image.
const inside = (count, stride, offset, size) => [
  Math.max(0, Math.ceil(-offset / stride)),
  Math.min(count, Math.floor((size - 1 - offset) / stride) + 1),
];

// x (C_in, H, W), weight (C_out, C_in / groups, F_h, F_w), bias (C_out) or null → (C_out, O_h, O_w)
function conv2d(x, weight, bias = null, {stride = 1, padding = 0, dilation = 1, groups = 1} = {}) {
  [stride, padding, dilation] = [stride, padding, dilation].map(pair);
  const [channels, height, width] = x.shape;
  const [filters, depth, ...kernel] = weight.shape;
  if (channels !== depth * groups || filters % groups)
    throw new Error(`${channels} channels and ${filters} filters of ${depth} do not go into ${groups} groups`);
  const [high, wide] = outputSides(x, kernel, stride, padding, dilation);
  const y = tensor([filters, high, wide]);
  const sum = new Float64Array(high * wide); // so that a long sum is rounded once
  for (let o = 0; o < filters; o++) {
    sum.fill(bias ? bias.data[o] : 0);
    const first = Math.floor(o / (filters / groups)) * depth; // of the group's channels
    for (let c = 0; c < depth; c++) {
      const image = (first + c) * height * width;
      for (let u = 0; u < kernel[0]; u++) {
        const down = u * dilation[0] - padding[0];
        const [top, bottom] = inside(high, stride[0], down, height);
        for (let v = 0; v < kernel[1]; v++) {
          const w = weight.data[((o * depth + c) * kernel[0] + u) * kernel[1] + v];
          const across = v * dilation[1] - padding[1];
          const [left, right] = inside(wide, stride[1], across, width);
          for (let i = top; i < bottom; i++) {
            const row = image + (i * stride[0] + down) * width + across;
            for (let j = left; j < right; j++) sum[i * wide + j] += w * x.data[row + j * stride[1]];
          }
        }
      }
    }
    y.data.set(sum, o * high * wide);
  }
  return y;
}

// Every window of x (C, H, W), its pixels inside the image alone, is `reduced` to a number.
function pool2d(x, kernel, {stride = kernel, padding = 0} = {}, reduce) {
  [kernel, stride, padding] = [kernel, stride, padding].map(pair);
  const [channels, height, width] = x.shape;
  const [high, wide] = outputSides(x, kernel, stride, padding, [1, 1]);
  const y = tensor([channels, high, wide]);
  for (let c = 0, n = 0; c < channels; c++)
    for (let i = 0; i < high; i++)
      for (let j = 0; j < wide; j++, n++) {
        const top = i * stride[0] - padding[0];
        const left = j * stride[1] - padding[1];
        const window = [];
        for (let r = Math.max(top, 0); r < Math.min(top + kernel[0], height); r++)
          for (let q = Math.max(left, 0); q < Math.min(left + kernel[1], width); q++)
            window.push(x.data[(c * height + r) * width + q]);
        y.data[n] = reduce(window, kernel[0] * kernel[1]);
      }
  return y;
}

const add = (a, b) => a + b;

// (C, H, W) → (C, O_h, O_w)
const maxPool2d = (x, kernel, options) => pool2d(x, kernel, options, w => Math.max(...w));

// (C, H, W) → (C, O_h, O_w); the padding's zeros count as pixels, unless countIncludePad is false
const avgPool2d = (x, kernel, {countIncludePad = true, ...options} = {}) =>
  pool2d(x, kernel, options, (w, all) => w.reduce(add, 0) / (countIncludePad ? all : w.length));

// x (…) of `in` numbers, weight (out, in), bias (out) or null → (out)
function linear(x, weight, bias = null) {
  const [out, features] = weight.shape;
  if (x.data.length !== features) throw new Error(`${x.data.length} numbers for ${features} inputs`);
  const y = tensor([out]);
  for (let o = 0; o < out; o++) {
    let sum = bias ? bias.data[o] : 0;
    for (let i = 0; i < features; i++) sum += weight.data[o * features + i] * x.data[i];
    y.data[o] = sum;
  }
  return y;
}

// Any shape → the same shape
const relu = x => tensor(x.shape, x.data.map(v => (v < 0 ? 0 : v)));

// Over all of x, which is one image's logits → the same shape, the sum 1
function softmax(x) {
  const largest = x.data.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(x.data, v => Math.exp(v - largest));
  const sum = powers.reduce(add, 0);
  return tensor(x.shape, Float32Array.from(powers, v => v / sum));
}

// As in evaluation: x (C, H, W), the others (C) → (C, H, W)
function batchNorm(x, runningMean, runningVar, weight = null, bias = null, eps = 1e-5) {
  const y = tensor(x.shape);
  const size = x.data.length / x.shape[0];
  for (let c = 0; c < x.shape[0]; c++) {
    const scale = (weight ? weight.data[c] : 1) / Math.sqrt(runningVar.data[c] + eps);
    const shift = (bias ? bias.data[c] : 0) - runningMean.data[c] * scale;
    for (let n = c * size; n < (c + 1) * size; n++) y.data[n] = x.data[n] * scale + shift;
  }
  return y;
}
