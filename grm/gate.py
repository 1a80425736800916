"""Before any model: is there anything to judge? What is turned away here costs nothing and cannot fool anybody.

Rule 1: a rejection is certain and cheap. Whatever could be an answer goes on to the judge: the gate knows form,
        not truth. A response that holds the reference's own text is never rejected for its wording.
Rule 2: looked at is what a reader sees: thinking blocks, invisible characters and mark-up are taken off first.
Rule 3: rules about answers (a number where a number is asked for) hold for ANSWER tasks only; OPEN ones may be
        anything that is not empty, a placeholder, a loop or the question itself.
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from grm.gate_view import Seen, bare, flat, visible, words_of
from grm.gate_words import (
    EMPTY_SET,
    NON_COMMITTAL,
    NOT_A_NUMBER_CJK,
    NUMBER,
    NUMBER_CJK,
    OPENER,
    OPENER_CJK,
    PLACEHOLDER,
    STOP,
    TALK,
)
from grm.judgement import Candidate, Case, Reason, Task
from grm.suspicions import suspicions

__all__ = ["Rejection", "gate", "suspicions"]

SHORT_WORDS = 40
"""Longer than that, a text of openers only is left to the judge."""
LOOP_CHARS = 400
"""Shorter repetition may be meant: a refrain, a period of digits."""
LOOP_RATIO = 0.06
"""zlib brings prose to 0.4 of its size, tables and code to 0.2, loops below 0.05."""
TAIL_CHARS = 200
ECHO_SHARE = 0.4
ECHO_ALL = 0.9
"""Where the reference is among the words, most of the question must be: it may name its answer."""
ECHO_OPTIONS = 3
GIBBERISH_SHARE = 0.6
MAX_CHECKED_CHARS = 200_000

_INVISIBLE = frozenset(("Cf", "Cc", "Cn", "Co", "Cs"))
_ANSWER_SYMBOLS = frozenset("∞∅πℝℂℤℕℚ√±")
_LETTERS = frozenset("abcdefgh")
_GREETING = frozenset(("hello", "hi", "thank", "thanks", "sure", "great", "good", "yes", "right"))
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
_ROMAN = re.compile(r"\b(?=[IVXLCDM]{1,9}\b)M*(?:CM|CD|D?C*)(?:XC|XL|L?X*)(?:IX|IV|V?I*)\b")
_STEP_HEADING = re.compile(r"\bsteps?\s*\d{1,2}\b|第[一二三四五\d]步|步骤[一二三四五\d]", re.IGNORECASE)
_ODD_PAIR = re.compile(
    r"q(?=[^u\W])|j(?=[bcdfghjklmnpqrstvwxz])|x(?=[bdfgjkmnrsvwxz])|z(?=[bcdfgjkmnpqrstvwx])|v(?=[bcdfghjkmnpqstvwxz])"
    r"|w(?=[bcfgjmpqtvwxz])|[fghkpqvwxz]j|k(?=[bcdfgjkmpqtvxz])|[bcdfghjklmnpqstvwz]x|(?<!\b)[bcdfghjkmpvwxz]q"
    r"|b(?=n\b|[cdfghkmpqwz])|[df]g\B|m(?=[xzqvkdg])|[pg]x|h(?=[bcfgjkpqvxz])"
)
_VOWEL = re.compile(r"[aeiouyáéíóúäöüåøæœàèùâêîôûëïãõñ]")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a response is not judged."""

    reason: Reason
    detail: str


def gate(case: Case, candidate: Candidate) -> Rejection | None:
    """The first rule that rejects the response, or None: then a judge may look at it."""
    if any(candidate.response.strip() == reference.strip() != "" for reference in case.references):
        return None
    text = visible(candidate.response[:MAX_CHECKED_CHARS])
    shown = bare(text)
    seen = Seen(text, shown, tuple(words_of(shown)), case)
    for rule in _RULES:
        found = rule(seen)
        if found is not None:
            return found
    if case.task is Task.ANSWER:
        if candidate.answer is not None and not candidate.answer.strip():
            return Rejection(Reason.NO_ANSWER, "no final answer was found")
        for rule in _ANSWER_RULES:
            found = rule(seen)
            if found is not None:
                return found
    return None


def _empty(seen: Seen) -> Rejection | None:
    if not seen.text.strip(" \n\t\ufffd"):
        return Rejection(Reason.EMPTY, "nothing visible was written")
    return None


def _symbols_only(seen: Seen) -> Rejection | None:
    if _is_empty_list(seen):
        return Rejection(Reason.MARKUP_ONLY, "a list without items")
    if any(char.isalnum() or char in _ANSWER_SYMBOLS for char in seen.bare):
        return None
    if seen.case.reference is not None and not flat(seen.case.reference):
        # Where the reference is made of symbols, symbols are an answer.
        return None
    if EMPTY_SET.search(seen.case.reference or "") and any(char in "{}[]()" for char in seen.text):
        return None
    if seen.case.task is Task.OPEN and any(unicodedata.category(char) == "So" for char in seen.bare):
        return None
    if any(char.isalnum() for char in seen.text):
        return Rejection(Reason.MARKUP_ONLY, "only mark-up was written")
    return Rejection(Reason.SYMBOLS_ONLY, "only symbols were written")


def _is_empty_list(seen: Seen) -> bool:
    """Two or more numbers of a list, in order, and nothing behind any of them."""
    lines = [line.strip() for line in seen.text.split("\n") if line.strip()]
    return len(lines) > 1 and all(line in (f"{at}.", f"{at})") for at, line in enumerate(lines, 1))


def _placeholder(seen: Seen) -> Rejection | None:
    said = " ".join(seen.bare.split()).strip(" .!\"'`[](){}<>*_").casefold()
    if not {said, said.replace(".", "")} & PLACEHOLDER or seen.holds_reference:
        return None
    if EMPTY_SET.search(seen.case.reference or "") and said in ("none", "nothing", "empty", "void"):
        return None
    if seen.case.reference in (None, "0") and said in ("none", "nothing", "empty", "undefined", "unknown"):
        return None
    return Rejection(Reason.PLACEHOLDER, f"{said!r} stands in the place of an answer")


def _loop(seen: Seen) -> Rejection | None:
    text = seen.text.strip()
    if not any(char.isalpha() for char in text):
        # A long number may well repeat itself.
        return None
    if len(text) >= LOOP_CHARS:
        squeezed = len(zlib.compress(text.encode(), 6)) / len(text.encode())
        if squeezed < LOOP_RATIO and _tail_repeats(text):
            return Rejection(Reason.LOOP, f"{len(text)} characters that repeat themselves to the end")
        return None
    if seen.case.task is Task.ANSWER and _one_unit(text):
        return Rejection(Reason.LOOP, "one piece of text, repeated")
    return None


def _tail_repeats(text: str) -> bool:
    """Whether the end is part of the loop: what says something new at its end has an end."""
    words = text[-TAIL_CHARS:].split() or [text]
    if len(words) < 4:
        return text.count(text[-TAIL_CHARS // 4 :]) > 2
    last = " ".join(words[-4:])
    return " ".join(text.split()).count(last) > 2


def _one_unit(text: str) -> bool:
    squeezed = "".join(text.split())
    return any(
        len(squeezed) % size == 0 and squeezed == squeezed[:size] * (len(squeezed) // size)
        for size in range(1, len(squeezed) // 6 + 1)
    )


def _echo(seen: Seen) -> Rejection | None:
    asked, said = flat(seen.case.question), flat(_ASKED.sub("", seen.text))
    if asked and said and said == asked * max(1, len(said) // len(asked)):
        return Rejection(Reason.ECHO, "the question, handed back")
    return None


def _opener_only(seen: Seen) -> Rejection | None:
    if not seen.words or len(seen.words) > SHORT_WORDS or seen.holds_reference:
        return None
    left = OPENER_CJK.sub("", _STEP_HEADING.sub(" ", seen.bare))
    words = [word for word in words_of(left) if word not in OPENER and word not in STOP]
    if seen.text.strip(" \n.:!#*").casefold() in OPENER:
        # Scripts whose vowel signs are no letters fall apart into words otherwise.
        words, left = [], ""
    named = left != seen.bare or any(len(word) >= 4 or word > "\u2e80" for word in seen.words)
    if seen.case.task is Task.OPEN and _GREETING & set(seen.words) & set(words_of(seen.case.question)):
        return None  # "Say hello."
    if words or not named or any(char in "=+×÷" or char in _ANSWER_SYMBOLS for char in left):
        return None
    if seen.case.task is Task.ANSWER and ("no" in seen.words or (len(seen.words) == 1 and _may_be_answer(seen))):
        # A question may be answered by them: "no solution", "right".
        return None
    return Rejection(Reason.OPENER_ONLY, "the opening of an answer and nothing behind it")


def _may_be_answer(seen: Seen) -> bool:
    word = seen.words[0]
    return word in ("yes", "right", "correct") or (seen.case.reference is None and word in ("first", "all", "good"))


def _part_echo(seen: Seen) -> Rejection | None:
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
    if not seen.holds_reference and "=" in seen.text and seen.flat in flat(seen.case.question):
        return Rejection(Reason.ECHO, "the question's equation, handed back")
    if not seen.holds_reference and _goes_round(seen, asked):
        return Rejection(Reason.ECHO, "the question's words in a circle")
    return _whole_echo(seen, asked, said)


def _goes_round(seen: Seen, asked: Counter[str]) -> bool:
    """Whether three words of the question stand there twice, and hardly anything new beside them."""
    fresh = [word for word in seen.words if word not in asked and word not in STOP]
    if len(fresh) > 2 or any(word[0].isdigit() for word in fresh) or _has_number(seen):
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


def _tautology(seen: Seen) -> Rejection | None:
    found = _TAUTOLOGY.match(seen.text.strip().rstrip("."))
    if found and found[1].casefold() in words_of(seen.case.question) and not seen.holds_reference:
        return Rejection(Reason.ECHO, f"says of the {found[1]} that it is a {found[1]}")
    return None


def _gibberish(seen: Seen) -> Rejection | None:
    if re.search(r"[=^\\]", seen.text) or seen.holds_reference:
        return None
    known = set(words_of(seen.case.question)) | set(words_of(seen.case.reference or ""))
    words = [
        word
        for word in re.findall(r"(?<![\w'])[a-z]{3,}(?![\w'])", seen.bare)
        if word not in known and word not in STOP
    ]
    odd = [word for word in words if not _VOWEL.search(word) or _ODD_PAIR.search(word)]
    mashed = len(words) == 1 and len(words[0]) >= 8 and len(_ODD_PAIR.findall(words[0])) >= 2
    if mashed or (len(words) >= 3 and len(odd) >= GIBBERISH_SHARE * len(words)):
        return Rejection(Reason.GIBBERISH, "letters that form no words")
    return None


def _no_content(seen: Seen) -> Rejection | None:
    """Talk about an answer: nothing but openers, grading words and the question's own words."""
    fewest = 1 if seen.wants_number else 3
    if not fewest <= len(seen.words) <= SHORT_WORDS or seen.holds_reference or _has_number(seen):
        return None
    if seen.is_formula or seen.case.reference == "":
        return None
    known = OPENER | STOP | TALK
    asked = set(words_of(seen.case.question))
    fresh = [word for word in words_of(OPENER_CJK.sub("", seen.bare)) if word not in known]
    if not fresh or (
        all(word in asked for word in fresh) and (seen.wants_number or any(word in TALK for word in seen.words))
    ):
        return Rejection(Reason.NO_ANSWER, "talk about an answer, and none given")
    return None


def _no_number(seen: Seen) -> Rejection | None:
    """The reference is a number, and the response has none in any form."""
    if not seen.wants_number or len(seen.words) < 4 or seen.holds_reference or _has_number(seen):
        return None
    if re.search(r"[=^\\+×÷/]", seen.bare) or not _is_read(seen):
        return None
    return Rejection(Reason.NO_ANSWER, "a number is asked for, and none is given")


def _is_read(seen: Seen) -> bool:
    """Whether the response is in a language whose numbers the gate knows."""
    letters = [char for char in seen.bare if char.isalpha()]
    plain = sum(char.isascii() or "\u4e00" <= char <= "\u9fff" for char in letters)
    return (
        bool(letters)
        and plain >= 0.9 * len(letters)
        and (any("\u4e00" <= char <= "\u9fff" for char in letters) or any(word in STOP for word in seen.words))
    )


def _has_number(seen: Seen) -> bool:
    if seen.case.reference == "0" and any(word in ("no", "none", "not", "nobody", "never") for word in seen.words):
        # "There are no solutions" says how many.
        return True
    if any(char.isdigit() or (char.isnumeric() and not "\u4e00" <= char <= "\u9fff") for char in seen.bare):
        return True
    if any(char in _ANSWER_SYMBOLS for char in seen.bare) or NUMBER_CJK.search(NOT_A_NUMBER_CJK.sub("", seen.bare)):
        return True
    roman = [word for word in _ROMAN.findall(seen.bare) if word not in ("", "I", "C", "D", "M", "L")]
    words = re.sub(r"\b(?:the|this|that|which|any|each|no)\s+one\b", " ", " ".join(seen.words)).split()
    return bool(roman) or any(part in NUMBER for word in words for part in word.split("-"))


def _non_committal(seen: Seen) -> Rejection | None:
    reference = seen.case.reference
    if not reference or NON_COMMITTAL.search(reference) or seen.holds_reference or len(seen.words) > SHORT_WORDS:
        return None
    if NON_COMMITTAL.search(seen.text) and not _has_number(seen):
        return Rejection(Reason.NO_ANSWER, "declines to give an answer")
    return None


Rule = Callable[[Seen], Rejection | None]
_RULES: tuple[Rule, ...] = (_empty, _symbols_only, _placeholder, _loop, _echo, _opener_only)
_ANSWER_RULES: tuple[Rule, ...] = (_part_echo, _tautology, _gibberish, _no_content, _no_number, _non_committal)
