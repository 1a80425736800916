"""Functions and sequences by their formulas, piecewise definitions."""

from typing import Any

import pytest

from tests.verifiers.rule_verdict import Case, rule_verdict

SAME: list[Case] = [
    ("f(x)=2x", "f(z)=2z", {}),
    ("f(x)=2x", "2x", {}),
    ("2x", "f(x)=2x", {}),
    ("f(x)=2x", "y=2x", {}),
    ("f(n)=n, g(n)=1", r"(f(n), g(n)) = (n, 1) \text{ for all positive integers } n", {}),
    ("f(n) = 2 n+1007", "f(m) = 2m + 1007", {}),
    (r"S_n = \frac{1}{2}(3^n - 1)", r"\dfrac{3^n - 1}{2}", {}),
    ("a_n = 2n+1", "a_k = 2k+1", {}),
    ("g(x)=x^2-2x+2", "x^2-2x+2", {}),
    (
        r"f(x) = \begin{cases} x & x > 0 \\ -x & x \le 0 \end{cases}",
        r"f(t) = \begin{cases} -t & t \le 0 \\ t & t > 0 \end{cases}",
        {},
    ),
    (r"f(x)=\sin x", r"y = \sin x", {}),
    (r"f^{-1}(x) = \frac{x-1}{2}", r"\frac{x-1}{2}", {}),
    ("f(x)=x+1", r"f(x)=x+1 \text{ for all real } x", {}),
    (r"f(x)=x+1 \text{ for all } x \in \mathbb{R}", "x+1", {}),
    ("f(x, y) = x + 2y", "f(a, b) = a + 2b", {}),
    (r"y = \sqrt{x}", r"f(x) = \sqrt{x}", {}),
    ("n+1", "f(x)=x+1", {"variables": frozenset({"f", "x"})}),
    ("y = x^2", "f(x)=x^2", {}),
    ("a_n = 2^{n-1}", "2^{n-1}", {}),
    ("a_n = 2^{n-1}", r"a_n = \frac{2^n}{2}", {}),
    ("a_n = 2n - 1", r"a_n = 2n-1 (n \in \mathbb{N}^*)", {}),
    (r"a_{n} = 3 \cdot 2^{n-1}, n \in \mathbb{N}^*", r"a_n = 3 \cdot 2^{n-1}", {}),
    (r"f(x) = x \text{ and } f(x) = -x", r"f(x) = \pm x", {}),
]

DIFFERENT: list[Case] = [
    ("f(x)=2x", "f(x)=x", {}),
    ("f(z)=z", "f(x)=x+1", {}),
    (r"S_n = \frac{1}{2}(3^n - 1)", r"\dfrac{3^n + 1}{2}", {}),
    ("f(x)=ax+b", "f(x) = cx + d", {}),
    ("f(x)=ax+b", "f(x) = cx + c", {"variables": frozenset({"f", "x"})}),
    ("f(x) = 2x", "f(x) = 2x + 0.01", {}),
    ("f(x)=x, f(x)=2x", "f(x)=x", {}),
    ("f(x)=x", "f(x)=x, f(x)=2x", {}),
    ("f(x)=x", "f(x)=x or f(x)=2x", {}),
    ("f(x)=x+1", r"f(x)=x+2 \text{ for all real } x", {}),
    ("f(x, y) = x + 2y", "f(a, b) = b + 2a", {}),
    ("f(x) = a x", "f(a) = a^2", {}),
    (r"2n-1, n \in \mathbb{Z}", "a_n = 2n+1", {}),
]

OPEN: list[Case] = [
    ("f(2)=f(3)+4", "f(5)=f(7)+4", {}),
    ("f(x)=2x", "g(x)=2x", {}),
    ("f(2)=4", "f(3)=4", {}),
    (
        r"f(x) = \begin{cases} x & x > 0 \\ -x & x \le 0 \end{cases}",
        r"f(x) = \begin{cases} x & x \ge 0 \\ -x & x < 0 \end{cases}",
        {},
    ),
    (
        r"f(x) = \begin{cases} x & x > 0 \\ -x & x \le 0 \end{cases}",
        r"f(x) = \begin{cases} -x & x > 0 \\ x & x \le 0 \end{cases}",
        {},
    ),
    ("f(m) = 2m + 1007", r"2k+1, k \in \mathbb{Z}", {}),
    ("n+1", "f(x)=x+1", {}),
    ("n+1", "f(x)=x+1", {"variables": frozenset({"n", "x"})}),
    ("k+1", r"f(x)=x+1 \text{ for all } x \in \mathbb{R}", {}),
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
