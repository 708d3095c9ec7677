"""Fair comparisons: differences of runs over seeds, and of two networks on the same images.

Accuracies are fractions in [0, 1], and so are their differences; texts and figures show them in
per cent and in percentage points. An interval over seeds speaks of this test set and of these
learning rates; what the test set itself leaves open is the `standard_error`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from cnn_course.tables import Table


@dataclass(frozen=True)
class Row:
    """The runs of one row. `trained` is how many of its seeds have left guessing behind."""

    name: str
    accuracies: tuple[float, ...]
    trained: int

    @property
    def mean(self) -> float:
        # Of equal numbers exactly that number: their sum would round.
        low, high = min(self.accuracies), max(self.accuracies)
        return low if low == high else float(np.mean(self.accuracies))

    @property
    def sd(self) -> float:
        """The standard deviation over seeds, with n − 1."""
        low, high = min(self.accuracies), max(self.accuracies)
        return 0.0 if low == high else float(np.std(self.accuracies, ddof=1))

    def __str__(self) -> str:
        seeds = len(self.accuracies)
        if self.trained < seeds:
            low, high = min(self.accuracies), max(self.accuracies)
            return f"{self.trained} of {seeds} trained ({100 * low:.2f} to {100 * high:.2f})"
        return f"{100 * self.mean:.2f} ± {100 * self.sd:.2f} ({seeds} seeds)"


@dataclass(frozen=True)
class Difference:
    """`row` minus `against`: of their means, with Welch's interval at the level `confidence`.

    `confidence` is corrected for the number of `comparisons` that were named together, `p_value`
    (Welch's t-test, two-sided) is not. `interval` and `p_value` are None where a seed of either row
    stayed at guessing: such a row has no mean that a next seed would come near. `seeds` are those
    of `row` and of `against`.
    """

    row: str
    against: str
    mean: float
    interval: tuple[float, float] | None
    p_value: float | None
    seeds: tuple[int, int]
    confidence: float
    comparisons: int

    @property
    def shown(self) -> bool:
        """Whether the interval excludes 0. Where it does not, it says what is still possible."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    @property
    def verdict(self) -> str:
        if self.interval is None:
            return "not compared"
        return "shown" if self.shown else "not shown"

    def _texts(self) -> tuple[str, str, str, str]:
        pair = f"{self.row} − {self.against}"
        if self.interval is None:
            return pair, "—", "—", self.verdict
        return pair, _points(self.mean), " to ".join(map(_points, self.interval)), self.verdict

    def __str__(self) -> str:
        pair, mean, interval, verdict = self._texts()
        if self.interval is None:
            return f"{pair}: {verdict}, since not all seeds trained"
        return (
            f"{pair}: {mean} points, {_level(self.confidence)} interval {interval}, {verdict} "
            f"(p = {self.p_value:.2g}, one of {self.comparisons})"
        )


@dataclass(frozen=True)
class Comparison:
    """Rows and their differences; prints as two tables, shows as HTML in notebooks."""

    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]

    def _tables(self) -> list[Table]:
        tables = [Table(("row", "accuracy in %"), [(row.name, str(row)) for row in self.rows])]
        if self.differences:
            level = _level(self.differences[0].confidence)
            head = ("difference", "points", f"{level} interval", "verdict")
            tables.append(Table(head, [difference._texts() for difference in self.differences]))
        return tables

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self._tables()))

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self._tables())

    def plot(self, ax=None):
        """Draw the differences as intervals, the first on top, and return the axes.

        A filled point is shown, a hollow one is not; a pair without an interval says why.
        """
        import matplotlib.pyplot as plt  # here, since most uses draw nothing

        if not self.differences:
            raise ValueError("there is no difference to draw; give pairs to `compare`")
        if ax is None:
            height = 0.8 + 0.45 * len(self.differences)
            _, ax = plt.subplots(figsize=(6, height), layout="constrained")
        ax.axvline(0, color="0.6", linewidth=1, zorder=0)
        for y, difference in enumerate(self.differences):
            if difference.interval is None:
                ax.text(0, y, "  not all seeds trained", color="0.3", va="center")
                continue
            ax.plot([100 * end for end in difference.interval], [y, y], color="C0", linewidth=2)
            fill = "C0" if difference.shown else "white"
            ax.plot(100 * difference.mean, y, "o", color="C0", markerfacecolor=fill)
        names = [f"{d.row}\n− {d.against}" for d in self.differences]
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        level = _level(self.differences[0].confidence)
        ax.set_xlabel(f"difference in percentage points, {level} intervals")
        return ax


def compare(
    groups: Mapping[str, Sequence[float]],
    pairs: Iterable[tuple[str, str]],
    guessing: float | None = None,
    images: int = 1_000,
    confidence: float = 0.95,
) -> Comparison:
    """The differences between `pairs` of rows, with intervals that hold for all of them together.

    `groups` has the accuracies of each row, one a seed, and `pairs` names (row, against), before
    the runs are looked at. Each of the m differences gets Welch's interval (1947), which lets both
    rows have their own spread, at 1 − (1 − `confidence`) / m (Bonferroni): so chance alone puts a
    difference that is not there among those *shown* in at most one of twenty such tables.

    With `guessing`, 1 / classes, a row counts the seeds that have trained: those above guessing by
    more than three standard errors of a guess on so many test `images`, and by more than a quarter
    of it, since classes are seldom of quite one size. With 10 classes that is 12.8 % on 1,000
    images and 12.5 % on 5,000 and more. A row with a seed that has not is given no interval.

    Raises ValueError for a row of fewer than two runs, for what is no accuracy, for a pair that
    names an unknown row, one row twice, or what another pair has named.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: give a number between 0 and 1, such as 0.95")
    bound = -math.inf
    if guessing is not None:
        if not 0 < guessing < 1:
            raise ValueError(f"guessing={guessing}: give 1 / classes")
        bound = guessing + max(3 * standard_error(guessing, images), guessing / 4)
    rows = {name: _row(name, accuracies, bound) for name, accuracies in groups.items()}
    if not rows:
        raise ValueError("groups is empty: give the accuracies of each row")
    pairs = _named(pairs, rows)
    level = 1 - (1 - confidence) / max(1, len(pairs))
    differences = (_difference(rows[a], rows[b], level, len(pairs)) for a, b in pairs)
    return Comparison(tuple(rows.values()), tuple(differences))


def standard_error(accuracy, images: int):
    """The standard error of an accuracy that was measured on so many images: √(a (1 − a) / n).

    By so much it would move, typically, on another draw of as many images. `accuracy` is a fraction
    or an array of them, and so is the result: 0.97 on 1,000 images has 0.0054, 0.54 points.
    """
    a = np.asarray(accuracy, dtype=float)
    if not ((a >= 0) & (a <= 1)).all():  # which is False for nan, too
        raise ValueError(f"accuracy={accuracy}: give fractions from 0 to 1")
    if not images >= 1:
        raise ValueError(f"images={images}: give 1 or more")
    error = np.sqrt(a * (1 - a) / images)
    return float(error) if error.ndim == 0 else error


@dataclass(frozen=True)
class Disagreements:
    """Two networks on the same `images`, counted: what only one of them classifies correctly."""

    images: int
    only_first: int
    only_second: int

    @property
    def shown(self) -> bool:
        """Whether |b − c| > 2 √(b + c), which chance alone makes of equal networks once in 20."""
        b, c = self.only_first, self.only_second
        return abs(b - c) > 2 * math.sqrt(b + c)

    def __repr__(self) -> str:
        b, c = self.only_first, self.only_second
        return (
            f"of {self.images:,} images the first network alone has {b:,} right and the second "
            f"alone {c:,}: a difference of {abs(b - c):,} where 2√{b + c:,} is "
            f"{2 * math.sqrt(b + c):.1f}, {'shown' if self.shown else 'not shown'}"
        )


def disagreements(answers_a, answers_b, labels) -> Disagreements:
    """Compare two networks by the test images on which only one is right (McNemar 1947).

    All three are class indices of shape (N,), as arrays, tensors or lists. On the same images this
    tells apart what two accuracies with their standard errors could not. Raises ValueError for
    shapes that differ and for no images.
    """
    named = {"answers_a": answers_a, "answers_b": answers_b, "labels": labels}
    arrays = {name: np.asarray(_on_cpu(values)) for name, values in named.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    first, second, truth = arrays.values()
    if truth.ndim != 1 or len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} has shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{told}; give one class index for each image, three times (N,)")
    if len(truth) == 0:
        raise ValueError("there are no images: give one or more")
    first, second = first == truth, second == truth
    return Disagreements(len(truth), int((first & ~second).sum()), int((second & ~first).sum()))


def _row(name: str, accuracies, bound: float) -> Row:
    try:
        values = np.asarray(_on_cpu(accuracies), dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"row {name!r} is {accuracies!r}: give a list of accuracies") from None
    if values.ndim != 1:
        raise ValueError(f"row {name!r} has shape {values.shape}: give one accuracy for each seed")
    if len(values) < 2:
        runs = "one run" if len(values) else "no run"
        raise ValueError(f"row {name!r} has {runs}: give two seeds or more, else it has no spread")
    for value in values:
        if not 0 <= value <= 1:
            raise ValueError(f"row {name!r} has the accuracy {value}: give fractions from 0 to 1")
    return Row(name, tuple(values.tolist()), int((values > bound).sum()))


def _named(pairs, rows) -> list[tuple[str, str]]:
    """The pairs as a list, if each names two known rows that no other has named together."""
    found = []
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise ValueError(f"the pair {pair!r}: give two names, (row, against)")
        for name in pair:
            if name not in rows:
                known = ", ".join(map(repr, rows))
                raise ValueError(f"the pair {pair!r} names {name!r}; there are the rows {known}")
        if pair[0] == pair[1]:
            raise ValueError(f"the pair {pair!r} names one row twice")
        if any({*pair} == {*other} for other in found):
            raise ValueError(f"the pair {pair!r} is named twice; each counts as a comparison")
        found.append(tuple(pair))
    return found


def _difference(row: Row, against: Row, level: float, comparisons: int) -> Difference:
    mean, seeds = row.mean - against.mean, tuple(len(r.accuracies) for r in (row, against))
    interval = p_value = None
    if (row.trained, against.trained) == seeds:
        variances = np.array([r.sd**2 / n for r, n in zip((row, against), seeds, strict=True)])
        error = math.sqrt(variances.sum())  # of the difference
        if error == 0:  # each row constant: an interval of no width
            interval, p_value = (mean, mean), float(mean == 0)
        else:
            # Welch & Satterthwaite's degrees of freedom; as shares, so that no square underflows.
            shares = variances / variances.sum()
            freedom = 1 / (shares**2 / (np.array(seeds) - 1)).sum()
            half = float(stats.t.isf((1 - level) / 2, freedom)) * error
            interval = (mean - half, mean + half)
            p_value = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Difference(row.name, against.name, mean, interval, p_value, seeds, level, comparisons)


def _on_cpu(values):
    """A tensor of another device as one that NumPy can read; everything else as it is."""
    return values.detach().cpu() if hasattr(values, "cpu") else values


def _points(fraction: float) -> str:
    text = f"{round(100 * fraction, 2) + 0.0:+.2f}"  # + 0.0 makes −0 a 0
    return text.replace("-", "−")


def _level(confidence: float) -> str:
    return f"{100 * confidence:.3g} %"
