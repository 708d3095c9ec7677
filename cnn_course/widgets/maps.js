// All feature maps of a layer on one canvas, side by side, as grey levels.

// `count` maps of height × width; label is said of them. choose(n, [i, j]) is called for the n-th map,
// with its pixel under the pointer, or without one if keys chose it.
function layerBoard(label, [count, height = 1, width = 1], choose) {
  const canvas = el("canvas", {tabindex: "0", role: "application", "aria-label": label});
  const context = canvas.getContext("2d"), small = el("canvas"), pixels = small.getContext("2d");
  let image, columns, gap, cell;
  let chosen = -1;

  const place = n => [Math.floor(n / columns) * (height + gap), (n % columns) * (width + gap)];

  // So many maps in a row, `apart` of their pixels between two, on `room` pixels of the page.
  function layout(perRow, apart, room) {
    [columns, gap] = [perRow, apart];
    const wide = columns * (width + gap) - gap, high = (count / columns) * (height + gap) - gap;
    cell = Math.max(1, Math.floor((room * ratio()) / wide + 1e-6));
    Object.assign(small, {width: wide, height: high});
    image = new ImageData(wide, high);
    Object.assign(canvas, {width: wide * cell, height: high * cell});
    canvas.style.width = `${canvas.width / ratio()}px`;
    canvas.style.height = `${canvas.height / ratio()}px`;
    context.imageSmoothingEnabled = false;
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
    pixels.putImageData(image, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    if (!gap) {
      for (let j = 1; j < columns; j++) context.clearRect(j * cell, 0, ratio(), canvas.height);
      for (let i = 1; i < count / columns; i++) context.clearRect(0, i * cell, canvas.width, ratio());
    }
    if (chosen >= 0) frame(context, ...place(chosen), height, width, cell);
  }

  canvas.addEventListener("pointerdown", event => {
    const [i, j] = under(event, canvas, small.height, small.width);
    const r = Math.floor(i / (height + gap)), c = Math.floor(j / (width + gap));
    choose(r * columns + c, [clamp(i - r * (height + gap), height), clamp(j - c * (width + gap), width)]);
  });
  canvas.addEventListener("keydown", event => {
    const from = Math.max(0, chosen), now = [Math.floor(from / columns), from % columns];
    const to = event.key === "Enter" ? now : moved(event.key, now, [count / columns, columns]);
    if (!to) return;
    event.preventDefault();
    choose(to[0] * columns + to[1], undefined, event.key === "Enter");
  });

  return {canvas, layout, paint, mark(n) { chosen = n; }};
}
