// What the interactive figures share. It stands inside each figure's own function, so that no name
// gets out.

// <tag attributes>children</tag>; an attribute that begins with "on" is a listener, false is none.
function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value !== false) e.setAttribute(name, value === true ? "" : value);
  e.append(...children);
  return e;
}

const row = (...children) => el("div", {class: "cnn-row"}, ...children);
const button = (text, onclick) => el("button", {type: "button", onclick}, text);

// A menu with its label above it; options are [value, text].
function menu(label, options, onchange) {
  const select = el("select", {"aria-label": label}, ...options.map(([value, text]) => el("option", {value}, text)));
  select.addEventListener("change", () => onchange(select.value));
  return {root: el("label", {}, el("span", {class: "cnn-label"}, label), select), select};
}

// A slider with its label, the letter that formulas have for it, and its value above it.
function slider(label, letter, [min, max], value, oninput) {
  const input = el("input", {type: "range", min, max, value, "aria-label": label});
  const shown = el("output", {"aria-hidden": "true"}, String(value));
  input.addEventListener("input", () => {
    shown.value = input.value;
    oninput(Number(input.value));
  });
  const head = el("span", {class: "cnn-label"}, `${label} `, el("i", {}, letter), " = ", shown);
  return {
    root: el("label", {}, head, input),
    set(number) { shown.value = input.value = number; },
  };
}

// With a real minus, none before 0; without `digits` as many as it needs, two at most.
function numberText(value, digits) {
  let text = Math.abs(value) < 1e4 ? value.toFixed(digits ?? 2) : value.toPrecision(3);
  if (digits === undefined && text.includes(".")) text = text.replace(/\.?0+$/, "");
  return text.replace("-", Number(text) === 0 ? "" : "−");
}

// What was `encode`d in Python.
const decode = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

// Where an arrow key, Home, End or Page leads from [i, j] on a grid; undefined for other keys.
function moved(key, [i, j], [rows, columns]) {
  const to = {
    ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
    Home: [i, 0], End: [i, columns - 1], PageUp: [0, j], PageDown: [rows - 1, j],
  }[key];
  return to && [clamp(to[0], rows), clamp(to[1], columns)];
}

const clamp = (n, count) => Math.max(0, Math.min(n, count - 1));

// The row and column under a pointer, on a canvas of so many.
function under(event, canvas, rows, columns) {
  const box = canvas.getBoundingClientRect();
  const i = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const j = Math.floor(((event.clientX - box.left) / box.width) * columns);
  return [clamp(i, rows), clamp(j, columns)];
}

// Start every figure of this name that has not started, and whose data it `fits`: build(body, data,
// root) returns a function that draws it, which is called again when its width or the theme changes.
function start(name, build, fits = () => true) {
  for (const root of document.querySelectorAll(`[data-widget="${name}"]:not([data-live])`)) {
    const data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
    if (!fits(data)) continue;
    root.dataset.live = "";
    // JupyterLab takes no shortcut from what has this attribute: there "a" would add a cell.
    const body = el("div", {class: "cnn-body", onfocusin(event) {
      event.target.setAttribute("data-lm-suppress-shortcuts", "true");
    }});
    const draw = build(body, data, root);
    root.querySelector(".cnn-still").replaceWith(body);
    let width = 0;
    new ResizeObserver(() => {
      if (body.clientWidth && body.clientWidth !== width) draw((width = body.clientWidth));
    }).observe(body);
    const again = () => width && draw(width);
    const attributeFilter = ["data-theme", "theme", "data-jp-theme-light"];
    for (const e of [document.documentElement, document.body])
      new MutationObserver(again).observe(e, {attributeFilter});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }
}
