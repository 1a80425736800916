"""Rounded numbers against the numbers they stand for."""

from collections.abc import Mapping

import pytest

from tests.verifiers.trees import add, i, mul, num, pi, power, sqrt, x
from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.tree import Node
from verifiers.math_answer.values.rounding import agrees_by_rounding, near

APPROXIMATE = {"approximate": True}


def verdict(reference: str | Node, response: str | Node, hints: Mapping[str, object]) -> bool | None:
    trees = [num(side) if isinstance(side, str) else side for side in (reference, response)]
    return agrees_by_rounding(trees[0], trees[1], Context(Hints(**hints)))  # type: ignore[arg-type]


def science(mantissa: str, exponent: int) -> Node:
    return mul(num(mantissa), power(10, exponent))


@pytest.mark.parametrize(
    ("reference", "response", "hints", "wanted"),
    [
        # reference a decimal, response exact
        ("0.458", "27/59", {}, True),
        ("30.52", "1587/52", {}, True),
        ("6.67%", "1/15", {}, True),
        ("113.10", mul(36, pi), {}, True),
        ("-1.414", mul(-1, sqrt(2)), {}, True),
        ("30.52", "1687/52", {}, False),
        ("3.142", "22/7", {}, None),  # 3.1428... rounds to 3.143
        ("0.5", "27/59", {}, None),
        # reference exact, response a decimal
        ("600/7", "85.71", {}, True),
        ("600/7", "85.72", {}, None),
        ("600/7", "82.02", {}, False),
        ("1/15", "6.67%", {}, True),
        ("1/15", "6.67", {}, False),
        ("1/3", "0.333", {}, True),
        ("1/3", "0.33", {}, None),
        ("3/8", "0.38", {}, False),
        ("3/8", "0.375", {}, True),
        ("1/7", "0.1428", {}, None),  # cut off, not rounded
        ("1/7", "0.1429", {}, True),
        ("1/7", "0.1429", {"exact": True}, None),
        (mul(36, pi), "113.10", {}, True),
        (mul(36, pi), "113", {}, None),
        # both decimals
        ("165.47", "165.5", {}, True),
        ("2.653", "2.65", {}, True),
        ("2.653", "2.65", APPROXIMATE, True),
        ("2.65", "2.653", {}, True),
        ("2.5", "2.4567", {}, None),
        ("2.653", "2.50", {}, False),
        (science("6.63", -34), science("6.626", -34), {}, True),
        (science("6.63", -34), science("1.05", -34), {}, False),
        # integers are exact
        ("5", "5.0", {}, True),
        ("300", "299.94", {}, None),
        ("300", "299.94", APPROXIMATE, True),
        ("299.94", "300", APPROXIMATE, True),
        ("117.95%", "118%", {}, None),
        ("117.95%", "118%", APPROXIMATE, True),
        ("785.12", "784", APPROXIMATE, None),
        ("5", "4.8", APPROXIMATE, False),
        # the question names the precision
        ("1/3", "0.33", {"places": 2}, True),
        ("1/3", "0.3", {"places": 2}, None),
        ("1/3", "0.34", {"places": 2}, False),
        (mul(36, pi), "113", {"places": 0}, True),
        ("12.4", "12", {"places": 0}, True),
        ("12", "12.4", {"places": 0}, None),
        ("112", "112.4", {"places": 0}, True),
        ("1234", "1200", {"significant": 2}, True),
        ("0.012345", "0.0123", {"significant": 3}, True),
        ("0.012345", "0.012", {"significant": 3}, None),
        ("1230", "1234", {"places": -1}, True),
    ],
)
def test_policy(reference: str | Node, response: str | Node, hints: Mapping[str, object], wanted: bool | None) -> None:
    """The table of the module, line by line."""
    assert verdict(reference, response, hints) is wanted


def test_a_half_is_rounded_away_from_zero() -> None:
    """0.125 to two places is 0.13."""
    assert verdict("0.125", "0.13", {"places": 2}) is True
    assert verdict("0.125", "0.12", {"places": 2}) is not True


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (num("2"), num("3")),
        (sqrt(2), pi),
        (x, num("0.5")),
        (i, num("0.5")),
        (power(9, power(9, 9)), num("0.5")),
        (add(power(10, 400), 1), num("0.5")),
    ],
)
def test_not_a_rounding_question(first: Node, second: Node) -> None:
    """Exact numbers, variables, imaginary numbers and giants are not compared by digits."""
    assert verdict(first, second, {}) is None
    assert verdict(second, first, {}) is None


def test_near_numbers_are_for_a_later_stage() -> None:
    """300 for 299.94 is worth a second look, 290 is not."""
    assert near(num("299.94"), num("300"), Context())
    assert not near(num("299.94"), num("290"), Context())
    assert not near(x, num("290"), Context())
