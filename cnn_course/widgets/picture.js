// Pictures from files: what can be read is opened, and what cannot is explained with its name.

const LARGEST = 1e8; // pixels of a picture
const WORKING = [700, 16_000]; // pixels of the shorter and of the longer side, at most
const HEAD = 2 ** 18; // bytes from which a browser knows how large a picture is

// How files begin, read as Latin letters.
const KINDS = [
  ["JPEG", /^ÿØÿ/], ["PNG", /^.PNG/], ["GIF", /^GIF8/], ["WebP", /^RIFF[^]{4}WEBP/], ["BMP", /^BM/],
  ["AVIF", /^[^]{4}ftypavi[fs]/], ["HEIC", /^[^]{4}ftyp(he|mif|msf)/], ["TIFF", /^(II\*\0|MM\0\*)/],
  ["SVG", /^\s*(<\?xml|<!--|<!DOCTYPE svg|<svg)/i],
];
const ELSEWHERE = ["HEIC", "TIFF"]; // kinds that few browsers read
const ANIMATED = {GIF: "NETSCAPE2.0", WebP: "ANIM", PNG: "acTL"}; // what stands in the head of such a file

class Unreadable extends Error {}

const asText = bytes => new TextDecoder("latin1").decode(bytes);
const quoted = file => `“${file.name || "the picture"}”`;
const sized = (width, height) => `${width.toLocaleString("en")} × ${height.toLocaleString("en")}`;

// What a picture says of its own size in its first bytes, which are not decoded: [width, height].
async function claimed(head) {
  const reader = new FileReader(), img = new Image();
  await new Promise(done => {
    reader.onload = () => { img.src = reader.result; };
    reader.onerror = img.onload = img.onerror = done;
    reader.readAsDataURL(head);
  });
  return [img.naturalWidth, img.naturalHeight];
}

// A file's picture of width × height pixels, on a white `canvas` and as `pixels`, both of them in a
// working size, which is `scale` times its own; `remarks` are sentences about it. Throws Unreadable.
async function openPicture(file) {
  const head = file.slice(0, HEAD, file.type);
  const text = await head.arrayBuffer().then(asText, () => {
    throw new Unreadable(`${quoted(file)} cannot be read: it is a folder, or locked. Choose a picture.`);
  });
  if (!text) throw new Unreadable(`${quoted(file)} is empty: it has 0 bytes. Choose another file.`);
  const begins = KINDS.find(([, pattern]) => pattern.test(text))?.[0];
  const kind = begins ?? (/\.hei[cf]$/i.test(file.name) ? "HEIC" : undefined);
  if (kind === "SVG") throw new Unreadable(`${quoted(file)} is an SVG, a drawing of lines and not of pixels. Save it as PNG, and choose that.`);
  const [wide, high] = await claimed(head);
  if (wide * high > LARGEST)
    throw new Unreadable(`${quoted(file)} has ${sized(wide, high)} pixels, and ${LARGEST / 1e6} million are the most that fit here. Save it smaller, and choose that.`);
  const bitmap = await createImageBitmap(file).catch(() => { throw new Unreadable(whyNot(file, kind)); });
  const {width, height} = bitmap;
  const scale = min(1, WORKING[0] / min(width, height), WORKING[1] / max(width, height));
  const canvas = el("canvas", {width: max(1, round(width * scale)), height: max(1, round(height * scale))});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return {width, height, canvas, scale, pixels: context.getImageData(0, 0, canvas.width, canvas.height), remarks: [
    kind in ANIMATED && text.slice(0, 4096).includes(ANIMATED[kind]) && "It is animated: this is its first frame.",
  ].filter(Boolean)};
}

function whyNot(file, kind) {
  if (!kind) return `${quoted(file)} is no picture that this browser reads. Choose a JPEG, PNG, GIF or WebP file.`;
  if (ELSEWHERE.includes(kind)) return `${quoted(file)} is a ${kind} file, which this browser does not read. Save it as JPEG or PNG, and choose that.`;
  return `${quoted(file)} begins as ${/^A/.test(kind) ? "an" : "a"} ${kind}, and cannot be read to its end: it is damaged or cut off. Save it once more, or choose another.`;
}

// take(files) hears of what is dropped on an element, or pasted while the focus is inside, or nowhere
// with the pointer over it; refuse(sentence) of what is no file.
function receive(element, take, refuse) {
  function handed(transfer, how) {
    if (transfer.files.length) return take([...transfer.files]);
    const types = [...transfer.types];
    refuse(types.includes("text/uri-list")
      ? `What you ${how} is an address, and this page loads nothing. Save the picture, and choose its file.`
      : `What you ${how} is ${types.includes("text/plain") ? "text" : "no picture"}. Copy a picture itself, or choose its file.`);
  }
  const over = on => element.classList.toggle("cnn-over", on);
  element.addEventListener("dragover", event => {
    event.preventDefault();
    over(true);
  });
  element.addEventListener("dragleave", event => element.contains(event.relatedTarget) || over(false));
  element.addEventListener("drop", event => {
    event.preventDefault();
    event.stopPropagation();
    over(false);
    handed(event.dataTransfer, "dropped");
  });
  document.addEventListener("paste", event => {
    const focus = document.activeElement;
    if (!element.contains(focus) && !(focus === document.body && element.matches(":hover"))) return;
    event.preventDefault();
    handed(event.clipboardData, "pasted");
  });
}

// What the pixels of an ImageData under [left, top, side], fractions of pixels too, are on average in
// each of size × size cells: uint8 (3, size, size). As Pillow does it with BILINEAR: where it reduces,
// each pixel counts by its distance from the cell's middle, and what lies two cells away no more.
function resized({width, height, data}, [left, top, side], size) {
  const across = cells(left, side, size, width), down = cells(top, side, size, height);
  const rows = new Uint8Array(3 * height * size); // (height, size, 3): reduced from left to right
  const out = new Uint8Array(3 * size * size);
  const end = down[size - 1].from + down[size - 1].share.length;
  for (let i = down[0].from; i < end; i++)
    for (let j = 0; j < size; j++) reduce(data, 4 * (i * width + across[j].from), 4, across[j].share, rows, 3 * (i * size + j), 1);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) reduce(rows, 3 * (down[i].from * size + j), 3 * size, down[i].share, out, i * size + j, size * size);
  return out;
}

const ONE = 2 ** 22; // Pillow's fixed point

// Three channels at `n`, n + step, … of `from`, by their shares, to `m` of `to`, a `gap` between them.
function reduce(from, n, step, share, to, m, gap) {
  let r = ONE / 2, g = r, b = r;
  for (let k = 0; k < share.length; k++, n += step) {
    const w = share[k];
    r += w * from[n];
    g += w * from[n + 1];
    b += w * from[n + 2];
  }
  to[m] = r / ONE;
  to[m + gap] = g / ONE;
  to[m + 2 * gap] = b / ONE;
}

// Of each of `size` cells on an axis of `length` pixels: the first pixel that counts, and how much
// it and the following do, in fixed point.
function cells(start, span, size, length) {
  const scale = span / size, reach = max(scale, 1);
  return Array.from({length: size}, (_, n) => {
    const centre = start + (n + 0.5) * scale;
    const from = max(0, floor(centre - reach + 0.5));
    const end = min(length, floor(centre + reach + 0.5));
    const heights = Float64Array.from({length: end - from}, (_, k) =>
      max(0, 1 - abs((k + from - centre + 0.5) / reach)));
    const sum = heights.reduce((a, b) => a + b, 0);
    return {from, share: heights.map(h => floor(0.5 + (h / sum) * ONE))};
  });
}
