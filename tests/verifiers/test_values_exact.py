"""Exact rational values, and walking the tree."""

from fractions import Fraction

import pytest

from tests.verifiers.trees import add, call, div, e, k, mul, n, neg, node, num, power, sqrt, x, y
from verifiers.math_answer.context import Context, Hints, OutOfSteps
from verifiers.math_answer.tree import Based, BigOp, Mul, Node, Num, PlusMinus
from verifiers.math_answer.values.exact import exact, integer
from verifiers.math_answer.values.walk import (
    calls,
    children,
    expand_plus_minus,
    size,
    substitute,
    symbols,
    variables,
)


@pytest.mark.parametrize(
    ("tree", "value"),
    [
        (num("0.50"), Fraction(1, 2)),
        (num("6.67%"), Fraction(667, 10000)),
        (add(1, div(1, 2)), Fraction(3, 2)),
        (power(div(8, 27), num("-2/3")), Fraction(9, 4)),
        (power(2, -3), Fraction(1, 8)),
        (sqrt(div(9, 16)), Fraction(3, 4)),
        (call("root", -8, 3), Fraction(-2)),
        (call("log", 8, sub=2), Fraction(3)),
        (call("log", div(1, 8), sub=2), Fraction(-3)),
        (call("lg", 1000), Fraction(3)),
        (call("factorial", 5), Fraction(120)),
        (call("factorial2", 7), Fraction(105)),
        (call("binom", 10, 3), Fraction(120)),
        (call("perm", 5, 2), Fraction(20)),
        (call("gcd", 12, 18), Fraction(6)),
        (call("lcm", 4, 6), Fraction(12)),
        (call("floor", num("-7/2")), Fraction(-4)),
        (call("ceil", num("7/2")), Fraction(4)),
        (call("mod", -7, 5), Fraction(3)),
        (call("max", 2, 5, 3), Fraction(5)),
        (call("abs", -4), Fraction(4)),
        (Based("4343", 6, 999), Fraction(999)),
        (call("mod", power(7, power(7, 7)), 1000), Fraction(343)),  # 7^4 = 1 and 7^7 = 3 modulo 20: 7^3
    ],
)
def test_constants_have_their_exact_value(tree: Node, value: Fraction) -> None:
    """A constant made of rational operations is evaluated exactly."""
    assert exact(tree) == value


@pytest.mark.parametrize(
    "tree",
    [
        sqrt(2),
        div(1, 0),
        power(0, 0),
        power(0, -1),
        power(9, power(9, 9)),
        call("factorial", power(10, 9)),
        call("factorial", -1),
        call("binom", 10**7, 5 * 10**6),
        call("log", 9, sub=2),
        call("log", 8),
        call("mod", 5, 0),
        call("gcd", 2, num("1/2")),
        call("sqrt", 2, 3),
        Based("9", 6, None),
        x,
    ],
)
def test_no_exact_value(tree: Node) -> None:
    """What is irrational, undefined, too large or no constant has no exact value."""
    assert exact(tree) is None


def test_exact_stops_at_the_budget() -> None:
    """Many large numbers use up the steps: the caller's signal with a context, no value without one."""
    tree = add(*(power(3, 80_000 + j) for j in range(2_000)))
    assert exact(tree) is None
    with pytest.raises(OutOfSteps):
        exact(tree, Context())


def test_integer_is_for_whole_numbers() -> None:
    """A fraction that cancels is whole; others are not."""
    assert integer(div(6, 3), Context()) == 2
    assert integer(div(5, 3), Context()) is None


def test_bound_variables_are_not_free() -> None:
    """The index of a sum is no name of the expression; `e` is a constant unless the question names it."""
    tree = add(BigOp("sum", "k", node(1), n, mul(k, x)), e)
    assert symbols(tree) == {"n", "x", "e"}
    assert variables(tree, Context()) == {"n", "x"}
    assert variables(tree, Context(Hints(variables=frozenset("e")))) == {"n", "x", "e"}


def test_substitution_is_simultaneous_and_respects_binding() -> None:
    """x and y are swapped in one go, and a bound name is left alone."""
    assert substitute(add(x, y), {"x": y, "y": x}) == add(y, x)
    tree = BigOp("sum", "k", k, n, k)
    assert substitute(tree, {"k": node(5)}) == BigOp("sum", "k", node(5), n, k)
    assert substitute(tree, {"z": node(5)}) is tree


def test_children_size_and_calls() -> None:
    """Children come in written order; size counts nodes; calls are the functions used."""
    tree = call("log", add(x, 1), sub=2)
    assert children(tree) == (add(x, 1), Num(2))
    assert size(tree) == 5
    assert calls(mul(tree, sqrt(2))) == {"log", "sqrt"}


def test_plus_minus_signs_are_linked() -> None:
    """1 +- x -+ y is 1 + x - y or 1 - x + y; asked for independent signs, there are four."""
    tree = add(1, PlusMinus(x), PlusMinus(y, upper=False))
    assert expand_plus_minus(tree) == (add(1, x, neg(y)), add(1, neg(x), y))
    assert len(set(expand_plus_minus(tree, linked=False))) == 4
    assert expand_plus_minus(x) == (x,)


def test_many_plus_minus_signs_stay_linked() -> None:
    """Twenty independent signs would be a million values."""
    assert len(expand_plus_minus(Mul(tuple([PlusMinus(x)] * 20)), linked=False)) == 2
