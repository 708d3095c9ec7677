// What the figure that draws a digit computes, against the package: tests/test_widget_draw_digit.py
// writes strokes, weights and what Python makes of them to the file FIXTURES, and runs this.

const {readFileSync, writeFileSync} = require("node:fs");
const {join} = require("node:path");
const {test} = require("node:test");
const assert = require("node:assert");

const SCRIPTS = ["base", "network", "lenet5", "prepare", "sheet", "occlusion"];
const NAMES = ["decode", "lenet5", "prepareDigit", "newSheet", "occlusion", "SIDE"];
const read = name => readFileSync(join(__dirname, `../../cnn_course/widgets/${name}.js`), "utf8");
const its = new Function(`"use strict"; ${SCRIPTS.map(read).join("")}; return {${NAMES}}`)();
const {weights, drawings, pictures, digits, occluded} = JSON.parse(readFileSync(process.env.FIXTURES, "utf8"));

// Sheets are drawn here and prepared on both sides: the first call of node writes them to OUT.
if (process.env.OUT) {
  const sheets = drawings.map(strokes => {
    const sheet = its.newSheet();
    for (const stroke of strokes) stroke.forEach((point, n) => (n ? sheet.go(point) : sheet.begin(point)));
    return Array.from(sheet.ink);
  });
  writeFileSync(process.env.OUT, JSON.stringify({side: its.SIDE, sheets}));
} else {
  pictures.forEach(({pixels, shape, expected}, n) =>
    test(`picture ${n} is prepared as by Python`, () => {
      const found = its.prepareDigit(Uint8Array.from(pixels), ...shape);
      assert.deepStrictEqual(found && Array.from(found.digit), expected);
    }));

  const net = its.lenet5(weights);
  digits.forEach(({pixels, maps}, n) =>
    test(`digit ${n} has PyTorch's maps`, () => {
      const all = net.maps(Uint8Array.from(pixels));
      for (const [name, values] of Object.entries(maps))
        values.forEach((value, k) => {
          const error = Math.abs(all[name].data[k] - value);
          assert.ok(error <= 1e-5 * Math.max(1, Math.abs(value)), `${name} ${k}: ${all[name].data[k]}, not ${value}`);
        });
    }));

  test("the occlusion map is that of cnn_course.inspection", () => {
    const {pixels, best, expected} = occluded;
    const found = its.occlusion(net, Uint8Array.from(pixels), best, 7);
    assert.ok(found.step(Infinity));
    expected.forEach((value, n) => assert.ok(Math.abs(found.lost[n] - value) <= 1e-5));
  });

  test("undo takes back strokes, images and clearing", () => {
    const sheet = its.newSheet();
    sheet.replace({bytes: new Uint8Array(784).fill(200)});
    sheet.begin([0.5, 0.5]);
    sheet.go([0.6, 0.7]);
    const ink = sheet.ink.slice();
    sheet.replace();
    assert.ok(!sheet.marks().length && sheet.ink.every(v => v === 0));
    sheet.undo();
    assert.deepStrictEqual(sheet.ink, ink);
    sheet.undo();
    assert.strictEqual(Math.max(...sheet.ink), 200);
    sheet.undo();
    assert.ok(!sheet.marks().length && !sheet.changed());
  });
}
