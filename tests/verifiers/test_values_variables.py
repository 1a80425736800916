"""Equality of expressions with variables."""

import pytest

from tests.verifiers.trees import C, a, add, call, div, e, i, k, mul, n, neg, node, pi, power, sqrt, x, y, z
from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.tree import BigOp, Node, Sym
from verifiers.math_answer.values.equality import equal_up_to_constant, proportional, same_value


def both_ways(first: Node, second: Node, hints: Hints | None = None) -> bool | None:
    """The verdict, which must not depend on the order."""
    verdict = same_value(first, second, Context(hints))
    assert same_value(second, first, Context(hints)) is verdict
    return verdict


MINUS_ONE = neg(1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (power(add(x, 1), 2), add(power(x, 2), mul(2, x), 1)),
        (div(add(power(x, 2), -1), add(x, -1)), add(x, 1)),
        (div(add(x, y), mul(x, y)), add(div(1, x), div(1, y))),
        (mul(2, power(2, n)), power(2, add(n, 1))),
        (div(1, sqrt(n)), sqrt(div(1, n))),
        (mul(2, call("sin", x), call("cos", x)), call("sin", mul(2, x))),
        (add(power(call("sin", x), 2), power(call("cos", x), 2)), node(1)),
        (add(call("cos", x), mul(i, call("sin", x))), power(e, mul(i, x))),
        (sqrt(power(x, 2)), call("abs", x)),
        (power(x, div(1, 3)), call("root", x, 3)),
        (call("max", x, y), div(add(x, y, call("abs", add(x, neg(y)))), 2)),
        (mul(z, call("conj", z)), power(call("abs", z), 2)),
    ],
)
def test_identities(first: Node, second: Node) -> None:
    """Two forms of one expression are equal."""
    assert both_ways(first, second) is True


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (power(add(x, 1), 2), add(power(x, 2), mul(2, x), 2)),
        (x, y),
        (x, Sym("X")),
        (call("sin", x), call("cos", x)),
        (power(2, n), power(3, n)),
        (add(x, power(10, -40)), x),
        (mul(x, add(power(2, 2005), 1)), mul(x, power(2, 2005))),
        (add(call("sin", x), power(10, -40)), call("sin", x)),
        (add(call("cos", x), neg(mul(i, call("sin", x)))), power(e, mul(i, x))),
        (call("conj", z), z),
    ],
)
def test_different_expressions(first: Node, second: Node) -> None:
    """Expressions that differ somewhere are told apart, however little they differ."""
    assert both_ways(first, second) is False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (add(call("atan", x), call("atan", div(1, x))), div(pi, 2)),
        (call("asin", call("sin", x)), x),
        (call("abs", x), x),
        (call("abs", add(x, -1000)), add(1000, neg(x))),
        (call("max", x, 1000), node(1000)),
        (call("floor", div(n, 100)), node(0)),
    ],
)
def test_positive_points_do_not_prove_an_identity(first: Node, second: Node) -> None:
    """What holds for positive values alone is refuted at others."""
    assert both_ways(first, second) is False


def test_what_holds_for_lengths_alone_is_left_open() -> None:
    """`\\sqrt{x^2}` is x for a length and not for a number: neither proved nor refuted."""
    assert both_ways(sqrt(power(x, 2)), x) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (sqrt(mul(x, y)), mul(sqrt(x), sqrt(y))),
        (mul(2, call("asin", sqrt(a))), call("acos", add(1, mul(-2, a)))),
    ],
)
def test_domains_may_differ_where_one_side_is_undefined(first: Node, second: Node) -> None:
    """Agreement on a common domain of fair size is equality."""
    assert both_ways(first, second) is True


@pytest.mark.parametrize(("wide", "narrow"), [(call("ln", power(x, 2)), mul(2, call("ln", x))), (x, power(sqrt(x), 2))])
def test_an_answer_covers_the_domain_of_the_reference(wide: Node, narrow: Node) -> None:
    """An answer may have values where the reference has none; the reverse is left open."""
    assert same_value(narrow, wide, Context()) is True
    assert same_value(wide, narrow, Context()) is None


def test_modulus_of_a_complex_name_is_left_open() -> None:
    """|z|^2 is z^2 for real z alone; z may be real or not, x is real."""
    assert both_ways(power(call("abs", z), 2), power(z, 2)) is None
    assert both_ways(power(call("abs", x), 2), power(x, 2)) is True


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (call("sin", mul(n, pi)), node(0), True),
        (call("sin", mul(x, pi)), node(0), False),
        (call("cos", mul(n, pi)), power(MINUS_ONE, n), True),
        (power(MINUS_ONE, add(n, 1)), neg(power(MINUS_ONE, n)), True),
        (power(MINUS_ONE, n), power(MINUS_ONE, add(n, 1)), False),
        (call("floor", div(n, 2)), div(add(mul(2, n), -1, power(MINUS_ONE, n)), 4), True),
        (call("binom", n, 2), div(mul(n, add(n, -1)), 2), True),
        (call("binom", n, k), call("binom", n, add(n, neg(k))), True),
        (call("binom", n, k), call("binom", n, add(n, neg(k), 1)), False),
        (div(call("factorial", n), call("factorial", add(n, -1))), n, True),
        (BigOp("sum", "k", node(1), n, k), div(mul(n, add(n, 1)), 2), True),
        (BigOp("sum", "k", node(1), n, k), div(mul(n, add(n, -1)), 2), False),
        (BigOp("prod", "k", node(1), n, k), call("factorial", n), True),
        (call("gcd", n, 2), div(add(3, power(MINUS_ONE, n)), 2), True),
    ],
)
def test_integer_names(first: Node, second: Node, verdict: bool) -> None:
    """Names that can only be integers where they stand are compared at integers."""
    assert both_ways(first, second) is verdict


def test_the_question_can_declare_integers() -> None:
    """sin(pi t) vanishes for integers t, if the question says that t is one."""
    tree = call("sin", mul(Sym("t"), pi))
    assert both_ways(tree, node(0)) is False
    assert both_ways(tree, node(0), Hints(integers=frozenset("t"))) is True


def test_poles_do_not_disturb() -> None:
    """A pole at a sample point is passed over: (n - 1)! n is n! but for n = 0."""
    assert both_ways(mul(call("factorial", add(n, -1)), n), call("factorial", n)) is True
    assert both_ways(call("tan", x), div(call("sin", x), call("cos", x))) is True


def test_no_common_domain_is_not_equality() -> None:
    """Where one side exists the other does not: refuted by their complex values."""
    assert both_ways(call("ln", x), call("ln", neg(x))) is False


def test_verdicts_repeat() -> None:
    """The sample points depend on the pair alone: the steps taken are the same in every run."""
    pair = mul(2, call("sin", x), call("cos", x)), call("sin", mul(2, x))
    spent = set()
    for _ in range(3):
        ctx = Context()
        assert same_value(*pair, ctx) is True
        spent.add(ctx.steps)
    assert len(spent) == 1


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (add(mul(2, x), y, -1), add(mul(-4, x), mul(-2, y), 2), True),
        (add(mul(2, x), y), add(mul(4, x), mul(3, y)), False),
        (mul(2, x), mul(x, y), False),
        (node(3), node(5), True),
        (node(0), node(5), False),
        (node(0), add(x, neg(x)), True),
        (mul(sqrt(2), call("sin", x)), mul(2, call("sin", x)), True),
        (x, BigOp("lim", "y", None, None, y), None),
    ],
)
def test_proportional(first: Node, second: Node, verdict: bool | None) -> None:
    """One side is a constant multiple of the other, the constant not being zero."""
    assert proportional(first, second, Context()) is verdict
    assert proportional(second, first, Context()) is verdict


SIN2, COS2 = power(call("sin", x), 2), power(call("cos", x), 2)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (add(SIN2, C), add(neg(COS2), C), True),
        (add(SIN2, C), add(COS2, C), False),
        (add(power(x, 2), mul(2, C)), add(power(x, 2), 7, C), True),
        (add(power(x, 2), mul(C, x)), add(power(x, 2), C), None),
        (add(power(x, 2), power(C, 2)), add(power(x, 2), C), None),
        (add(call("ln", mul(2, x)), C), add(call("ln", x), C), True),
        (power(x, 2), add(power(x, 2), C), None),
    ],
)
def test_equal_up_to_a_constant(first: Node, second: Node, verdict: bool | None) -> None:
    """Antiderivatives are compared by their increments; the constant must enter as a constant."""
    assert equal_up_to_constant(first, second, "C", "C", Context()) is verdict


def test_an_antiderivative_without_its_constant() -> None:
    """The caller may allow that one side wrote no constant."""
    assert equal_up_to_constant(power(x, 2), add(power(x, 2), C), None, "C", Context()) is True
