"""Values under a name, computations written as chains, equations and loci."""

from typing import Any

import pytest

from tests.verifiers.rule_verdict import Case, rule_verdict

SAME: list[Case] = [
    ("y = 2x+1", "2x+1", {}),
    ("2x+1", "y = 2x+1", {}),
    ("y = 2x+1", "2x - y + 1 = 0", {}),
    ("2x - y + 1 = 0", "y = 2x+1", {}),
    ("5", "x=5", {}),
    ("x=5", "5 = x", {}),
    ("1048576", r"2^{20} = 1024 \cdot 1024 = 1048576", {}),
    ("5", r"\log_2(32) = 5", {}),
    (r"\frac{6^6 - 5^6}{6^5} \approx 3.99", r"\dfrac{31031}{7776}", {}),
    (r"\frac{6^6 - 5^6}{6^5} \approx 3.99", "3.99", {}),
    ("y + 1 = - (2x - 1)^2.", "-4x^2 + 4x - 2", {}),
    ("x^2+y^2=25", "2x^2 + 2y^2 = 50", {}),
    ("AB = 5", "5", {}),
    (r"30^\circ", r"\angle A = 30^\circ", {}),
    (r"P(A) = \frac12", "0.5", {}),
    ("1", r"\int_0^1 3x^2 dx = 1", {}),
    (r"d=\frac{1+\sqrt{1+8 n}}{2}", r"\frac{1+\sqrt{1+8n}}{2}", {}),
    ("5", "a = b = 5", {}),
    ("x+y<5", "y < 5-x", {}),
    ("x+y<5", "5 > x+y", {}),
    (r"y = \frac{1}{2}x + 3", "x - 2y + 6 = 0", {}),
    (r"\frac{x^2}{4}+\frac{y^2}{9}=1", "9x^2+4y^2=36", {}),
    ("x=2", "2", {}),
    ("x = 2y", "y = x/2", {}),
    (r"\frac{x-1}{2} = \frac{y}{3} = z", r"\frac{x-1}{2} = \frac{y}{3} = z", {}),
    ("10", "2+3+5 = 10", {}),
    ("10", "S = 2+3+5 = 10", {}),
    ("x^2+2x+1", "(x+1)^2 = x^2+2x+1", {}),
    (r"\frac12", r"\cos A = \frac12", {"variables": frozenset({"A", "B"})}),
    ("6", "xy = 6", {"variables": frozenset({"x", "y"})}),
    ("A(1,2)", "(1,2)", {}),
    ("(1,2)", "A(1,2)", {}),
    ("A = (1,2)", "(1,2)", {}),
    ("f(2)=4", "4", {}),
    ("2x+3y=6", r"y = -\frac23 x + 2", {}),
    ("2x+3y=6", r"\frac{x}{3}+\frac{y}{2}=1", {}),
    ("x^2 = 4y", r"y = \frac{x^2}{4}", {}),
    ("(x-1)^2 + (y+2)^2 = 9", "x^2 + y^2 - 2x + 4y - 4 = 0", {}),
    ("x=3", r"x = \frac{6}{2} = 3", {}),
    (r"2\sqrt 3", r"\sqrt{12} = 2\sqrt{3} \approx 3.46", {}),
    ("3.99", r"x \approx 3.99", {}),
    ("|AB| = 5", "AB = 5", {}),
    (r"\vec{AB} = (1,2)", "(1,2)", {}),
    (r"\text{the answer is } 5", "x = 5", {}),
    (r"P(A)=\frac12", "P(A)=0.5", {}),
    (r"\{1,2\}", r"S = \{1,2\}", {}),
    ("x^2+y^2-4=0", "x^2+y^2=4", {}),
    ("3x - 4y + 5 = 0", r"y = \frac34 x + \frac54", {}),
    (r"y = \frac34 x + \frac54", "4y = 3x+5", {}),
    ("y - 1 = 2(x - 3)", "y = 2x - 5", {}),
    ("5", r"\text{The answer is } 5", {}),
    (r"A = \begin{pmatrix}1&0\\0&1\end{pmatrix}", r"\begin{pmatrix}1&0\\0&1\end{pmatrix}", {}),
    ("5", "a+b = 2+3 = 5", {"variables": frozenset({"a", "b"})}),
    ("5", "a+b = 5", {"variables": frozenset({"a", "b"})}),
    ("12", "ab=12", {"variables": frozenset({"a", "b"})}),
    ("25", "x^2+y^2=25", {"variables": frozenset({"x", "y"})}),
    (r"\sqrt{3}", r"|\vec a| = \sqrt 3", {}),
    (r"60^\circ", r"\angle ABC = 60^\circ", {}),
    ("6", r"S_{\triangle ABC} = 6", {}),
    (r"\frac{1}{3}", r"P = \frac{2}{6} = \frac{1}{3}", {}),
    (r"\frac{1}{3}", r"\sin(A) = \frac{1}{3}", {"variables": frozenset({"A"})}),
    ("4", r"\log_2 16 = 4", {}),
    (r"\infty", r"\lim_{x \to 0} \frac{1}{x^2} = \infty", {}),
]

DIFFERENT: list[Case] = [
    ("x^2+y^2=25", "x^2+y^2=24", {}),
    (r"\frac{x^2}{4}+\frac{y^2}{9}=1", "9x^2+4y^2=35", {}),
    ("x^2+y^2=1", "x^2-y^2=1", {}),
    ("(x-1)^2 + (y+2)^2 = 9", "x^2 + y^2 - 2x + 4y - 5 = 0", {}),
    ("2x - y + 1 = 0", "y = 2x-1", {}),
    ("x^2", "x^2 = x^2", {}),
    ("5", "3=4=5", {}),
    ("x=5", "x=6", {}),
    ("1048576", r"2^{20} = 1024 \cdot 1024 = 1048577", {}),
    ("5", r"\log_2(32) = 6", {}),
    ("6", r"\log_2(32) = 6", {}),
    (r"\frac{6^6 - 5^6}{6^5} \approx 3.99", r"\dfrac{33412}{7776}", {}),
    ("y + 1 = - (2x - 1)^2.", "-4x^2 + 4x - 1", {}),
    ("x=5", "x=5 or x=6", {}),
    ("x=5, x=6", "x=5", {}),
    (r"y = \frac{1}{2}x + 3", "x - 2y + 5 = 0", {}),
    ("10", "S = 2+3+6 = 10", {}),
    ("10", "2+3 = 5 = 10", {}),
    ("12", "x = 13 % 12", {}),
    ("5", "5 = 5", {}),
    ("5", "y = x", {}),
    ("x", "x = x", {}),
    ("2x", "2x = 2x", {}),
    ("y=2x", "x=2y", {}),
    ("y=2x", "y=2z", {}),
    ("f(x)=2x", "f(2)=4", {}),
    ("f(2)=4", "f(2)=5", {}),
    (r"x=k\pi", r"x = k\pi + 1", {}),
    (r"x=\pm 3", "x=3", {}),
    ("y=x+1", "y=x+1, y=x+2", {}),
    ("10", "5+5=11", {}),
    ("11", "5+5=11", {}),
    ("11", "x = 5+5 = 11", {}),
    ("0", "0 = 1", {}),
    ("0", "0 = 0", {}),
    ("7", "P = 7 = 8", {}),
    ("2x+3y=6", "2x+3y=7", {}),
    ("2x+3y=6", "3x+2y=6", {}),
    ("x^2 = 4y", r"y = \frac{x^2}{2}", {}),
    (r"2\sqrt 3", r"\sqrt{12} = 3\sqrt{2} \approx 4.24", {}),
    (r"\text{the maximum is } 5", r"\text{the minimum is } 3", {}),
    ("y = C_1 e^x + C_2 e^{2x}", "y = A e^x + A e^{2x}", {"variables": frozenset({"x", "y"})}),
    ("x + 2y = 3", "x+3y=3", {}),
]

OPEN: list[Case] = [
    ("x = 5", "2x = 10", {}),
    ("5", "2x = 10", {}),
    ("10", "2x = 10", {}),
    ("25", "x^2+y^2 = 25", {}),
    ("x^2+y^2=25", "25", {}),
    ("x=5", "y=5", {}),
    ("5", "y = 5", {"asked": ("x",), "variables": frozenset({"x", "y"})}),
    ("y = 2x+1", "2x-y+1=0", {"asked": ("y",)}),
    ("z", r"\frac{x-1}{2} = \frac{y}{3} = z", {}),
    (r"\frac12", r"\cos A = \frac12", {"variables": frozenset({"A"}), "asked": ("A",)}),
    ("x^2-1", "x^2 - 1 = 0", {}),
    ("x^2-1=0", "x^2-1", {}),
    ("2", "x^2 = 4", {}),
    ("4", "x^2 = 4", {}),
    ("4", "x^2 = 4", {"variables": frozenset({"x"}), "asked": ("x",)}),
    (r"\sin x = \frac12", r"x = \frac12", {}),
    (r"y=\sqrt{x}", "y^2=x", {}),
    ("x=0", "x^2=0", {}),
    ("2x+3y=6", "2x+3y-6", {}),
    ("2x+3y-6", "2x+3y=6", {}),
    ("x^2+2x+1", "(x+1)^2 = x^2+2x+2", {}),
    ("x^2=9", "x = 3", {}),
    ("x=3", "x^2=9", {}),
    (r"P(A)=\frac12", r"P(B)=\frac12", {}),
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
