// Boards of pixels: an image or a feature map on a canvas, cell by cell.

const FRAME = "#d55e00"; // around what is taken apart
const EDGE = "#56b4e9"; // where the image ends in its padding, and what is pointed at

// A canvas below its caption, in a square that it need not fill. No <figure>: pages style those.
const captioned = (canvas, ...caption) => el("div", {class: "cnn-figure"},
  el("div", {class: "cnn-caption"}, ...caption), el("div", {class: "cnn-board"}, canvas));

const ratio = () => window.devicePixelRatio || 1;

// What light-dark(#rrggbb, #rrggbb) of base.css is in the theme of the moment.
function property(e, name) {
  const style = getComputedStyle(e), [light, dark] = style.getPropertyValue(name).match(/#\w+/g);
  return style.colorScheme === "dark" ? dark : light;
}

// The largest whole number of device pixels for a cell, so that `count` of them fit into `room`.
const cellSize = (room, count) => max(1, floor((room * ratio()) / count));

// Pixels to draw again and again: colour(n) is the n-th one's [red, green, blue], each 0 to 255, and
// text(n) what is written into it where there is room. `canvas` may be one that is used again.
function raster(rows, columns, colour, text, canvas = el("canvas", {width: columns, height: rows})) {
  const image = new ImageData(columns, rows);
  for (let n = 0; n < rows * columns; n++) {
    const [r, g, b] = colour(n);
    image.data[4 * n] = r;
    image.data[4 * n + 1] = g;
    image.data[4 * n + 2] = b;
    image.data[4 * n + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return {rows, columns, canvas, colour, text};
}

// Draw the first `count` pixels of a raster, with `cell` device pixels for the side of each, and
// lines between cells that are large enough. Returns the context.
function drawBoard(canvas, {rows, columns, canvas: small, colour, text}, cell, count = Infinity) {
  const wide = columns * cell, high = rows * cell;
  if (canvas.width !== wide || canvas.height !== high) { // to set them takes time
    Object.assign(canvas, {width: wide, height: high});
    canvas.style.width = `${wide / ratio()}px`;
    canvas.style.height = `${high / ratio()}px`;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, wide, high);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, wide, high);
  if (count < rows * columns) {
    const i = floor(count / columns);
    context.clearRect((count % columns) * cell, i * cell, wide, cell);
    context.clearRect(0, (i + 1) * cell, wide, high);
  }
  if (cell >= 9 * ratio()) {
    context.fillStyle = "rgba(128,128,128,.4)";
    for (let i = 1; i < rows; i++) context.fillRect(0, i * cell, wide, 1);
    for (let j = 1; j < columns; j++) context.fillRect(j * cell, 0, 1, high);
  }
  if (text && cell >= 22 * ratio()) {
    context.font = `${round(cell * 0.38)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let n = 0; n < min(rows * columns, count); n++) {
      context.fillStyle = inkOn(...colour(n));
      context.fillText(text(n), ((n % columns) + 0.5) * cell, (floor(n / columns) + 0.53) * cell, 0.86 * cell);
    }
  }
  return context;
}

// Black or white, whichever is easier to read on a colour.
function inkOn(...colour) {
  const [r, g, b] = colour.map(v => (v / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

// A frame around cells that shows on dark and on bright pixels; a tiny one is drawn larger.
function frame(context, top, left, height, width, cell, colour = FRAME) {
  const grown = max(0, (7 * ratio() - width * cell) / 2);
  const box = [left * cell - grown, top * cell - grown, width * cell + 2 * grown, height * cell + 2 * grown];
  for (const [style, line] of [["#fff", 4], [colour, 2]]) {
    context.strokeStyle = style;
    context.lineWidth = line * ratio();
    context.strokeRect(...box);
  }
}
