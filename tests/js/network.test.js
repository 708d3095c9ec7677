// The forward passes of network.js and modern.js in cnn_course/widgets against what PyTorch computed:
// pytest writes the cases to a file, whose name is in FIXTURES, and runs this
// (tests/test_widgets_network.py).

const {readFileSync} = require("node:fs");
const {join} = require("node:path");
const {test} = require("node:test");
const assert = require("node:assert");

const NAMES = ["conv2d", "maxPool2d", "avgPool2d", "linear", "relu", "softmax", "silu",
  "adaptiveAvgPool2d", "interpolate", "outputSize", "tensor", "numberText"];
const source = ["base", "network", "modern"]
  .map(name => readFileSync(join(__dirname, `../../cnn_course/widgets/${name}.js`), "utf8")).join("");
const network = new Function(`"use strict"; ${source}; return {${NAMES}}`)();
const cases = JSON.parse(readFileSync(process.env.FIXTURES, "utf8"));

const read = value => (value?.shape ? network.tensor(value.shape, Float32Array.from(value.data)) : value);

for (const {name, call, args, expected} of cases)
  test(name, () => {
    const y = network[call](...args.map(read));
    if (typeof expected === "number") return assert.strictEqual(y, expected);
    assert.deepStrictEqual(y.shape, expected.shape);
    expected.data.forEach((value, n) => {
      const error = Math.abs(y.data[n] - value);
      assert.ok(error <= 1e-5 * Math.max(1, Math.abs(value)), `${n}: ${y.data[n]}, not ${value}`);
    });
  });

const zeros = (...shape) => network.tensor(shape);

test("a number has a real minus, and none before 0", () => {
  const texts = [[-0.004], [-0.004, 2], [-0.006, 2], [-3], [0.5], [-12345.6], [-0, 1]].map(args => network.numberText(...args));
  assert.deepStrictEqual(texts, ["0", "0.00", "−0.01", "−3", "0.5", "−1.23e+4", "0.0"]);
});

test("what does not fit is said", () => {
  assert.throws(() => network.conv2d(zeros(1, 4, 4), zeros(1, 1, 5, 5)), /5,5 has no position in a map of 4,4/);
  assert.throws(() => network.conv2d(zeros(3, 4, 4), zeros(2, 2, 1, 1)), /3 channels and 2 filters of 2/);
  assert.throws(() => network.linear(zeros(3), zeros(2, 4)), /3 numbers for 4 inputs/);
  assert.throws(() => network.tensor([2, 2], new Float32Array(3)), /for 4 numbers, not 3/);
});
