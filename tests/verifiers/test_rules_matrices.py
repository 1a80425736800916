"""Matrices, vectors and determinants."""

from typing import Any

import pytest

from tests.verifiers.rule_verdict import Case, rule_verdict

SAME: list[Case] = [
    (r"\begin{pmatrix} -7 \\ 16 \\ 5 \end{pmatrix}", "(-7,16,5)", {}),
    (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}", {}),
    (r"\begin{pmatrix} 3 \\ 4 \end{pmatrix}", r"3\vec{i} + 4\vec{j}", {}),
    ("(3,4)", r"3\mathbf{i}+4\mathbf{j}", {}),
    (r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", {}),
    ("-2", r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", {}),
    (r"\begin{pmatrix} 1 \\ 2\end{pmatrix}", r"\langle 1, 2 \rangle", {}),
    ("(3,4,0)", r"3\vec i + 4 \vec j", {}),
    (r"\begin{pmatrix} 0.5 \\ 0.25 \end{pmatrix}", r"\left(\frac12, \frac14\right)", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "[1,2]", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "a=1, b=2", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\vec{v} = \begin{pmatrix}1\\2\end{pmatrix}", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1\\2\end{bmatrix}", {}),
]

DIFFERENT: list[Case] = [
    (r"\begin{pmatrix} -7 \\ 16 \\ 5 \end{pmatrix}", "(-7,16,7)", {}),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4\end{pmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 5\end{pmatrix}", {}),
    ("(3,4)", "4i+3j", {}),
    (r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "(2,1)", {}),
    (r"\begin{pmatrix}1&2\end{pmatrix}", "12", {}),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4\end{pmatrix}", r"\begin{pmatrix} 1 & 2 & 3\end{pmatrix}", {}),
    ("(3,4)", r"3\vec i - 4 \vec j", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"x=1,\ 2", {}),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\{1,2\}", {}),
]

OPEN: list[Case] = [
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4\end{pmatrix}", "1,2,3,4", {}),
    (r"\begin{pmatrix} 1 \\ 2\end{pmatrix}", r"\begin{pmatrix} 1 & 2\end{pmatrix}", {}),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", {}),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "(1,2,3,4)", {}),
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
