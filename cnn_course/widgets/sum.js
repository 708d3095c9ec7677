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

// point(k) is called where the k-th weight is pointed at, with −1 for none; cell(c, k, panel) makes the
// element for a weight of channel c, which is plain text without it.
function sumPanel({cell, point}) {
  const root = el("div", {class: "cnn-sum cnn-number"});
  let channels = [], size = 0, hot = -1;
  let parts = []; // of each channel: the cells of its patch, its slice and its products, its sum
  let total;

  function light(k) {
    for (const [n, on] of [[hot, false], [k, true]])
      for (const part of parts)
        for (const cells of [part.patch, part.slice, part.products]) cells[n]?.classList.toggle("cnn-hot", on);
    if (k !== hot) point((hot = k));
  }

  const grid = (label, cells, name = "") => el("div", {class: `cnn-terms ${name}`}, el("span", {class: "cnn-label"}, label),
    el("div", {class: "cnn-grid"}, ...cells));
  const sign = (text, name = "") => el("span", {class: `cnn-sign ${name}`}, text);
  const plain = count => Array.from({length: count}, () => el("span"));

  function build() {
    const count = size * size;
    parts = channels.map((channel, c) => ({
      patch: plain(count), products: plain(count), sum: el("output", {class: "cnn-part", role: "none"}),
      slice: cell ? Array.from({length: count}, (_, k) => cell(c, k, {channels, size, parts: () => parts, light})) : plain(count),
    }));
    total = el("p", {class: "cnn-total"});
    root.style.setProperty("--size", size);
    root.classList.toggle("cnn-large", size > 4);
    root.classList.toggle("cnn-huge", size > 5);
    root.replaceChildren(...parts.map((part, c) => {
      const name = channels.length > 1 ? `, ${channels[c]}` : "";
      return el("div", {class: "cnn-channel"},
        el("div", {class: "cnn-side"}, grid(`patch${name}`, part.patch), sign("×"), grid(`kernel${name}`, part.slice)),
        el("div", {class: "cnn-side"}, sign("="), grid("products", part.products, "cnn-products"), sign("→", "cnn-arrow"),
          el("div", {class: "cnn-terms cnn-result"}, el("span", {class: "cnn-label"}, "sum"), part.sum)));
    }), total);
    for (const part of parts)
      for (const cells of [part.patch, part.slice, part.products])
        cells.forEach((cell, k) => {
          cell.addEventListener("pointerenter", () => light(k));
          cell.addEventListener("pointerleave", () => light(-1));
        });
  }

  // patches and slices are lists of size² numbers for each channel, outside(k) tells the padding
  // from pixels; whole numbers are written without decimals if `short`. level(value) is how bright a
  // pixel is, from 0 to 1.
  function show({names, side, patches, slices, outside, short, level = value => value}) {
    if (side !== size || names.join() !== channels.join()) {
      [channels, size] = [names, side];
      build();
    }
    const digits = short ? undefined : 2;
    const limit = Math.max(...slices.flat().map(Math.abs));
    const sums = parts.map((part, c) => {
      let sum = 0;
      for (let k = 0; k < size * size; k++) {
        const value = patches[c][k], w = slices[c][k], product = value * w;
        sum += product;
        part.patch[k].textContent = outside(k) ? "0" : numberText(value, digits);
        Object.assign(part.patch[k].style, shade(level(value), channels[c]));
        part.patch[k].classList.toggle("cnn-outside", outside(k));
        part.slice[k].weight = w;
        if (part.slice[k] !== document.activeElement) write(part.slice[k]);
        part.slice[k].style.background = signed(w, limit);
        part.products[k].textContent = product ? numberText(product, digits) : "0";
        part.products[k].style.background = signed(product, limit);
      }
      part.sum.value = numberText(sum, digits);
      return sum;
    });
    const sum = sums.reduce((a, b) => a + b, 0);
    const terms = sums.map((v, c) => numberText(c ? Math.abs(v) : v, digits) + (c + 1 < sums.length ? (sums[c + 1] < 0 ? " − " : " + ") : ""));
    total.replaceChildren(sums.length > 1 ? `${terms.join("")} = ` : "", el("b", {}, numberText(sum, digits)));
    total.hidden = sums.length === 1;
    root.classList.toggle("cnn-single", sums.length === 1);
    return sum;
  }

  return {root, show};
}
