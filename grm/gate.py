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
from collections.abc import Callable

from grm.gate_echo import part_echo, tautology, whole_question
from grm.gate_view import ANSWER_SYMBOLS, Rejection, Seen, bare, flat, has_number, visible, words_of
from grm.gate_words import (
    ARGUED,
    EMPTY_SET,
    NON_COMMITTAL,
    NUMBER,
    NUMBER_CJK,
    OPENER,
    OPENER_CJK,
    PLACEHOLDER,
    REFUSAL,
    STOP,
    TALK,
    YES_OR_NO,
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
STEM_CHARS = 5
"""So many letters in common: "symmetry" and "symmetric"."""
GIBBERISH_SHARE = 0.6
MAX_CHECKED_CHARS = 200_000

_GREETING = frozenset(("hello", "hi", "thank", "thanks", "sure", "great", "good", "yes", "right"))
_LISTED = re.compile(r"(?m)^\s*\d{1,2}[.)]\s+(?=\D)")
_NAMING = re.compile(r"\blet\W{1,3}[a-z]\W{1,3}(?:be|denote|represent|stand\s+for|equal)\b", re.IGNORECASE)
_HALF_EQUATION = re.compile(r"\W*[^\W\d]\w{0,11}\W*=[\s?$._]*")
_ASKS_YES_OR_NO = re.compile(
    r"(?:^|[.!?,;:\n]\s*|\b(?:and|so|then)\s+)(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|should"
    r"|must|may|am)(?:n't)?\s|\b(?:whether|if|true|false|yes|no|correct|right|wrong|statement|claim|judge|decide"
    r"|verdict|answerable)\b|是否|吗|对错|判断|正误|是不是|能不能|ですか|ますか|\best-ce\b|\b(?:ist|sind|hat|kann)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:not|never|nobody|neither|cannot|can|does|exists?|possible|impossible|only|(?:un|in|im|ir|non)[a-z]{4,})\b|[不无没]"
)
_STEP_HEADING = re.compile(
    r"\bone\s+step\s+at\s+a\s+time\b|\bsteps?\s*\d{1,2}\b|第[一二三四五\d]步|步骤[一二三四五\d]", re.IGNORECASE
)
_ODD_PAIR = re.compile(
    r"q(?=[^u\W])|j(?=[bcdfghjklmnpqrstvwxz])|x(?=[bdfgjkmnrsvwxz])|z(?=[bcdfgjkmnpqrstvwx])|v(?=[bcdfghjkmnpqstvwxz])"
    r"|w(?=[bcfgjmpqtvwxz])|[fghkpqvwxz]j|k(?=[bcdfgjkmpqtvxz])|[bcdfghjklmnpqstvwz]x|(?<!\b)[bcdfghjkmpvwxz]q"
    r"|b(?=n\b|[cdfghkmpqwz])|[df]g\B|m(?=[xzqvkdg])|[pg]x|h(?=[bcfgjkpqvxz])"
)
_VOWEL = re.compile(r"[aeiouyáéíóúäöüåøæœàèùâêîôûëïãõñ]")


def gate(case: Case, candidate: Candidate) -> Rejection | None:
    """The first rule that rejects the response, or None: then a judge may look at it."""
    if any(candidate.response.strip() == reference.strip() != "" for reference in case.references):
        return None
    text = visible(candidate.response[:MAX_CHECKED_CHARS])
    shown = bare(text)
    seen = Seen(text, shown, tuple(words_of(shown)), case)
    if seen.is_whole_list:
        return None
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
    if any(char.isalnum() or char in ANSWER_SYMBOLS for char in seen.bare):
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
    """Numbers of a list, in order, and nothing behind any of them. A lone "1." may be the answer 1, or an option."""
    lines = [line.strip() for line in seen.text.split("\n") if line.strip()]
    if len(lines) == 1:
        wanted = " ".join(seen.wanted)
        if not wanted or "1" in wanted or set(words_of(wanted)) & NUMBER or NUMBER_CJK.search(wanted):
            return False
        if re.search(r"(?<!\w)\(?1[.):、]", seen.case.question):
            return False
    return bool(lines) and all(line in (f"{at}.", f"{at})") for at, line in enumerate(lines, 1))


def _placeholder(seen: Seen) -> Rejection | None:
    said = " ".join(seen.bare.split()).strip(" .!\"'`[](){}<>*_").casefold()
    if not {said, said.replace(".", "")} & PLACEHOLDER or seen.holds_reference:
        return None
    if seen.case.task is Task.OPEN and said in words_of(seen.case.question):
        return None  # "Reply with OK."
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


def _opener_only(seen: Seen) -> Rejection | None:
    if not seen.words or len(seen.words) > SHORT_WORDS or seen.holds_reference:
        return None
    left = OPENER_CJK.sub("", _STEP_HEADING.sub(" ", _LISTED.sub(" ", seen.bare)))
    words = [word for word in words_of(left) if word not in OPENER and word not in STOP]
    if seen.text.strip(" \n.:!#*").casefold() in OPENER:
        # Scripts whose vowel signs are no letters fall apart into words otherwise.
        words, left = [], ""
    named = left != seen.bare or any(len(word) >= 4 or word > "\u2e80" for word in seen.words)
    if seen.case.task is Task.OPEN and _GREETING & set(seen.words) & set(words_of(seen.case.question)):
        return None  # "Say hello."
    if words or not named or any(char in "=+×÷" or char in ANSWER_SYMBOLS for char in left):
        return None
    if seen.case.task is Task.ANSWER and ("no" in seen.words or (len(seen.words) == 1 and _may_be_answer(seen))):
        # A question may be answered by them: "no solution", "right".
        return None
    return Rejection(Reason.OPENER_ONLY, "the opening of an answer and nothing behind it")


def _may_be_answer(seen: Seen) -> bool:
    word = seen.words[0]
    return word in ("yes", "right", "correct") or (seen.case.reference is None and word in ("first", "all", "good"))


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
    if not fewest <= len(seen.words) <= SHORT_WORDS or seen.holds_reference or _shares_a_word(seen):
        return None
    if has_number(seen) if seen.wants_number else any(char.isdigit() for char in seen.bare):
        return None
    if seen.is_formula or seen.case.reference == "" or NON_COMMITTAL.search(seen.case.reference or ""):
        return None
    known = OPENER | STOP | TALK | (ARGUED if seen.case.reference else frozenset())
    asked = set(words_of(seen.case.question))
    fresh = [word for word in words_of(OPENER_CJK.sub("", _NAMING.sub(" ", seen.bare))) if word not in known]
    if not fresh or (
        all(word in asked for word in fresh) and (seen.wants_number or any(word in TALK for word in seen.words))
    ):
        return Rejection(Reason.NO_ANSWER, "talk about an answer, and none given")
    return None


def _shares_a_word(seen: Seen) -> bool:
    """Whether it has a word of the reference that says something, in whatever form."""
    stems = {word[:STEM_CHARS] for one in seen.wanted for word in words_of(one) if len(word) >= STEM_CHARS - 1}
    return any(word[:STEM_CHARS] in stems and word not in STOP for word in seen.words)


def _half_equation(seen: Seen) -> Rejection | None:
    if _HALF_EQUATION.fullmatch(seen.text):
        return Rejection(Reason.NO_ANSWER, "an equation without its right side")
    return None


def _yes_or_no(seen: Seen) -> Rejection | None:
    """A bare yes or no, where the question asks for something else and the reference is something else."""
    reference = seen.case.reference
    if not reference or not seen.words or len(seen.words) > 2 or not set(seen.words) <= YES_OR_NO:
        return None
    if set(words_of(reference)) & YES_OR_NO or re.fullmatch(r"\W*[TFYN]\W*", reference) or _DENIES.search(reference):
        return None
    if _ASKS_YES_OR_NO.search(seen.case.question):
        return None
    return Rejection(Reason.NO_ANSWER, "yes or no, where something else is asked for")


def _no_number(seen: Seen) -> Rejection | None:
    """The reference is a number, and the response has none in any form."""
    if not seen.wants_number or len(seen.words) < 4 or seen.holds_reference or has_number(seen):
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


def _non_committal(seen: Seen) -> Rejection | None:
    reference = seen.case.reference
    if len(seen.words) > SHORT_WORDS or seen.holds_reference or _shares_a_word(seen):
        return None
    if REFUSAL.search(seen.text) and not has_number(seen):
        return Rejection(Reason.NO_ANSWER, "declines to give an answer")
    if not reference or NON_COMMITTAL.search(reference):
        return None
    if NON_COMMITTAL.search(seen.text) and not has_number(seen):
        return Rejection(Reason.NO_ANSWER, "declines to give an answer")
    return None


Rule = Callable[[Seen], Rejection | None]
_RULES: tuple[Rule, ...] = (_empty, _symbols_only, _placeholder, _loop, whole_question, _opener_only)
_ANSWER_RULES: tuple[Rule, ...] = (
    part_echo,
    tautology,
    _gibberish,
    _half_equation,
    _yes_or_no,
    _no_content,
    _no_number,
    _non_committal,
)
