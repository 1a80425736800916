"""Questions as characters, words and numbers, so that copies are found whatever they are dressed in.

Rule 1: signs of operation stay (`x+1` is not `x-1`); LaTeX's dress (dollars, \\left, spacing, fonts) goes.
Rule 2: Chinese has no spaces: a character is a word there, and runs of words are longer to say as much.
Rule 3: a number is what tells two questions of one form apart, so it is read, never dropped.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import TypeVar

CHINESE_SHARE = 0.3
"""Share of Chinese characters among the words from which on a text is Chinese; formulas and names take the rest."""
CACHED_TEXTS = 4_096
"""Texts whose forms are held, a few MiB: a row is looked at by several methods, a benchmark question by many rows."""
SHINGLE_WORDS = 5
SHINGLE_CHARACTERS = 5

DRESS = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|limits|bigg?[lr]?|quad|qquad"
    r"|(?:text|math)(?:rm|bf|it|sf|tt)|text|operatorname)(?![a-z])|\\[,;!: ]|\\?\$|\\[()\[\]]"
)
FRACTION = re.compile(r"\\[dt]frac(?![a-z])")
SUPERSCRIPT = re.compile("[⁰¹²³⁴-⁹]+")
SENTENCE_END = re.compile(r"[.;:!?。；：！？](?=\s|$|[\u4e00-\u9fff])")
AROUND_SIGNS = re.compile(r"\s*([^\w\s])\s*")
THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))")
WORD = re.compile(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+")
WORD_OR_SIGN = re.compile(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+|[^\w\s]")
WORD_BEGINS = re.compile(r"(?<![\w.])")
# Spaces around signs are gone, so behind a bracket the next sentence begins at once.
WORD_ENDED = re.compile(r"(?![^\s\u4e00-\u9fff])|(?<=[)\]}])(?=[a-z]{2})")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
FORMULA = re.compile(r"\$\$.+?\$\$|\$.+?\$|\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
COMMAND_OR_LETTER = re.compile(r"\\[A-Za-z]+|[A-Za-z]")
# `one` is left out: it is a pronoun as often as a number.
SPELT = {
    word: str(number)
    for number, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)
}
SPELT_NUMBER = re.compile(rf"\b(?:{'|'.join(SPELT)})\b")

T = TypeVar("T", bound=Hashable)


@lru_cache(CACHED_TEXTS)
def canonical(text: str) -> str:
    """The text without its dress: equal for two writings of one question.

    >>> canonical("Solve  $\\\\dfrac{1}{2} x + 1 = 2$.") == canonical("solve \\\\(\\\\frac{1}{2}x+1=2\\\\)")
    True
    """
    text = SUPERSCRIPT.sub(lambda found: "^" + unicodedata.normalize("NFKC", found[0]), text)
    text = unicodedata.normalize("NFKC", text).lower()
    text = THOUSANDS.sub("", FRACTION.sub(r"\\frac", DRESS.sub(" ", text)))
    return " ".join(AROUND_SIGNS.sub(r"\1", SENTENCE_END.sub(" ", text)).split())


def is_inside(part: str, whole: str) -> bool:
    """Whether one text stands in another, dress aside, from the beginning of a word to the end of one.

    >>> is_inside("Find $x+1$.", "Exercise 4. Find $x + 1$. Explain."), is_inside("Find $x+1$.", "Find $x+1=2$.")
    (True, False)
    """
    sought, text = canonical(part), canonical(whole)
    at = text.find(sought)
    while at >= 0 and not (WORD_BEGINS.match(text, at) and WORD_ENDED.match(text, at + len(sought))):
        at = text.find(sought, at + 1)
    return at >= 0


def plain(text: str) -> str:
    """The text in small letters without LaTeX's dress: what an encoder of prose reads best.

    >>> plain("Find $\\\\left(x+1\\\\right)^2$")
    'find (x+1 )^2'
    """
    return " ".join(DRESS.sub(" ", text.lower()).split())


def words(text: str) -> list[str]:
    """Words and numbers alone, each Chinese character by itself.

    >>> words("Find $x$, 求解 $y^2$!")
    ['find', 'x', '求', '解', 'y', '2']
    """
    return WORD.findall(unicodedata.normalize("NFKC", text).lower())


def is_chinese(text: str) -> bool:
    """Whether so many of the words are Chinese characters that the text is."""
    found = words(text)
    return sum(bool(CHINESE.match(word)) for word in found) > CHINESE_SHARE * len(found)


def grams(tokens: Sequence[T], size: int) -> set[tuple[T, ...]]:
    """All runs of so many tokens; of fewer tokens their whole."""
    if len(tokens) <= size:
        return {tuple(tokens)} if tokens else set()
    return {tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)}


def shingles(text: str) -> set[tuple[str, ...]]:
    """Runs of five words and signs, or of five characters where the text is Chinese."""
    plain = canonical(text)
    if is_chinese(text):
        return grams(plain, SHINGLE_CHARACTERS)
    return grams(WORD_OR_SIGN.findall(plain), SHINGLE_WORDS)


def jaccard(one: set[T], other: set[T]) -> float:
    """Shared part of all that the two have; 0 where one has nothing."""
    return len(one & other) / len(one | other) if one and other else 0.0


@lru_cache(CACHED_TEXTS)
def numbers(text: str) -> tuple[str, ...]:
    """The numbers of a text in order, those that are spelt out too.

    >>> numbers("Three pens cost $1,200; two cost 0.5.")
    ('3', '1200', '2', '0.5')
    """
    return tuple(NUMBER.findall(_in_digits(canonical(text))))


def overlap(one: Sequence[T], other: Sequence[T]) -> float:
    """Shared part of all, repeats counted; 1 where both are empty."""
    mine, theirs = Counter(one), Counter(other)
    together = (mine | theirs).total()
    return (mine & theirs).total() / together if together else 1.0


def template(text: str) -> str:
    """The form of a question: numbers masked, variables of formulas numbered by their first appearance.

    >>> template("Solve $3xy+1=7$ for $y$.") == template("Solve $5ab+2=12$ for $b$.")
    True
    >>> template("Solve $3x+1=7$ for $x$.") == template("Solve $5y+2=12$ for $y$.")
    True
    """
    names: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        sign = found[0]
        return sign if sign.startswith("\\") else names.setdefault(sign, f" v{'i' * (len(names) + 1)} ")

    plain = FORMULA.sub(lambda found: COMMAND_OR_LETTER.sub(renamed, found[0]), text)
    return NUMBER.sub("#", _in_digits(canonical(plain)))


def _in_digits(text: str) -> str:
    return SPELT_NUMBER.sub(lambda found: SPELT[found[0]], text)
