"""The options of a multiple choice question, the letters of its reference, and the option that a text quotes.

Rule 1: options come from the item's `choices`, else from the question, else from a reference like "B) 12 cm".
Rule 2: a text stands for an option only where it fits exactly one.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from verifiers.math_answer.context import Hints
from verifiers.math_answer.extraction.extract import Extraction
from verifiers.math_answer.judge import judge
from verifiers.math_answer.wording import choices
from verifiers.normalisation import worded

Offered = tuple[tuple[str, str], ...]

MAX_OPTIONS = 26
"""A to Z: options are named by single letters."""

MAX_MATHS_CHARS = 200
"""Longest option compared by what it means in mathematics; longer ones are sentences, compared by their words."""

CACHE_SIZE = 1024
"""Questions whose options are kept: a group of samples shares one."""

_SEVERAL = re.compile(r"\(?[A-Z]\)?(?:(?:\s*(?:[,;、，&]|and|和|与|及)\s*|\s*)\(?[A-Z]\)?)+", re.IGNORECASE)
_LEADING = re.compile(r"[\s:：.]+")
_MATHS = re.compile(r"[\d\\=^]")
_ARTICLE = re.compile(r"\A(?:a|[Aa]n|[Tt]he)\s+")
_ANY_ARTICLE = re.compile(r"\A\s*(?:an?|the)\s+", re.IGNORECASE)
_NO_HINTS = Hints()


def check_choices(value: object) -> str | None:
    """None when `choices` is a usable list or mapping of option texts, else what to fix."""
    texts = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str | int | float) for text in texts):
        return 'choices must be a list of option texts or an object {"A": "text", ...}'
    if not 2 <= len(texts) <= MAX_OPTIONS:
        return f"choices must hold 2 to {MAX_OPTIONS} options"
    if isinstance(value, Mapping) and not all(re.fullmatch("[A-Za-z]", str(name)) for name in value):
        return "the names in choices must be single letters"
    return None


def from_choices(value: object) -> Offered:
    """The options of a list or mapping that `check_choices` accepts."""
    if isinstance(value, Mapping):
        return tuple((str(name).upper(), str(text)) for name, text in value.items())
    assert isinstance(value, list | tuple)
    return tuple((chr(ord("A") + place), str(text)) for place, text in enumerate(value))


@lru_cache(CACHE_SIZE)
def from_question(question: str) -> Offered:
    """The options that a question lists.

    >>> from_question("Which gas?\\n(A): oxygen\\n(B): helium")
    (('A', 'oxygen'), ('B', 'helium'))
    """
    return tuple((letter, _LEADING.sub("", text, count=1) if text[:1] in ":：" else text)
                 for letter, text in choices.options(question))  # fmt: skip


def letters_of(reference: str, offered: Offered) -> frozenset[str] | None:
    """The letters that a reference names, by letter or by option text; None where it names none.

    >>> sorted(letters_of("A, C", ())), sorted(letters_of("helium", (("A", "oxygen"), ("B", "helium"))))
    (['A', 'C'], ['B'])
    """
    named = choices.letter(reference.strip()) or _beyond_j(reference.strip())
    if named and not named[1]:
        return frozenset(named[0])
    if named and (not offered or quoted(named[1], offered) in (named[0], None)):
        return frozenset(named[0])
    text = quoted(reference, offered)
    if text is not None:
        return frozenset(text)
    if _SEVERAL.fullmatch(reference.strip()):
        several = re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])|[A-Z]", re.sub(r"\band\b", ",", reference))
        letters = frozenset(letter.upper() for letter in several)
        return letters if len(letters) == len(several) else None
    return None


def _beyond_j(reference: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"\(?([K-Z])[).]?", reference)
    return (found[1], "") if found else None


def from_reference(reference: str) -> Offered:
    """The one option whose text a reference gives beside its letter."""
    named = choices.letter(reference.strip())
    return ((named[0], named[1]),) if named and named[1] else ()


def quoted(text: str, offered: Offered) -> str | None:
    """The letter of the one option that a text says, None where it says none or several."""
    wanted = worded(text)
    same = [letter for letter, option in offered if wanted and worded(option) == wanted]
    if not same and wanted:
        # A capital "A" may be a letter.
        bare = worded(_ARTICLE.sub("", text.strip(), count=1))
        same = [letter for letter, option in offered if bare and worded(_ANY_ARTICLE.sub("", option, count=1)) == bare]
    if not same and len(text) <= MAX_MATHS_CHARS and _MATHS.search(text):
        same = [letter for letter, option in offered if _same_value(option, text)]
    return same[0] if len(same) == 1 else None


def _same_value(option: str, text: str) -> bool:
    if len(option) > MAX_MATHS_CHARS or not _MATHS.search(option):
        return False
    return judge(option, Extraction(text, "option"), _NO_HINTS).same is True
