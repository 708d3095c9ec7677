// A picture, and the square of it that is cut out: moved by pointer or keys, resized by its corners,
// keys or a slider.

const LEAST = 8; // pixels of the square's side
const REACH = 22; // how near to a corner a pointer takes it, in pixels of the page
const TALLEST = 352; // the picture on the page
const STEPS = {
  ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0],
  Home: [-Infinity, 0], End: [Infinity, 0], PageUp: [0, -Infinity], PageDown: [0, Infinity],
};

const between = (n, low, high) => max(low, min(n, high));

// changed() is called for another square, stuck() where it fills the picture and cannot move. A step
// of an arrow key is the square's `parts`-th part.
function cropper({parts, changed, stuck}) {
  let picture = null, square = [0, 0, 1]; // [left, top, side] in the picture's pixels
  const canvas = el("canvas", {tabindex: "0", role: "application",
    "aria-label": "Picture. The arrow keys move the square that the network gets, plus and minus resize it."});
  const text = el("span");
  const sizer = slider("side of the square", "s", [1, 1], 1, value => {
    const [left, top, side] = square;
    place(left + (side - value) / 2, top + (side - value) / 2, value);
  });
  const range = sizer.root.querySelector("input");
  const root = el("div", {class: "cnn-crop"},
    el("div", {class: "cnn-figure"}, el("div", {class: "cnn-caption"}, text), el("div", {class: "cnn-picture"}, canvas)),
    sizer.root);

  // `canvas` shows `opened`, of width × height pixels, and the square lies as it is given.
  function show(opened, given) {
    picture = opened;
    const short = min(picture.width, picture.height);
    range.min = min(LEAST, short);
    range.max = short;
    range.disabled = short <= 1;
    place(...given);
  }

  // As near as possible, where it would reach over an edge.
  function place(x, y, side) {
    const {width, height} = picture;
    side = between(side, Number(range.min), Number(range.max));
    square = [between(x, 0, width - side), between(y, 0, height - side), side];
    sizer.set(round(side));
    text.textContent = `picture ${sized(width, height)}, square ${sized(round(side), round(side))}`;
    // Where the square cannot follow a finger, the page does.
    const [across, down] = [side < width, side < height];
    canvas.style.touchAction = across ? (down ? "none" : "pan-y") : down ? "pan-x" : "auto";
    changed();
  }

  function draw() {
    const room = root.clientWidth;
    const scale = min(room / picture.width, min(room, TALLEST) / picture.height) * ratio(); // device pixels for a pixel
    const sides = [picture.width, picture.height].map(n => max(1, round(n * scale)));
    [canvas.width, canvas.height] = sides;
    [canvas.style.width, canvas.style.height] = sides.map(n => `${n / ratio()}px`);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = scale < 6 * ratio();
    context.imageSmoothingQuality = "high";
    context.drawImage(picture.canvas, 0, 0, ...sides);
    const [left, top, side] = square;
    context.fillStyle = "rgba(16,20,26,.62)";
    context.beginPath();
    context.rect(0, 0, ...sides);
    context.rect(...[left, top, side, side].map(n => n * scale));
    context.fill("evenodd");
    frame(context, top, left, side, side, scale);
    context.fillStyle = FRAME;
    const knob = 10 * ratio();
    for (const corner of corners()) {
      const at = corner.map((n, axis) => between(n * scale - knob / 2, 0, sides[axis] - knob));
      context.fillRect(...at, knob, knob);
    }
  }

  const corners = () => [0, 1, 2, 3].map(n => [square[0] + (n % 2) * square[2], square[1] + floor(n / 2) * square[2]]);

  // --- Pointer and keys

  let held = null; // what a pointer that is down does at [x, y]

  function pointed(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * picture.width, ((event.clientY - box.top) / box.height) * picture.height];
  }

  // The corner opposite to the one at [x, y]; undefined where there is none.
  function opposite([x, y]) {
    const reach = min((REACH * picture.width) / canvas.clientWidth, square[2] / 3);
    const n = corners().findIndex(([a, b]) => max(abs(x - a), abs(y - b)) < reach);
    return corners()[3 - n];
  }

  const within = at => at.every((n, axis) => n >= square[axis] && n <= square[axis] + square[2]);

  // Pull at a corner; the one opposite, [a, b], stays.
  function pull([a, b]) {
    const right = a === square[0], below = b === square[1];
    const room = min(right ? picture.width - a : a, below ? picture.height - b : b);
    return ([x, y]) => {
      const side = between(round(max(abs(x - a), abs(y - b))), Number(range.min), room);
      place(right ? a : a - side, below ? b : b - side, side);
    };
  }

  function carry([x, y]) {
    if (!within([x, y])) place(round(x - square[2] / 2), round(y - square[2] / 2), square[2]);
    const [dx, dy] = [x - square[0], y - square[1]];
    return ([u, v]) => place(round(u - dx), round(v - dy), square[2]);
  }

  canvas.addEventListener("pointerdown", event => {
    if (!picture) return;
    canvas.setPointerCapture(event.pointerId);
    const at = pointed(event), fixed = opposite(at);
    held = fixed ? pull(fixed) : carry(at);
  });
  canvas.addEventListener("pointermove", event => {
    if (!picture) return;
    const at = pointed(event), fixed = opposite(at);
    if (held) return held(at);
    const falls = fixed && (fixed[0] === square[0]) === (fixed[1] === square[1]);
    canvas.style.cursor = fixed ? (falls ? "nwse-resize" : "nesw-resize") : within(at) ? "grab" : "crosshair";
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });

  canvas.addEventListener("keydown", event => {
    const [left, top, side] = square;
    const step = max(1, round(side / parts));
    const way = STEPS[event.key], grow = {"+": 1, "=": 1, "-": -1}[event.key];
    if (!picture || !taken(event, way || grow)) return;
    if (grow) return place(left - grow * step, top - grow * step, side + 2 * grow * step);
    if (side === picture.width && side === picture.height) return stuck();
    place(left + way[0] * step, top + way[1] * step, side);
  });

  return {root, show, draw, square: () => square};
}
