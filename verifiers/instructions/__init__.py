"""Instruction following (IFEval): does the response keep to every instruction that can be checked?

    {"instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
     "kwargs": [{}, {"relation": "at least", "num_words": 100}]}

Rule 1: the response is all that the model shows: no thinking, no comments, no invisible characters.
Rule 2: an instruction that is unknown, or whose arguments do not fit, makes the item undecidable: nobody can follow it.
Rule 3: where IFEval's own code lets an obvious trick pass, ours does not; docs/tasks.md lists every difference.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from verifiers.instructions.check import BadArgumentsError, UnavailableError
from verifiers.instructions.registry import CHECKS
from verifiers.json_text import NotJsonError, read_json
from verifiers.problem import Problem
from verifiers.shown_text import shown
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "1"
DESCRIPTION = "Instruction following (IFEval): length, format, keywords, language and other checkable constraints."

MAX_RESPONSE_CHARS = 200_000
"""Forty times the longest response that IFEval asks for; the loose mode reads each up to eight times."""
MAX_INSTRUCTIONS = 100
MAX_ANSWER_CHARS = 4_000
"""Of the response repeated in the verdict."""


class Instruction(NamedTuple):
    """One instruction of an item."""

    id: str
    arguments: Mapping[str, Any]


def check_options(options: Mapping[str, object]) -> str | None:
    """None when the options are usable, else what to fix."""
    if unknown := sorted(set(options) - {"reward", "mode"}):
        return f"no such option: {', '.join(unknown)}; the known ones: reward, mode"
    if options.get("reward", "pass") not in ("pass", "fraction"):
        return "reward must be 'pass' or 'fraction'"
    return None if options.get("mode", "strict") in ("strict", "loose") else "mode must be 'strict' or 'loose'"


def readable(reference: str) -> bool:
    """Whether every instruction of a reference is known and complete."""
    try:
        return bool(read_instructions(reference))
    except (NotJsonError, BadArgumentsError):
        return False


def verify(problem: Problem) -> Verdict:
    """The verdict on every instruction. Several references are alternatives, as everywhere."""
    complaint = check_options(problem.options)
    if complaint is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", complaint)
    try:
        references = [read_instructions(text) for text in problem.references]
    except (NotJsonError, BadArgumentsError) as error:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", str(error))
    text, refusal = shown(problem.response)
    if refusal is None and len(text) > MAX_RESPONSE_CHARS:
        refusal = "response too long"
    if refusal is not None:
        return Verdict(Outcome.UNREADABLE, "no_response", refusal)
    try:
        verdicts = [_checked(instructions, text, problem.options) for instructions in references]
    except UnavailableError as error:
        return Verdict(Outcome.UNDECIDABLE, "unavailable", str(error))
    return max(verdicts, key=lambda verdict: (verdict.outcome is Outcome.CORRECT, verdict.credit or 0.0))


def _checked(instructions: list[Instruction], text: str, options: Mapping[str, Any]) -> Verdict:
    texts = loosened(text) if options.get("mode") == "loose" else [text]
    followed = [any(CHECKS[i.id].follows(variant, i.arguments) for variant in texts) for i in instructions]
    share = sum(followed) / len(followed)
    credit = share if options.get("reward") == "fraction" else None
    details = {
        "instructions": [{"id": i.id, "followed": ok} for i, ok in zip(instructions, followed, strict=True)],
        "followed": sum(followed),
        "mode": options.get("mode", "strict"),
    }
    answer = text[:MAX_ANSWER_CHARS]
    if all(followed):
        why = f"all {len(followed)} instructions are followed"
        return Verdict(Outcome.CORRECT, "instructions", why, answer, None, False, credit, details)
    broken = ", ".join(i.id for i, ok in zip(instructions, followed, strict=True) if not ok)
    why = f"{sum(followed)} of {len(followed)} instructions are followed; not {broken}"
    return Verdict(Outcome.INCORRECT, "instructions", why, answer, None, False, credit, details)


def loosened(text: str) -> list[str]:
    """The text, and the text without its first line, its last line, both, each also without asterisks (IFEval)."""
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    variants = dict.fromkeys([*cut, *(part.replace("*", "") for part in cut)])
    return [variant for variant in variants if variant.strip()]


def read_instructions(reference: str) -> list[Instruction]:
    """The instructions of a reference. Raises NotJsonError and BadArgumentsError."""
    try:
        value = read_json(reference)
    except NotJsonError as error:
        raise NotJsonError(f"the reference is not JSON: {error}") from None
    ids = value.get("instruction_id_list") if isinstance(value, dict) else None
    if not isinstance(ids, list) or not 0 < len(ids) <= MAX_INSTRUCTIONS:
        raise BadArgumentsError('the reference must be {"instruction_id_list": [...], "kwargs": [...]}')
    given = value.get("kwargs", [{}] * len(ids))
    if not isinstance(given, list) or len(given) != len(ids):
        raise BadArgumentsError("kwargs must be a list with one object for each instruction")
    return [_instruction(name, arguments) for name, arguments in zip(ids, given, strict=True)]


def _instruction(name: object, arguments: object) -> Instruction:
    check = CHECKS.get(name) if isinstance(name, str) else None
    if check is None or not isinstance(name, str):
        raise BadArgumentsError(f"no such instruction: {name!r}; the known ones: {', '.join(CHECKS)}")
    if not isinstance(arguments, dict | None):
        raise BadArgumentsError(f"{name}: its kwargs must be an object")
    # The public data set fills every unused argument with null.
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    if complaint := check.complaint(given):
        raise BadArgumentsError(f"{name}: {complaint}")
    return Instruction(name, given)
