"""The reader: text that models write becomes the tree that they meant."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from verifiers.math_answer import tree as t
from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.limits import MAX_DEPTH
from verifiers.math_answer.reading.reader import read, readings
from verifiers.math_answer.reading.render import render

CASES = json.loads((Path(__file__).parents[1] / "cases" / "reading.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_text_is_read_as_meant(case: dict[str, str]) -> None:
    """Every spelling in the table reads as the one spelling that the renderer gives its meaning."""
    assert render(read(case["text"])) == case["read"]


@pytest.mark.parametrize("case", [case for case in CASES if not case.get("once")], ids=lambda case: case["id"])
def test_spelling_once_more_changes_nothing(case: dict[str, str]) -> None:
    """Reading what was rendered gives the same tree."""
    tree = read(case["text"])
    assert read(render(tree)) == tree


_names = st.sampled_from(["x", "y", "a", "n", "alpha", "x_1", "theta"]).map(t.Sym)
_numbers = st.one_of(
    st.integers(0, 10**6).map(t.Num),
    st.tuples(st.integers(0, 10**4), st.integers(1, 4)).map(lambda p: t.Num(p[0], 10 ** p[1], p[1])),
)


def _larger(inner: st.SearchStrategy[t.Node]) -> st.SearchStrategy[t.Node]:
    # No sign directly inside a sign, no sum in a sum and no product in a product: the reader never makes those.
    plain = inner.filter(lambda n: not isinstance(n, t.Add | t.Neg | t.Mul))
    return st.one_of(
        st.lists(inner.filter(lambda n: not isinstance(n, t.Add)), min_size=2, max_size=3).map(tuple).map(t.Add),
        st.lists(plain, min_size=2, max_size=3).map(lambda x: t.Mul(tuple(x))),
        plain.map(t.Neg),
        st.tuples(inner, inner).map(lambda p: t.Div(*p)),
        st.tuples(inner, inner).map(lambda p: t.Pow(*p)),
        st.tuples(st.sampled_from(["sin", "ln", "sqrt", "abs", "acos"]), inner).map(lambda p: t.Call(p[0], (p[1],))),
    )


expressions = st.recursive(st.one_of(_names, _numbers, st.just(t.Const("pi"))), _larger, max_leaves=12)
structures = st.one_of(
    expressions,
    st.lists(expressions, min_size=2, max_size=4).map(lambda x: t.Group("(", tuple(x), ")")),
    st.lists(expressions, min_size=1, max_size=4).map(lambda x: t.SetOf(tuple(x))),
    st.tuples(expressions, expressions).map(lambda p: t.Group("[", p, ")")),
    st.tuples(_names, expressions).map(lambda p: t.Rel(p, ("=",))),
    st.tuples(expressions, _names, expressions).map(lambda p: t.Rel(p, ("<", "<="))),
    st.lists(st.tuples(expressions, expressions), min_size=2, max_size=3).map(lambda rows: t.Matrix(tuple(rows))),
)


@given(structures)
@settings(max_examples=200, deadline=None)
def test_a_rendered_tree_reads_back(tree: t.Node) -> None:
    """Any tree of the shapes that the reader makes survives rendering and reading."""
    assert read(render(tree)) == tree


@given(st.text(alphabet="0123456789xyπ\\{}()[]^_+-*/=<>,.|!%'$& frcsqtabegindpm", max_size=80))
@example("\\left(" * 100)
@example("{" * 20_000)
@example("\\begin{cases}")
@example("1" * 200_000)
@example("-" * 5_000 + "1")
@example("a^" * 500 + "a")
@example("\\frac" * 300)
@example("|" * 999)
@example("]" * 999)
@example("\\sin" * 999)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but Unparsable comes out of the reader, whatever goes in."""
    with suppress(Unparsable):
        assert readings(text)


def test_a_refusal_points_at_the_place() -> None:
    """The message draws a caret under the character that could not be read."""
    with pytest.raises(Unparsable) as refused:
        read("x^{2")
    shown = str(refused.value).splitlines()
    assert shown[1].strip() == "x^{2"
    assert shown[2].index("^") >= shown[1].index("{")


def test_depth_is_bounded() -> None:
    """Brackets nested past the limit are refused with the limit in the message."""
    with pytest.raises(Unparsable, match=str(MAX_DEPTH)):
        read("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1))


def test_a_comma_between_digits_has_two_readings() -> None:
    """`1,234` is a number first and a list second; `3,14` a list first and a decimal second."""
    assert readings("1,234") == (t.Num(1234), t.Seq((t.Num(1), t.Num(234))))
    assert readings("3,14") == (t.Seq((t.Num(3), t.Num(14))), t.Num(314, 100, 2))
