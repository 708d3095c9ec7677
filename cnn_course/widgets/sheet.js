// What is drawn on a sheet, and how dark each of its pixels is.

const SIDE = 140; // pixels of the sheet, for what is computed with it
const PEN = 0.05; // the pen's width, as a share of the sheet

// A sheet holds marks, each a stroke {points: [[x, y], …]} in shares of its side, or an image
// {bytes} of 28×28 that fills it, black at its rim. `ink` are its pixels (SIDE, SIDE), 0 to 255; those
// at the edge stay 0.
function newSheet() {
  const ink = new Uint8Array(SIDE * SIDE);
  let marks = [];
  const past = []; // the marks before each change, for undo

  function put(change) {
    marks = change;
    ink.fill(0);
    for (const {points, bytes} of marks)
      if (bytes) ink.set(resized(resized(bytes, 28, 28, SIDE), SIDE, 28, SIDE).map(round));
      else points.forEach((to, n) => line(points[max(0, n - 1)], to));
  }

  // Every pixel is as dark as the pen covers it: 1 up to half a pixel inside its rim, 0 from half a
  // pixel outside.
  function line([x0, y0], [x1, y1]) {
    const [x, y, across, down] = [x0, y0, x1 - x0, y1 - y0].map(v => v * SIDE);
    const length2 = across ** 2 + down ** 2, rim = (PEN * SIDE) / 2 + 0.5;
    const from = (v, by) => max(1, floor(min(v, v + by) - rim));
    const end = (v, by) => min(SIDE - 1, ceil(max(v, v + by) + rim));
    const bottom = end(y, down), right = end(x, across);
    for (let i = from(y, down); i < bottom; i++)
      for (let j = from(x, across); j < right; j++) {
        const u = j + 0.5 - x, v = i + 0.5 - y;
        const t = length2 && max(0, min(1, (u * across + v * down) / length2));
        const cover = rim - Math.hypot(u - t * across, v - t * down);
        if (cover > 0) ink[i * SIDE + j] = max(ink[i * SIDE + j], round(255 * min(1, cover)));
      }
  }

  return {
    ink,
    marks: () => marks,
    begin(point) {
      past.push(marks);
      marks = [...marks, {points: [point]}];
      line(point, point);
    },
    go(point) {
      const {points} = marks.at(-1);
      line(points.at(-1), point);
      points.push(point);
    },
    replace(...change) {
      past.push(marks);
      put(change);
    },
    undo: () => put(past.pop()),
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

// The sheet on a canvas: by pointer, by touch, and by a pen that keys move. `changed` hears of every
// change, and whether the stroke goes on.
function sheetBoard(changed) {
  const sheet = newSheet();
  let pen = [14, 14]; // where the keys have it: row and column of 28
  let keys = false, down = false; // whether they are in use, and it is on the sheet
  let pointer; // the one that draws
  let ink, muted, accent; // the theme's colours
  let origin, wide; // where in the page the sheet begins, and its side: asked for once in a stroke

  const canvas = el("canvas", {
    tabindex: "0", role: "application",
    "aria-label": "Sheet to draw on. Arrow keys move the pen, space puts it down or lifts it.",
    onpointerdown(event) {
      if (pointer !== undefined || event.button) return;
      if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
      pointer = event.pointerId;
      const box = canvas.getBoundingClientRect();
      origin = [box.left + scrollX, box.top + scrollY];
      wide = box.width;
      keys = down = false;
      sheet.begin(where(event));
      update(true);
    },
    onpointermove(event) {
      if (event.pointerId !== pointer) return;
      const between = event.getCoalescedEvents();
      for (const each of between.length ? between : [event]) sheet.go(where(each));
      update(true);
    },
    onpointerup: lift,
    onpointercancel: lift,
    onkeydown(event) {
      if (pointer !== undefined) return;
      const to = moved(event, pen, [28, 28]);
      if (!to && !taken(event, [" ", "Enter"].includes(event.key))) return;
      keys = true;
      if (to) pen = to;
      else down = !down;
      if (!down) return draw();
      sheet[to ? "go" : "begin"](at(pen));
      update();
    },
    onfocus() { keys = canvas.matches(":focus-visible"); draw(); },
    onblur() { keys = down = false; draw(); },
  });

  const at = ([i, j]) => [(j + 0.5) / 28, (i + 0.5) / 28];

  const where = event => [(event.pageX - origin[0]) / wide, (event.pageY - origin[1]) / wide];

  function lift(event) {
    if (event.pointerId !== pointer) return;
    pointer = undefined;
    update();
  }

  function update(goesOn = false) {
    draw();
    changed(goesOn);
  }

  function draw() {
    const side = canvas.width, context = canvas.getContext("2d"), marks = sheet.marks();
    context.clearRect(0, 0, side, side);
    context.lineCap = context.lineJoin = "round";
    for (const {bytes, points} of marks) {
      if (bytes) {
        context.drawImage(tinted(bytes, ink), 0, 0, side, side);
        continue;
      }
      context.strokeStyle = ink;
      context.lineWidth = PEN * side;
      context.beginPath();
      for (const [x, y] of [points[0], ...points]) context.lineTo(x * side, y * side);
      context.stroke();
    }
    if (!marks.length && !keys) {
      context.fillStyle = muted;
      context.font = `${side / 17}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillText("draw a digit", side / 2, side * 0.52);
    }
    if (keys) {
      context.beginPath();
      context.arc(...at(pen).map(v => v * side), 0.035 * side, 0, 7);
      context.strokeStyle = context.fillStyle = accent;
      context.lineWidth = 0.01 * side;
      context.stroke();
      if (down) context.fill();
    }
  }

  const change = how => (...given) => {
    down = false;
    how(...given);
    update();
  };

  return {
    canvas, ink: sheet.ink, changed: sheet.changed,
    empty: () => !sheet.marks().length,
    undo: change(sheet.undo),
    clear: change(() => sheet.replace()),
    show: change(bytes => sheet.replace({bytes})),
    layout(side) {
      [ink, muted, accent] = ["--ink", "--muted", "--accent"].map(name => property(canvas, name));
      canvas.width = canvas.height = round(side * ratio());
      canvas.style.width = canvas.style.height = `${side}px`;
      draw();
    },
  };
}
