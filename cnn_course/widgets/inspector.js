// One number of the network taken apart: a click on a map, then on a pixel of it, shows the sum that
// made it.

const pixel = ({shape, data}, c, [i, j]) => data[(c * shape[1] + i) * shape[2] + j];

// `current` gives the tensors of all layers, or null; `changed` is called when another map is chosen.
function sumInspector(net, current, changed) {
  let name = null, n = 0, at = [0, 0]; // the layer, the map in it, the pixel of the map
  let channel = 0, hot = -1; // the channel whose products are shown; the product that is pointed at
  let view; // what is drawn: the layer, its input x and output y, and where it reads x

  const said = el("p", {class: "cnn-said cnn-number", "aria-live": "polite"});
  const source = el("canvas", {role: "img", "aria-label": "The patch that is read."}), sourceText = el("span");
  const board = el("canvas", {
    tabindex: "0", role: "application", "aria-label": "Arrow keys choose a pixel.",
    onpointerdown(event) {
      if (event.isTrusted) board.setPointerCapture(event.pointerId);
      move(under(event, board, view.side, view.side));
    },
    onpointermove(event) { if (event.buttons) move(under(event, board, view.side, view.side)); },
    onkeydown(event) { move(moved(event, at, [view.side, view.side]) ?? at); },
  });
  const boardText = el("span");
  const boards = [captioned(source, sourceText), captioned(board, boardText)];
  const table = el("div", {class: "cnn-table cnn-number"});
  const panel = channelSum("", 5, k => {
    panel.light(hot, false);
    panel.light((hot = k), true);
    drawSource();
  }, v => grey(level(v)));
  const sum = el("div", {class: "cnn-sum cnn-number", style: "--size: 5"}, panel.root);
  const root = el("div", {class: "cnn-inspector", hidden: true}, said, el("div", {class: "cnn-apart"}, ...boards, table), sum);

  function choose(layer, number, to = at) {
    [name, n, channel, hot] = [layer, number, -1, -1];
    at = to.map(k => clamp(k, LAYERS[name].shape[1] ?? 1));
    changed();
    show();
  }

  function move(to) {
    if (to.join() === at.join()) return;
    at = to;
    show();
  }

  function show() {
    const all = current();
    root.hidden = !name || !all;
    if (root.hidden) return;
    const layer = net.layers[name], y = all[name], maps = y.shape.length > 1;
    view = {...layer, x: all[layer.from], y, side: y.shape[1], most: largest(all[layer.from].data) || 1};
    for (const each of boards) each.hidden = !maps;
    sum.hidden = !maps || !layer.weight;
    said.textContent = `${name}, ` + (maps
      ? `map ${n}, row ${at[0]}, column ${at[1]}: ${numberText(pixel(y, n, at), 2)}`
      : `unit ${n}: ${numberText(y.data[n], 2)}`);
    write(!maps ? unit() : layer.weight ? convolved() : pooled());
    if (maps) draw();
  }

  // --- The sums

  function convolved() {
    const {x, from, weight, bias, padding} = view;
    const [channels, side] = x.shape, f = weight.shape[2], every = [...Array(f * f).keys()];
    const tap = k => [at[0] - padding + floor(k / f), at[1] - padding + (k % f)];
    const outside = k => tap(k).some(i => i < 0 || i >= side);
    const parts = Array.from({length: channels}, (_, c) => {
      const patch = every.map(k => (outside(k) ? 0 : pixel(x, c, tap(k))));
      const slice = every.map(k => weight.data[(n * channels + c) * f * f + k]);
      return {patch, slice, sum: every.reduce((sum, k) => sum + patch[k] * slice[k], 0)};
    });
    const sums = parts.map(part => part.sum), sizes = sums.map(abs);
    if (channel < 0) channel = sizes.indexOf(max(...sizes));
    const {patch, slice} = parts[channel];
    panel.show(patch, slice, max(...slice.map(abs)), outside, 2);
    Object.assign(view, {tap, span: f, part: channel});
    const labelled = (v, c) => (channels > 1 ? [`${from}, map ${c}`, v, c] : [`${f * f} products`, v]);
    return [...sums.map(labelled), ...ended(sums.reduce(add), bias.data[n])];
  }

  const ended = (sum, bias) => [["bias", bias], ["sum", sum + bias], ["ReLU", max(0, sum + bias)]];

  function pooled() {
    const tap = k => [2 * at[0] + floor(k / 2), 2 * at[1] + (k % 2)];
    Object.assign(view, {tap, span: 2, part: n});
    return [...[0, 1, 2, 3].map(k => [`row ${tap(k)[0]}, column ${tap(k)[1]}`, pixel(view.x, n, tap(k))]),
      ["largest", pixel(view.y, n, at)]];
  }

  function unit() {
    const {x, weight, bias} = view, count = x.data.length;
    const products = x.data.map((v, k) => v * weight.data[n * count + k]);
    const [above, below] = [1, -1].map(sign => products.reduce((sum, v) => (v * sign > 0 ? sum + v : sum), 0));
    return [[`products of ${count}, above 0`, above], ["below 0", below], ...ended(above + below, bias.data[n])];
  }

  // Rows of [label, number, channel]; a channel's row is a button that shows its products.
  function write(rows) {
    const labels = rows.map(([label]) => label).join();
    if (table.dataset.labels !== labels) {
      table.dataset.labels = labels;
      table.replaceChildren(...rows.map(([label, , c]) => {
        const line = c === undefined ? el("p") : button("", () => { channel = c; show(); });
        line.append(el("span", {}, label), el("span"));
        return line;
      }));
    }
    rows.forEach(([, value, c], r) => {
      const line = table.children[r];
      line.lastChild.textContent = numberText(value, 2);
      if (c !== undefined) line.setAttribute("aria-pressed", String(c === channel));
    });
  }

  // --- Drawing

  // How bright a number of the layer before is.
  const level = v => (view.from === "input" ? v * net.sd + net.mean : v / view.most);

  const grey = share => Array(3).fill(255 * share);

  function greys({shape: [, side], data}, c, bright) {
    const value = k => data[c * side ** 2 + k];
    return raster(side, side, k => grey(bright(value(k))), k => numberText(value(k), 1));
  }

  const fit = (canvas, side) => cellSize(canvas.parentElement.clientWidth, side);

  function draw() {
    const {from, x, y, side, part} = view;
    sourceText.textContent = from === "input" ? "input, normalized" : `${from}, map ${part}`;
    boardText.textContent = `${name}, map ${n}`;
    view.source = greys(x, part, level);
    drawSource();
    const cell = fit(board, side), white = largest(y.data) || 1;
    frame(drawBoard(board, greys(y, n, v => v / white), cell), ...at, 1, 1, cell);
  }

  function drawSource() {
    const {source: pixels, tap, span} = view;
    const cell = fit(source, pixels.rows), context = drawBoard(source, pixels, cell);
    frame(context, ...tap(0), span, span, cell);
    if (hot >= 0) frame(context, ...tap(hot), 1, 1, cell, EDGE);
  }

  return {root, choose, show, chosen: layer => (layer === name ? n : -1), focus: () => board.focus()};
}
