"""Ratios, and chains that order things."""

from typing import Any

import pytest

from tests.verifiers.rule_verdict import Case, rule_verdict

SAME: list[Case] = [
    ("5:8", r"\dfrac{5}{8}", {}),
    ("2:1", "2", {}),
    ("1 : (4/3)", r"\dfrac{3}{4}", {}),
    ("6.67", "20:3", {}),
    ("1:2:3", "2:4:6", {}),
    ("b<a<d<c", "c>d>a>b", {}),
    ("b<a<d<c", "b, a, d, c", {"ordered": True}),
    ("2:3", "4:6", {}),
    ("2:3", r"\frac{4}{6}", {}),
    (r"\sqrt{2}:1", r"\sqrt2", {}),
    ("x < y < z", "z > y > x", {}),
    (r"1 : \sqrt 3 : 2", r"\sqrt 3 : 3 : 2\sqrt 3", {}),
    ("0.75", "3:4", {}),
    (r"\sqrt{2} < 1.5 < \frac{8}{5}", r"\frac85 > 1.5 > \sqrt 2", {}),
    (r"a \le b < c", r"c > b \ge a", {}),
    (r"\frac{1}{2}", "1:2", {}),
]

DIFFERENT: list[Case] = [
    ("5:8", "5:6", {}),
    ("2:1", "1", {}),
    ("1 : (4/3)", "1:3", {}),
    ("6.67", "20:7", {}),
    ("3:8", r"\frac38", {"probability": True}),
    ("1:2:3", "2:4:7", {}),
    ("b<a<d<c", "a<b<c<d", {}),
    ("b<a<d<c", "a, b, c, d", {"ordered": True}),
    ("2:3", "3:2", {}),
    ("x<y<z", "x<z<y", {}),
    ("1:2:3", "1:2", {}),
    ("1:2", "2", {}),
    ("3:4", "4:3", {}),
    ("a<b<c", "a>b>c", {}),
    ("a<b<c", "c, b, a", {"ordered": True}),
    (r"1:2:3:\ldots", "1:2:3", {}),
]

OPEN: list[Case] = [
    ("b<a<d<c", "b, a, d, c", {}),
    ("1:2", "1, 2", {}),
    ("1:2", "(1,2)", {}),
    ("a<b<c", "a<b", {}),
]


@pytest.mark.parametrize(("reference", "response", "hints"), SAME)
def test_same(reference: str, response: str, hints: dict[str, Any]) -> None:
    """Both say the same in another notation."""
    assert rule_verdict(reference, response, hints) is True


@pytest.mark.parametrize(("reference", "response", "hints"), DIFFERENT)
def test_different(reference: str, response: str, hints: dict[str, Any]) -> None:
    """The response is refuted."""
    assert rule_verdict(reference, response, hints) is False


@pytest.mark.parametrize(("reference", "response", "hints"), OPEN)
def test_open(reference: str, response: str, hints: dict[str, Any]) -> None:
    """What is neither proved nor refuted is passed on, and so never rewarded."""
    assert rule_verdict(reference, response, hints) is None
