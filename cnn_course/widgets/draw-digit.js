// A digit is drawn, brought into MNIST's form and read by LeNet-5, with every feature map in view.

const SQUARE = 7; // pixels: the side of what covers a part of the digit
// So many maps of a layer stand in a row, in a narrow figure, and so many of their pixels apart.
const ROWS = {C1: [6, 3, 4], S2: [6, 3, 2], C3: [16, 8, 2], S4: [16, 8, 1], C5: [30, 30, 0], F6: [28, 28, 0]};
const ORANGE = [224, 130, 20];
const percent = share => `${round(100 * share)} %`;
const times = numbers => numbers.join(" × ");
// What stays is not written again, which would lay out the page anew.
const write = (e, text) => { if (e.textContent !== text) e.textContent = text; };

start("draw-digit", (body, data) => {
  const net = lenet5(data.weights);
  const examples = decode(data.examples);
  const nothing = new Uint8Array(784);

  let digit = null, maps = null; // as MNIST's, and what the network makes of it; null without ink
  let best = 0;
  let hidden = null; // what the occlusion map has found so far
  let cell = 0; // the side of a pixel of the prepared digit, in device pixels; 0 until there is room

  // --- What is on the page

  const sheet = sheetBoard(read);
  const undo = button("Undo", sheet.undo), clear = button("Clear", sheet.clear);
  const answer = el("b"), note = el("span");
  const status = el("p", {role: "status", class: "cnn-answer"}, answer, note);
  const prepared = el("canvas", {role: "img", "aria-label": "The digit, prepared."});
  const small = el("canvas", {width: 28, height: 28});
  const did = el("p", {class: "cnn-small"});
  const cover = button("Occlusion map", occlude);
  const bars = Array.from({length: 10}, (_, n) => {
    const bar = el("i"), share = el("span", {class: "cnn-number"});
    return {bar, share, root: el("li", {}, el("span", {}, n), el("span", {class: "cnn-bar"}, bar), share)};
  });
  const takers = data.labels.map((label, n) => {
    const bytes = examples.subarray(784 * n, 784 * (n + 1));
    const canvas = el("canvas", {width: 28, height: 28});
    const taker = el("button", {type: "button", "aria-label": `example ${n + 1}, a ${label}`, onclick() {
      sheet.show(bytes);
      note.textContent = `It is meant to be: ${label}.`;
    }}, canvas);
    return {canvas, taker, bytes};
  });
  const layers = Object.entries(ROWS).map(([name, [wide, narrow, apart]]) => {
    const {shape, does, number} = LAYERS[name];
    const board = layerBoard(`${name}: ${shape[0]} ${shape[1] ? "feature maps" : "units"}. Arrow keys choose one, Enter goes on to its pixels.`,
      shape, (n, at, goOn) => { inspector.choose(name, n, at); if (goOn) inspector.focus(); });
    const white = el("span", {class: "cnn-number"});
    const root = el("div", {class: "cnn-layer"},
      el("p", {class: "cnn-small"}, el("span", {}, el("b", {}, name), ` ${times(shape)}`), el("span", {}, does), white),
      el("div", {}, board.canvas));
    return {name, board, white, root, number, wide, narrow, apart};
  });
  const inspector = sumInspector(net, () => maps, paint);
  body.append(
    el("div", {class: "cnn-top"},
      el("div", {}, el("div", {class: "cnn-sheet"}, sheet.canvas), row(undo, clear, cover)),
      el("div", {class: "cnn-read"}, status,
        el("div", {class: "cnn-input"}, captioned(prepared, "as the network gets it, 28 × 28"), did),
        el("ul", {class: "cnn-bars", "aria-label": "softmax"}, ...bars.map(each => each.root)))),
    el("p", {class: "cnn-small"}, "Draw with the mouse, a finger or keys: arrows move the pen, the space bar puts it down or lifts it. Or take one of MNIST’s digits, new to the network:"),
    el("div", {class: "cnn-examples"}, ...takers.map(each => each.taker)),
    el("p", {class: "cnn-small"}, "Click a map, then a pixel of it, to see the sum that made it:"),
    el("div", {class: "cnn-layers"}, ...layers.map(each => each.root)),
    inspector.root,
  );

  // --- What follows from the drawing

  function read(goesOn) {
    status.setAttribute("aria-live", goesOn ? "off" : "polite"); // not at every pixel
    const found = prepareDigit(sheet.ink, SIDE, SIDE), empty = sheet.empty();
    digit = found && found.digit;
    maps = found && net.maps(digit);
    hidden = null;
    const p = maps?.softmax.data;
    if (p) best = p.indexOf(max(...p));
    write(answer, p ? `${best} (${percent(p[best])})` : "");
    write(did, p ? `box ${times(found.size)}, centre of mass in the middle${found.thick ? ", strokes thickened" : ""}` : "");
    write(note, p ? "" : empty ? "The sheet is empty: draw a digit, or take one below." : "There is too little ink for a digit.");
    undo.disabled = !sheet.changed();
    clear.disabled = empty;
    cover.disabled = !p;
    bars.forEach(({bar, share, root}, n) => {
      bar.style.transform = `scaleX(${p ? p[n] : 0})`;
      write(share, p ? percent(p[n]) : "–");
      root.classList.toggle("cnn-best", Boolean(p) && n === best);
    });
    paint();
    inspector.show();
  }

  // --- Drawing

  function draw() {
    const narrow = body.clientWidth < 544, room = layers[0].root.lastChild.clientWidth;
    sheet.layout(min(288, sheet.canvas.parentElement.clientWidth));
    cell = cellSize(prepared.parentElement.clientWidth, 28);
    let above; // a pooled map is as large as the one above it
    for (const {board, number, ...each} of layers) {
      above = board.layout(narrow ? each.narrow : each.wide, each.apart, number ? room : above);
    }
    for (const {canvas, bytes} of takers) {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, 28, 28);
      context.drawImage(tinted(bytes, property(body, "--ink")), 0, 0);
    }
    paint();
    inspector.show();
  }

  function paint() {
    if (!cell) return;
    cover.textContent = hidden ? "Uncover" : "Occlusion map";
    const shown = digit ?? nothing;
    const mixed = n => ORANGE.map(v => {
      if (!hidden) return shown[n];
      return shown[n] / 2 + (v - shown[n] / 2) * max(0, hidden.lost[n]);
    });
    drawBoard(prepared, raster(28, 28, mixed, undefined, small), cell);
    for (const {name, board, white} of layers) {
      const values = maps ? maps[name].data : nothing, most = largest(values);
      write(white, maps ? `white: ${numberText(most, 2)}` : "");
      board.mark(inspector.chosen(name));
      board.paint(values, most);
    }
  }

  // --- Occlusion, in short pieces, so that the page goes on

  function occlude() {
    const run = (hidden = hidden ? null : occlusion(net, digit, best, SQUARE));
    note.textContent = "";
    (function go() {
      if (run !== hidden || !body.isConnected) return;
      const done = !run || run.step(performance.now() + 12);
      paint();
      if (!done) setTimeout(go);
      else if (run) tell(run.instead);
    })();
  }

  function tell(instead) {
    const changes = instead.reduce(add), most = instead.indexOf(max(...instead));
    note.textContent = `Orange: what a black square of ${SQUARE} × ${SQUARE} takes from the probability of ${best}. ` +
      `${changes} of 784 squares change the answer` + (changes ? `, most to ${most}.` : ".");
  }

  // What has been used some times is compiled: so the first stroke is as quick as those after it.
  for (const {bytes} of takers) setTimeout(() => net.maps(prepareDigit(bytes, 28, 28).digit));
  read();
  return draw;
});
