// Patch × kernel, product by product, and the sum: one output pixel of a convolution.

// A weight or a product: orange above 0, violet below, the stronger the larger.
function signed(value, limit) {
  const strength = limit ? min(1, abs(value) / limit) / 2 : 0;
  return `rgba(${value < 0 ? "128,115,172" : "224,130,20"},${strength.toFixed(3)})`;
}

// One channel: its patch, the kernel's slice, their products and the sum. point(k) is called where the
// k-th weight is pointed at, with −1 for none, and colour(value) is a pixel's [red, green, blue], each
// 0 to 255. `cells` are the elements for the weights, and write(cell, weight) fills one.
function channelSum(name, side, point, colour, cells, write = (cell, weight) => { cell.textContent = numberText(weight, 2); }) {
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
  // padding from pixels. Returns the sum.
  function show(values, weights, limit, outside, digits) {
    let sum = 0;
    values.forEach((value, k) => {
      const product = value * weights[k];
      sum += product;
      patch[k].textContent = outside(k) ? "0" : numberText(value, digits);
      const [r, g, b] = colour(value).map(round);
      Object.assign(patch[k].style, {background: `rgb(${r},${g},${b})`, color: inkOn(r, g, b)});
      patch[k].classList.toggle("cnn-outside", outside(k));
      write(slice[k], weights[k]);
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
