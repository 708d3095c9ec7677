// What is drawn on a sheet, and how dark each of its pixels is.

const SIDE = 140; // pixels of the sheet, for what is computed with it
const PEN = 0.05; // the pen's width, as a share of the sheet

// A sheet holds marks, each a stroke {points: [[x, y], …]} in shares of its side, or an image
// {bytes} of 28×28 that fills it. `ink` are its pixels (SIDE, SIDE), 0 to 255; those at the edge stay 0.
function newSheet() {
  const ink = new Uint8Array(SIDE * SIDE);
  let marks = [];
  const past = []; // the marks before each change, for undo

  function put(change) {
    past.push(marks);
    marks = change;
    ink.fill(0);
    for (const {points, bytes} of marks)
      if (bytes) stamp(bytes);
      else points.forEach((to, n) => line(points[Math.max(0, n - 1)], to));
  }

  // Every pixel is as dark as the pen covers it: 1 up to half a pixel inside its rim, 0 from half a
  // pixel outside.
  function line([x0, y0], [x1, y1]) {
    const a = [x0 * SIDE, y0 * SIDE], along = [(x1 - x0) * SIDE, (y1 - y0) * SIDE];
    const length2 = along[0] ** 2 + along[1] ** 2, rim = (PEN * SIDE) / 2 + 0.5;
    const [left, top] = a.map((v, k) => Math.max(1, Math.floor(v + Math.min(0, along[k]) - rim)));
    const [right, bottom] = a.map((v, k) => Math.min(SIDE - 1, Math.ceil(v + Math.max(0, along[k]) + rim)));
    for (let i = top; i < bottom; i++)
      for (let j = left; j < right; j++) {
        const x = j + 0.5 - a[0], y = i + 0.5 - a[1];
        const t = length2 && Math.max(0, Math.min(1, (x * along[0] + y * along[1]) / length2));
        const cover = rim - Math.hypot(x - t * along[0], y - t * along[1]);
        if (cover > 0) ink[i * SIDE + j] = Math.max(ink[i * SIDE + j], Math.round(255 * Math.min(1, cover)));
      }
  }

  function stamp(bytes) {
    const wide = resized(Float32Array.from(bytes), 28, 28, SIDE, 28, 1);
    resized(wide, SIDE, 28, SIDE, 1, SIDE).forEach((v, n) => {
      const edges = [Math.floor(n / SIDE), n % SIDE].map(k => k % (SIDE - 1));
      if (edges[0] && edges[1]) ink[n] = Math.max(ink[n], Math.round(v));
    });
  }

  return {
    ink,
    marks: () => marks,
    empty: () => !marks.length,
    begin(point) {
      past.push(marks);
      marks = [...marks, {points: [point]}];
      line(point, point);
    },
    go(point) {
      const {points} = marks[marks.length - 1];
      line(points[points.length - 1], point);
      points.push(point);
    },
    show(bytes) { put([{bytes}]); },
    clear() { if (marks.length) put([]); },
    undo() {
      if (!past.length) return;
      const before = past.pop();
      put(before);
      past.pop();
    },
    changed: () => past.length > 0,
  };
}

// An image's bytes in a colour, #rrggbb, and see-through where they are 0.
function tinted(bytes, hex) {
  const image = new ImageData(28, 28), small = el("canvas", {width: 28, height: 28});
  const rgb = [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16));
  bytes.forEach((v, n) => image.data.set([...rgb, v], 4 * n));
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

const property = (e, name) => getComputedStyle(e).getPropertyValue(name).trim();

// The sheet on a canvas: by pointer, by touch, and by a pen that keys move. `changed` hears of every
// change, and whether the stroke goes on.
function sheetBoard(changed) {
  const sheet = newSheet();
  const canvas = el("canvas", {tabindex: "0", role: "application",
    "aria-label": "Sheet to draw on. Arrow keys move the pen, space puts it down or lifts it."});
  const context = canvas.getContext("2d");
  let pen = [14, 14]; // where the keys have it: row and column of 28
  let keys = false, down = false; // whether they are in use, and it is on the sheet
  let pointer; // the one that draws

  function draw() {
    const side = canvas.width;
    const [ink, muted, accent] = ["--ink", "--muted", "--accent"].map(name => property(canvas, name));
    context.clearRect(0, 0, side, side);
    context.lineCap = context.lineJoin = "round";
    for (const {bytes, points} of sheet.marks()) {
      if (bytes) {
        context.drawImage(tinted(bytes, ink), 0, 0, side, side);
        continue;
      }
      context.strokeStyle = ink;
      context.lineWidth = PEN * side;
      context.beginPath();
      context.moveTo(points[0][0] * side, points[0][1] * side);
      for (const [x, y] of points) context.lineTo(x * side, y * side);
      context.stroke();
    }
    if (sheet.empty() && !keys) {
      context.fillStyle = muted;
      context.font = `${side / 17}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillText("draw a digit", side / 2, side * 0.52);
    }
    if (keys && document.activeElement === canvas) {
      context.beginPath();
      context.arc(...at(pen).map(v => v * side), 0.035 * side, 0, 7);
      context.strokeStyle = context.fillStyle = accent;
      context.lineWidth = 0.01 * side;
      context.stroke();
      if (down) context.fill();
    }
  }

  const at = ([i, j]) => [(j + 0.5) / 28, (i + 0.5) / 28];
  const where = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };

  function update(goesOn = false) {
    draw();
    changed(goesOn);
  }

  canvas.addEventListener("pointerdown", event => {
    if (pointer !== undefined || event.button) return;
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    keys = down = false;
    sheet.begin(where(event));
    update(true);
  });
  canvas.addEventListener("pointermove", event => {
    if (event.pointerId !== pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) sheet.go(where(each));
    update(true);
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, event => {
      if (event.pointerId !== pointer) return;
      pointer = undefined;
      update();
    });

  canvas.addEventListener("keydown", event => {
    if (pointer !== undefined) return;
    const to = moved(event.key, pen, [28, 28]);
    if (!to && ![" ", "Enter"].includes(event.key)) return;
    event.preventDefault();
    keys = true;
    if (to) pen = to;
    else down = !down;
    if (!down) return draw();
    sheet[to ? "go" : "begin"](at(pen));
    update();
  });
  canvas.addEventListener("focus", () => { keys = canvas.matches(":focus-visible"); draw(); });
  canvas.addEventListener("blur", () => { keys = down = false; draw(); });

  function change(how) {
    down = false;
    how();
    update();
  }

  return {
    canvas, ...sheet,
    undo: () => change(() => sheet.undo()),
    clear: () => change(() => sheet.clear()),
    show: bytes => change(() => sheet.show(bytes)),
    layout(side) {
      canvas.width = canvas.height = Math.round(side * ratio());
      canvas.style.width = canvas.style.height = `${side}px`;
      draw();
    },
  };
}
