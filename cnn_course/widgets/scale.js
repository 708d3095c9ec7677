// A grey scale for numbers, and the edge of an image inside its padding; needs boards.js.

const RIM = [30, 48, 68]; // the padding's zeros, which are no pixels

// A dashed frame: the edge of the image inside its padding.
function edge(context, top, left, height, width, cell) {
  context.setLineDash([4 * ratio(), 3 * ratio()]);
  context.strokeStyle = EDGE;
  context.lineWidth = ratio();
  context.strokeRect(left * cell, top * cell, width * cell, height * cell);
  context.setLineDash([]);
}

// A grey scale for numbers: the smallest is black, the largest white. With `cut` the lowest and the
// highest hundredth are black and white as well, so that a few do not darken all others.
function greyScale(values, cut) {
  const sorted = Float32Array.from(values).sort();
  const off = cut ? floor(sorted.length / 100) : 0;
  const low = sorted[off], high = sorted[sorted.length - 1 - off];
  return {
    low, high, cut: off > 0,
    level: v => round(255 * (high > low ? max(0, min(1, (v - low) / (high - low))) : v > 0)),
  };
}

// The scale's two ends in numbers, with a bar between them.
const scaleBar = ({low, high, cut}, digits) => el("div", {class: "cnn-scale cnn-number"},
  (cut ? "≤ " : "") + numberText(low, digits), el("i"), (cut ? "≥ " : "") + numberText(high, digits));
