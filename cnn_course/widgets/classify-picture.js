// A trained network on the reader's own picture: the square that it gets, its answer, the evidence.

const HOT = [213, 94, 0]; // where most speaks for a class
const percent = p => (p > 0 && p < 0.005 ? "< 1 %" : p < 1 && p >= 0.995 ? "> 99 %" : `${round(100 * p)} %`);

start("classify-picture", (body, data) => {
  const {classes, side} = data;
  const features = network(data.body), weight = weights(data.linear);
  const bias = tensor([classes.length], floats(data.linear.bias));

  let turn = 0; // of the files that were opened, the last
  let picture = null, noun = null; // what is open, and which of the course's own it is
  let pixels, maps, logits, p, answer; // what the network gets (3, side, side), and what it says
  let chosen = null; // the class that the reader has picked; without one, the answer
  let adds, heat; // what each position of the last maps adds to the class's logit; its Grad-CAM

  // --- What is on the page

  const samples = data.pictures.map(sample => {
    const file = new File([decode(sample.jpeg)], sample.name);
    const img = el("img", {alt: "", src: `data:image/jpeg;base64,${sample.jpeg}`});
    const choice = el("button", {type: "button", class: "cnn-sample", "aria-label": sample.name, "aria-pressed": "false"}, img);
    choice.addEventListener("click", () => open(file, {sample}));
    return {...sample, choice, file};
  });
  const input = el("input", {type: "file", accept: "image/*", hidden: true, onchange() {
    take([...input.files]);
    input.value = ""; // the same file may be chosen again
  }});
  const choose = button("Choose a picture …", () => input.click());
  choose.classList.add("cnn-main");
  const remark = el("p", {class: "cnn-remark", role: "status"});
  const crop = cropper({parts: side, changed: classify, stuck() {
    tell("The square is as large as the picture. Make it smaller to move it.");
  }});
  const seen = el("canvas", {role: "img", "aria-label": `The ${side} by ${side} pixels that the network gets.`});
  const cloud = el("canvas", {role: "img"});
  const cloudText = el("span"), legend = el("div", {class: "cnn-scale cnn-number"});
  const said = el("p", {class: "cnn-answer", role: "status"});
  const bars = classes.map((name, n) => {
    const bar = el("i"), share = el("span", {class: "cnn-number"});
    const choice = el("button", {type: "button", role: "radio", class: "cnn-class"},
      el("span", {}, name), el("span", {class: "cnn-bar"}, bar), share);
    choice.addEventListener("click", () => pick(n));
    return {choice, bar, share};
  });
  const group = el("div", {role: "radiogroup", "aria-label": "show the evidence for", onkeydown(event) {
    const to = moved(event, [label(), 0], [classes.length, 1]);
    if (!to || !picture) return;
    const [back, on] = ["ArrowLeft", "ArrowRight"].map(key => Number(event.key === key));
    pick(clamp(to[0] + on - back, classes.length));
    bars[label()].choice.focus();
  }}, ...bars.map(each => each.choice));
  const evidenceText = el("p", {class: "cnn-evidence cnn-number", role: "status"});
  const effort = el("p", {class: "cnn-note cnn-number"});
  body.append(
    el("div", {class: "cnn-open"},
      el("div", {class: "cnn-samples", role: "group", "aria-label": "pictures that come with the course"}, ...samples.map(each => each.choice)),
      choose, input),
    el("p", {class: "cnn-note"}, "Take one of these, or choose, drop or paste your own. ",
      el("b", {}, "Nothing leaves your machine:"), " the network runs in this page."),
    remark,
    el("div", {class: "cnn-two"}, crop.root, said,
      el("div", {class: "cnn-pair"}, captioned(seen, `input ${side} × ${side}`), el("div", {}, captioned(cloud, cloudText), legend)),
      evidenceText,
      el("div", {class: "cnn-names"}, group,
        el("p", {class: "cnn-note"}, `It knows these ${classes.length} names and no other. A picture of none of them gets one all the same: the probabilities always add up to 100 %. Pick a name to see what speaks for it.`),
        effort)),
  );

  // --- Opening

  const tell = (text, fault = false) => {
    remark.textContent = text;
    remark.classList.toggle("cnn-fault", fault);
  };
  const refuse = text => tell(`${text}${picture ? " The picture from before stays." : ""}`, true);

  function take(files) {
    if (files.length) open(files[0], {others: files.length - 1});
  }

  async function open(file, {sample, others = 0} = {}) {
    const mine = ++turn;
    try {
      const opened = await openPicture(file);
      if (mine !== turn) return; // another one was chosen meanwhile
      picture = opened;
    } catch (error) {
      if (mine !== turn) return;
      return refuse(error instanceof Unreadable ? error.message : `${quoted(file)} could not be opened (${error.message}). Choose another.`);
    }
    const {width, height} = picture, short = min(width, height);
    noun = sample?.name ?? null;
    chosen = null;
    for (const each of samples) each.choice.setAttribute("aria-pressed", String(each.name === noun));
    tell([
      others > 0 && `Of the ${others + 1} files this is the first.`,
      sample ? sample.credit : `${quoted(file)}: ${sized(width, height)} pixels.`,
      ...picture.remarks,
      short < side && `It has fewer than ${side} × ${side} pixels, and is enlarged for the network.`,
    ].filter(Boolean).join(" "));
    crop.show(picture, sample?.square ?? [(width - short) / 2, (height - short) / 2, short]);
  }

  // --- What follows from the square

  function classify() {
    const began = performance.now();
    pixels = resized(picture.pixels, crop.square().map(n => n * picture.scale), side);
    maps = features(tensor([3, side, side], Float32Array.from(pixels, v => v / 255)));
    logits = linear(adaptiveAvgPool2d(maps, 1), weight, bias);
    p = softmax(logits).data;
    const [first, second] = [...p.keys()].sort((a, b) => p[b] - p[a]);
    answer = first;
    said.replaceChildren(el("b", {}, `${classes[answer]} (${percent(p[answer])})`),
      noun && !classes.includes(noun)
        ? ` There is no “${noun}” among its names.`
        : ` Next comes ${classes[second]} (${percent(p[second])}).`);
    weigh();
    effort.textContent = `${(data.macs / 1e6).toFixed(1)} million multiply–accumulates in ~${round(performance.now() - began)} ms.`;
  }

  const label = () => chosen ?? answer;

  function pick(n) {
    if (!picture) return;
    chosen = n;
    weigh();
  }

  // What speaks for the class.
  function weigh() {
    const name = classes[label()];
    adds = evidence(maps, weight, label());
    heat = interpolate(relu(adds), side).data;
    const most = max(...adds.data);
    bars.forEach(({choice, bar, share}, n) => {
      choice.setAttribute("aria-checked", String(n === label()));
      choice.tabIndex = n === label() ? 0 : -1;
      choice.classList.toggle("cnn-first", n === answer);
      bar.style.width = `${100 * p[n]}%`;
      share.textContent = percent(p[n]);
    });
    cloudText.textContent = `evidence for “${name}”`;
    cloud.setAttribute("aria-label", `The ${side} by ${side} pixels in grey, under orange where the evidence for ${name} lies.`);
    legend.replaceChildren("0", el("i"), numberText(max(0, most), 2));
    legend.style.visibility = most > 0 ? "" : "hidden";
    const sum = adds.data.reduce(add, 0);
    evidenceText.textContent = (most > 0
      ? `Orange speaks for “${name}”. Of the ${adds.data.length} positions of the last maps one adds ${numberText(most, 2)} to its logit at most, all together ${numberText(sum, 2)}`
      : `Nothing speaks for “${name}”. None of the ${adds.data.length} positions of the last maps adds to its logit, all together ${numberText(sum, 2)}`) +
      `; with the bias it is ${numberText(logits.data[label()], 2)}.`;
    draw();
  }

  // --- Drawing

  function draw() {
    if (!body.clientWidth || !picture) return;
    crop.draw();
    const cell = cellSize(seen.parentElement.clientWidth, side);
    const count = side ** 2;
    drawBoard(seen, raster(side, side, n => [0, 1, 2].map(c => pixels[c * count + n])), cell);
    const most = max(...heat);
    drawBoard(cloud, raster(side, side, n => {
      const grey = 95 + (pixels[n] + pixels[count + n] + pixels[2 * count + n]) * (160 / 765);
      return HOT.map(hot => grey + (hot - grey) * (most > 0 ? (0.85 * heat[n]) / most : 0));
    }), cell);
  }

  receive(body, take, refuse);
  const {file, ...sample} = samples.find(each => each.name === data.picture);
  open(file, {sample});
  return draw;
});
