"""Tool calls (Tau-2, BFCL): the calls that a response makes against the calls expected.

Rule 1: a call is right when its name and every argument are; an argument that was not expected makes it wrong.
Rule 2: calls are paired so that as many as can be are right. By default the order is free and one call too many is
        wrong, so that trying everything earns nothing.
Rule 3: numbers, texts and truth values stay apart unless the item says how an argument is compared.
"""

from collections.abc import Mapping
from typing import Any

from verifiers.field_values import COMPARISONS, check_comparison
from verifiers.json_text import NotJsonError
from verifiers.problem import Problem
from verifiers.shown_text import shown
from verifiers.tool_calls.calls import Call, UnreadCallError, calls_in
from verifiers.tool_calls.expected import Expected, difference, read_expected
from verifiers.tool_calls.pairing import pair_any, pair_in_order
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "2"
DESCRIPTION = "Tool calls (Tau-2, BFCL): made against expected calls, argument by argument."

_CHOICES = {
    "order": ("any", "strict"),
    "extra": ("forbid", "ignore"),
    "reward": ("pass", "f1", "fraction"),
}
MAX_SHOWN = 20
"""Calls described in the details."""


def check_options(options: Mapping[str, object]) -> str | None:
    """None when the options are usable, else what to fix."""
    known = (*_CHOICES, "arguments")
    if unknown := sorted(set(options) - set(known)):
        return f"no such option: {', '.join(unknown)}; the known ones: {', '.join(known)}"
    for name, choices in _CHOICES.items():
        if options.get(name, choices[0]) not in choices:
            return f"{name} must be one of {', '.join(choices)}"
    arguments = options.get("arguments", {})
    if not isinstance(arguments, dict):
        return "arguments must be an object: argument name to comparison"
    for name, comparison in arguments.items():
        if complaint := check_comparison(comparison):
            return f"arguments[{name!r}]: {complaint}"
    return None


def readable(reference: str) -> bool:
    """Whether the reference is a list of calls in JSON."""
    try:
        read_expected(reference)
    except (NotJsonError, UnreadCallError):
        return False
    return True


def verify(problem: Problem) -> Verdict:
    """The verdict on all calls that the response makes."""
    complaint = check_options(problem.options)
    if complaint is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", complaint)
    try:
        references = [read_expected(text) for text in problem.references]
    except (NotJsonError, UnreadCallError) as error:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", f"the reference is no list of calls: {error}")
    text, refusal = shown(problem.response)
    if refusal is not None:
        return Verdict(Outcome.UNREADABLE, "no_call", refusal)
    try:
        made = calls_in(text)
    except UnreadCallError as error:
        return Verdict(Outcome.UNREADABLE, "no_call", str(error))
    if not made and all(references):
        return Verdict(Outcome.UNREADABLE, "no_call", "no tool call in the response")
    verdicts = [_compared(expected, made, problem.options) for expected in references]
    return max(verdicts, key=lambda v: (v.outcome is Outcome.CORRECT, v.outcome is Outcome.UNDECIDABLE, v.credit or 0))


def _compared(expected: list[Expected], made: list[Call], options: Mapping[str, Any]) -> Verdict:
    rules = {name: COMPARISONS[comparison] for name, comparison in options.get("arguments", {}).items()}
    differences = [[difference(wanted, call, rules) for call in made] for wanted in expected]
    pair = pair_in_order if options.get("order", "any") == "strict" else pair_any
    pairs = pair([[not gap for gap in row] for row in differences])
    missing = [index for index in range(len(expected)) if index not in pairs]
    extra = [index for index in range(len(made)) if index not in pairs.values()]
    wrong = bool(missing or (extra and options.get("extra", "forbid") == "forbid"))
    answer = "\n".join(_written(call) for call in made)[:20_000] or "no call"
    details: dict[str, Any] = {
        "expected": len(expected),
        "made": len(made),
        "right": len(pairs),
        "missing": [_nearest(expected[index], differences[index], extra, made) for index in missing[:MAX_SHOWN]],
        "extra": [_written(made[index])[:500] for index in extra[:MAX_SHOWN]],
    }
    if wrong and any(gap and all(word.endswith("cannot tell") for word in gap) for row in differences for gap in row):
        why = "no rule could tell whether an argument is right"
        return Verdict(Outcome.UNDECIDABLE, "no_rule", why, answer, details=details)
    credit = _credit(len(expected), len(made), len(pairs), options)
    if not wrong:
        return Verdict(Outcome.CORRECT, "calls", "every call is as expected", answer, None, False, credit, details)
    why = f"{len(pairs)} of {len(expected)} expected calls made, {len(extra)} others"
    if missing:
        why += f"; {_why(details['missing'][0])}"
    return Verdict(Outcome.INCORRECT, "calls", why, answer, None, False, credit, details)


def _credit(expected: int, made: int, right: int, options: Mapping[str, Any]) -> float | None:
    policy = options.get("reward", "pass")
    if policy == "pass":
        return None
    if options.get("extra", "forbid") == "ignore":
        made = right
    if policy == "f1":
        return 2 * right / (expected + made) if expected + made else 1.0
    return right / max(expected, made) if expected or made else 1.0


def _nearest(wanted: Expected, gaps: list[list[str]], unpaired: list[int], made: list[Call]) -> dict[str, Any]:
    """The missing call, beside what is different in the unpaired call that comes closest."""
    closest = min(
        (index for index in unpaired if gaps[index]),
        key=lambda index: (made[index].name != wanted.name, len(gaps[index])),
        default=None,
    )
    found: dict[str, Any] = {"call": wanted.name}
    if closest is not None:
        found |= {"nearest": closest, "differs": gaps[closest]}
    return found


def _why(nearest: Mapping[str, Any]) -> str:
    differs = nearest.get("differs", ["not made"])
    return f"{nearest['call']}: {differs[0]}"


def _written(call: Call) -> str:
    return f"{call.name}({', '.join(f'{name}={value!r}' for name, value in call.arguments.items())})"
