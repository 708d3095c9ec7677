// Patch × kernel, product by product, and the sum: one output pixel of a convolution.

// A weight or a product: orange above 0, violet below, the stronger the larger.
function signed(value, limit) {
  const strength = limit ? Math.min(1, Math.abs(value) / limit) / 2 : 0;
  return `rgba(${value < 0 ? "128,115,172" : "224,130,20"},${strength.toFixed(3)})`;
}

// A pixel as it looks, in its channel's own colour, with black or white on top.
function shade(value, channel) {
  const colour = ["red", "green", "blue"].map(name => {
    const full = name === channel || !["red", "green", "blue"].includes(channel);
    return Math.round(255 * value * (full ? 1 : 0.25));
  });
  return {background: `rgb(${colour})`, color: inkOn(...colour)};
}

// The number that a text says, 1/9 too; NaN for what is none.
function parsed(text) {
  const parts = text.replaceAll("−", "-").replace(",", ".").split("/");
  if (parts.length > 2 || parts.some(part => !part.trim())) return NaN;
  return parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(parts[0]);
}

// A cell shows its weight.
function write(cell) {
  cell[cell.tagName === "INPUT" ? "value" : "textContent"] = numberText(cell.weight);
  cell.removeAttribute("aria-invalid");
}

// A field for the k-th weight of channel c, for `sumPanel`: edit(c, k, value) is called for a new one,
// refuse(text) for what is none, refuse() when that is taken back.
const weightField = ({edit, refuse}) => (c, k, {channels, size, parts, light}) => {
  const of = channels.length > 1 ? `, ${channels[c]}` : "";
  const input = el("input", {
    type: "text", autocomplete: "off", tabindex: k ? "-1" : "0",
    "aria-label": `weight${of}, row ${Math.floor(k / size)}, column ${k % size}`,
    onfocus: () => {
      for (const each of parts()[c].slice) each.tabIndex = each === input ? 0 : -1;
      input.select();
      light(k);
    },
    onblur: () => {
      light(-1);
      const bad = input.getAttribute("aria-invalid") === "true";
      write(input);
      if (bad) refuse();
    },
    oninput: () => {
      const value = parsed(input.value);
      const good = Math.abs(value) < 100;
      input.setAttribute("aria-invalid", String(!good));
      if (good) edit(c, k, (input.weight = value));
      else refuse(input.value);
    },
    onkeydown: event => {
      const to = moved(event.key, [Math.floor(k / size), k % size], [size, size]);
      if (event.key === "Enter") input.select();
      if (!to) return;
      event.preventDefault();
      parts()[c].slice[to[0] * size + to[1]].focus();
    },
  });
  return input;
};

// One channel: its patch, the kernel's slice, their products and the sum. point(k) is called where the
// k-th weight is pointed at, with −1 for none; `cells` are the elements for the weights, plain text
// without them.
function channelSum(channel, name, side, point, cells) {
  const plain = () => Array.from({length: side * side}, () => el("span"));
  const patch = plain(), products = plain(), slice = cells ?? plain(), all = [patch, slice, products];
  const result = el("output", {class: "cnn-part", role: "none"});
  const grid = (label, terms, of = "") => el("div", {class: `cnn-terms ${of}`}, el("span", {class: "cnn-label"}, label),
    el("div", {class: "cnn-grid"}, ...terms));
  const sign = (text, of = "") => el("span", {class: `cnn-sign ${of}`}, text);
  const root = el("div", {class: "cnn-channel"},
    el("div", {class: "cnn-side"}, grid(`patch${name}`, patch), sign("×"), grid(`kernel${name}`, slice)),
    el("div", {class: "cnn-side"}, sign("="), grid("products", products, "cnn-products"), sign("→", "cnn-arrow"),
      el("div", {class: "cnn-terms cnn-result"}, el("span", {class: "cnn-label"}, "sum"), result)));
  for (const terms of all)
    terms.forEach((cell, k) => {
      cell.addEventListener("pointerenter", () => point(k));
      cell.addEventListener("pointerleave", () => point(-1));
    });

  // values and weights are lists of side² numbers, `limit` is the largest weight; outside(k) tells the
  // padding from pixels, and level(value) how bright a pixel is, from 0 to 1. Returns the sum.
  function show(values, weights, limit, outside, digits, level = value => value) {
    let sum = 0;
    values.forEach((value, k) => {
      const product = value * weights[k];
      sum += product;
      patch[k].textContent = outside(k) ? "0" : numberText(value, digits);
      Object.assign(patch[k].style, shade(level(value), channel));
      patch[k].classList.toggle("cnn-outside", outside(k));
      slice[k].weight = weights[k];
      if (slice[k] !== document.activeElement) write(slice[k]);
      slice[k].style.background = signed(weights[k], limit);
      products[k].textContent = product ? numberText(product, digits) : "0";
      products[k].style.background = signed(product, limit);
    });
    result.value = numberText(sum, digits);
    return sum;
  }

  const light = (k, on) => all.forEach(terms => terms[k]?.classList.toggle("cnn-hot", on));
  return {root, slice, show, light};
}

// All channels of a kernel. edit, refuse: see `weightField`; point: see `channelSum`.
function sumPanel({edit, refuse, point}) {
  const root = el("div", {class: "cnn-sum cnn-number"});
  let channels = [], size = 0, hot = -1;
  let parts = []; // a `channelSum` for each channel
  let total;

  function light(k) {
    for (const part of parts) {
      part.light(hot, false);
      part.light(k, true);
    }
    if (k !== hot) point((hot = k));
  }

  function build() {
    const field = weightField({edit, refuse});
    parts = channels.map((channel, c) => {
      const cells = Array.from({length: size * size}, (_, k) => field(c, k, {channels, size, parts: () => parts, light}));
      return channelSum(channel, channels.length > 1 ? `, ${channel}` : "", size, light, cells);
    });
    total = el("p", {class: "cnn-total"});
    root.style.setProperty("--size", size);
    root.classList.toggle("cnn-large", size > 4);
    root.classList.toggle("cnn-huge", size > 5);
    root.replaceChildren(...parts.map(part => part.root), total);
  }

  // patches and slices are lists of size² numbers for each channel, outside(k) tells the padding
  // from pixels; whole numbers are written without decimals if `short`.
  function show({names, side, patches, slices, outside, short}) {
    if (side !== size || names.join() !== channels.join()) {
      [channels, size] = [names, side];
      build();
    }
    const digits = short ? undefined : 2;
    const limit = Math.max(...slices.flat().map(Math.abs));
    const sums = parts.map((part, c) => part.show(patches[c], slices[c], limit, outside, digits));
    const sum = sums.reduce((a, b) => a + b, 0);
    const terms = sums.map((v, c) => numberText(c ? Math.abs(v) : v, digits) + (c + 1 < sums.length ? (sums[c + 1] < 0 ? " − " : " + ") : ""));
    total.replaceChildren(sums.length > 1 ? `${terms.join("")} = ` : "", el("b", {}, numberText(sum, digits)));
    total.hidden = sums.length === 1;
    root.classList.toggle("cnn-single", sums.length === 1);
    return sum;
  }

  return {root, show};
}
