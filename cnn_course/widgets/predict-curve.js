// A guess of curves, drawn on axes by pointer or by keys; then the measured ones beside them.

function guessCurve({low, high, down, drawn, known}, answers, {tell, changed}) {
  const cells = [...answers.querySelectorAll(".cnn-told :is(thead, tbody) tr")].map(line => [...line.children].map(cell => cell.textContent.trim()));
  const [[title, ...places], ...lines] = down ? cells[0].map((_, j) => cells.map(line => line[j])) : cells;
  const curves = lines.map(([name, ...texts], n) => ({name, truth: texts.map(quantity), guess: [], colour: n < drawn ? `cnn-c${n % 4}` : "cnn-plain"}));
  const like = curves[0].truth[0];
  // A guess has no more decimals than the answers.
  const digits = max(...curves.flatMap(curve => curve.truth.map(truth => truth.digits)));
  const step = max(10 ** -digits, roundStep((high - low) / 100));
  const [few, many] = [50, 10].map(parts => max(step, roundStep((high - low) / parts))); // of an arrow key, of Page
  // Where the points stand from 0 to 1: by their numbers, or evenly if they have none.
  const numbers = places.map(text => Number(text.replace("−", "-").replace("%", "")));
  const even = numbers.some(Number.isNaN);
  const [least, most] = [min(...numbers), max(...numbers)];
  const along = places.map((_, i) => (even ? i / (places.length - 1) : (numbers[i] - least) / (most - least)));
  let active = 0, at = known, shown = false, room = 0;
  let x, y, frame; // from a point's number and from a value to pixels; the box that is drawn in

  const plot = svg("svg", {class: "cnn-plot"});
  const choices = curves.slice(0, drawn).map((curve, n) => {
    const choice = el("button", {type: "button", class: "cnn-choice", onclick: () => choose(n)}, el("i", {class: curve.colour}), curve.name);
    return choice;
  });
  const choice = el("div", {role: "group", "aria-label": "which curve to draw", class: "cnn-choices"}, ...choices);
  const legend = el("p", {class: "cnn-legend"});
  const root = el("div", {}, choice, plot, legend);
  const word = curves.some(curve => curve.truth.some(truth => truth.measured)) ? "measured" : "the answer";

  function choose(n) {
    active = n;
    at = known;
    tell(`Draw the curve of ${curves[n].name}.`);
    draw(room);
  }

  const fitted = value => Number((round(max(low, min(high, value)) / step) * step).toFixed(digits));

  function set(i, value) {
    if (i < known) return;
    curves[active].guess[i] = fitted(value);
    at = i;
    changed();
  }

  const here = () => (drawn > 1 ? `${curves[active].name}, ` : "") + `${title} ${places[at]}: `;
  const sayPoint = () => {
    const value = curves[active].guess[at];
    tell(here() + (value === undefined ? "no guess yet" : written(value, like)));
  };

  // --- Pointer and keys

  let last; // where the pointer was, and which points this stroke has gone over
  function stroke(event) {
    const box = plot.getBoundingClientRect();
    const p = {x: event.clientX - box.left, y: event.clientY - box.top};
    const from = last ?? {...p, over: new Set()};
    places.forEach((_, i) => {
      const passed = (x(i) - from.x) * (x(i) - p.x) <= 0 && p.x !== from.x;
      if (!passed) return;
      from.over.add(i);
      set(i, y.value(from.y + ((p.y - from.y) * (x(i) - from.x)) / (p.x - from.x)));
    });
    const distance = i => abs(x(i) - p.x);
    const nearest = places.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
    const near = distance(nearest) < 6;
    if (near || !from.over.has(nearest)) set(nearest, y.value(p.y));
    if (near) from.over.add(nearest);
    last = {...p, over: from.over};
    draw(room);
  }

  plot.addEventListener("pointerdown", event => {
    if (shown || event.button) return;
    plot.setPointerCapture(event.pointerId);
    plot.focus({preventScroll: true, focusVisible: false});
    last = undefined;
    plot.classList.add("cnn-pen");
    stroke(event);
  });
  plot.addEventListener("pointermove", event => plot.classList.contains("cnn-pen") && stroke(event));
  for (const end of ["pointerup", "pointercancel"])
    plot.addEventListener(end, () => {
      if (!plot.classList.contains("cnn-pen")) return;
      plot.classList.remove("cnn-pen");
      const left = places.slice(known).filter((_, i) => curves[active].guess[i + known] === undefined).length;
      const points = left === 1 ? "One point is" : `${left} points are`;
      tell(left ? `${points} not drawn yet.` : "Drawn. Draw again where you want it otherwise.");
    });
  plot.addEventListener("keydown", event => {
    if (shown) return;
    const guess = curves[active].guess;
    const before = guess[at] ?? guess[at - 1] ?? fitted((low + high) / 2);
    const by = {ArrowUp: few, ArrowDown: -few, PageUp: many, PageDown: -many}[event.key];
    const to = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: known, End: places.length - 1}[event.key];
    if (!taken(event, by !== undefined || to !== undefined)) return;
    if (by !== undefined) set(at, guess[at] === undefined ? before : before + by);
    else at = max(known, min(places.length - 1, to));
    sayPoint();
    draw(room);
  });

  // --- Drawing

  function draw(width) {
    if (!(room = width)) return;
    const marks = ticks(low, high, 5);
    const texts = marks.map(value => written(value, like));
    const left = 10 + 7.5 * max(...texts.map(text => text.length)), right = 14, top = 12, bottom = 44;
    const height = max(230, min(340, round(0.52 * width)));
    frame = {left, top, width: width - left - right, height: height - top - bottom};
    x = i => left + 8 + (frame.width - 16) * along[i];
    y = value => top + frame.height * (1 - (value - low) / (high - low));
    y.value = pixel => high - ((pixel - top) / frame.height) * (high - low);
    for (const [name, value] of Object.entries({width, height})) plot.setAttribute(name, value);
    plot.replaceChildren(svg("rect", {class: "cnn-ground", x: left, y: top, width: frame.width, height: frame.height}));
    marks.forEach((value, n) => plot.append(svg("path", {class: "cnn-grid", d: `M${left} ${y(value)}h${frame.width}`}),
      svg("text", {class: "cnn-tick", x: left - 6, y: y(value) + 4, "text-anchor": "end"}, texts[n])));
    const each = ceil((7.2 * max(...places.map(text => text.length)) + 8) / ((frame.width - 16) / (places.length - 1)));
    places.forEach((text, i) => {
      plot.append(svg("path", {class: "cnn-grid", d: `M${x(i)} ${top}v${frame.height + 4}`}));
      if (i % each) return;
      const half = 3.6 * text.length;
      plot.append(svg("text", {class: "cnn-tick", x: max(half, min(width - half, x(i))), y: height - 26, "text-anchor": "middle"}, text));
    });
    plot.append(svg("text", {class: "cnn-tick", x: left + frame.width / 2, y: height - 6, "text-anchor": "middle"}, title));
    const chosen = curves[active];
    for (const curve of curves) {
      const beside = curves.indexOf(curve) >= drawn;
      const truths = curve.truth.map(truth => truth.value);
      if (shown && !beside) curve.guess.forEach((value, i) => i >= known &&
        plot.append(svg("path", {class: `cnn-gap ${curve.colour}`, d: `M${x(i)} ${y(value)}V${y(truths[i])}`})));
      if (shown || beside) line(curve, truths, beside ? "cnn-beside" : "cnn-true");
      if (!beside && (curve.guess.length > known || !shown)) line(curve, curve.guess, "cnn-yours");
    }
    if (!shown && plot.matches(":focus-visible"))
      plot.append(svg("circle", {class: "cnn-at", cx: x(at), cy: y(chosen.guess[at] ?? chosen.guess[at - 1] ?? (low + high) / 2), r: 10}));
    plot.classList.toggle("cnn-many", drawn > 1);
    choices.forEach((e, n) => e.setAttribute("aria-pressed", String(n === active)));

    function line(curve, values, name) {
      const faint = !shown && name === "cnn-yours" && curve !== chosen ? " cnn-faint" : "";
      let d = "";
      values.forEach((value, i) => { d += `${values[i - 1] === undefined ? "M" : "L"}${x(i)} ${y(max(low, min(high, value)))}`; });
      plot.append(svg("path", {class: `${name} ${curve.colour}${faint}`, d}));
      values.forEach((value, i) => {
        if (value >= low && value <= high)
          plot.append(svg("circle", {class: `${name} ${curve.colour}${faint}`, cx: x(i), cy: y(value), r: name === "cnn-yours" && i >= known ? 4 : 3.5}));
      });
    }
  }

  for (const kind of ["focus", "blur"]) plot.addEventListener(kind, () => draw(room));

  function sentence(curve) {
    const points = Object.keys(curve.guess).map(Number).filter(i => i >= known);
    if (!points.length) return "";
    const distance = i => abs(curve.guess[i] - curve.truth[i].value);
    const furthest = points.reduce((most, i) => (distance(i) > distance(most) ? i : most), points[0]);
    const truth = curve.truth[furthest];
    const mean = points.reduce((sum, i) => sum + distance(i), 0) / points.length;
    const unit = like.unit === "%" ? " points" : like.unit && ` ${like.unit}`;
    const said = `at ${places[furthest]} you said ${written(curve.guess[furthest], like)}, ${told(truth)}: ${off(curve.guess[furthest], truth)}.`;
    const name = drawn > 1 ? `${curve.name}: ` : "";
    const text = points.length === 1 ? said : `${mean.toFixed(digits)}${unit} away on average; furthest off, ${said}`;
    return name ? name + text : text.replace(/^./, c => c.toUpperCase());
  }

  return {
    root, draw,
    hint: `Draw ${drawn > 1 ? "the curves" : "the curve"} on the axes, by pointer or with the arrow keys.`,
    ready: () => curves.some(curve => curve.guess.length > known),
    first: () => plot,
    reveal(guessed) {
      if (!guessed) for (const curve of curves) curve.guess.length = known;
      shown = true;
      choice.hidden = true;
      plot.removeAttribute("tabindex");
      plot.setAttribute("role", "img");
      plot.setAttribute("aria-label", `The curves of ${guessed ? "the guess and " : ""}the answer, whose numbers stand below.`);
      key(guessed);
      return guessed ? curves.map(sentence).filter(Boolean).join(" ") : "The numbers stand below.";
    },
    reset() {
      for (const curve of curves) curve.guess = curve.truth.slice(0, known).map(truth => truth.value);
      [active, at, shown] = [0, known, false];
      choice.hidden = drawn === 1;
      plot.setAttribute("tabindex", "0");
      plot.setAttribute("role", "application");
      plot.setAttribute("aria-label", `Axes, ${title} from ${places[0]} to ${places.at(-1)}, ${written(low, like)} to ${written(high, like)}: ` +
        "the keys left and right choose a point, up and down set it.");
      key();
    },
  };

  // Which line is which; the guess is there only if there is one.
  function key(guessed) {
    const one = (curve, name, text) => el("span", {}, el("i", {class: `${name} ${curve.colour}`}), text);
    const lines = shown
      ? [...(guessed ? [one({colour: drawn > 1 ? "cnn-plain" : "cnn-guessed"}, "cnn-yours", "your guess")] : []), ...curves.slice(0, drawn).map(curve => one(curve, "cnn-true", drawn > 1 ? curve.name : word))]
      : [];
    legend.replaceChildren(...lines, ...curves.slice(drawn).map(curve => one(curve, "cnn-beside", curve.name)));
  }
}

const kinds = {curve: guessCurve};
