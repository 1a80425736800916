"""Answers from a document: exact match and token F1, by the rules of DROP and SQuAD.

    metric     em (default): correct when exactly a gold answer; f1: correct from `threshold` on
    threshold  F1 from which metric f1 is correct, 1.0 unless given
    reward     pass (default): 1 or 0; f1: the F1 itself as credit, whatever the metric
    style      squad, drop, or auto (default): drop where a reference is JSON or a number, else squad

Rule 1: only the extracted answer is scored, and a long one not at all: quoting the passage earns nothing.
Rule 2: alternatives ("Denver or Dallas") score 0, not the half that F1 would give them.
"""

import re
from collections.abc import Mapping

from verifiers.answer_text import announced, hedges
from verifiers.problem import Problem
from verifiers.span import gold as golds
from verifiers.span.gold import Gold
from verifiers.span.predicted import answer_text, spans
from verifiers.span.scoring import MAX_SPANS, Score, score
from verifiers.span.tokens import number, squad
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "2"
DESCRIPTION = "Document QA: exact match or token F1 by the rules of DROP and SQuAD."

MAX_ANSWER_TOKENS = 64
"""Of a scored answer, or twice the longest gold answer where that is more: an answer is a span, not a passage."""

_DENIAL = re.compile(
    r"\s*(?:it (?:is|was) )?(?:not|never|isn't|wasn't|anyone but|anything but)\b|不是|并非", re.IGNORECASE
)
_METRICS, _STYLES, _REWARDS = ("em", "f1"), ("auto", "squad", "drop"), ("pass", "f1")
_CHOICES = {"metric": _METRICS, "style": _STYLES, "reward": _REWARDS}


def check_options(options: Mapping[str, object]) -> str | None:
    """`metric`, `style`, `reward` and `threshold`, each with a default."""
    unknown = sorted(set(options) - {*_CHOICES, "threshold"})
    if unknown:
        return f"the span task knows the options metric, style, reward and threshold; remove {', '.join(unknown)}"
    for name, allowed in _CHOICES.items():
        if options.get(name, allowed[0]) not in allowed:
            return f"{name} must be one of {', '.join(allowed)}"
    threshold = options.get("threshold", 1.0)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
        return "threshold must be a number above 0, at most 1"
    if "threshold" in options and options.get("metric") != "f1":
        return "threshold needs the metric f1"
    return None


def readable(reference: str) -> bool:
    """Whether the reference is a text, an array of spans or DROP's object."""
    return golds.read(reference, "squad") is not None


def verify(problem: Problem) -> Verdict:
    """The score of the response's answer against the best gold answer."""
    wrong = check_options(problem.options)
    if wrong is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", wrong)
    style = str(problem.options.get("style", "auto"))
    gold = [read for text in problem.references if (read := golds.read(text, style)) is not None]
    if not gold:
        why = "the reference is empty, too long, or JSON that is neither an array of spans nor DROP's object"
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", why)
    if style == "auto":
        style = "drop" if any(one.structured or _is_number(one) for one in gold) else "squad"
    found = announced(problem.response, problem.question)
    if found.refusal is not None:
        return _zero(problem, found.refusal, Outcome.INCORRECT if found.contradicting else Outcome.UNREADABLE, None)
    answer = answer_text(found, problem.question)
    if answer is None:
        return _zero(problem, "the response gives no answer", Outcome.UNREADABLE, None)
    denied = _DENIAL.match(answer) and not golds.says_no_answer(answer)
    if denied and not any(_DENIAL.match(span) for one in gold for span in one.spans):
        return _zero(problem, "the answer denies instead of answering", Outcome.INCORRECT, answer)
    if hedges(answer, " ".join(problem.references)):
        return _zero(problem, "the answer offers alternatives", Outcome.INCORRECT, answer)
    limit = max(MAX_ANSWER_TOKENS, *(2 * len(squad(" ".join(one.spans))) for one in gold))
    if len(answer) > 40 * limit or len(squad(answer)) > limit:
        return _zero(problem, f"the answer is longer than {limit} words", Outcome.INCORRECT, answer[:200])
    return _concluded(problem, max(_scored(one, answer, found.parts, style, problem.question) for one in gold), answer)


def _is_number(one: Gold) -> bool:
    return len(one.spans) == 1 and number(one.spans[0]) is not None


def _scored(one: Gold, answer: str, parts: tuple[str, ...], style: str, question: str | None) -> Score:
    if not one.spans or golds.says_no_answer(answer):
        agree = not one.spans and golds.says_no_answer(answer)
        return Score(agree, float(agree))
    given = spans(answer, parts, len(one.spans))
    if max(len(given), len(one.spans)) > MAX_SPANS:
        agree = sorted(map(squad, given)) == sorted(map(squad, one.spans))
        return Score(agree, float(agree))
    return score(one.spans, given, style, question)


def _concluded(problem: Problem, best: Score, answer: str) -> Verdict:
    by_f1 = problem.options.get("metric", "em") == "f1"
    threshold = problem.options.get("threshold", 1.0)
    right = best.f1 >= float(threshold) if by_f1 else best.exact
    rule = "exact_match" if best.exact else "token_f1"
    why = "the answer is a gold answer" if best.exact else f"token F1 {best.f1:.2f} to the nearest gold answer"
    return Verdict(
        Outcome.CORRECT if right else Outcome.INCORRECT,
        rule,
        why,
        answer,
        credit=best.f1 if problem.options.get("reward") == "f1" else None,
        details={"exact_match": best.exact, "f1": round(best.f1, 4)},
    )


def _zero(problem: Problem, why: str, outcome: Outcome, answer: str | None) -> Verdict:
    return Verdict(outcome, "no_span", why, answer, details={"exact_match": False, "f1": 0.0})
