// Menus and sliders.

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
