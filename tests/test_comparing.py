"""Comparisons against SciPy and statsmodels, their refusals, and what chance alone can show."""

import math
import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from cnn_course.comparing import compare, disagreements, standard_error

# Every kind of pair: equal and unequal spreads and numbers of seeds, far apart and overlapping.
CASES = [
    ([0.97, 0.98], [0.95, 0.96]),
    ([0.97, 0.98, 0.975], [0.95, 0.96, 0.93]),
    ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7]),
    ([0.9, 0.901, 0.902], [0.2, 0.5, 0.8]),
    ([0.9, 0.91], [0.85, 0.86, 0.87, 0.88, 0.9]),
    ([0.1, 0.95, 0.96], [0.94, 0.95, 0.97]),
    ([0.98] * 5, [0.97, 0.975, 0.98]),
    ([0.0, 1.0], [0.0, 1.0, 1.0]),
    *[(a, b) for a, b in np.random.default_rng(0).normal(0.97, 0.004, (6, 2, 10)).tolist()],
]


def one(a, b, **options):
    return compare({"a": a, "b": b}, [("a", "b")], **options).differences[0]


@pytest.mark.parametrize("comparisons", [1, 9])
@pytest.mark.parametrize(("a", "b"), CASES)
def test_intervals_and_p_values_are_scipys_and_statsmodels(a, b, comparisons):
    groups = {"a": a, "b": b} | {f"other {i}": [0.1, 0.2] for i in range(comparisons - 1)}
    pairs = [("a", "b"), *[(f"other {i}", "b") for i in range(comparisons - 1)]]
    found = compare(groups, pairs).differences[0]
    level = 1 - 0.05 / comparisons
    assert found.confidence == pytest.approx(level)
    assert found.comparisons == comparisons
    assert found.seeds == (len(a), len(b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns of rows of equal numbers
        welch = stats.ttest_ind(a, b, equal_var=False)
        interval = welch.confidence_interval(level)
    assert found.p_value == pytest.approx(welch.pvalue)
    assert found.interval == pytest.approx(interval)
    theirs = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    assert found.interval == pytest.approx(theirs.tconfint_diff(alpha=1 - level, usevar="unequal"))
    # The interval and the test at the corrected level say the same.
    assert found.shown == (found.p_value < 1 - level)


def test_many_seeds_give_the_normal_interval():
    a, b = np.random.default_rng(1).normal(0.5, 0.05, (2, 3000)).clip(0, 1)
    theirs = CompareMeans(DescrStatsW(a), DescrStatsW(b)).zconfint_diff(usevar="unequal")
    assert one(a, b).interval == pytest.approx(theirs, rel=2e-3)


accuracies = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=2, max_size=6)


@settings(max_examples=200, deadline=None)
@given(accuracies, accuracies, st.sampled_from([0.5, 0.25]))
def test_turned_round_it_changes_sign_and_scaled_it_scales(a, b, factor):
    there, back = one(a, b), one(b, a)
    assert there.mean == -back.mean
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))
    assert there.p_value == pytest.approx(back.p_value)
    assert there.shown == back.shown
    assert there.interval[0] <= there.mean <= there.interval[1]
    scaled = one([factor * x for x in a], [factor * x for x in b])
    assert scaled.interval == pytest.approx([factor * end for end in there.interval])
    assert scaled.p_value == pytest.approx(there.p_value)


@settings(max_examples=50, deadline=None)
@given(accuracies, accuracies)
def test_more_comparisons_widen_the_interval(a, b):
    assume(len({*a}) > 1 or len({*b}) > 1)
    groups = {"a": a, "b": b, "c": [0.1, 0.2]}
    wider = compare(groups, [("a", "b"), ("c", "b")]).differences[0].interval
    low, high = one(a, b).interval
    assert wider[0] < low
    assert high < wider[1]


def test_chance_alone_shows_something_in_one_ladder_of_twenty():
    """Ten rows of ten seeds with no difference: nine steps, corrected and each on its own."""
    random, names = np.random.default_rng(2), [f"row {i}" for i in range(10)]
    steps = list(zip(names[1:], names[:-1], strict=True))
    corrected = alone = 0
    for _ in range(400):
        ladder = dict(zip(names, random.normal(0.97, 0.004, (10, 10)), strict=True))
        differences = compare(ladder, steps).differences
        corrected += any(d.shown for d in differences)
        alone += any(d.p_value < 0.05 for d in differences)
    assert 0.02 < corrected / 400 < 0.07
    assert 0.25 < alone / 400 < 0.45


@pytest.mark.filterwarnings("error")
def test_constant_rows_neither_warn_nor_give_nan():
    for value in (0.0, 0.1, 0.98, 1.0):  # the sum of three 0.1 is not 0.3
        equal = one([value] * 3, [value] * 7)
        assert (equal.mean, equal.interval, equal.p_value) == (0, (0, 0), 1)
        assert not equal.shown
    apart = one([0.98] * 3, [0.97] * 3)
    assert apart.interval == pytest.approx((0.01, 0.01))
    assert apart.p_value == 0
    assert apart.shown
    half = one([0.1] * 3, [0.2, 0.21, 0.22])
    assert all(map(math.isfinite, (*half.interval, half.p_value)))
    nearly = one([0.3, 0.1 + 0.2], [0.3, 0.3])  # apart by rounding alone
    assert all(map(math.isfinite, (*nearly.interval, nearly.p_value)))
    assert "98.00 ± 0.00 (3 seeds)" in repr(compare({"a": [0.98] * 3}, []))


@pytest.mark.parametrize(
    ("low", "images", "trained"),
    [
        (0.10, 1_000, 9),
        (0.1135, 55_000, 9),  # always the digit that is most frequent
        (0.128, 1_000, 9),
        (0.129, 1_000, 10),
        (0.126, 55_000, 10),
        (0.05, 55_000, 9),  # worse than guessing is no training either
        (0.5, 1_000, 10),
    ],
)
def test_a_seed_at_guessing_takes_the_rows_interval(low, images, trained):
    groups = {"gamble": [low] + [0.97] * 9, "good": [0.96, 0.97, 0.98], "other": [0.9, 0.91]}
    pairs = [("good", "gamble"), ("gamble", "other"), ("good", "other")]
    found = compare(groups, pairs, guessing=0.1, images=images)
    assert [row.trained for row in found.rows] == [trained, 3, 2]
    refused = trained < 10
    assert [d.interval is None for d in found.differences] == [refused, refused, False]
    assert [d.p_value is None for d in found.differences] == [refused, refused, False]
    assert (f"{trained} of 10 trained" in repr(found)) == refused
    assert repr(found).count("not compared") == 2 * refused
    assert ("not all seeds trained" in str(found.differences[0])) == refused
    assert found.differences[2].confidence == pytest.approx(1 - 0.05 / 3)  # named beforehand
    without = compare(groups, pairs)
    assert all(d.interval for d in without.differences)


@pytest.mark.parametrize(
    ("groups", "pairs", "options", "words"),
    [
        ({}, [], {}, "groups is empty"),
        ({"a": []}, [], {}, "row 'a' has no run: give two seeds"),
        ({"a": [0.5]}, [], {}, "row 'a' has one run"),
        ({"a": [0.5, float("nan")]}, [], {}, "row 'a' has the accuracy nan"),
        ({"a": [0.5, float("inf")]}, [], {}, "accuracy inf"),
        ({"a": [97.1, 98.2]}, [], {}, "accuracy 97.1: give fractions"),
        ({"a": [0.5, -0.1]}, [], {}, "accuracy -0.1"),
        ({"a": [[0.5, 0.6]]}, [], {}, r"shape \(1, 2\)"),
        ({"a": 0.5}, [], {}, r"shape \(\)"),
        ({"a": {0: 0.5, 1: 0.6}}, [], {}, "give a list of accuracies"),
        ({"a": ["high", "low"]}, [], {}, "give a list of accuracies"),
        ({"a": [0.5, None]}, [], {}, "row 'a'"),
        ({"a": [0.5, 0.6]}, [("a", "b")], {}, "names 'b'; there are the rows 'a'"),
        ({"a": [0.5, 0.6]}, [("a", "a")], {}, "one row twice"),
        ({"a": [0.5, 0.6]}, ["a"], {}, r"give two names, \(row, against\)"),
        ({"a": [0.5, 0.6], "b": [0.1, 0.2]}, [("a", "b"), ("b", "a")], {}, "named twice"),
        ({"a": [0.5, 0.6]}, [], {"confidence": 95}, "confidence=95"),
        ({"a": [0.5, 0.6]}, [], {"guessing": 10}, "guessing=10: give 1 / classes"),
        ({"a": [0.5, 0.6]}, [], {"guessing": 0.1, "images": 0}, "images=0"),
    ],
)
def test_what_cannot_be_compared_is_named(groups, pairs, options, words):
    with pytest.raises(ValueError, match=words):
        compare(groups, pairs, **options)


def test_arrays_and_tensors_are_lists_of_accuracies():
    plain = compare({"a": [0.5, 0.75], "b": [0.25, 0.5]}, [("a", "b")])
    for kind in (np.array, torch.tensor, tuple):
        assert compare({"a": kind([0.5, 0.75]), "b": kind([0.25, 0.5])}, [("a", "b")]) == plain


TABLE = compare(
    {"<b>": [0.96, 0.97, 0.98], "plain": [0.9, 0.91, 0.92], "same": [0.9, 0.91, 0.93]},
    [("<b>", "plain"), ("plain", "same")],
)


def test_it_prints_rows_and_differences_in_points():
    lines = repr(TABLE).splitlines()
    assert lines[1].split("  ")[-1].strip() == "97.00 ± 1.00 (3 seeds)"
    assert "97.5 % interval" in lines[5]
    assert re.search(r"<b> − plain +\+6.00 +\+3.15 to \+8.85 +shown$", lines[6])
    assert re.search(r"plain − same +−0.33 +−[34].\d\d to \+[23].\d\d +not shown$", lines[7])
    assert str(TABLE.differences[0]) == (
        "<b> − plain: +6.00 points, 97.5 % interval +3.15 to +8.85, shown (p = 0.0018, one of 2)"
    )


def test_it_shows_as_plain_html():
    html = TABLE._repr_html_()
    assert html.count("<table>") == html.count("</table>") == 2
    assert html.count("<tr>") == 4 + 3
    assert "&lt;b&gt; − plain" in html
    assert "<b>" not in html
    assert "width" not in html  # a phone may wrap it
    assert compare({"a": [0.5, 0.6]}, [])._repr_html_().count("<table>") == 1


def test_it_draws_one_interval_a_pair():
    mixed = compare(
        {"a": [0.96, 0.97], "b": [0.5, 0.51], "c": [0.1, 0.97]},
        [("a", "b"), ("c", "a")],
        guessing=0.1,
    )
    ax = mixed.plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a\n− b", "c\n− a"]
    zero, interval, point = ax.lines
    assert list(zero.get_xdata()) == [0, 0]
    assert interval.get_xdata() == pytest.approx([100 * e for e in mixed.differences[0].interval])
    assert point.get_xdata() == pytest.approx([46])
    assert "not all seeds trained" in ax.texts[0].get_text()
    assert "97.5 % intervals" in ax.get_xlabel()
    low, high = ax.get_ylim()
    assert low > high  # the first pair stands on top
    assert mixed.plot(ax) is ax
    plt.close("all")
    with pytest.raises(ValueError, match="give pairs"):
        compare({"a": [0.5, 0.6]}, []).plot()


def test_what_is_shown_is_filled_and_what_is_not_is_hollow():
    points = [line for line in TABLE.plot().lines if line.get_marker() == "o"]
    plt.close("all")
    assert [point.get_markerfacecolor() for point in points] == ["C0", "white"]


@pytest.mark.parametrize("right", [0, 1, 25, 970, 1000])
def test_standard_error_is_half_of_statsmodels_normal_interval(right):
    low, high = proportion_confint(right, 1000, alpha=2 * stats.norm.sf(1), method="normal")
    found = standard_error(right / 1000, 1000)
    assert isinstance(found, float)
    if low > 0 and high < 1:  # theirs ends at 0 and 1
        assert found == pytest.approx((high - low) / 2)


def test_standard_error_of_the_texts_numbers_and_of_arrays():
    assert 100 * standard_error(0.97, 1_000) == pytest.approx(0.54, abs=0.005)
    assert 100 * standard_error(0.97, 55_000) == pytest.approx(0.07, abs=0.005)
    found = standard_error([[0.5, 1.0]], 100)
    assert found.shape == (1, 2)
    assert found == pytest.approx(np.array([[0.05, 0.0]]))


@pytest.mark.parametrize(
    ("accuracy", "images", "words"),
    [
        (97.0, 1000, "accuracy=97.0: give fractions"),
        (float("nan"), 1000, "accuracy=nan"),
        ([0.5, -1], 1000, "accuracy="),
        (0.5, 0, "images=0"),
        (0.5, float("nan"), "images=nan"),
    ],
)
def test_standard_error_refuses_what_is_none(accuracy, images, words):
    with pytest.raises(ValueError, match=words):
        standard_error(accuracy, images)


def answers(both, b, c, neither):
    """Labels, and two networks' answers that agree and disagree so many times."""
    labels = np.arange(both + b + c + neither) % 10
    right = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, b, c, neither], axis=0).T
    return [np.where(r, labels, (labels + 1) % 10) for r in right] + [labels]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60), st.integers(0, 9))
def test_disagreements_are_mcnemars(both, b, c, neither):
    assume(both + b + c + neither)
    first, second, labels = answers(both, b, c, neither)
    found = disagreements(first, second, labels)
    assert (found.images, found.only_first, found.only_second) == (len(labels), b, c)
    if b + c:
        theirs = mcnemar([[both, b], [c, neither]], exact=False, correction=False)
        assert found.shown == (theirs.statistic > 4)
    else:
        assert not found.shown
    assert disagreements(second, first, labels).shown == found.shown


@pytest.mark.parametrize(
    ("b", "c", "shown"),
    [(0, 0, False), (4, 0, False), (5, 0, True), (12, 30, True), (13, 30, True)],
)
def test_disagreements_are_shown_beyond_twice_the_root(b, c, shown):
    found = disagreements(*answers(900, b, c, 0))
    assert found.shown == shown
    assert f"{abs(b - c)} where 2√{b + c}" in repr(found)
    assert repr(found).endswith(", shown" if shown else ", not shown")


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_disagreements_take_lists_arrays_and_tensors(kind):
    found = disagreements(kind([1, 2, 3]), torch.tensor([1, 5, 4]), kind([1, 2, 4]))
    assert (found.only_first, found.only_second) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 2], [1, 2], [1, 2, 3]), r"labels has shape \(3,\); give one class index"),
        ((np.zeros((2, 10)), [1, 2], [1, 2]), r"answers_a has shape \(2, 10\)"),
        ((3, 3, 3), r"labels has shape \(\)"),
        (([], [], []), "no images"),
    ],
)
def test_disagreements_want_one_answer_an_image(arguments, words):
    with pytest.raises(ValueError, match=words):
        disagreements(*arguments)
