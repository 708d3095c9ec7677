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
  floor((size - dilation * (kernel - 1) - 1 + 2 * padding) / stride) + 1;

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
  max(0, ceil(-offset / stride)),
  min(count, floor((size - 1 - offset) / stride) + 1),
];

// x (C_in, H, W), weight (C_out, C_in / groups, F_h, F_w), bias (C_out) or null → (C_out, O_h, O_w)
function conv2d(x, weight, bias = null, {stride = 1, padding = 0, dilation = 1, groups = 1} = {}) {
  [stride, padding, dilation] = [stride, padding, dilation].map(pair);
  const [filters, depth, ...kernel] = weight.shape;
  if (x.shape[0] !== depth * groups || filters % groups)
    throw new Error(`${x.shape[0]} channels and ${filters} filters of ${depth} do not go into ${groups} groups`);
  const [high, wide] = outputSides(x, kernel, stride, padding, dilation);
  const y = tensor([filters, high, wide]);
  const count = high * wide, size = depth * kernel[0] * kernel[1], each = filters / groups;
  const shift = bias ? bias.data : new Float32Array(filters);
  const patches = new Float32Array(count * size); // of all groups at the same places: the padding stays 0
  for (let g = 0; g < groups; g++) {
    takePatches(x, g * depth, kernel, {stride, padding, dilation}, [high, wide], patches, size);
    multiply(weight.data, patches, shift, y.data, [g * each, (g + 1) * each], count, size);
  }
  return y;
}

// For each of the high × wide positions the `size` pixels under the kernel, in the order of its
// weights: x, from the channel `first` on → patches (high · wide, size)
function takePatches({shape, data}, first, kernel, {stride, padding, dilation}, [high, wide], patches, size) {
  const [, height, width] = shape, step = stride[1];
  for (let k = 0; k < size; k++) {
    const v = k % kernel[1], u = floor(k / kernel[1]) % kernel[0];
    const image = (first + floor(k / kernel[1] / kernel[0])) * height * width;
    const down = u * dilation[0] - padding[0], across = v * dilation[1] - padding[1];
    const [top, bottom] = inside(high, stride[0], down, height);
    const [left, right] = inside(wide, stride[1], across, width);
    for (let i = top; i < bottom; i++) {
      const row = image + (i * stride[0] + down) * width + across;
      for (let j = left, n = (i * wide + left) * size + k; j < right; j++, n += size) patches[n] = data[row + j * step];
    }
  }
}

// y[o, p] = bias[o] + Σ weight[o, k] · patches[p, k] for the filters from `first` to `end`. Four of
// them and two positions at a time: a number that is fetched serves more than once, and the eight sums
// stay in the processor's registers. At an end the last one is computed again. The sums are of 64
// bits, and rounded once.
function multiply(weight, patches, bias, y, [first, end], count, size) {
  for (let o = first; o < end; o += 4) {
    const o1 = min(o + 1, end - 1), o2 = min(o + 2, end - 1), o3 = min(o + 3, end - 1);
    const w0 = o * size, w1 = o1 * size, w2 = o2 * size, w3 = o3 * size;
    for (let p = 0; p < count; p += 2) {
      const p1 = min(p + 1, count - 1);
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let k = 0, m = p * size, n = p1 * size; k < size; k++, m++, n++) {
        const a = patches[m], b = patches[n];
        let w = weight[w0 + k];
        a0 += w * a;
        b0 += w * b;
        w = weight[w1 + k];
        a1 += w * a;
        b1 += w * b;
        w = weight[w2 + k];
        a2 += w * a;
        b2 += w * b;
        w = weight[w3 + k];
        a3 += w * a;
        b3 += w * b;
      }
      y[o * count + p] = a0 + bias[o];
      y[o1 * count + p] = a1 + bias[o1];
      y[o2 * count + p] = a2 + bias[o2];
      y[o3 * count + p] = a3 + bias[o3];
      y[o * count + p1] = b0 + bias[o];
      y[o1 * count + p1] = b1 + bias[o1];
      y[o2 * count + p1] = b2 + bias[o2];
      y[o3 * count + p1] = b3 + bias[o3];
    }
  }
}

// Every window of x (C, H, W): value = step(value, pixel) for its pixels inside the image, from `first`
// on; then end(value, pixels inside, pixels of the window).
function pool2d(x, kernel, {stride = kernel, padding = 0} = {}, first, step, end) {
  [kernel, stride, padding] = [kernel, stride, padding].map(pair);
  const [channels, height, width] = x.shape;
  const [high, wide] = outputSides(x, kernel, stride, padding, [1, 1]);
  const y = tensor([channels, high, wide]);
  for (let c = 0, n = 0; c < channels; c++)
    for (let i = 0; i < high; i++)
      for (let j = 0; j < wide; j++, n++) {
        const top = i * stride[0] - padding[0], bottom = min(top + kernel[0], height);
        const left = j * stride[1] - padding[1], right = min(left + kernel[1], width);
        let value = first;
        for (let r = max(top, 0); r < bottom; r++)
          for (let q = max(left, 0); q < right; q++) value = step(value, x.data[(c * height + r) * width + q]);
        y.data[n] = end(value, (bottom - max(top, 0)) * (right - max(left, 0)), kernel[0] * kernel[1]);
      }
  return y;
}

const add = (a, b) => a + b;

// (C, H, W) → (C, O_h, O_w)
const maxPool2d = (x, kernel, options) =>
  pool2d(x, kernel, options, -Infinity, (a, b) => (b > a ? b : a), value => value);

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

// Any shape → the same shape, each number by itself; a loop is some times faster than `map`
function elementwise(x, f) {
  const y = tensor(x.shape);
  for (let n = 0; n < y.data.length; n++) y.data[n] = f(x.data[n]);
  return y;
}

const relu = x => elementwise(x, v => (v < 0 ? 0 : v));

// Over all of x, which is one image's logits → the same shape, the sum 1
function softmax(x) {
  const largest = x.data.reduce((a, b) => max(a, b), -Infinity);
  const powers = Float64Array.from(x.data, v => Math.exp(v - largest));
  const sum = powers.reduce(add, 0);
  return tensor(x.shape, Float32Array.from(powers, v => v / sum));
}
