// What the interactive figures share. It stands inside each figure's own function, so that no name
// gets out.

const {abs, ceil, floor, max, min, round} = Math;

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

// A real minus, and none before 0.
const minus = text => text.replace(/^-/, Number(text) === 0 ? "" : "−");

// With `digits` decimals, or as many as it needs, two at most.
function numberText(value, digits) {
  let text = abs(value) < 1e4 ? value.toFixed(digits ?? 2) : value.toPrecision(3);
  if (digits === undefined && text.includes(".")) text = text.replace(/\.?0+$/, "");
  return minus(text);
}

// What was `encode`d in Python.
const decode = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

// A key together with one of these is the browser's, or JupyterLab's.
const bare = event => !(event.ctrlKey || event.metaKey || event.altKey);

// What a key means here, if it is something; then it does nothing else, such as to scroll the page.
function taken(event, meant) {
  if (!meant || !bare(event)) return undefined;
  event.preventDefault();
  return meant;
}

// Where an arrow key, Home, End or Page leads from [i, j] on a grid; undefined for other keys.
function moved(event, [i, j], [rows, columns]) {
  const to = taken(event, {
    ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
    Home: [i, 0], End: [i, columns - 1], PageUp: [0, j], PageDown: [rows - 1, j],
  }[event.key]);
  return to && [clamp(to[0], rows), clamp(to[1], columns)];
}

const clamp = (n, count) => max(0, min(n, count - 1));

// The row and column under a pointer, on a canvas of so many.
function under(event, canvas, rows, columns) {
  const box = canvas.getBoundingClientRect();
  const i = floor(((event.clientY - box.top) / box.height) * rows);
  const j = floor(((event.clientX - box.left) / box.width) * columns);
  return [clamp(i, rows), clamp(j, columns)];
}

// Start every figure of this name that has not started, and whose data it `fits`: build(body, data,
// root) returns a function that draws it, which is called again when its width or the theme changes.
function start(name, build, fits = () => true) {
  for (const root of document.querySelectorAll(`[data-widget="${name}"]:not([data-live])`)) {
    const data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
    if (!fits(data)) continue;
    root.dataset.live = "";
    // JupyterLab takes no shortcut from what has this attribute, or "a" would add a cell; it may have
    // those with Ctrl, Alt or Cmd.
    const keep = event => event.target.toggleAttribute("data-lm-suppress-shortcuts", bare(event));
    const body = el("div", {class: "cnn-body", onfocusin: keep, onkeydown: keep, onkeyup: keep});
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
