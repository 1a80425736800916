"""The way to a verdict on mathematics, for people. Does the work again, step by step; the verdict is `verify`'s."""

from verifiers.explanation import MAX_STEPS, Compared, Explanation, Read, cut
from verifiers.math_answer.context import Hints
from verifiers.math_answer.extraction.extract import Extraction, extract
from verifiers.math_answer.judge import judge
from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.outline import outline
from verifiers.math_answer.reading.reader import readings
from verifiers.math_answer.reading.render import render
from verifiers.math_answer.rules import RULES
from verifiers.math_answer.wording.question import hints
from verifiers.problem import Problem

_RULES = tuple(rule.__name__ for rule in RULES)
_AFTER_RULES = frozenset({"no_rule", "claims", "stated_by_reference"})
"""What decides only when every rule has passed."""


def explain(problem: Problem) -> Explanation:
    """What was found, how it was read, and who decided, reference by reference.

    >>> told = explain(Problem("so $x = 1/2$", ("0.5",)))
    >>> told.answer, told.compared[0].rule, told.compared[0].answer_read.text
    ('x = 1/2', 'same_named', 'x = \\\\frac{1}{2}')
    """
    found = extract(problem.response, problem.question)
    compared: list[Compared] = []
    expected = hints(problem.question)
    for reference in problem.references if found.answer is not None else ():
        compared.append(_compared(reference, found, expected, problem.question))
        if compared[-1].same:
            break
    parts = tuple(map(cut, found.parts[:MAX_STEPS]))
    answer = found.answer and cut(found.answer)
    return Explanation("math", found.how, answer, parts, found.refusal, found.hedged, tuple(compared))


def _compared(reference: str, found: Extraction, expected: Hints, question: str | None) -> Compared:
    judgement = judge(reference, found, expected, question)
    answer, wanted = judgement.understood or (found.answer or "", reference)
    steps = tuple(map(cut, judgement.trace[:MAX_STEPS]))
    return Compared(
        reference=cut(reference),
        same=judgement.same,
        rule=judgement.rule,
        answer_read=_read(answer),
        reference_read=_read(wanted),
        passed=_passed(judgement.rule) if judgement.understood else (),
        steps=(*steps, "…") if len(judgement.trace) > MAX_STEPS else steps,
        unreadable=judgement.unreadable,
    )


def _read(text: str) -> Read | None:
    """One spelling of a tree reads as that tree again, so a judgement need not carry it. None for mere words."""
    try:
        tree = readings(text)[0]
    except Unparsable:
        return None
    return Read(cut(render(tree)), cut(outline(tree)))


def _passed(rule: str) -> tuple[str, ...]:
    if rule in _AFTER_RULES:
        return _RULES
    return _RULES[: _RULES.index(rule)] if rule in _RULES else ()
