// What other networks than LeNet-5, and a heat map over an image, need besides network.js.

// (C, H, W) → (C, O_h, O_w); the padding's zeros count as pixels, unless countIncludePad is false
const avgPool2d = (x, kernel, {countIncludePad = true, ...options} = {}) =>
  pool2d(x, kernel, options, 0, add, (sum, within, all) => sum / (countIncludePad ? all : within));

// x · sigmoid(x); any shape → the same shape
const silu = x => elementwise(x, v => v / (1 + Math.exp(-v)));

// The mean over each of the `size`, [O_h, O_w], parts of a map: (C, H, W) → (C, O_h, O_w)
function adaptiveAvgPool2d(x, size) {
  const [channels, height, width] = x.shape;
  const [high, wide] = pair(size);
  const y = tensor([channels, high, wide]);
  const part = (i, count, length) => [floor((i * length) / count), ceil(((i + 1) * length) / count)];
  for (let n = 0; n < y.data.length; n++) {
    const [top, bottom] = part(floor(n / wide) % high, high, height);
    const [left, right] = part(n % wide, wide, width);
    let sum = 0;
    for (let r = top; r < bottom; r++)
      for (let q = left; q < right; q++) sum += x.data[(floor(n / wide / high) * height + r) * width + q];
    y.data[n] = sum / (bottom - top) / (right - left);
  }
  return y;
}

// Bilinear, with corners that are not aligned: (C, H, W) → (C, ...size)
function interpolate(x, size) {
  const [channels, height, width] = x.shape;
  const [high, wide] = pair(size);
  const y = tensor([channels, high, wide]);
  const between = (i, count, length) => {
    const at = max(0, ((i + 0.5) * length) / count - 0.5);
    const low = floor(at);
    return [low, min(low + 1, length - 1), at - low];
  };
  for (let n = 0; n < y.data.length; n++) {
    const [top, bottom, down] = between(floor(n / wide) % high, high, height);
    const [left, right, across] = between(n % wide, wide, width);
    const pixel = (r, q) => x.data[(floor(n / wide / high) * height + r) * width + q];
    const row = r => pixel(r, left) * (1 - across) + pixel(r, right) * across;
    y.data[n] = row(top) * (1 - down) + row(bottom) * down;
  }
  return y;
}
