// Occlusion: what a black square takes from the probability of the answer; needs lenet5.js.

// `lost` (28, 28) is what a square of side×side, centred at each pixel, takes from the class `best`,
// and `instead` counts the other answers by class. step(until) goes on until that time of
// performance.now(), and tells whether all is done.
function occlusion(net, digit, best, side) {
  const whole = net.maps(digit).softmax.data[best], reach = side >> 1;
  const lost = new Float32Array(784), instead = Array(10).fill(0), covered = new Uint8Array(784);
  let n = 0;

  function look() {
    const y = floor(n / 28), x = n % 28;
    let inked = false;
    covered.set(digit);
    for (let i = max(0, y - reach); i <= min(27, y + reach); i++)
      for (let j = max(0, x - reach); j <= min(27, x + reach); j++) {
        inked ||= digit[28 * i + j] > 0;
        covered[28 * i + j] = 0;
      }
    if (!inked) return; // it is what it was
    const p = net.maps(covered).softmax.data;
    lost[n] = whole - p[best];
    const answer = p.indexOf(max(...p));
    if (answer !== best) instead[answer]++;
  }

  return {
    lost, instead,
    step(until) {
      for (; n < 784 && performance.now() < until; n++) look();
      return n === 784;
    },
  };
}
