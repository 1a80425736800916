"""The question handed back: whole, in part, its options only, or in a circle.

Rule 1: as for the gate: what may name its answer goes on to the judge.
"""

import re
from collections import Counter

from grm.gate_view import Rejection, Seen, flat, has_number, words_of
from grm.gate_words import STOP
from grm.judgement import Reason

ECHO_SHARE = 0.4
ECHO_ALL = 0.9
"""Where the reference is among the words, most of the question must be: it may name its answer."""
ECHO_OPTIONS = 3

_LETTERS = frozenset("abcdefgh")
_OPTION = re.compile(r"(?<!\w)\(?([A-H])[).:、]")
_TAUTOLOGY = re.compile(
    r"^\W*(?:the|an?)\s+(\w{3,})\b[^.,;:\n]*\bis\s+(?:the|an?)\s+\1\s+(?:that|which|who|with|having|of"
    r"|whose)\b[^,;:\n]*$",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"^\W*(?:q|question|problem|task|prompt|user|you\s+asked|the\s+(?:question|problem|task)\s+is|题目|问题)\W*[:：]\s*",
    re.IGNORECASE,
)


def whole_question(seen: Seen) -> Rejection | None:
    asked, said = flat(seen.case.question), flat(_ASKED.sub("", seen.text))
    if asked and said and said == asked * max(1, len(said) // len(asked)):
        return Rejection(Reason.ECHO, "the question, handed back")
    return None


def part_echo(seen: Seen) -> Rejection | None:
    """The question's words and nothing else: most of them, or its list of options."""
    asked, said = Counter(words_of(seen.case.question)), Counter(seen.words)
    if not said or seen.case.reference is None:
        return _whole_echo(seen, asked, said)
    letters = set() if "not" in said else _LETTERS & set(said)
    if (
        re.fullmatch(r"\W*[A-H]\W*", seen.case.reference)
        and len(letters) >= ECHO_OPTIONS
        and letters | STOP >= set(said)
    ):
        return Rejection(Reason.ECHO, "the letters of the options, handed back")
    if len(letters) >= ECHO_OPTIONS and letters | STOP >= set(said) and seen.wants_number:
        return Rejection(Reason.ECHO, "the letters of options, where a number is asked for")
    if not set(said) - set(asked) - STOP and _hands_back_options(seen):
        return Rejection(Reason.ECHO, "the options, handed back")
    if not seen.holds_reference and "=" in seen.text and seen.flat in flat(seen.case.question):
        return Rejection(Reason.ECHO, "the question's equation, handed back")
    if not seen.holds_reference and _goes_round(seen, asked):
        return Rejection(Reason.ECHO, "the question's words in a circle")
    return _whole_echo(seen, asked, said)


def _hands_back_options(seen: Seen) -> bool:
    """Whether most of the question's options stand there, and a single letter is the reference."""
    options = [words_of(option) for option in seen.options.values()]
    told = [option for option in options if option and set(option) <= set(seen.words)]
    concluded = _LETTERS & set(seen.words)  # "4, 7, 9, 15: B"
    return len(told) >= ECHO_OPTIONS and bool(seen.named_options) and not concluded


def _goes_round(seen: Seen, asked: Counter[str]) -> bool:
    """Whether three words of the question stand there twice, and hardly anything new beside them."""
    fresh = [word for word in seen.words if word not in asked and word not in STOP]
    if len(fresh) > 2 or any(word[0].isdigit() for word in fresh) or has_number(seen):
        return False
    runs = Counter(zip(seen.words, seen.words[1:], seen.words[2:], strict=False))
    question = tuple(words_of(seen.case.question))
    told = set(zip(question, question[1:], question[2:], strict=False))
    named = any(word.casefold() in fresh for word in re.findall(r"(?<!^)(?<![.!?]\s)\b[A-Z]\w+", seen.text))
    return not named and any(count > 1 and run in told for run, count in runs.items())


def _whole_echo(seen: Seen, asked: Counter[str], said: Counter[str]) -> Rejection | None:
    if not said or set(said) - set(asked):
        return None
    close = flat(seen.case.reference or "")
    if close and seen.flat == close:
        return None
    if len(set(_OPTION.findall(seen.text))) >= ECHO_OPTIONS:
        return Rejection(Reason.ECHO, "the options, handed back")
    if seen.is_formula:
        return None
    covered = sum((said & asked).values()) / sum(asked.values())
    if covered >= (ECHO_ALL if seen.holds_reference else ECHO_SHARE) and len(seen.words) >= 4:
        return Rejection(Reason.ECHO, "the question's own words")
    return None


def tautology(seen: Seen) -> Rejection | None:
    found = _TAUTOLOGY.match(seen.text.strip().rstrip("."))
    if found and found[1].casefold() in words_of(seen.case.question) and not seen.holds_reference:
        return Rejection(Reason.ECHO, f"says of the {found[1]} that it is a {found[1]}")
    return None
