// The shipped LeNet-5, layer by layer, from weights that have PyTorch's names; needs network.js.

const LAYERS = { // from which layer, what it does there, the shape that it gives, its number in PyTorch
  C1: {from: "input", does: "5 × 5, padding 2, ReLU", shape: [6, 28, 28], number: 1, padding: 2},
  S2: {from: "C1", does: "max pooling 2 × 2", shape: [6, 14, 14]},
  C3: {from: "S2", does: "5 × 5, ReLU", shape: [16, 10, 10], number: 4, padding: 0},
  S4: {from: "C3", does: "max pooling 2 × 2", shape: [16, 5, 5]},
  C5: {from: "S4", does: "linear, ReLU", shape: [120], number: 8},
  F6: {from: "C5", does: "linear, ReLU", shape: [84], number: 10},
  logits: {from: "F6", does: "linear", shape: [10], number: 12},
};

// encoded is {name: {shape, data}} with float32 in base64. `maps` of 28×28 bytes are the tensors that
// come out of the layers, after ReLU where there is one: `input` is what `Normalize` makes of the
// image, and `softmax` are the ten probabilities.
function lenet5(encoded) {
  const read = ({shape, data}) => tensor(shape, new Float32Array(decode(data).buffer));
  const [mean, sd] = ["mean", "sd"].map(name => read(encoded[`layers.0.${name}`]).data[0]);
  const layers = {};
  for (const [name, layer] of Object.entries(LAYERS)) {
    const [weight, bias] = ["weight", "bias"].map(part => layer.number && read(encoded[`layers.${layer.number}.${part}`]));
    layers[name] = {...layer, weight, bias};
  }

  function maps(bytes) {
    const all = {input: tensor([1, 28, 28], Float32Array.from(bytes, v => (v / 255 - mean) / sd))};
    for (const [name, {from, shape, weight, bias, padding}] of Object.entries(layers)) {
      const x = all[from];
      if (!weight) all[name] = maxPool2d(x, 2);
      else {
        const y = shape.length > 1 ? conv2d(x, weight, bias, {padding}) : linear(x, weight, bias);
        all[name] = name === "logits" ? y : relu(y);
      }
    }
    all.softmax = softmax(all.logits);
    return all;
  }

  return {maps, mean, sd, layers};
}
