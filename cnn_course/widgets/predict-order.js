// A guess of an order: rows to be moved, then both orders side by side with a line for each row.

function guessOrder({column, rising}, answers, {tell}) {
  const lines = [...answers.querySelectorAll(".cnn-told tbody tr")].map(line => [...line.children].map(cell => cell.textContent));
  const names = lines.map(line => line[0]);
  const truths = lines.map(line => quantity(line[column]));
  let rows = []; // numbers of lines, as the reader has put them
  let compared; // the measured order, while it is shown
  let held = null; // what is dragged

  const list = el("ol", {class: "cnn-rows"});
  const items = names.map((name, n) => {
    const arrow = (sign, way, by) => {
      const e = button(sign, () => {
        const to = rows.indexOf(n) + by;
        if (to >= 0 && to < rows.length) put(n, to);
        tell(`${name}: number ${rows.indexOf(n) + 1} of ${rows.length}.`);
        e.focus(); // what is moved loses it
      });
      e.setAttribute("aria-label", `move ${name} ${way}`);
      return e;
    };
    return el("li", {}, el("b", {class: "cnn-place"}), el("span", {class: "cnn-name"}, name),
      arrow("↑", "up", -1), arrow("↓", "down", 1), el("span", {class: "cnn-handle", "aria-hidden": "true"}, "⠿"));
  });
  const both = el("div", {class: "cnn-both"});
  const root = el("div", {}, list, both);

  function put(n, to) {
    rows.splice(rows.indexOf(n), 1);
    rows.splice(to, 0, n);
    refresh();
  }

  function refresh() {
    rows.forEach((n, place) => {
      items[n].firstChild.textContent = place + 1;
      if (list.children[place] !== items[n]) list.insertBefore(items[n], list.children[place] ?? null);
    });
  }

  list.addEventListener("pointerdown", event => {
    const item = event.target.closest("li");
    if (!item || event.target.closest("button") || event.button) return;
    held = items.indexOf(item);
    item.classList.add("cnn-held");
    list.setPointerCapture(event.pointerId); // the item itself is moved about, and would lose it
    if (event.pointerType === "mouse") event.preventDefault(); // no text is marked
  });
  list.addEventListener("pointermove", event => {
    if (held === null) return;
    const boxes = rows.filter(n => n !== held).map(n => items[n].getBoundingClientRect());
    const to = boxes.filter(box => event.clientY > box.top + box.height / 2).length;
    if (to !== rows.indexOf(held)) put(held, to);
  });
  for (const end of ["pointerup", "pointercancel"])
    list.addEventListener(end, () => {
      if (held === null) return;
      items[held].classList.remove("cnn-held");
      tell(`${names[held]}: number ${rows.indexOf(held) + 1} of ${rows.length}.`);
      held = null;
    });

  // Equal numbers stay as the reader has them.
  const sorted = () => [...rows].sort((a, b) => (rising ? 1 : -1) * (truths[a].value - truths[b].value));

  function draw() {
    if (!compared) return;
    const paths = both.querySelector("svg");
    if (!paths) return;
    const width = paths.parentElement.clientWidth;
    const height = both.querySelector("li").getBoundingClientRect().height;
    paths.setAttribute("width", width);
    paths.setAttribute("height", height * rows.length);
    paths.replaceChildren(...rows.map((n, from) => {
      const to = compared.indexOf(n);
      const [y, z] = [from, to].map(place => (place + 0.5) * height);
      return svg("path", {class: from === to ? "cnn-level" : "cnn-crossing", d: `M2 ${y}C${width / 2} ${y} ${width / 2} ${z} ${width - 2} ${z}`});
    }));
  }

  const shownList = (order, text) => el("ol", {class: "cnn-rows"}, ...order.map((n, place) =>
    el("li", {}, el("b", {class: "cnn-place"}, String(place + 1)), el("span", {class: "cnn-name"}, ...text(n)))));

  return {
    root, draw,
    hint: `Drag the rows, or move them by their arrows: the ${rising ? "smallest" : "largest"} at the top.`,
    ready: () => true,
    first: () => items[rows[0]].querySelector("button"),
    reveal(guessed) {
      compared = sorted();
      const measured = truths.some(truth => truth.measured);
      const side = (title, order, text) => el("div", {}, el("p", {class: "cnn-label"}, title), shownList(order, text));
      const answer = side(measured ? "measured" : "the answer", compared, n => [names[n], " ", el("b", {class: "cnn-number"}, truths[n].text)]);
      const lines = el("div", {class: "cnn-paths"}, svg("svg", {role: "img", "aria-label": "A line leads from each row to its place."}));
      both.replaceChildren(...(guessed ? [side("your order", rows, n => [names[n]]), lines] : []), answer);
      both.classList.toggle("cnn-alone", !guessed);
      list.hidden = true;
      const top = compared[0];
      if (!guessed) return `At the top: ${names[top]}, ${truths[top].text}.`;
      const moved = rows.map((n, from) => compared.indexOf(n) - from);
      const right = moved.filter(by => by === 0).length;
      const furthest = moved.reduce((most, by, from) => (abs(by) > abs(moved[most]) ? from : most), 0);
      const by = abs(moved[furthest]);
      const places = by === 1 ? "one place" : `${by} places`;
      return `${right} of ${rows.length} stand in the place where you put them.` + (by
        ? ` Furthest off: ${names[rows[furthest]]}, ${places} too ${moved[furthest] > 0 ? "high" : "low"}.` : "");
    },
    reset() {
      rows = names.map((_, n) => n);
      compared = undefined;
      both.replaceChildren();
      list.hidden = false;
      refresh();
    },
  };
}

const kinds = {order: guessOrder};
