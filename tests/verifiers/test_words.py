"""Answers in words and numbers in words."""

from fractions import Fraction

import pytest

from verifiers.math_answer.context import Context
from verifiers.math_answer.quantities.number_words import exact
from verifiers.math_answer.tree import Const, NamedSet, Node, Num, Quantity, SetOf, Sym, Text
from verifiers.math_answer.wording.words import special, words


def never_asked(reference: Node, response: Node) -> bool | None:
    raise AssertionError((reference, response))


def agree(reference: Node | str, response: Node | str) -> bool | None:
    nodes = [Text(side) if isinstance(side, str) else side for side in (reference, response)]
    return words(nodes[0], nodes[1], Context(), never_asked)


NO_SOLUTION, NOT_EXISTING = Text("no solution"), Text("does not exist")
INFINITE, IMPOSSIBLE = Text("infinitely many"), Text("impossible")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("No solution.", NO_SOLUTION),
        (r"\text{no real solutions}", NO_SOLUTION),
        ("None", NO_SOLUTION),
        ("There is no such function", NO_SOLUTION),
        ("the equation has no solution", NO_SOLUTION),
        ("there does not exist such a number", NO_SOLUTION),
        ("the empty set", NO_SOLUTION),
        ("无解", NO_SOLUTION),
        ("DNE", NOT_EXISTING),
        ("undefined", NOT_EXISTING),
        ("The limit does not exist.", NOT_EXISTING),
        ("不存在", NOT_EXISTING),
        ("infinitely many solutions", INFINITE),
        ("an infinite number of solutions", INFINITE),
        ("无穷多个", INFINITE),
        ("It is impossible", IMPOSSIBLE),
        ("cannot be determined", Text("cannot be determined")),
        ("all real numbers", NamedSet("R")),
        ("x can be any real number", NamedSet("R")),
        ("all positive integers", NamedSet("Z+")),
        ("all non-negative integers", NamedSet("N0")),
        ("全体实数", NamedSet("R")),
        ("twenty-one", Num(21)),
        ("三分之二", Num(2, 3)),
        ("15th Day", Quantity(Num(15), "day")),
        (r"15^{\text{th}}", Num(15)),
        ("seven days", Quantity(Num(7), "day")),
        ("a dozen eggs", Quantity(Num(12), "eggs")),
        ("Day 15", Quantity(Num(15), "day")),
    ],
)
def test_fixed_phrases_have_one_reading(text: str, node: Node) -> None:
    """Every usual wording of a state, a number set or a number is read to one node."""
    assert special(text) == node


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "no", "yes", "Canberra", "no integer solutions", "no more than 5", "all real numbers except 0"),
        *(
            "finitely many",
            "solution",
            "exists",
            "N/A",
            "null",
            "one of them",
            "weight",
            "often",
            "no idea",
            "one solution",
        ),
        *("it has roots", "x" * 500),
    ],
)
def test_other_texts_are_no_fixed_phrase(text: str) -> None:
    """A qualified, unfinished or empty phrase is left as it is."""
    assert special(text) is None


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("odd", "odd", True),
        ("odd", "even", False),
        ("the transformed function f(x+1)-1 is odd", "odd", True),
        ("the transformed function f(x+1)-1 is odd", "even", False),
        ("any odd number of participants", "odd", True),
        ("any odd number of participants", "even", False),
        ("not odd", "odd", None),
        ("odd or even", "odd", None),
        ("yes", "yes, it is", True),
        ("no", "yes, it is", False),
        ("no", "no, it is not", True),
        ("yes", "true", True),
        ("yes and no", "yes", None),
        ("no solution", "no", None),
        ("impossible", "no", None),
        ("impossible", "possible", False),
        ("monday", "周一", True),
        ("on tuesday", "tuesday", True),
        ("monday", "tuesday", False),
        ("canberra", "sydney", False),
        ("canberra", "canbera", None),
        ("petya will receive the last token", "petya", None),
        ("mercury", "venus, earth or mars", None),
        ("colour", "color", True),
        ("a triangle", "triangles", True),
        ("counter-clockwise", "anticlockwise", True),
        ("infinitely many", "no solution", False),
        ("no solution", "does not exist", None),
        ("no solutions", "none", True),
        ("finitely many", "infinitely many", None),
    ],
)
def test_texts_compare_both_ways(first: str, second: str, verdict: bool | None) -> None:
    """Safe rewordings agree, members of a closed class exclude each other, all else passes on; order is no matter."""
    assert agree(first, second) is verdict
    assert agree(second, first) is verdict


@pytest.mark.parametrize(
    ("text", "value", "verdict"),
    [
        ("no solution", SetOf(()), True),
        ("no solution", SetOf((Num(1),)), False),
        ("no solution", Num(5), False),
        ("no solution", Num(0), None),
        ("no solution", NamedSet("R"), False),
        ("infinitely many", Const("inf"), True),
        ("infinitely many", Num(3), False),
        ("does not exist", Num(1), False),
        ("does not exist", Const("inf"), None),
        ("yes", Num(1), False),
        ("yes", Sym("y"), None),
    ],
)
def test_fixed_phrases_meet_values(text: str, value: Node, verdict: bool | None) -> None:
    """ "No solution" is the empty set, "infinitely many" is infinity, and neither is a number."""
    assert agree(text, value) is verdict
    assert agree(value, text) is verdict


def test_a_name_is_no_number_but_a_word_may_be_one() -> None:
    """A reference name refutes a number; a number as reference does not refute words it cannot read."""
    assert agree("canberra", Num(5)) is False
    assert agree(Num(5), "canberra") is None


def test_nodes_without_words_are_not_ours() -> None:
    """Two values are another rule's business."""
    assert agree(Num(5), Num(5)) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zero", Fraction(0)),
        ("twenty-one", Fraction(21)),
        ("one hundred and five", Fraction(105)),
        ("one hundred five", Fraction(105)),
        ("one thousand two hundred thirty-four", Fraction(1234)),
        ("two million", Fraction(2_000_000)),
        ("a hundred", Fraction(100)),
        ("negative five", Fraction(-5)),
        ("three point one four", Fraction(157, 50)),
        ("half", Fraction(1, 2)),
        ("three quarters", Fraction(3, 4)),
        ("two-thirds", Fraction(2, 3)),
        ("two and a half", Fraction(5, 2)),
        ("a dozen", Fraction(12)),
        ("half a dozen", Fraction(6)),
        ("15th", Fraction(15)),
        ("the fifteenth", Fraction(15)),
        ("twenty-first", Fraction(21)),
        ("三万五千", Fraction(35_000)),
        ("一百零五", Fraction(105)),
        ("二〇二一", Fraction(2021)),
        ("第十五", Fraction(15)),
        ("负三", Fraction(-3)),
        ("三点五", Fraction(7, 2)),
        ("百分之五十", Fraction(1, 2)),
        ("1.5万", Fraction(15_000)),
    ],
)
def test_number_words(text: str, value: Fraction) -> None:
    """Numbers in English and Chinese words have their exact value."""
    assert exact(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", "one of them", "six or seven", "two five", "twenty thirty", "hundred", "and five", "one hundred and"),
        *("twenty and five", "nineteen eighty-four", "one second", "a", "五六", "一百二", "三分之", "个", "and" * 60),
    ],
)
def test_what_only_looks_like_a_number_word(text: str) -> None:
    """Two numbers, an unfinished one or an ambiguous one have no value."""
    assert exact(text) is None
