// Max against average pooling: the feature map is moved by pixels, and what changes is shown.

const KINDS = ["map", "max", "average"];
const MORE = [224, 130, 20], LESS = [128, 115, 172]; // what has grown by the shift, what has shrunk
const WAYS = [["←", "left", [0, -1]], ["↑", "up", [-1, 0]], ["↓", "down", [1, 0]], ["→", "right", [0, 1]]];

// values (side, side), moved around a ring
function movedAround(values, side, [down, right]) {
  const from = n => (n + 2 * side) % side;
  return values.map((_, n) => values[from(floor(n / side) - down) * side + from((n % side) - right)]);
}

// [1, -2] → "2 to the left and 1 down"
const inWords = ([down, right]) => [
  right && `${abs(right)} to the ${right > 0 ? "right" : "left"}`,
  down && `${abs(down)} ${down > 0 ? "down" : "up"}`,
].filter(Boolean).join(" and ");

const length = values => Math.hypot(...values);

start("pooling", (body, data) => {
  const maps = {};
  for (const [name, {side, pixels, unit, kernel}] of Object.entries(data.maps)) {
    const x = tensor([1, side, side], Float32Array.from(decode(pixels), v => v / unit));
    const weight = kernel && tensor([1, 1, 3, 3], Float32Array.from(kernel.flat()));
    maps[name] = weight ? relu(conv2d(x, weight, null, {padding: 1})) : x;
  }

  let name = data.map, k = data.kernel_size, shift = data.shift; // what is set: rows down, columns right
  let x, side, count; // the map (1, side, side), in count × count windows of k × k
  let before, after, high; // of each of KINDS: unmoved, moved, the largest that any shift can give
  let at = [0, 0]; // the window that is taken apart

  // --- What is on the page

  const mapMenu = menu("feature map", Object.keys(maps).map(each => [each, each]), value => { name = value; settle(); });
  const windowMenu = menu("window", [], value => { k = Number(value); settle(); });
  mapMenu.select.value = name;
  const arrows = WAYS.map(([sign, way, by]) => {
    const arrow = button(sign, () => move(shift.map((n, axis) => n + by[axis])));
    arrow.setAttribute("aria-label", `move ${way}`);
    return arrow;
  });
  const summary = el("p", {role: "status", class: "cnn-summary cnn-number"});
  const columns = KINDS.map(kind => {
    const now = el("canvas", {tabindex: "0", role: "application"});
    const change = el("canvas", {role: "img"});
    const title = el("span"), changed = el("span"), sum = el("p", {class: "cnn-number"}), bar = el("i");
    const root = el("div", {class: "cnn-column"}, captioned(now, title), captioned(change, changed),
      el("div", {class: "cnn-change"}, sum, el("div", {class: "cnn-bar"}, bar)));
    return {kind, now, change, title, changed, sum, bar, root};
  });
  const said = el("p", {role: "status", class: "cnn-said cnn-number"});
  const windows = ["unmoved", "moved"].map(when => {
    const canvas = el("canvas", {role: "img"}), sums = el("div", {class: "cnn-sums cnn-number"});
    return {when, canvas, sums, root: el("div", {class: "cnn-window"}, captioned(canvas, `window, ${when}`), sums)};
  });
  body.append(
    el("div", {class: "cnn-choices"}, mapMenu.root, windowMenu.root),
    el("div", {role: "group", "aria-label": "move the map"},
      el("span", {class: "cnn-label"}, "move the map by a pixel, or drag it"),
      row(...arrows, button("Back", () => move([0, 0])))),
    summary,
    el("div", {class: "cnn-columns"}, ...columns.map(each => each.root)),
    el("p", {class: "cnn-legend"}, el("b", {class: "cnn-more"}, "Orange"), ": larger than before the shift; ",
      el("b", {class: "cnn-less"}, "violet"), ": smaller. The numbers: the length of the difference over that of the unmoved map, ‖moved − unmoved‖ / ‖unmoved‖."),
    el("div", {}, said, el("div", {class: "cnn-windows"}, ...windows.map(each => each.root))),
  );

  // --- What follows from the settings

  const pooled = values => {
    const map = tensor([1, side, side], values);
    return {map: values, max: maxPool2d(map, k).data, average: avgPool2d(map, k).data};
  };

  function settle() {
    x = maps[name];
    const whole = k === side; // it stays so in a map of another size
    side = x.shape[1];
    const sizes = data.windows.filter(n => side % n === 0 && n < side).concat(side);
    k = whole ? side : sizes.includes(k) ? k : sizes[0];
    count = side / k;
    windowMenu.select.replaceChildren(...sizes.map(n => el("option", {value: n}, n < side ? `${n} × ${n}` : "the whole map")));
    windowMenu.select.value = k;
    before = pooled(x.data);
    const largest = max(...x.data);
    high = {map: largest, max: largest, average: largestMean()};
    const brightest = x.data.indexOf(largest);
    at = [floor(brightest / side / k), floor((brightest % side) / k)];
    move(shift);
  }

  // Over the windows at all positions of the ring.
  function largestMean() {
    const wide = side + k - 1;
    const ring = Float32Array.from({length: wide ** 2}, (_, n) => x.data[(floor(n / wide) % side) * side + ((n % wide) % side)]);
    return max(...avgPool2d(tensor([1, wide, wide], ring), k, {stride: 1}).data);
  }

  function move(to) {
    shift = to.map(n => ((n + 1.5 * side) % side) - side / 2);
    after = pooled(movedAround(x.data, side, shift));
    for (const column of columns) {
      const {kind, title, changed, sum, bar, now, change} = column;
      const sides = kind === "map" ? side : count;
      const difference = after[kind].map((v, n) => v - before[kind][n]);
      const others = difference.filter(d => abs(d) > 1e-6 * high[kind]).length;
      const lengths = [others ? length(difference) : 0, length(before[kind])];
      Object.assign(column, {difference, ratio: lengths[0] / lengths[1]});
      title.textContent = `${kind === "map" ? "feature map" : kind} ${sides} × ${sides}`;
      changed.textContent = `${others} of ${sides ** 2} changed`;
      sum.replaceChildren(`${lengths.map(v => numberText(v, 2)).join(" / ")} = `, el("b", {}, numberText(column.ratio, 2)));
      bar.style.width = `${min(100, column.ratio / 0.015)}%`;
      now.setAttribute("aria-label", `${title.textContent}. The arrow keys choose a window.`);
      change.setAttribute("aria-label", `What has changed: ${changed.textContent.replace(" changed", "")}.`);
    }
    summary.textContent = told();
    draw();
  }

  function told() {
    const [map, max, average] = columns.map(column => column.ratio);
    if (!shift.some(Boolean)) return "The map is where it was. Move it by a pixel.";
    const by = inWords(shift);
    if (!map) return `The map repeats itself: moved by ${by} it is what it was.`;
    const numbers = [map, max, average].map(v => numberText(v, 2));
    return `Moved by ${by}, the map changes by ${numbers[0]}, its maxima by ${numbers[1]}, its means by ${numbers[2]}. ` +
      (!max && !average ? "Both poolings forgive it."
        : !max ? "Max pooling forgives it."
        : !average ? "Average pooling forgives it."
        : wholeWindows() ? `Both pooled maps are what they were, moved by ${inWords(shift.map(n => n / k))}.` : "");
  }

  // Whether both pooled maps have moved as a whole.
  function wholeWindows() {
    if (shift.some(n => n % k)) return false;
    return ["max", "average"].every(kind => {
      const moved = movedAround(before[kind], count, shift.map(n => n / k));
      return moved.every((v, n) => v === after[kind][n]);
    });
  }

  // --- Drawing

  function draw() {
    const room = columns[0].now.parentElement.clientWidth;
    if (!room) return;
    const cell = cellSize(room, side);
    const hex = property(body, "--soft");
    const ground = [1, 3, 5].map(p => parseInt(hex.slice(p, p + 2), 16));
    for (const {kind, now, change, difference} of columns) {
      const [sides, step] = kind === "map" ? [side, k] : [count, 1];
      const mixed = d => ground.map((v, c) => v + ((d > 0 ? MORE : LESS)[c] - v) * min(1, abs(d) / high[kind]));
      const rasters = [greys(after[kind], sides, high[kind]),
        raster(sides, sides, n => mixed(difference[n]), n => (abs(difference[n]) < 0.005 ? "" : numberText(difference[n])))];
      for (const [n, canvas] of [now, change].entries()) {
        const context = drawBoard(canvas, rasters[n], (cell * side) / sides);
        if (kind === "map") grid(context, cell);
        frame(context, ...at.map(i => i * step), step, step, (cell * side) / sides);
      }
    }
    takeApart();
  }

  const greys = (values, sides, most) =>
    raster(sides, sides, n => Array(3).fill(round((255 * values[n]) / most)), n => numberText(values[n]));

  // The borders of the windows.
  function grid(context, cell) {
    context.fillStyle = "rgba(86,180,233,.6)";
    for (let n = 1; n < count; n++) {
      context.fillRect(0, n * k * cell, side * cell, 1);
      context.fillRect(n * k * cell, 0, 1, side * cell);
    }
  }

  function takeApart() {
    const n = at[0] * count + at[1];
    const write = v => numberText(v, data.maps[name].unit > 1 ? 2 : undefined);
    const goes = kind => [before, after].map(values => write(values[kind][n])).join(" → ");
    said.textContent = `Window in row ${at[0]}, column ${at[1]}: max ${goes("max")}, average ${goes("average")}`;
    for (const {when, canvas, sums} of windows) {
      const all = when === "moved" ? after : before;
      const values = Array.from({length: k * k}, (_, p) => all.map[(at[0] * k + floor(p / k)) * side + at[1] * k + (p % k)]);
      const cell = cellSize(canvas.parentElement.clientWidth, k);
      const context = drawBoard(canvas, greys(values, k, high.map), cell);
      const most = all.max[n];
      values.forEach((v, p) => v === most && most > min(...values) && frame(context, floor(p / k), p % k, 1, 1, cell));
      canvas.setAttribute("aria-label", `The numbers of the window, ${when}.`);
      const texts = values.map(write);
      const terms = k === 2 ? [`max(${texts.join(", ")})`, `(${texts.join(" + ")}) / 4`] : [`max of ${k * k}`, `mean of ${k * k}`];
      sums.replaceChildren(...["max", "average"].map((kind, t) =>
        el("p", {}, `${terms[t]} = `, el("b", {class: `cnn-${kind}`}, write(all[kind][n])))));
    }
  }

  // --- Pointer and keys

  function choose(to) {
    if (to.join() === at.join()) return;
    at = to;
    draw();
  }

  for (const {kind, now, change} of columns)
    for (const canvas of [now, change]) {
      let held; // where the map was taken, and how far it had been moved then
      const drags = canvas === now && kind === "map";
      canvas.classList.toggle("cnn-drag", drags);
      const pointed = event => choose(under(event, canvas, count, count));
      canvas.addEventListener("pointerdown", event => {
        pointed(event);
        if (!drags) return;
        canvas.setPointerCapture(event.pointerId);
        held = {from: under(event, canvas, side, side), shift};
      });
      canvas.addEventListener("pointermove", event => {
        if (!held) return pointed(event);
        const to = under(event, canvas, side, side).map((n, axis) => held.shift[axis] + n - held.from[axis]);
        if (to.join() !== shift.join()) move(to);
      });
      for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = undefined; });
    }
  for (const {now} of columns)
    now.addEventListener("keydown", event => {
      const to = moved(event, at, [count, count]);
      if (to) choose(to);
    });

  settle();
  return draw;
});
