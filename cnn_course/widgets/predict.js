// A guess before the answer: the answer stands in the page, and is shown when the reader has guessed.

start("predict", (body, data, root) => {
  const answers = root.querySelector(".cnn-answers");
  const question = root.querySelector(".cnn-question");
  const said = el("p", {role: "status", class: "cnn-said cnn-number"});
  const tell = text => { said.textContent = text; };
  const compare = button("Show the answer", () => show(true));
  compare.classList.add("cnn-main");
  const skip = button("Skip the guess", () => show(false));
  skip.classList.add("cnn-quiet");
  const again = button("Guess again", () => {
    reset();
    kind.first().focus();
  });
  const changed = () => { compare.disabled = !kind.ready(); };
  const kind = kinds[data.kind](data, answers, {tell, changed});
  let room = 0;

  body.setAttribute("role", "group");
  body.setAttribute("aria-label", question.textContent);
  answers.setAttribute("role", "group");
  answers.setAttribute("aria-label", "the answer");
  body.append(question, kind.root, said, row(compare, skip, again), answers);

  function show(guessed) {
    const text = kind.reveal(guessed);
    for (const e of [compare, skip]) e.hidden = true;
    again.hidden = false;
    answers.hidden = !answers.querySelector("table, .cnn-then");
    again.focus({preventScroll: true});
    tell(text);
    draw(room);
  }

  function reset() {
    kind.reset();
    for (const e of [compare, skip]) e.hidden = false;
    again.hidden = answers.hidden = true;
    changed();
    tell(kind.hint);
    draw(room);
  }

  function draw(width) {
    room = width;
    kind.draw(width);
    answers.tabIndex = answers.scrollWidth > answers.clientWidth ? 0 : -1; // a wide table, for keys
  }

  reset();
  return draw;
}, data => data.kind in kinds); // each figure brings along the script of its own kind alone
