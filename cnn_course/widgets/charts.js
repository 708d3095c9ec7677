// Axes and marks as SVG, and numbers as an answer writes them.

const SVG = (() => {
  const e = el("div"); // a parser knows the namespace: so no address stands here
  e.innerHTML = "<svg></svg>";
  return e.firstChild.namespaceURI;
})();

function svg(tag, attributes = {}, ...children) {
  const e = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// The number in a text such as "≈ 61.3 %", "1,024" or "97.31 ± 0.12 %", and how it is written.
function quantity(text) {
  const pattern = /^(≈?)\s*([-+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?)(\s*)(?:±[\s\d.]*)?(.*)$/i;
  const [, mark, shown, gap, unit] = pattern.exec(text.trim());
  const plain = shown.replaceAll(",", "").replace("−", "-");
  const [mantissa, power] = plain.split(/e/i);
  return {
    text: text.trim(), value: Number(plain), digits: (mantissa.split(".")[1] ?? "").length,
    power: power !== undefined, measured: mark === "≈", gap, unit,
  };
}

// A number written like another, which is a quantity: with its unit, in powers of ten if it is.
function written(value, like, digits = 4) {
  const number = like.power
    ? value.toExponential(1).replace(/e(.)(\d)$/, (_, sign, d) => `e${sign}0${d}`) // as Python does
    : value.toLocaleString("en", {maximumFractionDigits: digits});
  return minus(number) + (like.unit && like.gap) + like.unit;
}

// "8.7 points too high", or "37 times too high" where factors count; "the same" if no digit differs.
function off(guess, truth, log) {
  const side = guess > truth.value ? "too high" : "too low";
  if (log) {
    const factor = max(guess / truth.value, truth.value / guess);
    if (factor < 1.05) return factor < 1.005 ? "the same" : "less than 5 % away";
    return `${factor < 10 ? factor.toPrecision(2) : round(factor.toPrecision(2)).toLocaleString("en")} times ${side}`;
  }
  const digits = max(truth.digits, min(2, (String(guess).split(".")[1] ?? "").length));
  const text = abs(guess - truth.value).toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits});
  if (Number(text.replaceAll(",", "")) === 0) return "the same";
  const unit = truth.unit === "%" ? (text === "1" ? "point" : "points") : truth.unit;
  return [text, unit, side].filter(Boolean).join(" ");
}

const told = truth => (truth.measured ? `measured ${truth.text}` : `it is ${truth.text}`);

// 1, 2 or 5 times a power of ten, at least `least`.
function roundStep(least) {
  const power = 10 ** floor(Math.log10(least) + 1e-9);
  return [1, 2, 5, 10].map(n => n * power).find(step => step >= least * (1 - 1e-9));
}

// Round numbers from low to high, about so many.
function ticks(low, high, count) {
  const step = roundStep((high - low) / count);
  const first = ceil(low / step - 1e-9);
  const last = floor(high / step + 1e-9);
  return Array.from({length: last - first + 1}, (_, n) => Number(((first + n) * step).toPrecision(12)));
}

const superscript = n => String(n).replace(/./g, c => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
