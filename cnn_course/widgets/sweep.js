// Play and step: a map is written pixel by pixel, in reading order.

// `count` says how many pixels the map has, `position` which of them is taken apart, and go(n) takes
// the n-th apart and draws; `busy` hears when it begins and ends to play by itself.
function sweep({count, position, go, busy}) {
  let shown = Infinity; // so many pixels are drawn
  let timer = 0;
  const play = button("Play", () => (timer ? pause() : run()));
  play.classList.add("cnn-main");
  const step = button("Step", () => { pause(); advance(1); });
  const all = button("Whole map", () => { finish(); go(position()); });

  function pause() {
    clearTimeout(timer);
    timer = 0;
    play.textContent = shown < Infinity ? "Go on" : "Play";
    busy(false);
  }

  function finish() {
    shown = Infinity;
    pause();
  }

  function advance(by) {
    const next = min(position() + by, count() - 1);
    if (shown < Infinity) shown = next + 1;
    if (next === count() - 1) finish();
    go(next);
  }

  // One by one at first, so that each can be seen; a large map then by ever longer strides.
  function run() {
    shown = shown < Infinity ? shown : 1;
    const large = count() > 150;
    let ticks = 0;
    const tick = () => {
      if (!play.isConnected) return pause();
      timer = setTimeout(tick, large ? 80 : 250);
      advance(large && ++ticks > 25 ? ceil(count() / 150) : 1);
    };
    timer = setTimeout(tick, 400);
    play.textContent = "Pause";
    busy(true);
    go(shown - 1);
  }

  return {
    buttons: [play, step, all], pause, finish,
    shown: () => shown,
    playing: () => timer > 0,
    refresh() {
      play.disabled = step.disabled = count() < 1;
      all.hidden = shown === Infinity;
    },
  };
}
