// A drawn digit in MNIST's form: steps 5 to 10 of `prepare_digit` in cnn_course/data/digits.py, in
// float32 as there, so that both give the same numbers. Steps 1 to 4 find out what is ink and what is
// ground in a photograph; of a drawing it is known, and its ink touches no edge.

const MIDDLE = 14.5 + 1e-4; // as in Python: a symmetric digit is not moved by rounding errors

// pixels (height, width), 0 to 255, light ink on black → {digit: Uint8Array (28, 28), size: the height
// and the width of its box there, thick: whether strokes were thickened}, or null where there is no
// ink, or a speck of it.
function prepareDigit(pixels, height, width) {
  const ink = new Float32Array(pixels.length);
  for (let n = 0; n < ink.length; n++) ink[n] = 1 - Math.fround(1 - Math.fround(pixels[n] / 255));
  if (largest(ink) < 0.015) return null;
  const box = digitOf(ink, height, width);
  if (max(...box.size) < 5) return null;
  const small = scaled(box), field = centred(small), thick = thickened(field);
  return {
    digit: Uint8Array.from(thick, v => Math.fround(Math.fround(v * 255) + 0.5)),
    size: small.size,
    thick: thick.some((v, n) => v > field[n]),
  };
}

function largest(values) {
  let most = 0;
  for (let n = 0; n < values.length; n++) if (values[n] > most) most = values[n];
  return most;
}

// Steps 6 and 7: the digit's parts without the faint traces around them, in their box.
function digitOf(ink, height, width) {
  const most = largest(ink), seen = new Uint8Array(ink.length);

  // All that has more ink than `least` and is connected to pixel n, but for what is seen already.
  function part(n, least) {
    const found = {n, mass: 0, top: height, bottom: 0, left: width, right: 0};
    const stack = [n];
    while (stack.length) {
      const m = stack.pop(), x = m % width, y = (m - x) / width;
      if (seen[m] || ink[m] <= least) continue;
      seen[m] = 1;
      found.mass += ink[m];
      extend(found, {top: y, left: x, bottom: y + 1, right: x + 1});
      for (let r = max(0, y - 1); r <= min(y + 1, height - 1); r++)
        for (let q = max(0, x - 1); q <= min(x + 1, width - 1); q++)
          if (!seen[r * width + q]) stack.push(r * width + q);
    }
    return found;
  }

  const parts = [];
  for (let n = 0; n < ink.length; n++) if (ink[n] > most / 2 && !seen[n]) parts.push(part(n, most / 2));
  const main = parts.reduce((a, b) => (b.mass > a.mass ? b : a));
  const reach = max(main.bottom - main.top, main.right - main.left) / 4;
  const kept = parts.filter(each => each.mass >= main.mass / 20 &&
    each.top < main.bottom + reach && each.bottom > main.top - reach &&
    each.left < main.right + reach && each.right > main.left - reach);

  const traces = Math.fround(min(tracesOf(ink, seen, height, width), most / 2));
  seen.fill(0);
  const box = kept.map(({n}) => part(n, traces)).reduce(extend);
  const size = [box.bottom - box.top, box.right - box.left];
  const data = new Float32Array(size[0] * size[1]).map((_, k) => {
    const n = (box.top + floor(k / size[1])) * width + box.left + (k % size[1]);
    return seen[n] ? ink[n] - traces : 0;
  });
  return {size, data};
}

function extend(box, {top, left, bottom, right}) {
  if (top < box.top) box.top = top;
  if (left < box.left) box.left = left;
  if (bottom > box.bottom) box.bottom = bottom;
  if (right > box.right) box.right = right;
  return box;
}

// Mean plus three standard deviations of the ink that lies more than 2 pixels away from the core.
function tracesOf(ink, core, height, width) {
  const near = new Uint8Array(ink.length);
  for (let n = 0; n < ink.length; n++) {
    if (!core[n]) continue;
    const y = floor(n / width), x = n % width;
    for (let r = max(0, y - 2); r <= min(y + 2, height - 1); r++)
      near.fill(1, r * width + max(0, x - 2), r * width + min(x + 3, width));
  }
  let count = 0, sum = 0, squares = 0;
  for (let n = 0; n < ink.length; n++) {
    if (near[n]) continue;
    count++;
    sum += ink[n];
    squares += ink[n] ** 2;
  }
  const mean = sum / count;
  return count && mean + 3 * Math.sqrt(max(0, squares / count - mean ** 2));
}

// Step 8: the longer side becomes 20 pixels, and the ink's upper quartile 1.
function scaled({size, data}) {
  const factor = 20 / max(...size);
  const [height, width] = size.map(side => max(1, floor(side * factor + 0.5)));
  const small = resized(resized(data, ...size, width), width, size[0], height);
  const most = largest(small);
  const strong = small.filter(v => v > most / 4).sort();
  const at = 0.75 * (strong.length - 1), low = floor(at);
  const quartile = strong[low] + (at - low) * (strong[min(low + 1, strong.length - 1)] - strong[low]);
  return {size: [height, width], data: small.map(v => min(v / quartile, 1))};
}

// Pillow's bilinear filter along the lines of values (lines, from) → (to, lines): so that twice of it
// resizes an image.
function resized(values, lines, from, to) {
  const result = new Float32Array(to * lines);
  const scale = from / to, reach = max(scale, 1);
  for (let o = 0; o < to; o++) {
    const centre = (o + 0.5) * scale;
    const first = max(0, Math.trunc(centre - reach + 0.5));
    const end = min(from, Math.trunc(centre + reach + 0.5));
    const weights = Array.from({length: end - first}, (_, k) => max(0, 1 - abs((first + k - centre + 0.5) * (1 / reach))));
    const sum = weights.reduce(add);
    for (let l = 0; l < lines; l++)
      result[o * lines + l] = weights.reduce((value, weight, k) => value + values[l * from + first + k] * (weight / sum), 0);
  }
  return result;
}

// Step 9: in 28×28 the centre of mass is brought to pixel (14, 14), as far as the box stays inside.
function centred({size: [height, width], data}) {
  let sum = 0, y = 0, x = 0;
  data.forEach((v, n) => {
    sum += v;
    y += v * floor(n / width);
    x += v * (n % width);
  });
  const place = (moment, side) => min(max(Math.trunc(MIDDLE - moment / sum), 0), 28 - side);
  const top = place(y, height), left = place(x, width);
  const field = new Float32Array(28 * 28);
  for (let i = 0; i < height; i++) field.set(data.subarray(i * width, (i + 1) * width), (top + i) * 28 + left);
  return field;
}

// Step 10: strokes thinner than MNIST's median of 2.5 pixels are thickened.
function thickened(field) {
  const at = (i, j) => (min(i, j) < 0 || max(i, j) > 27 ? 0 : field[28 * i + j]);
  let sum = 0, edges = 0;
  for (let i = 0; i <= 28; i++)
    for (let j = 0; j <= 28; j++) {
      sum += at(i, j);
      edges += abs(at(i, j) - at(i - 1, j)) + abs(at(i, j) - at(i, j - 1));
    }
  const width = (2 * sum) / ((Math.PI / 4) * edges);
  const factor = Math.fround(min(max(0.75 * (2.5 - width), 0), 1));
  return field.map((v, n) => {
    const i = floor(n / 28), j = n % 28;
    return max(v, factor * max(v, at(i - 1, j), at(i + 1, j), at(i, j - 1), at(i, j + 1)));
  });
}
