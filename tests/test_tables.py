"""Tables: the same texts in a terminal and in a notebook, flush where they should be."""

import re

import pytest

from cnn_course.tables import Table

HEAD = ("network", "accuracy")
BODY = [("MLP", "≈ 92.1 %"), ("C&F <1>", "≈ 97.31 %")]


def test_a_table_prints_in_columns():
    assert repr(Table(HEAD, BODY)).splitlines() == [
        "network   accuracy",
        "MLP       ≈ 92.1 %",
        "C&F <1>  ≈ 97.31 %",
    ]


def test_the_foot_prints_as_the_last_line_and_two_columns_flush_left():
    table = Table(HEAD, BODY, left=2, foot=("both", "—"))
    assert repr(table).splitlines()[1:] == ["MLP      ≈ 92.1 %", "C&F <1>  ≈ 97.31 %", "both     —"]


def test_a_table_shows_as_html_with_its_texts_escaped():
    html = Table(HEAD, BODY, foot=("both", "—"))._repr_html_()
    assert re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", html) == [
        "network", "accuracy", "MLP", "≈ 92.1 %", "C&amp;F &lt;1&gt;", "≈ 97.31 %", "both", "—",
    ]  # fmt: skip
    assert re.findall(r"text-align: (\w+)", html) == ["left", "right"] * 4
    assert "<tfoot>" in html
    assert "<tfoot>" not in Table(HEAD, BODY)._repr_html_()


def test_a_line_that_is_too_short_or_too_long_is_named():
    with pytest.raises(ValueError, match=r"has 2 texts, and the line \['MLP'\] has 1"):
        Table(HEAD, [("MLP",)])
    with pytest.raises(ValueError, match="has 3"):
        Table(HEAD, BODY, foot=("a", "b", "c"))
