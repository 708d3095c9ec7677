// A kernel slides over a photograph or a drawing, and one output pixel is taken apart.

const OWN = "your own";
const CHANNELS = {grey: ["grey"], colour: ["red", "green", "blue"], drawing: ["drawing"]};
const SOURCES = [["grey", "photo in grey"], ["colour", "photo in colour"], ["drawing", "your drawing"]];

// A slice in another size: zeros are put around it, or weights cut off. A mean stays a mean.
function resized(slice, size) {
  const flat = slice.flat();
  const mean = flat.length > 1 && flat.every(w => abs(w * flat.length - 1) < 1e-9);
  const shift = floor((size - slice.length) / 2);
  const range = [...Array(size).keys()];
  return range.map(i => range.map(j => (mean ? 1 / size ** 2 : slice[i - shift]?.[j - shift] ?? 0)));
}

start("convolution", (body, data) => {
  const square = (channels, side, values) => tensor([channels, side, side], Float32Array.from(values));
  const bytes = decode(data.image);
  const colour = Array.from(bytes, (_, n) => bytes[3 * (n % data.side ** 2) + floor(n / data.side ** 2)] / 255);
  const grey = Array.from({length: data.side ** 2}, (_, n) => (bytes[3 * n] + bytes[3 * n + 1] + bytes[3 * n + 2]) / 765);
  const inputs = {
    grey: square(1, data.side, grey),
    colour: square(3, data.side, colour),
    drawing: square(1, data.drawing.length, data.drawing.flat()),
  };

  let source = "grey", name = data.kernel;
  let base = data.kernels[name], own = null; // the slices as they were chosen; as edited last
  const s = {kernel_size: base[0].length, ...data.settings};
  const boards = {}; // what is drawn
  let x, slices, map; // the input, its kernel's slices in the present size, the feature map
  let shape, size; // what `geometry` says; the side of the map
  let at = [0, 0], centre = true; // the output pixel that is taken apart; to be in the middle next
  let pen = [0, 0], ink = 1; // where the keyboard draws, and what the pointer does
  let hot = -1, cell = 0; // the weight that is pointed at; the side of a cell on the canvas

  // --- What is on the page

  const sourceMenu = menu("input", SOURCES, value => {
    source = value;
    centre = true;
    if (base.length > inputs[source].shape[0]) choose(data.kernel);
    else update();
  });
  const kernelMenu = menu("kernel", [], choose);
  const letters = {kernel_size: "F", stride: "S", padding: "P", dilation: "D"};
  const sliders = Object.entries(letters).map(([key, letter]) =>
    slider(key.replace("_", " "), letter, data.ranges[key], s[key], value => { s[key] = value; update(); }));
  const formula = el("p", {class: "cnn-formula cnn-number"});
  const remark = el("p", {class: "cnn-remark", role: "status"});
  const said = el("p", {class: "cnn-said cnn-number", role: "status"});
  const board = el("canvas", {tabindex: "0", role: "application"});
  const result = el("canvas", {tabindex: "0", role: "application",
    "aria-label": "Feature map. The arrow keys choose the pixel that is taken apart below."});
  const boardText = el("div"), boardScale = scaleBar({low: 0, high: 1});
  const resultText = el("div", {role: "status"}), resultScale = el("div");
  const player = sweep({
    count: () => size * size,
    position: () => at[0] * size + at[1],
    go(n) { moveTo([floor(n / size), n % size]); },
    busy(on) { said.setAttribute("aria-live", on ? "off" : "polite"); },
  });
  const clear = button("Clear", () => { inputs.drawing.data.fill(0); update(); });
  const panel = sumPanel({
    edit(c, k, value) {
      base = own = slices.map(slice => slice.map(line => [...line]));
      base[c][floor(k / s.kernel_size)][k % s.kernel_size] = value;
      name = OWN;
      update();
    },
    refuse(text) {
      if (text === undefined) return draw();
      say(`“${text}” is no weight: give a number from −99 to 99, such as −1, 0.5 or 1/9.`);
    },
    point(k) { hot = k; if (map) drawInput(); },
  });
  body.append(
    el("div", {class: "cnn-choices"}, sourceMenu.root, kernelMenu.root),
    el("div", {class: "cnn-sliders"}, ...sliders.map(each => each.root)),
    el("div", {class: "cnn-size"}, formula, remark),
    el("div", {class: "cnn-boards"}, captioned(board, boardText, boardScale), captioned(result, resultText, resultScale)),
    row(...player.buttons, clear),
    el("div", {}, said, panel.root),
  );

  const say = text => { said.textContent = text; };

  function choose(value) {
    name = value;
    base = name === OWN ? own : data.kernels[name];
    s.kernel_size = base[0].length;
    sliders[0].set(s.kernel_size);
    update();
  }

  // --- What follows from the settings

  function update() {
    x = inputs[source];
    const {kernel_size: f, stride, padding, dilation} = s;
    slices = CHANNELS[source].map((_, c) => resized(base[base.length > 1 ? c : 0], f));
    const before = size;
    shape = geometry(x.shape[1], s, data.ranges.padding[1]);
    size = shape.output;
    const weight = tensor([1, slices.length, f, f], Float32Array.from(slices.flat(2)));
    map = size < 1 ? null : conv2d(x, weight, null, {stride, padding, dilation}).data;
    if (size !== before) player.finish();
    if (size > 0) [at, centre] = [at.map(n => (centre ? floor(size / 2) : clamp(n, size))), false];
    const names = Object.keys(data.kernels).filter(each => data.kernels[each].length <= x.shape[0]);
    if (own && own.length <= x.shape[0]) names.push(OWN);
    kernelMenu.select.replaceChildren(...names.map(each => el("option", {}, each)));
    kernelMenu.select.value = name;
    clear.hidden = source !== "drawing";
    formula.replaceChildren(...shape.formula.flatMap(part => [el("span", {}, ...italic(part)), " "]));
    formula.lastElementChild.append(el("b", {}, numberText(size)));
    remark.textContent = shape.remarks.join(" ");
    remark.classList.toggle("cnn-fault", !map);
    rasters();
    draw();
  }

  // Letters are names of sizes.
  const italic = text => text.split(/([A-Z])/).map(part => (/[A-Z]/.test(part) ? el("i", {}, part) : part));

  // --- Drawing

  function draw() {
    const room = board.parentElement.clientWidth;
    if (!room) return;
    cell = cellSize(room, shape.padded);
    const sides = n => `${n} × ${n}`;
    boardText.textContent = `input ${sides(x.shape[1])}` + (s.padding ? `, padding ${s.padding}` : "");
    resultText.textContent = map ? `feature map ${sides(size)}` : "no feature map";
    resultScale.replaceChildren(map ? scaleBar(boards.grey, source === "drawing" ? undefined : 2) : "");
    board.setAttribute("aria-label", source === "drawing"
      ? "Drawing. The arrow keys move the pen, the space bar sets or clears a pixel."
      : "Input. The arrow keys move the kernel.");
    player.refresh();
    panel.root.hidden = result.hidden = !map;
    drawInput();
    if (map) frame(drawBoard(result, boards.map, cell, player.shown()), ...at, 1, 1, cell);
    takeApart();
  }

  // Both boards as pixels, which change with the settings alone.
  function rasters() {
    const w = x.shape[1], p = s.padding, side = shape.padded;
    boards.input = raster(side, side, n => {
      const i = floor(n / side) - p, j = (n % side) - p;
      if (min(i, j) < 0 || max(i, j) >= w) return RIM;
      return [0, 1, 2].map(c => 255 * x.data[((c % x.shape[0]) * w + i) * w + j]);
    });
    if (!map) return;
    boards.grey = greyScale(map, source !== "drawing");
    boards.map = raster(size, size, n => Array(3).fill(boards.grey.level(map[n])), n => numberText(map[n]));
  }

  function drawInput() {
    const context = drawBoard(board, boards.input, cell);
    const w = x.shape[1], p = s.padding;
    if (p) edge(context, p, p, w, w, cell);
    if (source === "drawing" && document.activeElement === board)
      frame(context, pen[0] + p + 0.25, pen[1] + p + 0.25, 0.5, 0.5, cell, EDGE);
    if (!map) return;
    const [top, left] = at.map(n => n * s.stride);
    const tap = k => [top + floor(k / s.kernel_size) * s.dilation, left + (k % s.kernel_size) * s.dilation];
    context.fillStyle = "rgba(213,94,0,.55)";
    for (let k = 0; s.dilation > 1 && k < s.kernel_size ** 2; k++)
      context.fillRect(tap(k)[1] * cell, tap(k)[0] * cell, cell, cell);
    frame(context, top, left, shape.span, shape.span, cell);
    if (hot >= 0) frame(context, ...tap(hot), 1, 1, cell, EDGE);
  }

  function takeApart() {
    if (!map) return say("");
    const f = s.kernel_size, w = x.shape[1];
    const place = k => [at[0] * s.stride - s.padding + floor(k / f) * s.dilation,
      at[1] * s.stride - s.padding + (k % f) * s.dilation];
    const outside = k => place(k).some(n => n < 0 || n >= w);
    const patches = slices.map((_, c) => Array.from({length: f * f}, (_, k) =>
      outside(k) ? 0 : x.data[(c * w + place(k)[0]) * w + place(k)[1]]));
    const short = source === "drawing";
    const sum = panel.show({names: CHANNELS[source], side: f, patches, slices: slices.map(each => each.flat()), outside, short});
    say(`Row ${at[0]}, column ${at[1]}: ${numberText(sum, short ? undefined : 2)}`);
  }

  // --- Pointer and keys

  function moveTo(position) { at = position; draw(); }

  result.addEventListener("pointerdown", event => { player.pause(); result.setPointerCapture(event.pointerId); moveTo(under(event, result, size, size)); });
  result.addEventListener("pointermove", event => player.playing() || moveTo(under(event, result, size, size)));

  function stroke(event) {
    const to = under(event, board, shape.padded, shape.padded).map(n => clamp(n - s.padding, x.shape[1]));
    const steps = max(1, ...to.map((n, axis) => abs(n - pen[axis])));
    for (let k = event.type === "pointerdown" ? steps : 1; k <= steps; k++) {
      const [i, j] = to.map((n, axis) => round(pen[axis] + ((n - pen[axis]) * k) / steps));
      x.data[i * x.shape[1] + j] = ink;
    }
    pen = to;
    if (map) at = nearest(event);
    update();
  }

  // The output pixel whose patch has its middle nearest to the pointer.
  const nearest = event => under(event, board, shape.padded, shape.padded)
    .map(n => clamp(round((n - (shape.span - 1) / 2) / s.stride), size));
  const point = event => map && !player.playing() && moveTo(nearest(event));

  board.addEventListener("pointerdown", event => {
    board.setPointerCapture(event.pointerId);
    if (source !== "drawing") return player.pause(), point(event);
    const [i, j] = under(event, board, shape.padded, shape.padded).map(n => clamp(n - s.padding, x.shape[1]));
    ink = 1 - x.data[i * x.shape[1] + j];
    stroke(event);
  });
  board.addEventListener("pointermove", event => {
    if (source === "drawing" && event.buttons) stroke(event);
    else point(event);
  });

  function keys(event) {
    if (!map && source !== "drawing") return;
    const drawing = event.currentTarget === board && source === "drawing";
    const side = drawing ? x.shape[1] : size;
    const to = moved(event, drawing ? pen : at, [side, side]);
    if (!to && !taken(event, drawing && [" ", "Enter"].includes(event.key))) return;
    player.pause();
    if (!drawing) return moveTo(to);
    if (to) pen = to;
    else x.data[pen[0] * side + pen[1]] = 1 - x.data[pen[0] * side + pen[1]];
    update();
    say(`Drawing, row ${pen[0]}, column ${pen[1]}: ${x.data[pen[0] * side + pen[1]]}`);
  }
  for (const canvas of [board, result]) canvas.addEventListener("keydown", keys);
  board.addEventListener("focus", () => cell && drawInput());
  board.addEventListener("blur", () => cell && drawInput());

  update();
  return draw;
});
