// All feature maps of a layer on one canvas, side by side, as grey levels; needs boards.js.

// `count` maps of height × width; label is said of them. choose(n, [i, j]) is called for the n-th map,
// with its pixel under the pointer, or without one if keys chose it; a third argument says that Enter
// asks to go on to its pixels.
function layerBoard(label, [count, height = 1, width = 1], choose) {
  let columns, gap; // so many maps in a row, and so many of their pixels between two
  let high, wide, cell; // the board in such pixels, and the side of one
  let chosen = -1;

  const canvas = el("canvas", {
    tabindex: "0", role: "application", "aria-label": label,
    onpointerdown(event) {
      const {n, at} = part(...under(event, canvas, high, wide));
      choose(n, [clamp(at[0], height), clamp(at[1], width)]);
    },
    onkeydown(event) {
      const from = max(0, chosen), now = [floor(from / columns), from % columns];
      const enter = taken(event, event.key === "Enter");
      const to = enter ? now : moved(event, now, [count / columns, columns]);
      if (to) choose(to[0] * columns + to[1], undefined, enter);
    },
  });

  // The map at row i, column j of the board, and where in it that is; beyond its end in a gap.
  const part = (i, j) => ({
    n: floor(i / (height + gap)) * columns + floor(j / (width + gap)),
    at: [i % (height + gap), j % (width + gap)],
  });

  // On `room` pixels of the page; returns how many of them it takes.
  function layout(perRow, apart, room) {
    [columns, gap] = [perRow, apart];
    [high, wide] = [(count / columns) * (height + gap) - gap, columns * (width + gap) - gap];
    cell = cellSize(room, wide);
    return (wide * cell) / ratio();
  }

  // Values from 0, which is black, to `white`.
  function paint(values, white) {
    const context = drawBoard(canvas, raster(high, wide, p => {
      const {n, at: [i, j]} = part(floor(p / wide), p % wide);
      if (i >= height || j >= width) return [0, 0, 0, 0];
      return Array(3).fill((255 * values[(n * height + i) * width + j]) / white);
    }), cell);
    const [row, column] = [floor(chosen / columns), chosen % columns];
    if (chosen >= 0) frame(context, row * (height + gap), column * (width + gap), height, width, cell);
  }

  return {canvas, layout, paint, mark(n) { chosen = n; }};
}
