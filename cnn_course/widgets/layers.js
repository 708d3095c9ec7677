// A network from the list of its layers, as layers.py writes it.

const floats = text => new Float32Array(decode(text).buffer);

// The weights of a layer, which come as whole numbers and a scale for each output: {shape, data}
function weights({shape, weight, scale}) {
  const integers = new Int8Array(decode(weight).buffer), scales = floats(scale);
  const each = integers.length / shape[0];
  return tensor(shape, Float32Array.from(integers, (v, n) => v * scales[floor(n / each)]));
}

// What each kind of layer is as a function of x, by the name that the list has for it.
const LAYERS = {
  normalize({mean, sd}) {
    return x => tensor(x.shape, x.data.map((v, n) => {
      const c = floor((n * mean.length) / x.data.length);
      return (v - mean[c]) / sd[c];
    }));
  },
  conv2d({bias, options, ...layer}) {
    const weight = weights(layer), shift = tensor([weight.shape[0]], floats(bias));
    return x => conv2d(x, weight, shift, options);
  },
  linear({bias, ...layer}) {
    const weight = weights(layer), shift = tensor([weight.shape[0]], floats(bias));
    return x => linear(x, weight, shift);
  },
  maxPool2d: ({kernel, options}) => x => maxPool2d(x, kernel, options),
  relu: () => relu,
  silu: () => silu,
  // What several branches, each a list, make of the same x, added up.
  add({branches}) {
    const all = branches.map(network);
    return x => all.map(branch => branch(x)).reduce((a, b) => {
      const y = tensor(a.shape);
      for (let n = 0; n < y.data.length; n++) y.data[n] = a.data[n] + b.data[n];
      return y;
    });
  },
};

// One layer after the other: x → y
function network(list) {
  const layers = list.map(layer => LAYERS[layer.name](layer));
  return x => layers.reduce((y, layer) => layer(y), x);
}

// Where the last maps (C, h, w) of a network speak for a class, if it ends in the mean of each map
// and a linear layer, whose weight is (classes, C): what each position adds to the logit, (1, h, w).
// Negative values count as 0 in Grad-CAM, which is the rest of it.
function evidence(maps, weight, label) {
  const [channels, height, width] = maps.shape;
  const y = tensor([1, height, width]);
  for (let n = 0; n < y.data.length; n++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += weight.data[label * channels + c] * maps.data[c * height * width + n];
    y.data[n] = sum / height / width;
  }
  return y;
}
