"""Normalised words of a span, by the conventions of the two best-known data sets.

    SQuAD  lower case, punctuation deleted, "a", "an", "the" dropped, white space folded
    DROP   the same word by word, cut at spaces and hyphens; a number keeps its point and is written one way

Rule 1: Chinese goes by characters, whichever the style.
Rule 2: a number in words is its figure, and a sign before a figure stays: readings that the data sets leave out.
"""

import re
import string
from collections import Counter
from functools import lru_cache

from verifiers.math_answer.quantities import number_words
from verifiers.normalisation import widths

CACHE_SIZE = 4096
"""Spans whose tokens are kept: a group of samples shares its gold answers."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation) | frozenset("“”‘’«»、。！？；：，…·「」『』《》【】（）–—―‐‑¿¡")
_HAN = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_CUT = re.compile(r"\s+|(?<=\w)-|-(?=[^\d.])|-\Z")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)")
_EDGES = "".join(_PUNCTUATION - frozenset("-+."))


@lru_cache(CACHE_SIZE)
def squad(text: str) -> tuple[str, ...]:
    """The tokens of a text in SQuAD's normalisation.

    >>> squad("The U.S. Army's"), squad("中国 Peking")
    (('us', 'armys'), ('中', '国', 'peking'))
    """
    bare = "".join(mark for mark in widths(text).lower() if mark not in _PUNCTUATION)
    return tuple(_HAN.sub(r" \1 ", _ARTICLES.sub(" ", bare)).split())


@lru_cache(CACHE_SIZE)
def drop(text: str) -> tuple[str, ...]:
    """The tokens of a text in DROP's normalisation.

    >>> drop("the 1,200-yard run"), drop("12.0%"), drop("-3.5 points")
    (('1200', 'yard', 'run'), ('12',), ('-3.5', 'points'))
    """
    words = _CUT.split(_HAN.sub(r" \1 ", widths(text).lower()))
    return tuple(token for word in words if (token := _drop_word(word)))


def _drop_word(word: str) -> str:
    figure = number(word)
    if figure is not None:
        return figure
    bare = "".join(mark for mark in word if mark not in _PUNCTUATION)
    return number(bare) or _ARTICLES.sub("", bare).strip()


def number(word: str) -> str | None:
    """One spelling of a number, None for a text that is none: "1,200.50" is 1200.5.

    >>> number("$1,200.50"), number("twelve"), number("12th")
    ('1200.5', '12', None)
    """
    bare = word.strip(_EDGES).removesuffix(".")
    if _NUMBER.fullmatch(bare):
        sign, figures = ("-", bare[1:]) if bare[0] == "-" else ("", bare.lstrip("+"))
        whole, _, decimals = figures.replace(",", "").partition(".")
        whole, decimals = whole.lstrip("0") or "0", decimals.rstrip("0")
        return sign + whole + (f".{decimals}" if decimals else "")
    if bare.isalpha() and (value := number_words.exact(bare)) is not None and value.denominator == 1:
        return str(value.numerator)
    return None


def f1(gold: tuple[str, ...], given: tuple[str, ...]) -> float:
    """Harmonic mean of precision and recall over tokens with their counts.

    >>> f1(("denver", "broncos"), ("broncos",))
    0.6666666666666666
    """
    if not gold or not given:
        return float(gold == given)
    common = sum((Counter(gold) & Counter(given)).values())
    return 2 * common / (len(gold) + len(given))
