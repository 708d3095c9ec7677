// Whole networks from the list of their layers, and pictures that are made smaller, as
// cnn_course/widgets/layers.js and picture.js do it, against PyTorch and Pillow: pytest writes the
// cases to a file, whose name is in FIXTURES, and runs this (tests/test_widgets_layers.py).

const {readFileSync} = require("node:fs");
const {join} = require("node:path");
const {test} = require("node:test");
const assert = require("node:assert");

const source = ["base", "network", "modern", "layers", "picture"]
  .map(name => readFileSync(join(__dirname, `../../cnn_course/widgets/${name}.js`), "utf8")).join("");
const names = "network, weights, floats, evidence, resized, decode, tensor, relu, linear, adaptiveAvgPool2d, interpolate";
const page = new Function(`"use strict"; ${source}; return {${names}}`)();
const {networks, pictures} = JSON.parse(readFileSync(process.env.FIXTURES, "utf8"));

function near(found, expected, what) {
  assert.strictEqual(found.length, expected.length);
  expected.forEach((value, n) => {
    const error = Math.abs(found[n] - value);
    assert.ok(error <= 1e-5 * Math.max(1, Math.abs(value)), `${what}, ${n}: ${found[n]}, not ${value}`);
  });
}

for (const {name, body, head, side, cases} of networks)
  test(name, () => {
    const features = page.network(body), weight = page.weights(head);
    const bias = page.tensor([head.shape[0]], page.floats(head.bias));
    for (const {image, logits, label, heat, unscaled} of cases) {
      const maps = features(page.tensor([3, side, side], Float32Array.from(image)));
      near(page.linear(page.adaptiveAvgPool2d(maps, 1), weight, bias).data, logits, "logits");
      const found = page.interpolate(page.relu(page.evidence(maps, weight, label)), side);
      near(found.data, unscaled, "Grad-CAM");
      const most = Math.max(...found.data);
      near(found.data.map(v => (most > 0 ? v / most : 0)), heat, "Grad-CAM, scaled");
    }
  });

for (const {name, width, height, rgba, square, size, expected, slack} of pictures)
  test(name, () => {
    const found = page.resized({width, height, data: page.decode(rgba)}, square, size);
    const errors = [...page.decode(expected)].map((v, n) => Math.abs(v - found[n]));
    assert.ok(Math.max(...errors) <= slack, `off by ${Math.max(...errors)}`);
  });
