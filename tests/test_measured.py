"""What a fresh output may differ in from the stored one: measured numbers, by a tolerance."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import Measured, agrees, margin, split, tolerance_factor
from nbval_runs import nbval

ROOT = Path(__file__).parents[1]


def only(text, html=False):
    """The one measured number in the text."""
    (number,) = split(text, html)[1]
    return number


# ------------------------------------------------------------------------------ what is measured


@pytest.mark.parametrize(
    ("text", "shown", "percent"),
    [
        ("accuracy ≈ 93.1 %", "93.1", True),
        ("accuracy ≈ 93.1%", "93.1", True),
        ("accuracy ≈  9 per cent", "9", True),
        ("ahead by ≈ -1.2 points", "-1.2", True),
        ("wrong ≈ 26", "26", False),
        ("≈1,024.5, 7 %", "1,024.5", False),
        ("≈ 12_345 weights", "12_345", False),
        ("loss ≈  -1.5e-07 after 3", "-1.5e-07", False),
        ("≈ −6", "−6", False),
        ("≈ +6", "+6", False),
        ("≈ .5", ".5", False),
        ("≈ 7.", "7", False),
        ("a ≈ 93.1 ± 0.4", "93.1", False),
        ("≈ 44\n% of them", "44", False),
        ("≈ nan", "nan", False),
        ("≈ -inf", "-inf", False),
        ("it took ~ 3.2 s", "3.2", False),
    ],
)
def test_a_number_directly_after_the_sign_is_measured(text, shown, percent):
    assert (only(text).shown, only(text).percent) == (shown, percent)


@pytest.mark.parametrize(
    ("html", "shown", "percent"),
    [
        ("<p>≈&nbsp;44&nbsp;%</p>", "44", True),
        ("<td>≈ 44</td><td>%</td>", "44", True),
        ("<td>≈</td>\n<td><b>44</b></td>", "44", False),
        ("<td>≈ 44</td></tr><tr><td>% of all</td>", "44", False),
        ("<td>&asymp;&#160;&minus;0.5</td>", "−0.5", False),
        ("<td>&#8776; 0.5&percnt;</td>", "0.5", True),
    ],
)
def test_a_number_in_html_is_measured(html, shown, percent):
    assert (only(html, html=True).shown, only(html, html=True).percent) == (shown, percent)


@pytest.mark.parametrize(
    "text",
    [
        "accuracy 93.1 %, 61,706 weights",
        "93.1 ± 0.4",
        "≈ (3, 4)",
        "≈ nano",
        "≈ infinite",
        "about = 93",
        "~/cache/3",
        "HEAD~1",
        "a ~= 3",
    ],
)
def test_nothing_else_is_measured(text):
    assert split(text) == (text, [])


def test_the_rest_keeps_every_word_and_exact_number():
    rest, _ = split("MLP    ≈  93.1 %   784 ± 2,  2 of 3\n")
    assert rest == "MLP≈\0% 784 ± 2, 2 of 3\n"


# --------------------------------------------------------------------------------- tolerances


@pytest.mark.parametrize(
    ("stored", "passes", "fails"),
    [
        # Per cent: half the distance to 0 or 100, 0.3 to 3 points.
        ("≈ 44.3 %", ["41.3", "47.3", "47"], ["41.2", "47.4", "-44.3"]),
        ("≈ 97.0 %", ["95.5", "98.5"], ["95.4", "98.6"]),
        ("≈ 99.5 %", ["99.2", "99.8"], ["96.6", "99.1", "99.9"]),
        ("≈ 100 %", ["99.7", "100"], ["99", "99.6"]),
        ("≈ 0.0 %", ["0.3"], ["0.4"]),
        ("≈ 1.0 %", ["0.5", "1.5"], ["0.4", "1.6"]),
        ("≈ 150 %", ["153"], ["154"]),
        ("≈ -2.0 points", ["-1.0", "−3.0"], ["-0.9", "2.0"]),
        # Counts: a quarter, and at least 3.
        ("≈ 0", ["3", "-3"], ["4"]),
        ("≈ 10", ["7", "13"], ["6", "14"]),
        ("≈ 1,000", ["750", "1,250", "1250"], ["749", "1,251"]),
        # Below 0.001: a factor of 4, or the neighbour in the last digit of a plain decimal.
        ("≈ 3e-10", ["8e-11", "1.2e-09"], ["7e-11", "1.3e-09", "-3e-10", "0e+00"]),
        ("≈ 0.0004", ["0.0001", "0.0016"], ["0.0000", "0.0017"]),
        ("≈ 0.0001", ["0.0000", "0.0004"], ["0.0005", "-0.0001"]),
        ("≈ 9.9e-04", ["2.5e-04", "3.9e-03"], ["2.4e-04", "4.0e-03"]),
        # All others: a quarter, and at least one unit of the last digit.
        ("≈ 0.001", ["0.000", "0.002"], ["0.003"]),
        ("≈ 2.0", ["1.5", "2.5"], ["1.4", "2.6", "-2.0"]),
        ("≈ 0.3", ["0.2", "0.4"], ["0.1", "0.5"]),
        ("≈ 0.00", ["0.01", "-0.01", "-0.00"], ["0.02"]),
        ("≈ 0.0e+00", ["1e-07", "0.001"], ["0.0011"]),
        ("≈ 5e-01", ["4e-01", "6e-01"], ["3e-01", "7e-01"]),
        ("≈ 2.0e+03", ["2.5e+03", "1500"], ["2.6e+03"]),
        # What is no number is itself alone.
        ("≈ nan", ["nan", "NaN"], ["0.5", "inf"]),
        ("≈ inf", ["inf"], ["-inf", "nan", "1e9"]),
        ("≈ 0.5", ["0.6"], ["nan", "inf"]),
        # Times are not compared.
        ("~ 0.5 s", ["50", "0"], ["nan"]),
    ],
)
def test_tolerance(stored, passes, fails):
    stored = only(stored)
    assert [shown for shown in passes if not agrees(stored, Measured("≈", shown))] == []
    assert [shown for shown in fails if agrees(stored, Measured("≈", shown))] == []


@given(
    value=st.floats(-1e6, 1e6, allow_nan=False),
    digits=st.integers(0, 6),
    kind=st.sampled_from("fe"),
    percent=st.booleans(),
    factor=st.floats(0.01, 3),
)
def test_every_number_agrees_with_itself_and_the_tolerance_is_never_zero(
    value, digits, kind, percent, factor
):
    number = Measured("≈", f"{value:,.{digits}{kind}}", percent)
    assert agrees(number, number, factor)
    assert margin(number, factor) > 0


@pytest.mark.parametrize(
    ("stored", "passes", "fails"),
    [
        ("≈ 44.3 %", "53.3", "53.4"),
        ("≈ 99.5 %", "98.6", "98.5"),
        ("≈ 10", "19", "20"),
        ("≈ 2.0", "3.5", "3.6"),
        ("≈ 3e-10", "3.6e-09", "3.7e-09"),
    ],
)
def test_a_factor_widens_every_tolerance(stored, passes, fails):
    assert agrees(only(stored), Measured("≈", passes), factor=3)
    assert not agrees(only(stored), Measured("≈", fails), factor=3)


@pytest.mark.parametrize("factor", [0, -1, 3.01, float("nan"), "2", True, None, [2]])
def test_a_factor_that_is_refused(factor):
    with pytest.raises(ValueError, match=r"above 0 and at most 3") as caught:
        tolerance_factor({"tolerance": factor})
    assert str(factor) in str(caught.value)


def test_the_factor_is_1_unless_given():
    assert (tolerance_factor({}), tolerance_factor({"tolerance": 0.5})) == (1, 0.5)


# ------------------------------------------------------------------------------ real nbval runs


@dataclass
class Case:
    """A cell: the text it prints now, the one stored, and what the report must say, if it fails."""

    name: str
    fresh: str
    stored: str
    says: tuple[str, ...] = ()
    kind: str = "stdout"
    metadata: dict = field(default_factory=dict)

    @property
    def cell(self):
        if self.kind == "stdout":
            # In two messages, as a kernel sends what is printed slowly.
            half = len(self.fresh) // 2
            parts = [self.fresh[:half], self.fresh[half:]]
            code = f"for part in {parts!r}:\n    print(part, end='', flush=True)"
            outputs = [{"output_type": "stream", "name": "stdout", "text": self.stored}]
        else:
            plain = {"text/plain": "a table"} if self.kind == "text/html" else {}
            data, code = {**plain, self.kind: self.fresh}, "from IPython.display import display\n"
            code += f"display({data!r}, raw=True)"
            data = {**plain, self.kind: self.stored}
            outputs = [{"output_type": "display_data", "data": data, "metadata": {}}]
        if not self.stored:
            outputs = []
        return {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": self.metadata,
            "outputs": outputs,
            "source": code,
        }


TABLE = "<table><tr><td>MLP</td><td>≈&nbsp;{}</td><td>%</td><td>{}</td></tr></table>"
CASES = [
    Case("the same", "≈ 44 %, 61,706", "≈ 44 %, 61,706"),
    Case("less than the tolerance", "loss ≈ 0.6 of 3", "loss ≈ 0.5 of 3"),
    Case(
        "more digits", "MLP ≈ 10.5 %   9\nCNN ≈  9.9 %   9\n", "MLP ≈ 9.9 %   9\nCNN ≈ 9.9 %  9\n"
    ),
    Case(
        "aligned", "{:>9} |{:<9}|".format("≈ 10.1", "≈ 10.1"), "{:>9} |{:<9}|".format("≈ 9", "≈ 9")
    ),
    Case("a time", "it took ~ 99.5 s", "it took ~ 0.1 s"),
    Case(
        "more than the tolerance",
        "≈ 96.6 %",
        "≈ 99.5 %",
        ("≈ 99.5 %", "≈ 96.6 %", "0.3 points"),
    ),
    Case(
        "in its line", "a ≈ 1.0\nb ≈ 2.0\n", "a ≈ 1.1\nb ≈ 3.0\n", ("≈ 3.0", "≈ 2.0", "0.75", "“b”")
    ),
    Case("a count", "wrong ≈ 30", "wrong ≈ 20", ("≈ 20", "≈ 30", "tolerance 5")),
    Case("tiny", "≈ 5e-9", "≈ 1e-9", ("≈ 1e-9", "≈ 5e-9", "a factor of 4")),
    Case("not a number", "loss ≈ nan", "loss ≈ 0.5", ("≈ 0.5", "≈ nan")),
    Case("an exact digit", "≈ 44 % of 61,707", "≈ 44 % of 61,706", ("61,706", "61,707")),
    Case("a recorded mean", "97.4 ± 0.1, ≈ 97", "97.3 ± 0.1, ≈ 97", ("97.3 ±", "97.4 ±")),
    Case("a recorded deviation", "97.4 ± 0.1", "97.4 ± 0.2", ("± 0.1", "± 0.2")),
    Case("a word", "≈ 1.41, shown", "≈ 1.41, not shown", ("not shown",)),
    Case("one number fewer", "≈ 1.0", "≈ 1.0 ≈ 1.0", ("≈ 1.0 ≈ 1.0",)),
    Case("the sign is gone", "right 44 %", "right ≈ 44 %", ("right ≈ 44 %",)),
    Case("an unexpected output", "≈ 44 %", "", ("Unexpected output fields", "stdout")),
    Case("a missing output", "", "≈ 44 %", ("Missing output fields", "stdout")),
    Case("a table", TABLE.format(45, 9), TABLE.format(44, 9), kind="text/html"),
    Case(
        "a table's measured number",
        TABLE.format(48, 9),
        TABLE.format(44, 9),
        ("text/html", "≈ 44 %", "≈ 48 %", "3 points", "MLP"),
        "text/html",
    ),
    Case(
        "a table's exact number",
        TABLE.format(44, 8),
        TABLE.format(44, 9),
        ("<td>9<", "<td>8<"),
        "text/html",
    ),
    Case("a result", "≈ 0.5", "≈ 0.6", kind="text/plain"),
    Case("a result too far", "≈ 0.3", "≈ 0.6", ("≈ 0.6", "≈ 0.3"), "text/plain"),
    Case("a drawing", "<svg>≈ 1</svg>", "<svg>≈ 9</svg>", kind="image/svg+xml"),
    Case("widened", "≈ 98.6 %", "≈ 99.5 %", metadata={"tolerance": 3}),
    Case("widened, too far", "≈ 98.5 %", "≈ 99.5 %", ("0.9 points",), metadata={"tolerance": 3}),
    Case(
        "too wide",
        "≈ 99.5 %",
        "≈ 99.5 %",
        ("tolerance: 3.5", "at most 3"),
        metadata={"tolerance": 3.5},
    ),
    Case(
        "not at all", "≈ 99.5 %", "≈ 99.5 %", ("tolerance: 0", "above 0"), metadata={"tolerance": 0}
    ),
]


# Beside the notebooks, so that it is asked about their cells.
LOOK = """
from pathlib import Path

def pytest_collection_modifyitems(items):
    seconds = sorted({item.output_timeout for item in items})
    Path(__file__).with_name("seconds.txt").write_text(str(seconds))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the settings of the real one, and two notebooks of one cell a case."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("chapters", "tests"):
        (root / folder).mkdir()
    for name in ("conftest.py", "pyproject.toml", "tests/measured.py"):
        shutil.copy(ROOT / name, root / name)
    (root / "chapters" / "conftest.py").write_text(LOOK)
    for name in ("01_cases", "02_cases"):
        cells = [case.cell for case in CASES]
        notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
        path = root / "chapters" / f"{name}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def outcomes(project, tmp_path_factory):
    """What the report says of each cell in each notebook: nothing if it passed.

    It is called from elsewhere and with two workers; tests/test_nbval.py calls it from the root.
    """
    where = tmp_path_factory.mktemp("elsewhere")
    arguments = [str(project / "chapters"), "-n", "2", "--dist", "loadfile"]
    file = where / "report.xml"
    code, report = nbval(where, "--color=no", f"--junitxml={file}", *arguments)
    assert code == 1, report
    found = [[] for _ in CASES]
    for cell in ElementTree.parse(file).findall(".//testcase"):
        failures = [part.text for part in cell if part.tag in ("failure", "error")]
        found[int(cell.get("name").removeprefix("Cell "))].append("".join(failures))
    assert [len(reports) for reports in found] == [2] * len(CASES), report
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nbval_passes_and_fails(outcomes, case):
    for report in outcomes[CASES.index(case)]:
        assert bool(report) == bool(case.says), report
        assert [words for words in case.says if words not in report] == [], report


def test_nbval_waits_for_an_output_on_a_busy_machine(outcomes, project):
    assert (project / "chapters" / "seconds.txt").read_text() == "[60]"
