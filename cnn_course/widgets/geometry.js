// Sizes along one axis, and what there is to say about them.

// What follows for an input of `size` pixels: the sides of the padded input, of the kernel with its
// gaps and of the output, the output's formula in letters and in numbers, and remarks in sentences,
// which call the input an image or a map and advise no more padding than `most`.
function geometry(size, {kernel_size: f, stride, padding, dilation}, most, input = "image") {
  const padded = size + 2 * padding;
  const span = dilation * (f - 1) + 1;
  const steps = padded - span;
  const output = outputSize(size, f, stride, padding, dilation);
  const reach = dilation > 1 ? ["D(F − 1) − 1", `${dilation}·(${f} − 1) − 1`] : ["F", f];
  const line = (w, k, p, s) => `⌊(${w} − ${k} + ${p}) / ${s}⌋ + 1`;
  return {
    padded, span, output,
    formula: [
      "O = " + line("W", reach[0], "2P", "S"),
      "= " + line(size, reach[1], `2·${padding}`, stride),
      `= ⌊${numberText(steps)} / ${stride}⌋ + 1 = `,
    ],
    remarks: output < 1 ? impossible(size, f, padding, dilation, span, most, input) : remarks(),
  };

  function remarks() {
    const left = steps % stride, skipped = stride - span;
    const rows = n => (n === 1 ? "one row and one column" : `${n} rows and columns`);
    return [
      dilation > 1 && f > 1 && `With dilation ${dilation} the kernel spans ${dilation}·(${f} − 1) + 1 = ${span} pixels.`,
      left && `The last step does not fit: ${rows(left)} at the end of the ${padding ? "padded " : ""}${input} are never read.`,
      skipped > 0 && `Between two positions ${rows(skipped)} are skipped.`,
      output === size && padding > 0 && `The map is as large as the ${input}.`,
      padding >= span && "In the corners the kernel reads nothing but zeros.",
    ].filter(Boolean);
  }
}

function impossible(size, f, padding, dilation, span, most, input) {
  const spans = dilation > 1
    ? `With dilation ${dilation} the kernel of ${f} spans ${dilation}·(${f} − 1) + 1 = ${span} pixels`
    : `The kernel spans ${span} pixels`;
  const enough = ceil((span - size) / 2);
  const has = padding ? `${size} + 2·${padding} = ${size + 2 * padding}` : size;
  return [
    `Impossible: ${spans.replace(/^[TW]/, c => c.toLowerCase())}, and the ${padding ? "padded " : ""}${input} has only ${has}.`,
    `Take a smaller kernel${dilation > 1 ? " or dilation" : ""}` + (enough > most ? "." : `, or padding ${enough}.`),
  ];
}
