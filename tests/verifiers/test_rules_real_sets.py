"""Intervals, inequalities, set-builders, unions, bounded sets of integers."""

from typing import Any

import pytest

from tests.verifiers.rule_verdict import Case, rule_verdict

SAME: list[Case] = [
    ("x>2", r"(2,\infty)", {}),
    (r"x \ge 2", r"2 \le x", {}),
    (r"x \ge 2", r"[2, \infty)", {}),
    (r"(-\infty,-1)\cup(3,\infty)", "x<-1 or x>3", {}),
    (r"(-\infty,-1)\cup(3,\infty)", "x < -1, x > 3", {}),
    ("(1,3)", "x > 1, x < 3", {}),
    (r"\{x | -1<x<1\}", "(-1,1)", {}),
    (r"x \in [-2,7]", "[-2,7]", {}),
    (r"a \leqslant -2 \text{ or } a = 1", r"(-\infty,-2]\cup\{1\}", {}),
    (r"\mathbb{R} \setminus \{0\}", r"x \ne 0", {}),
    (r"\mathbb{R} \setminus \{0\}", r"(-\infty,0)\cup(0,\infty)", {}),
    (r"\mathbb{R}", r"(-\infty,\infty)", {}),
    (r"x \in \mathbb{R}", r"(-\infty,+\infty)", {}),
    (r"\{x \mid x < \frac{3}{2}\} - \{-6\}", r"(-\infty, -6) \cup (-6, \dfrac{3}{2})", {}),
    (r"[\frac{1}{2}, 8]", r"0.5 \leq x \leq 8", {}),
    ("x > 1", "2 < 2x", {}),
    ("x < -1", "-2x > 2", {}),
    ("(1,4)", r"(1,3) \cup [2,4)", {}),
    ("(1,3)", r"(1,2] \cup (2,3)", {}),
    (r"(a, +\infty)", "x > a", {}),
    (r"-4<m\leq0", "(-4, 0]", {}),
    ("20<P<30", "(20,30)", {}),
    ("(-2,2)", "|x| < 2", {}),
    ("x < -2 or x > 2", "|x| > 2", {}),
    (r"(0, \infty)", r"\mathbb{R}^+", {}),
    (r"x>0, x \ne 1", r"(0,1)\cup(1,\infty)", {}),
    (r"x \ne 0, 1", r"x \neq 0 \text{ and } x \neq 1", {}),
    (r"[\frac{e}{5},+\,\infty)", r"\left[ \dfrac{e}{5}, +\infty \right)", {}),
    (r"a\in(-\infty,-1-\sqrt{3}]\,\cup\,[\sqrt{3}-1,1)", r"(-\infty, -1 - \sqrt{3}] \cup [\sqrt{3} - 1, 1)", {}),
    (r"x \le 3", r"x \leq 3", {}),
    ("(2,3)", "2 < x < 3", {}),
    ("(2,3]", r"2 < x \le 3", {}),
    ("(2,3]", r"3 \ge x > 2", {}),
    ("0<x<1", r"x>0 \text{ and } x<1", {}),
    ("0<x<1", r"x \in (0,1)", {}),
    ("0<x<1", r"\{x \in \mathbb{R} : 0 < x < 1\}", {}),
    (r"[1,2]\cup[3,4]", r"[3,4]\cup[1,2]", {}),
    (r"[1,2]\cup[3,4]", r"1 \le x \le 2 \text{ or } 3 \le x \le 4", {}),
    (r"[1,3] \cap [2,5]", "[2,3]", {}),
    (r"(0, \infty)", "x > 0", {}),
    (r"x \in (0, \infty)", r"(0, +\infty)", {}),
    (r"\mathbb{R}", r"x \in \mathbb{R}", {}),
    (r"\{x \in \mathbb{Z} | 0<x<4\}", r"\{1,2,3\}", {}),
    ("k > 2", r"(2, \infty)", {}),
    (r"\mathbb{Z}", r"\mathbb{Z}", {}),
    ("(a,b)", "a<x<b", {}),
    (r"\{x \in \mathbb{Z} | -2 \le x < 2\}", r"\{-2,-1,0,1\}", {}),
    (r"\{x \in \mathbb{Z}^+ | x \le 3\}", r"\{1,2,3\}", {}),
    (r"\{x \in \mathbb{Z} | \frac12 < x < \frac72\}", r"\{1,2,3\}", {}),
    ("|x-1| < 2", "(-1, 3)", {}),
    (r"|x-1| \ge 2", r"x \le -1 \text{ or } x \ge 3", {}),
    (r"|x| \ne 2", r"x \ne 2, -2", {}),
    ("1 < 2x+1 < 5", "(0,2)", {}),
    ("3 - x > 1", "x < 2", {}),
    (r"x < -1 \text{ or } 1 < x", r"x \in (-\infty, -1) \cup (1, \infty)", {}),
    (r"[1,2] \cup \{5\}", r"1 \le x \le 2 \text{ or } x = 5", {}),
    (r"\mathbb{R} \setminus [0,1]", r"x < 0 \text{ or } x > 1", {}),
    (r"\mathbb{R} \setminus \{1, 2\}", r"(-\infty,1)\cup(1,2)\cup(2,\infty)", {}),
    (r"(-\infty, \sqrt{2})", r"x < \sqrt 2", {}),
    (r"(\ln 2, \infty)", r"x > \ln 2", {}),
    (r"30^\circ < A < 60^\circ", r"(30^\circ, 60^\circ)", {}),
    (r"0 < x < \pi", r"(0, \pi)", {}),
    (r"2^n, n \ge 3", r"2^n, n \ge 3", {}),
]

DIFFERENT: list[Case] = [
    ("(1,2)", "[1,2]", {}),
    (r"x \ge 2", r"(2, \infty)", {}),
    (r"(-\infty,-1)\cup(3,\infty)", "x<-1 or x>=3", {}),
    (r"\{x | -1<x<1\}", "(-1,2)", {}),
    (r"\{x | -1<x<1\}", "[-1,1)", {}),
    (r"x \in [-2,7]", "[-2,6]", {}),
    (r"a \leqslant -2 \text{ or } a = 1", r"(-\infty,-2]\cup\{2\}", {}),
    (r"\{x \mid x < \frac{3}{2}\} - \{-6\}", r"(-\infty, -6) \cup (-6, \dfrac{1}{2})", {}),
    (r"[\frac{1}{2}, 8]", r"0.5 \leq x \leq 7", {}),
    ("x < -1", "-2x < 2", {}),
    ("(1,3)", r"(1,2) \cup (2,3)", {}),
    ("5", r"x \ne 5", {}),
    ("5", r"\ne 5", {}),
    ("5", "x > 4", {}),
    (r"[0,\infty)", "5", {}),
    ("(-1,1)", "[-1,1]", {}),
    (r"x \le 3", "x < 3", {}),
    (r"x \le 3", r"x \ge 3", {}),
    ("x < 3", "3", {}),
    ("3", "x < 3", {}),
    ("(2,3)", r"2 \le x \le 3", {}),
    ("0<x<1", r"\{x \in \mathbb{R} : 0 < x \le 1\}", {}),
    (r"[1,2]\cup[3,4]", r"[1,2]\cup[3,5]", {}),
    (r"[1,2]\cup[3,4]", "[1,4]", {}),
    (r"(0, \infty)", r"[0, \infty)", {}),
    (r"(-\infty, 2)", r"(2, \infty)", {}),
    (r"\mathbb{R}", r"(0, \infty)", {}),
    (r"(-\infty, 0) \cup (0, \infty)", r"\mathbb{R}", {}),
    (r"\{x \in \mathbb{Z} | 0<x<4\}", "(0,4)", {}),
    ("5", "4 < x < 6", {}),
    ("5", r"x \ge 5", {}),
    ("(0,1)", "[0,1]", {}),
    ("[0,1]", r"\{0,1\}", {}),
    ("[0,1]", "0 < x < 1", {}),
    ("x>2", "x>2 or x<0", {}),
    ("x>2", "x>2, x<0", {}),
    ("x>2", "x>3", {}),
    ("x>2", "2", {}),
    ("a<b<c", r"a \le b \le c", {}),
    (r"x \ne 0", "0", {}),
    (r"x \ne 0", "x = 0", {}),
    ("0", r"x \ne 1", {}),
    ("5", "x < 5", {}),
    (r"x>1 \text{ and } x<5", r"x>1 \text{ or } x<5", {}),
    (r"\infty", r"(0,\infty)", {}),
    (r"(0,\infty)", r"\infty", {}),
    ("(a,b)", "[a,b]", {}),
    ("(a,b)", r"a<x \le b", {}),
    (r"\{x \in \mathbb{Z} | -2 \le x < 2\}", r"\{-2,-1,0,1,2\}", {}),
    (r"\{x \in \mathbb{Z} | 0<x<4\}", r"\{0,1,2,3\}", {}),
    ("|x-1| < 2", "(-1, 3]", {}),
    (r"\mathbb{R} \setminus [0,1]", r"x \le 0 \text{ or } x \ge 1", {}),
    ("[1,2]", "(1,2)", {"ordered": True, "interval": True}),
    (r"a \le b < c", r"a < b \le c", {}),
]

OPEN: list[Case] = [
    ("x>2", "y>2", {}),
    ("x+y<5", "x+y>5", {}),
    ("x+y<5", "x+y<6", {}),
    ("x+y<5", r"x+y \le 5", {}),
    (r"\mathbb{R}", r"\mathbb{Q}", {}),
    (r"\mathbb{R}", r"\mathbb{Z}", {}),
    (r"\mathbb{Z}", r"\mathbb{R}", {}),
    (r"2k+1, k \in \mathbb{N}", r"2n-1, n \in \mathbb{N}", {}),
    (r"2k+1, k \ge 0", r"2k+1, k \ge 1", {}),
    (r"2k+1, k \ge 0", "2k+1", {}),
    ("11", r"5+5 \ne 11", {}),
    ("x^2 < 4", "(-3,3)", {}),
    (r"(a, b) = (3t, 5t), t \in \mathbb{N}", r"(3k, 5k), k \in \mathbb{Z}", {}),
    (r"2k+1, k \ge 0", r"2n+1, n \ge 1", {"variables": frozenset({"x"})}),
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
