"""What is told of a verdict on mathematics, beside the service."""

import pytest

from verifiers import math_answer
from verifiers.explanation import MAX_STEPS, MAX_TEXT_CHARS
from verifiers.math_answer.reading.outline import MAX_LINES, outline
from verifiers.math_answer.tree import Matrix, Neg, Node, Num, Rel, SetOf, Sym
from verifiers.problem import Problem


def test_an_outline_is_bounded_in_lines_and_depth() -> None:
    """A tree too deep for recursion and one too wide for a screen are cut, and say so."""
    deep: Node = Sym("x")
    for _ in range(5_000):
        deep = Neg(deep)
    wide = SetOf(tuple(map(Num, range(5_000))))
    for tree in (deep, wide):
        lines = outline(tree).splitlines()
        assert len(lines) == MAX_LINES + 1
        assert lines[-1] == "…"


def test_an_outline_names_every_part() -> None:
    """Rows of a matrix, operators of a relation and huge numbers are spelt so that a line stays a line."""
    assert outline(Matrix(((Num(1), Num(2)), (Num(3), Sym("a"))))).splitlines() == [
        "Matrix",
        "  rows[0]: ()",
        "    0: Num num=1",
        "    1: Num num=2",
        "  rows[1]: ()",
        "    0: Num num=3",
        "    1: Sym name='a'",
    ]
    assert outline(Rel((Num(1), Sym("x"), Num(2)), ("<", "<="))).splitlines()[0] == "Rel ops='< <='"
    assert outline(Num(10**5_000)) == "Num num=(an integer of 16610 bits)"


PAIRS = [
    ("\\boxed{x^2-1}", "(x-1)(x+1)"),
    ("the answer is 1,234", "1234"),
    ("\\boxed{12 \\text{ cm}}", "12"),
    ("\\boxed{\\{1,2,3\\}}", "\\{3,2,1\\}"),
    ("\\boxed{no solution}", "\\emptyset"),
    ("\\boxed{f(x)=e^x}", "f(x)=2^x"),
    ("x = 3 or x = 4", "3, 4"),
    ("nothing to say", "5"),
    ("\\boxed{((}", "5"),
    ("\\boxed{5}", "((("),
]


@pytest.mark.parametrize(("response", "reference"), PAIRS)
def test_the_account_ends_where_the_verdict_does(response: str, reference: str) -> None:
    """The rule told last is the rule of the verdict, and "yes" is told where the verdict is correct."""
    problem = Problem(response, (reference,))
    told, verdict = math_answer.explain(problem), math_answer.verify(problem)
    assert told.answer == verdict.answer
    if verdict.answer is None:
        assert told.refusal
        return
    said = told.compared[-1]
    assert said.same is {"correct": True, "incorrect": False}.get(verdict.outcome.value)
    assert said.same is None or said.rule == verdict.rule


def test_an_account_is_bounded() -> None:
    """Long lists are told with their first decisions only."""
    left, right = (", ".join(f"{n}+x_{n + k}" for n in range(400)) for k in (0, 1))
    told = math_answer.explain(Problem(f"\\boxed{{{left}}}", (right,)))
    for one in told.compared:
        assert len(one.steps) <= MAX_STEPS + 1
        assert len(one.reference) <= MAX_TEXT_CHARS + 2
