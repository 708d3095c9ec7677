// A guess of one number: a slider, a field, and an axis on which guess and answer stand together.

const INSET = 8; // pixels, half of a slider's thumb

function guessNumber({low, high, log}, answers, {tell, changed}) {
  const truth = quantity(answers.querySelector(".cnn-answer").textContent);
  const step = log ? 0 : roundStep((high - low) / 100);
  const count = log ? round(20 * Math.log10(high / low)) : round((high - low) / step);
  let guess = null, shown = false, room = 0;

  // Where a number lies between low and high, from 0 to 1; and the number at the n-th of `count` steps.
  const place = value => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  const at = n => {
    if (n === count) return high;
    return log ? Number((low * (high / low) ** (n / count)).toPrecision(2)) : Number((low + n * step).toPrecision(12));
  };

  const unit = truth.unit ? ` in ${truth.unit === "%" ? "per cent" : truth.unit}` : "";
  const range = el("input", {type: "range", min: 0, max: count, "aria-label": `your guess${unit}`});
  const field = el("input", {type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `your guess${unit}, as a number`});
  const axis = svg("svg", {class: "cnn-axis", role: "img"});
  const controls = el("div", {class: "cnn-guess"}, el("div", {class: "cnn-typed"}, field, truth.unit), range);
  const root = el("div", {}, controls, axis);

  function take(value) {
    guess = value;
    field.removeAttribute("aria-invalid");
    range.setAttribute("aria-valuetext", written(guess, truth));
    tell(`Your guess: ${written(guess, truth)}`);
    changed();
    draw(room);
  }

  range.addEventListener("input", () => {
    take(at(Number(range.value)));
    field.value = written(guess, {...truth, unit: ""});
  });
  field.addEventListener("input", () => {
    const value = typed(field.value);
    if (value >= low && value <= high) {
      range.value = round(place(value) * count);
      return take(value);
    }
    guess = null;
    field.setAttribute("aria-invalid", "true");
    const [from, to] = [low, high].map(end => written(end, truth, 12));
    tell(field.value.trim() ? `“${field.value}” is no guess: give a number from ${from} to ${to}.` : "Type a number.");
    changed();
    draw(room);
  });

  function draw(width) {
    if (!(room = width)) return;
    const inner = width - 2 * INSET;
    const x = value => INSET + inner * max(0, min(1, place(value)));
    const line = 30;
    const marks = log
      ? ticks(Math.log10(low), Math.log10(high), min(6, width / 60)).filter(Number.isInteger).map(n => [10 ** n, n === 0 ? "1" : `10${superscript(n)}`])
      : ticks(low, high, min(10, width / 52)).map(value => [value, written(value, truth)]);
    axis.setAttribute("width", width);
    axis.setAttribute("height", shown ? 76 : 50);
    axis.setAttribute("aria-label", shown ? "Where the guess and the answer lie." : "The scale of the slider.");
    axis.replaceChildren(svg("path", {class: "cnn-line", d: `M${INSET} ${line}h${inner}`}));
    for (const [value, text] of marks)
      axis.append(svg("path", {class: "cnn-line", d: `M${x(value)} ${line}v5`}), label(text, x(value), line + 19, "cnn-tick"));
    const answer = x(truth.value);
    if (shown && guess !== null)
      axis.append(svg("path", {class: "cnn-between", d: `M${x(guess)} ${line}H${answer}`}));
    if (guess !== null) mark(x(guess), line, -1, shown ? `you: ${written(guess, truth)}` : written(guess, truth), "cnn-yours");
    if (shown) mark(answer, line, 1, told(truth), "cnn-true");

    // The text is kept inside.
    function label(text, at, y, name) {
      const half = text.length * (name === "cnn-tick" ? 3.6 : 4.2);
      return svg("text", {class: name, x: max(half, min(width - half, at)), y, "text-anchor": "middle"}, text);
    }

    function mark(at, y, way, text, name) {
      axis.append(svg("path", {class: name, d: `M${at} ${y}v${way < 0 ? -9 : 29}`}), svg("circle", {class: name, cx: at, cy: y, r: 5}),
        label(text, at, way < 0 ? 14 : y + 42, name));
    }
  }

  return {
    root, draw,
    hint: "Move the slider, or type a number.",
    ready: () => guess !== null,
    first: () => range,
    reveal(guessed) {
      if (!guessed) guess = null;
      shown = true;
      controls.hidden = true;
      if (!guessed) return `${told(truth).replace(/^./, c => c.toUpperCase())}.`;
      return `You said ${written(guess, truth)}; ${told(truth)}: ${off(guess, truth, log)}.`;
    },
    reset() {
      guess = null;
      shown = false;
      controls.hidden = false;
      field.value = "";
      range.value = round(count / 2);
      range.setAttribute("aria-valuetext", "none yet");
    },
  };
}

// The number that a text says: 1,024 or 3 million, −2.5, 1/6, 40 %; NaN for what is none.
function typed(text) {
  const words = {thousand: 1e3, million: 1e6, billion: 1e9, trillion: 1e12};
  const [, number, word] = /^\s*(.*?)\s*(%|[a-z]{3,})?\s*$/i.exec(text.replaceAll("−", "-").replace(/,(?=\d{3})/g, "").replace(",", "."));
  const parts = number.split("/").map(part => (part.trim() ? Number(part) : NaN));
  const factor = !word || word === "%" ? 1 : words[word.toLowerCase()] ?? NaN;
  return parts.length > 2 ? NaN : (parts.length === 2 ? parts[0] / parts[1] : parts[0]) * factor;
}

const kinds = {number: guessNumber};
