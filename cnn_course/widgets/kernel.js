// A kernel whose weights can be edited, and its sum over all channels; needs sum.js.

// The number that a text says, 1/9 too; NaN for what is none.
function parsed(text) {
  const parts = text.replaceAll("−", "-").replace(",", ".").split("/");
  if (parts.length > 2 || parts.some(part => !part.trim())) return NaN;
  return parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(parts[0]);
}

// A pixel of a channel, from 0 to 1, in the channel's own colour.
const shade = channel => value => ["red", "green", "blue"].map((name, _, all) =>
  255 * value * (name === channel || !all.includes(channel) ? 1 : 0.25));

// A field shows its weight.
function write(field) {
  field.value = numberText(field.weight);
  field.removeAttribute("aria-invalid");
}

// A field for the k-th weight of channel c, for `sumPanel`: edit(c, k, value) is called for a new one,
// refuse(text) for what is none, refuse() when that is taken back.
const weightField = ({edit, refuse}) => (c, k, {channels, size, parts, light}) => {
  const of = channels.length > 1 ? `, ${channels[c]}` : "";
  const input = el("input", {
    type: "text", autocomplete: "off", tabindex: k ? "-1" : "0",
    "aria-label": `weight${of}, row ${floor(k / size)}, column ${k % size}`,
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
      const good = abs(value) < 100;
      input.setAttribute("aria-invalid", String(!good));
      if (good) edit(c, k, (input.weight = value));
      else refuse(input.value);
    },
    onkeydown: event => {
      const to = moved(event, [floor(k / size), k % size], [size, size]);
      if (event.key === "Enter") input.select();
      if (to) parts()[c].slice[to[0] * size + to[1]].focus();
    },
  });
  return input;
};

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
      return channelSum(channels.length > 1 ? `, ${channel}` : "", size, light, shade(channel), cells, (cell, weight) => {
        cell.weight = weight;
        if (cell !== document.activeElement) write(cell);
      });
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
    const limit = max(...slices.flat().map(abs));
    const sums = parts.map((part, c) => part.show(patches[c], slices[c], limit, outside, digits));
    const sum = sums.reduce((a, b) => a + b, 0);
    const terms = sums.map(v => numberText(v, digits)).join(" + ").replaceAll("+ −", "− ");
    total.replaceChildren(`${terms} = `, el("b", {}, numberText(sum, digits)));
    total.hidden = sums.length === 1;
    root.classList.toggle("cnn-single", sums.length === 1);
    return sum;
  }

  return {root, show};
}
