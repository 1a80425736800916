"""Equality and order of constants."""

import math

import pytest

from tests.verifiers.trees import add, call, div, e, i, inf, mul, neg, node, num, pi, power, sqrt, x
from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.tree import Apply, Based, BigOp, Dots, Node, Num, Quantity, SetOf
from verifiers.math_answer.values.equality import is_zero, order, real_constant, same_value

TOWER = power(9, power(9, 9))
TALL_TOWER = power(9, power(9, power(9, 9)))


def both_ways(first: Node, second: Node) -> bool | None:
    """The verdict, which must not depend on the order."""
    verdict = same_value(first, second, Context())
    assert same_value(second, first, Context()) is verdict
    return verdict


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (num("0.50"), div(1, 2)),
        (num("50%"), div(1, 2)),
        (sqrt(8), mul(2, sqrt(2))),
        (div(1, sqrt(2)), div(sqrt(2), 2)),
        (sqrt(div(2, 3)), div(sqrt(6), 3)),
        (sqrt(add(3, mul(2, sqrt(2)))), add(1, sqrt(2))),
        (power(-8, div(1, 3)), node(-2)),
        (call("root", 54, 3), mul(3, call("root", 2, 3))),
        (call("log", 8, sub=4), div(3, 2)),
        (call("ln", 8), mul(3, call("ln", 2))),
        (power(e, mul(i, pi)), node(-1)),
        (power(i, 2), node(-1)),
        (sqrt(-4), mul(2, i)),
        (call("abs", add(3, mul(4, i))), node(5)),
        (call("sin", Quantity(node(30), "deg")), div(1, 2)),
        (Quantity(node(30), "deg"), div(pi, 6)),
        (call("atan", 1), div(pi, 4)),
        (add(call("atan", div(1, 2)), call("atan", div(1, 3))), div(pi, 4)),
        (call("floor", mul(100, sqrt(2))), node(141)),
        (TOWER, power(3, mul(2, power(9, 9)))),
        (BigOp("sum", "k", node(1), node(100), power(k := x, 2)), mul(100, power(k, 2))),
        (Based("11", 2, 3), node(3)),
        (call("cos", div(mul(2, pi), 5)), div(add(sqrt(5), -1), 4)),
    ],
)
def test_equal_constants(first: Node, second: Node) -> None:
    """Two ways to write one number are equal."""
    assert both_ways(first, second) is True


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (div(1, 3), num("0.33")),
        (sqrt(2), num("1.41421356237")),
        (pi, div(355, 113)),
        (mul(36, pi), node(113)),
        (add(1, i), add(1, neg(i))),
        (call("ln", 2), call("ln", 3)),
        (Based("4343", 6, 999), Based("4343", 9, 3216)),
        (call("factorial", 100), call("factorial", 101)),
    ],
)
def test_different_constants(first: Node, second: Node) -> None:
    """Numbers that differ are told apart."""
    assert both_ways(first, second) is False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (mul(num("6.63"), power(10, -34)), mul(num("1.05"), power(10, -34))),
        (div(1, power(2, 99)), div(1, power(2, 98))),
        (num("0.0000001"), num("0.0000002")),
        (div(add(power(2, 2005), 1), mul(3, power(2, 2006))), div(1, mul(3, power(2, 2006)))),
        (mul(sqrt(2), power(10, -34)), mul(sqrt(3), power(10, -34))),
        (TOWER, add(TOWER, 1)),
        (sqrt(add(power(2, 400), 1)), power(2, 200)),
        (add(1, power(e, -1000)), node(1)),
        (call("tanh", 1000), node(1)),
        (power(e, mul(pi, sqrt(163))), node(262537412640768744)),
        (call("atan", power(10, 50)), div(pi, 2)),
        (call("cos", power(10, -40)), node(1)),
    ],
)
def test_near_constants_are_not_equal(first: Node, second: Node) -> None:
    """Tiny numbers, huge numbers and near misses are compared beyond any fixed precision."""
    assert both_ways(first, second) is False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TALL_TOWER, add(TALL_TOWER, 1)),
        (call("factorial", power(10, 20)), add(1, call("factorial", power(10, 20)))),
        (call("tanh", power(10, 9)), node(1)),
        (call("exp", call("exp", 100)), add(1, call("exp", call("exp", 100)))),
    ],
)
def test_unreachable_precision_is_passed_on(first: Node, second: Node) -> None:
    """Constants that no bounded precision can tell apart are undecided, not equal."""
    assert both_ways(first, second) is None


def test_a_tower_equals_itself() -> None:
    """Written alike is equal, whatever the size."""
    assert same_value(TALL_TOWER, TALL_TOWER, Context()) is True


@pytest.mark.parametrize(
    "tree", [div(1, 0), power(0, 0), SetOf((node(1),)), add(1, Dots(), 9), BigOp("lim", "x", inf, None, x)]
)
def test_no_value_is_not_ours(tree: Node) -> None:
    """Undefined expressions, sets, ellipses and limits are neither equal nor different."""
    assert both_ways(tree, node(1)) is None


def test_bare_log_is_read_one_way_on_both_sides() -> None:
    """log may be ln or base 10, but not both at once."""
    assert both_ways(call("log", 5), call("ln", 5)) is True
    assert both_ways(call("log", 5), call("lg", 5)) is True
    assert both_ways(call("log", 2), div(call("ln", 2), call("ln", 10))) is True
    assert both_ways(call("log", 100), node(2)) is True
    assert both_ways(add(call("log", 5), call("ln", 5)), add(call("lg", 5), call("log", 5))) is False
    assert both_ways(call("log", 5), call("log", 6)) is False


def test_infinities_equal_only_themselves() -> None:
    """Infinity is not minus infinity and nothing finite."""
    assert both_ways(inf, inf) is True
    assert both_ways(inf, neg(inf)) is False
    assert both_ways(neg(inf), sqrt(2)) is False
    assert both_ways(inf, x) is None


def test_the_question_can_make_e_and_i_variables() -> None:
    """e^1 is 2.718... unless the question uses e as a name; then it is only itself."""
    hints = Hints(variables=frozenset(("e", "i")))
    assert same_value(call("ln", e), node(1), Context()) is True
    assert same_value(call("ln", e), node(1), Context(hints)) is False
    assert same_value(power(i, 2), node(-1), Context(hints)) is False


def test_unknown_functions_are_equal_at_equal_arguments() -> None:
    """f(2) + 1 is 1 + f(4/2) and not f(3) + 1; what is written in integrals decides only when alike."""
    f2, f42, f3 = (Apply("f", (arg,)) for arg in (node(2), div(4, 2), node(3)))
    assert both_ways(add(f2, 1), add(1, f42)) is True
    assert both_ways(add(f2, 1), add(f3, 1)) is False
    nested = Apply("f", (Apply("f", (f42,)),))
    assert both_ways(mul(2, nested), add(nested, Apply("f", (Apply("f", (f2,)),)))) is True
    integral = BigOp("int", "x", node(0), node(1), x)
    assert both_ways(mul(2, integral), add(integral, integral)) is True
    assert both_ways(integral, div(1, 2)) is None


@pytest.mark.parametrize(
    ("first", "second", "sign"),
    [
        (sqrt(2), div(3, 2), -1),
        (div(22, 7), pi, 1),
        (sqrt(8), mul(2, sqrt(2)), 0),
        (neg(inf), pi, -1),
        (call("acos", div(mul(call("root", 2, 3), call("root", 4, 3)), 2)), node(0), 0),
        (inf, inf, 0),
        (num("1/3"), num("0.333"), 1),
        (TOWER, node(3), 1),
    ],
)
def test_order_of_real_constants(first: Node, second: Node, sign: int) -> None:
    """The sign of the difference is proved, both ways round."""
    assert order(first, second, Context()) == sign
    assert order(second, first, Context()) == -sign


def test_no_order_without_real_values() -> None:
    """Variables and imaginary numbers have no order."""
    assert order(x, node(1), Context()) is None
    assert order(i, node(1), Context()) is None
    assert order(add(TALL_TOWER, 1), TALL_TOWER, Context()) is None


def test_zero_and_doubles() -> None:
    """is_zero proves; real_constant gives a double or nothing."""
    assert is_zero(add(sqrt(8), mul(-2, sqrt(2))), Context()) is True
    assert is_zero(pi, Context()) is False
    assert real_constant(pi) == pytest.approx(math.pi)
    assert real_constant(neg(inf)) == -math.inf
    assert real_constant(call("sin", pi)) == pytest.approx(0, abs=1e-12)
    assert real_constant(x) is None
    assert real_constant(i) is None
    assert real_constant(TOWER) is None
    assert real_constant(call("sin", power(10, 1000))) is None
    assert real_constant(Num(10**400)) is None
