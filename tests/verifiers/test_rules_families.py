"""Answers with a free parameter, congruences, renamed constants."""

from typing import Any

import pytest

from tests.verifiers.rule_verdict import Case, rule_verdict

SAME: list[Case] = [
    (r"x = k\pi", r"n\pi", {}),
    (r"\frac{\pi}{2} + k\pi, k \in \mathbb{Z}", r"-\frac{\pi}{2} + n\pi, n \in \mathbb{Z}", {}),
    (
        r"2k\pi \pm \frac{\pi}{3}, k \in \mathbb{Z}",
        r"x = \frac{\pi}{3} + 2n\pi or x = -\frac{\pi}{3} + 2n\pi, n \in \mathbb{Z}",
        {},
    ),
    (
        r"(k, \ell) = (-32 + 3x, 64 - 5x)",
        r"(-32 + 3t, 64 - 5t) \text{ for some integer } t",
        {"variables": frozenset({"ell", "k"})},
    ),
    (r"(1+3t, 2-5t), t \in \mathbb{Z}", r"(4+3k, -3-5k), k \in \mathbb{Z}", {}),
    (r"(1+3t, 2-5t), t \in \mathbb{Z}", r"(4-3k, -3+5k), k \in \mathbb{Z}", {}),
    (
        r"[k\pi-\frac{5\pi}{12}, k\pi+\frac{\pi}{12}]",
        r"[n\pi-\frac{5\pi}{12}, n\pi+\frac{\pi}{12}], n \in \mathbb{Z}",
        {},
    ),
    ("2Cx^2+1", "2c x^2+1", {}),
    (
        "(P(x), Q(x)) = (2Cx^2 + 2(C+1)x + 1, 2x(x+1))",
        r"\left(2c x^2 + (2 + 2c)x + 1, 2x(x + 1)\right)",
        {"variables": frozenset({"x"})},
    ),
    ("2k+1", r"2n+1, n \in \mathbb{Z}", {"variables": frozenset({"x"})}),
    (r"\frac{k\pi}{2}, k\in\mathbb{Z}", r"k\pi, \frac{\pi}{2} + k\pi, k\in\mathbb{Z}", {}),
    (r"x \equiv 3 \pmod 7", "x = 7k+3", {}),
    (r"x \equiv 3 \pmod 7", r"x \equiv 10 \pmod 7", {}),
    (r"\{k\pi : k \in \mathbb{Z}\}", r"x = n\pi, n\in \mathbb{Z}", {}),
    (r"f(x) = x + c, c \in \mathbb{R}", "f(x) = x + k", {"variables": frozenset({"f", "x"})}),
    (
        r"x = \frac{\pi}{6} + 2k\pi, x = \frac{5\pi}{6} + 2k\pi",
        r"\frac{5\pi}{6} + 2n\pi, \frac{\pi}{6} + 2n\pi, n \in \mathbb{Z}",
        {},
    ),
    (r"x=k\pi", r"x = k\pi, k \in \mathbb{Z}", {}),
    (r"x=k\pi \text{ where } k \text{ is an integer}", r"n\pi (n \in \mathbb{Z})", {}),
    (r"x = 180^\circ k, k \in \mathbb{Z}", r"180^\circ n, n \in \mathbb{Z}", {}),
    (r"(\frac{\pi}{2}+k\pi, k\pi+\pi), k \in \mathbb{Z}", r"(-\frac{\pi}{2}+n\pi, n\pi), n \in \mathbb{Z}", {}),
    ("y = Ce^{x}", "y = c e^x", {}),
    (r"\frac{x^3}{3} + C", r"\frac{x^3}{3} + c", {}),
    ("f(x)=ax+b", "f(x) = cx + d", {"variables": frozenset({"f", "x"})}),
    (r"f(x) = cx \text{ for any real constant } c", "f(x) = kx", {"variables": frozenset({"f", "x"})}),
    (r"\emptyset", r"\{\}", {}),
    (r"2k+1, k \in \mathbb{Z}", r"2n-1, n \in \mathbb{Z}", {}),
    (r"x = \pi k, k \in \mathbb{Z}", r"x = \pi n, n \in \mathbb{Z}", {}),
    (r"x = 45^\circ + 90^\circ k", r"45^\circ + 90^\circ n, n \in \mathbb{Z}", {}),
    (r"x = \frac{\pi}{4} + \frac{k\pi}{2}, k \in \mathbb{Z}", r"x = \pm\frac{\pi}{4} + n\pi, n \in \mathbb{Z}", {}),
    (r"x = \arctan 2 + k\pi, k \in \mathbb{Z}", r"x = \arctan 2 + n\pi, n \in \mathbb{Z}", {}),
    (r"x = \arctan 2 + k\pi, k \in \mathbb{Z}", r"x = \arctan 2 + (n+1)\pi, n \in \mathbb{Z}", {}),
    (r"x = (-1)^k \frac{\pi}{6} + k\pi, k \in \mathbb{Z}", r"x = (-1)^n \frac{\pi}{6} + n\pi, n \in \mathbb{Z}", {}),
    (r"(a, b) = (3t, 5t), t \in \mathbb{Z}", "(3k, 5k)", {}),
    ("y = C_1 e^x + C_2 e^{2x}", "y = c_1 e^x + c_2 e^{2x}", {}),
    ("y = C_1 e^x + C_2 e^{2x}", "y = c_2 e^x + c_1 e^{2x}", {}),
    ("y = C_1 e^x + C_2 e^{2x}", "y = A e^x + B e^{2x}", {"variables": frozenset({"x", "y"})}),
    (r"x \equiv 1 \pmod{4}", r"x = 4k + 1, k \in \mathbb{Z}", {}),
    (r"n \equiv -1 \pmod 6", r"n \equiv 5 \pmod 6", {}),
    (r"2k+1, k \ge 0", r"2n+1, n \ge 0", {"variables": frozenset({"x"})}),
    (r"n = 3k+1, k \in \mathbb{Z}", r"n \equiv 1 \pmod 3", {}),
    (r"n = 3k+1 \text{ where } k \text{ is an integer}", "3m+1", {"variables": frozenset({"n"})}),
    ("2x+3", "(2x+3)", {}),
    ("t(1,2,3)", "s(1,2,3)", {"variables": frozenset({"x"})}),
    (r"(x,y,z) = (t, 2t, 3t), t \in \mathbb{R}", "(s, 2s, 3s)", {}),
    (r"(k, k+1), k \in \mathbb{Z}", r"\{(n, n+1) \mid n \in \mathbb{Z}\}", {}),
    (r"\{(n, n+1) : n \in \mathbb{Z}\}", r"(m, m+1), m \in \mathbb{Z}", {}),
    (r"f(x)=cx \text{ for all } c \in \mathbb{R}", r"f(x)=kx, k \in \mathbb{R}", {}),
]

DIFFERENT: list[Case] = [
    (r"x = k\pi, k \in \mathbb{Z}", r"2n\pi, n \in \mathbb{Z}", {}),
    (r"x = k\pi", r"2n\pi", {}),
    (
        r"(k, \ell) = (-32 + 3x, 64 - 5x)",
        r"(-32 + 3t, 64 + 5t) \text{ for some integer } t",
        {"variables": frozenset({"ell", "k"})},
    ),
    (r"(1+3t, 2-5t), t \in \mathbb{Z}", r"(4+3k, -2-5k), k \in \mathbb{Z}", {}),
    (
        "(P(x), Q(x)) = (2Cx^2 + 2(C+1)x + 1, 2x(x+1))",
        r"\left(c x^2 + (1 + c)x + 1, 2x(x + 1)\right)",
        {"variables": frozenset({"x"})},
    ),
    ("n+1", "k+1", {}),
    ("n+1", "k+1", {"variables": frozenset({"n"})}),
    (r"x \equiv 3 \pmod 7", r"x \equiv 3 \pmod 8", {}),
    (r"x \equiv 3 \pmod 7", r"x \equiv 4 \pmod 7", {}),
    (
        r"2k\pi \pm \frac{\pi}{3}, k \in \mathbb{Z}",
        r"x = \frac{\pi}{3} + 2n\pi or x = -\frac{2\pi}{3} + 2n\pi, n \in \mathbb{Z}",
        {},
    ),
    (r"(\frac{\pi}{2}+k\pi, k\pi+\pi), k \in \mathbb{Z}", r"(\frac{\pi}{2}+n\pi, n\pi+2\pi), n \in \mathbb{Z}", {}),
    ("y = Ce^{x}", "y = c e^{2x}", {}),
    (r"k\pi", r"\pi", {}),
    (r"k\pi", r"\frac{k\pi}{2}", {}),
    ("2k+1", "2k", {}),
    (r"2k+1, k \in \mathbb{Z}", r"2n, n \in \mathbb{Z}", {}),
    ("a+b", "c+d", {}),
    ("a+b", "c+d", {"variables": frozenset({"a", "b"})}),
    ("mx+b", "ax+b", {}),
    ("ax", "bx", {}),
    ("kx", "nx", {}),
    (r"k\pi", r"x\pi", {}),
    (r"n\pi", r"k\pi", {"variables": frozenset({"n"})}),
    (r"\frac{n(n+1)}{2}", r"\frac{k(k+1)}{2}", {}),
    (r"\frac{n(n+1)}{2}", r"\frac{k(k+1)}{2}", {"variables": frozenset({"n"})}),
    (r"x = \frac{\pi}{4} + \frac{k\pi}{2}, k \in \mathbb{Z}", r"x = \pm\frac{\pi}{3} + n\pi, n \in \mathbb{Z}", {}),
    (r"(a, b) = (3t, 5t), t \in \mathbb{Z}", "(3k, 4k)", {}),
    (r"(a, b) = (3t, 5t), t \in \mathbb{Z}", r"(6k, 10k), k \in \mathbb{Z}", {}),
    (r"x \equiv 1 \pmod{4}", r"x = 4k + 3, k \in \mathbb{Z}", {}),
    (r"2k+1, k \ge 0", r"2n+3, n \ge 0", {"variables": frozenset({"x"})}),
]

OPEN: list[Case] = [
    ("5", "[5]", {}),
    (
        r"[k\pi-\frac{5\pi}{12}, k\pi+\frac{\pi}{12}]",
        r"(n\pi-\frac{5\pi}{12}, n\pi+\frac{\pi}{12}), n \in \mathbb{Z}",
        {},
    ),
    (r"n\pi, n \in \mathbb{Z}", r"n\pi, n \in \mathbb{N}", {}),
    (r"x = k\pi, k \in \mathbb{Z}", r"x = k\pi, k \in \mathbb{N}", {}),
    (r"x \in \mathbb{Z}", r"x \in \mathbb{R}", {}),
    (r"x \equiv 1 \pmod 2", "x = 1", {}),
    (r"x \equiv 1 \pmod 2", "1", {}),
    ("1", r"x \equiv 1 \pmod 2", {}),
    (r"\text{the maximum is } 5", r"\text{the minimum is } 5", {}),
    (r"x = (-1)^k \frac{\pi}{6} + k\pi, k \in \mathbb{Z}", r"x = \frac{\pi}{6} + n\pi, n \in \mathbb{Z}", {}),
    (r"x \equiv 1 \pmod 2", "2x+3", {}),
    (r"2n+1, n \in \mathbb{Z}", "2x+1", {}),
    (r"x \equiv 1 \pmod 2", "a_n = 2n-1", {}),
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
