// One number of the network taken apart: a click on a map, then on a pixel of it, shows the sum that
// made it.

// `current` gives the tensors of all layers, or null; `changed` is called when another map is chosen.
function sumInspector(net, current, changed) {
  let name = null, n = 0, at = [0, 0]; // the layer, the map in it, the pixel of the map
  let channel = 0, hot = -1; // the channel whose products are shown; the product that is pointed at
  let view = null; // what is drawn

  const said = el("p", {class: "cnn-said cnn-number", "aria-live": "polite"});
  const source = el("canvas", {role: "img", "aria-label": "The patch that is read."}), sourceText = el("span");
  const board = el("canvas", {tabindex: "0", role: "application", "aria-label": "Arrow keys choose a pixel."});
  const boardText = el("span");
  const boards = [captioned(source, sourceText), captioned(board, boardText)];
  const table = el("div", {class: "cnn-table cnn-number"});
  const panel = channelSum("", "", 5, k => {
    panel.light(hot, false);
    panel.light((hot = k), true);
    if (view) drawSource();
  });
  const sum = el("div", {class: "cnn-sum cnn-number cnn-large", style: "--size: 5"}, panel.root);
  const root = el("div", {class: "cnn-inspector", hidden: true}, said, el("div", {class: "cnn-apart"}, ...boards, table), sum);

  function choose(layer, number, pixel) {
    [name, n, hot] = [layer, number, -1];
    const side = LAYERS[name].shape[1] ?? 1;
    at = (pixel ?? at).map(k => clamp(k, side));
    channel = -1;
    changed();
    show();
  }

  function show() {
    const all = current();
    root.hidden = !name || !all;
    view = null;
    if (root.hidden) return;
    const {from, shape, weight} = net.layers[name];
    const x = all[from], y = all[name];
    view = {from, x, y, shape, side: shape[1]};
    for (const each of boards) each.hidden = shape.length < 3;
    sum.hidden = shape.length < 3 || !weight;
    const value = y.data[shape.length < 3 ? n : (n * shape[1] + at[0]) * shape[2] + at[1]];
    const where = shape.length < 3 ? `unit ${n}` : `map ${n}, row ${at[0]}, column ${at[1]}`;
    said.textContent = `${name}, ${where}: ${numberText(value, 2)}`;
    write(shape.length < 3 ? unit() : weight ? convolved() : pooled());
    if (shape.length > 1) draw();
  }

  // --- The sums

  function convolved() {
    const {weight, bias, padding} = net.layers[name], {x, from} = view;
    const [channels, high, wide] = x.shape, f = weight.shape[2];
    const tap = k => [at[0] - padding + Math.floor(k / f), at[1] - padding + (k % f)];
    const outside = k => Math.min(...tap(k)) < 0 || Math.max(...tap(k)) >= high;
    const every = Array.from({length: f * f}, (_, k) => k);
    const patch = c => every.map(k => (outside(k) ? 0 : x.data[(c * high + tap(k)[0]) * wide + tap(k)[1]]));
    const slice = c => every.map(k => weight.data[(n * channels + c) * f * f + k]);
    const patches = [], slices = [], sums = [];
    for (let c = 0; c < channels; c++) {
      patches.push(patch(c));
      slices.push(slice(c));
      sums.push(every.reduce((sum, k) => sum + patches[c][k] * slices[c][k], 0));
    }
    if (channel < 0) channel = sums.reduce((most, v, c) => (Math.abs(v) > Math.abs(sums[most]) ? c : most), 0);
    Object.assign(view, {tap, span: f, part: channel});
    panel.show(patches[channel], slices[channel], Math.max(...slices[channel].map(Math.abs)), outside, 2, level);
    const parts = channels === 1 ? [[`${f * f} products`, sums[0]]]
      : sums.map((v, c) => [`${from}, map ${c}`, v, c]);
    return [...parts, ...ended(sums.reduce((a, b) => a + b, 0), bias.data[n])];
  }

  const ended = (sum, bias) => [["bias", bias], ["sum", sum + bias], ["ReLU", Math.max(0, sum + bias)]];

  function pooled() {
    const {x} = view, side = x.shape[1];
    const tap = k => [2 * at[0] + Math.floor(k / 2), 2 * at[1] + (k % 2)];
    const values = [0, 1, 2, 3].map(k => x.data[(n * side + tap(k)[0]) * side + tap(k)[1]]);
    Object.assign(view, {tap, span: 2, part: n});
    return [...values.map((v, k) => [`row ${tap(k)[0]}, column ${tap(k)[1]}`, v]), ["largest", Math.max(...values)]];
  }

  function unit() {
    const {weight, bias} = net.layers[name], {x} = view, inputs = x.data.length;
    const sums = [0, 0];
    x.data.forEach((v, k) => {
      const product = v * weight.data[n * inputs + k];
      sums[+(product < 0)] += product;
    });
    return [[`products of ${inputs}, above 0`, sums[0]], ["below 0", sums[1]], ...ended(sums[0] + sums[1], bias.data[n])];
  }

  // Rows of [label, number, channel]; a channel's row is a button that shows its products.
  function write(rows) {
    const labels = rows.map(([label]) => label).join();
    if (table.dataset.labels !== labels) {
      table.dataset.labels = labels;
      table.replaceChildren(...rows.map(([label, , c]) => el(c === undefined ? "p" : "button",
        c === undefined ? {} : {type: "button", onclick: () => { channel = c; show(); }},
        el("span", {}, label), el("span"))));
    }
    rows.forEach(([, value, c], r) => {
      const line = table.children[r];
      line.lastChild.textContent = numberText(value, 2);
      if (c !== undefined) line.setAttribute("aria-pressed", String(c === channel));
    });
  }

  // --- Drawing

  // How bright a number of the layer before is.
  const level = v => {
    if (view.from === "input") return v * net.sd + net.mean;
    view.white ??= largest(view.x.data) || 1;
    return v / view.white;
  };

  const grey = (values, side, map, bright) => raster(side, side, k => Array(3).fill(255 * bright(values[map * side * side + k])),
    k => numberText(values[map * side * side + k], 1));

  const fit = (canvas, side) => cellSize(canvas.parentElement.clientWidth, side);

  function draw() {
    const {from, y, side, x, part} = view;
    sourceText.textContent = from === "input" ? "input, normalized" : `${from}, map ${part}`;
    boardText.textContent = `${name}, map ${n}`;
    const white = largest(y.data) || 1;
    view.source = grey(x.data, x.shape[1], part, level);
    drawSource();
    const cell = fit(board, side);
    frame(drawBoard(board, grey(y.data, side, n, v => v / white), cell), ...at, 1, 1, cell);
  }

  function drawSource() {
    const {source: pixels, tap, span} = view;
    if (!pixels) return;
    const cell = fit(source, pixels.rows), context = drawBoard(source, pixels, cell);
    frame(context, ...tap(0), span, span, cell);
    if (hot >= 0) frame(context, ...tap(hot), 1, 1, cell, EDGE);
  }

  // --- Pointer and keys

  function move(to) {
    if (to.join() === at.join()) return;
    at = to;
    show();
  }

  const point = event => move(under(event, board, view.side, view.side));
  board.addEventListener("pointerdown", event => {
    if (event.isTrusted) board.setPointerCapture(event.pointerId);
    point(event);
  });
  board.addEventListener("pointermove", event => event.buttons && point(event));
  board.addEventListener("keydown", event => {
    const to = moved(event.key, at, [view.side, view.side]);
    if (!to) return;
    event.preventDefault();
    move(to);
  });

  return {root, choose, show, chosen: layer => (layer === name ? n : -1), focus: () => board.focus()};
}
