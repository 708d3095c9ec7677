// All feature maps of a layer on one canvas, side by side, as grey levels; needs boards.js.

// `count` maps of height × width; label is said of them. choose(n, [i, j]) is called for the n-th map,
// with its pixel under the pointer, or without one if keys chose it; a third argument says that Enter
// asks to go on to its pixels.
function layerBoard(label, [count, height = 1, width = 1], choose) {
  let columns, gap; // so many maps in a row, and so many of their pixels between two
  let image, cell; // the board in such pixels, and the side of one
  let chosen = -1;
  const small = el("canvas");

  const canvas = el("canvas", {
    tabindex: "0", role: "application", "aria-label": label,
    onpointerdown(event) {
      const [i, j] = under(event, canvas, small.height, small.width);
      const r = floor(i / (height + gap)), c = floor(j / (width + gap));
      choose(r * columns + c, [clamp(i - r * (height + gap), height), clamp(j - c * (width + gap), width)]);
    },
    onkeydown(event) {
      const from = max(0, chosen), now = [floor(from / columns), from % columns];
      const enter = taken(event, event.key === "Enter");
      const to = enter ? now : moved(event, now, [count / columns, columns]);
      if (to) choose(to[0] * columns + to[1], undefined, enter);
    },
  });

  const place = n => [floor(n / columns) * (height + gap), (n % columns) * (width + gap)];

  // On `room` pixels of the page; returns how many of them it takes.
  function layout(perRow, apart, room) {
    [columns, gap] = [perRow, apart];
    small.height = (count / columns) * (height + gap) - gap;
    small.width = columns * (width + gap) - gap;
    image = new ImageData(small.width, small.height);
    cell = cellSize(room, small.width);
    return (small.width * cell) / ratio();
  }

  // Values from 0, which is black, to `white`.
  function paint(values, white) {
    const {data, width: row} = image;
    for (let n = 0, k = 0; n < count; n++) {
      const [top, left] = place(n);
      for (let i = 0; i < height; i++)
        for (let j = 0, p = 4 * ((top + i) * row + left); j < width; j++, p += 4) {
          data[p] = data[p + 1] = data[p + 2] = white ? (255 * values[k++]) / white : 0;
          data[p + 3] = 255;
        }
    }
    small.getContext("2d").putImageData(image, 0, 0);
    const context = drawBoard(canvas, {rows: image.height, columns: row, canvas: small}, cell);
    if (chosen >= 0) frame(context, ...place(chosen), height, width, cell);
  }

  return {canvas, layout, paint, mark(n) { chosen = n; }};
}
