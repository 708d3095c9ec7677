"""Compare two functions by the clock, as a ratio measured in one run."""

import statistics
import time


def seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratio(slow, fast, warm_up: int, rounds: int) -> float:
    """The median of `slow`'s time over `fast`'s; both are called in turn, in each round once."""
    ratios = [seconds(slow) / seconds(fast) for _ in range(warm_up + rounds)]
    return statistics.median(ratios[warm_up:])
