// A stack of layers: a pixel of any map lights up what it sees in the maps before it.

const LIT = [224, 130, 20], DARK = [120, 128, 138]; // pixels that are seen, and that are not
const WORDS = {conv: "convolution", pool: "max pooling"};

start("receptive-field", (body, data) => {
  const bytes = decode(data.image);
  let layers = []; // of the stack: kind, kernel_size, stride, padding, dilation, channels
  let levels = []; // what follows: of the image, and of each layer's map while there is one
  let rows = []; // on the page: one for each layer
  let chosen = {level: 0, at: [0, 0]}; // the pixel whose field is shown
  let room = 0;

  // --- What is on the page

  const names = [...Object.keys(data.stacks), "your own"];
  const stacks = menu("stack", names.map(name => [name, name]), name => data.stacks[name] && load(name));
  const conv = button("Add convolution", () => append(data.conv));
  const pool = button("Add pooling", () => append(data.pool));
  const remove = button("Remove the last", () => { layers.pop(); own(); rebuild(); });
  const said = el("p", {role: "status", class: "cnn-said cnn-number"});
  const image = board(0);
  const list = el("ol"), maps = el("div", {class: "cnn-maps"});
  const totals = el("p", {class: "cnn-number cnn-totals"});
  body.append(
    row(el("div", {class: "cnn-wide"}, stacks.root), conv, pool, remove),
    el("div", {class: "cnn-top"},
      captioned(image, `image 3 × ${data.side} × ${data.side}`),
      el("div", {class: "cnn-told"}, said, maps)),
    list, totals,
  );

  // A map as a canvas on which pointer and arrow keys choose a pixel.
  function board(level) {
    const canvas = el("canvas", {tabindex: "0", role: "application",
      "aria-label": (level ? `map of layer ${level}` : "image") + ": the arrow keys choose a pixel"});
    const side = () => levels[level].side;
    const pointed = event => choose(level, under(event, canvas, side(), side()));
    canvas.addEventListener("pointermove", pointed);
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      pointed(event);
    });
    canvas.addEventListener("keydown", event => {
      const from = chosen.level === level ? chosen.at : [0, 0];
      const to = moved(event, from, [side(), side()]);
      if (to) choose(level, to);
    });
    return canvas;
  }

  // A layer with its settings, its map, and what there is to say about it.
  function line(layer, n) {
    const setting = key => {
      const options = [...new Set([...data.choices[key], layer[key]])].sort((a, b) => a - b);
      const {root, select} = menu(key.replace("_size", ""), options.map(v => [v, v]), value => {
        layer[key] = Number(value);
        own();
        update();
      });
      select.value = layer[key];
      select.setAttribute("aria-label", `${key.replace("_", " ")} of layer ${n}`);
      return root;
    };
    const canvas = board(n);
    const text = el("p", {class: "cnn-facts cnn-number"});
    const keys = Object.keys(data.choices).filter(key => key in layer);
    const item = el("li", {}, el("b", {}, `${n} · ${WORDS[layer.kind]}`),
      el("div", {class: "cnn-settings"}, ...keys.map(setting)), text);
    return {item, canvas, text, figure: captioned(canvas, `map ${n}`)};
  }

  const own = () => { stacks.select.value = "your own"; };

  function append(layer) {
    layers.push({...layer});
    own();
    rebuild();
  }

  function load(name) {
    layers = data.stacks[name].map(layer => ({...layer}));
    stacks.select.value = name;
    rebuild();
  }

  function rebuild() {
    rows = layers.map((layer, n) => line(layer, n + 1));
    list.replaceChildren(...rows.map(each => each.item));
    maps.replaceChildren(...rows.map(each => each.figure));
    conv.disabled = pool.disabled = layers.length >= data.most;
    remove.disabled = !layers.length;
    update();
  }

  // --- What follows from the layers

  function update() {
    levels = [{side: data.side, channels: 3, field: 1, jump: 1}];
    for (const layer of layers) {
      const before = levels.at(-1);
      const shape = geometry(before.side, {dilation: 1, ...layer}, max(...data.choices.padding),
        levels.length > 1 ? "map" : "image");
      if (layer.kind === "pool" && layer.padding > layer.kernel_size / 2)
        shape.remarks = [`Impossible: PyTorch pads a pooling by half its kernel at most, which is ${floor(layer.kernel_size / 2)}.`];
      else if (shape.output > 0) shape.remarks = [];
      if (shape.remarks.length) {
        levels.fault = shape.remarks.join(" ");
        break;
      }
      const {kernel_size: f, stride, dilation = 1, channels = before.channels} = layer;
      const weights = layer.kind === "conv" ? f * f * before.channels * channels : 0;
      levels.push({
        side: shape.output, channels,
        field: before.field + dilation * (f - 1) * before.jump,
        jump: before.jump * stride,
        sum: `R = ${before.field} + ${dilation > 1 ? dilation + "·" : ""}(${f} − 1)·${before.jump} = `,
        product: `J = ${before.jump}·${stride} = `,
        parameters: weights && weights + channels,
        macs: weights * shape.output ** 2,
      });
    }
    rows.forEach(({text, figure}, n) => {
      const level = levels[n + 1];
      figure.classList.toggle("cnn-off", !level);
      text.classList.toggle("cnn-fault", n + 1 === levels.length);
      text.replaceChildren(...(level ? facts(level) : [n + 1 === levels.length ? levels.fault : "no map"]));
    });
    const total = key => levels.slice(1).reduce((sum, level) => sum + level[key], 0).toLocaleString("en");
    totals.textContent = `${levels.fault ? "So far" : "In all"} ${total("parameters")} parameters and ${total("macs")} MACs.`;
    const last = levels.length - 1;
    choose(last, [0, 0].map(() => floor(levels[last].side / 2)));
  }

  const count = (n, word) => `${n.toLocaleString("en")} ${word}`;
  const facts = level => [
    el("span", {}, `map ${level.channels} × ${level.side} × ${level.side}`), " ",
    el("span", {}, level.sum, el("b", {}, String(level.field))), " ",
    el("span", {}, level.product, el("b", {}, String(level.jump))), " ",
    el("span", {}, `${count(level.parameters, "parameters")}, ${count(level.macs, "MACs")}`),
  ];

  // The rows (or columns) of an earlier map that the n-th of a later one reads, with those in the
  // padding, which lie outside of it.
  function reads(n, level, earlier) {
    let seen = new Set([n]);
    for (let l = level; l > earlier; l--) {
      const {kernel_size: f, stride, padding, dilation = 1} = layers[l - 1];
      const inside = [...seen].filter(i => i >= 0 && i < levels[l].side);
      seen = new Set(inside.flatMap(i => Array.from({length: f}, (_, u) => i * stride - padding + u * dilation)));
    }
    return seen;
  }

  function choose(level, at) {
    chosen = {level, at};
    draw();
    const {field, jump, side} = levels[level];
    if (!level) return void (said.textContent = `Pixel ${at.join(", ")} of the image.`);
    const [high, wide] = at.map(n => [...reads(n, level, 0)]);
    const cut = [high, wide].map(seen => seen.filter(n => n >= 0 && n < data.side));
    const span = seen => max(...seen) - min(...seen) + 1;
    const whole = cut[0].length === high.length && cut[1].length === wide.length;
    const [a, b] = cut.map(seen => (seen.length ? span(seen) : 0));
    said.textContent = `Row ${at[0]}, column ${at[1]} of map ${level} sees ${field} × ${field} pixels` +
      (whole && a === field && b === field ? "." : `, ${a} × ${b} of them inside the image.`) +
      (cut[0].length * cut[1].length < a * b ? ` It reads ${cut[0].length * cut[1].length} of these.` : "") +
      (side > 1 ? ` Its neighbour sees a square that lies ${jump === 1 ? "one pixel" : jump + " pixels"} further.` : "");
  }

  // --- Drawing

  function draw() {
    if (!(room = image.parentElement.clientWidth)) return;
    for (const [level, {side}] of levels.entries()) {
      const canvas = level ? rows[level - 1].canvas : image;
      const width = level ? canvas.parentElement.clientWidth : room;
      const below = level <= chosen.level;
      const [high, wide] = chosen.at.map(n => (below ? reads(n, chosen.level, level) : new Set()));
      const lit = n => high.has(floor(n / side)) && wide.has(n % side);
      const pixels = n => [0, 1, 2].map(c => bytes[3 * n + c] * (lit(n) ? 1 : 0.4));
      const context = drawBoard(canvas, raster(side, side, level ? n => (lit(n) ? LIT : DARK) : pixels), cellSize(width, side));
      if (!below) continue;
      const box = [high, wide].map(seen => [min(...seen), max(...seen)]);
      frame(context, box[0][0], box[1][0], box[0][1] - box[0][0] + 1, box[1][1] - box[1][0] + 1, cellSize(width, side));
    }
  }

  load(data.stack);
  return draw;
});
