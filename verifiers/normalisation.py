"""Texts made comparable: width, case, punctuation, spaces. Shared by the tasks whose answers are words.

Rule 1: a step only ever drops what a reader would not miss; a sign, a decimal point or a percent sign beside a digit
        is part of a number and stays.
Rule 2: Chinese and Latin text go the same way: full-width forms become half-width first.
"""

import re
import unicodedata

MAX_TEXT_CHARS = 100_000
"""Longest text normalised: as long as a reference may be."""

_PLAIN_MARKS = {"-": "‐‑‒–—―−﹣－", "'": "’‘‛′", '"': "“”„‟″"}
_MARKS = str.maketrans({fancy: plain for plain, all_ in _PLAIN_MARKS.items() for fancy in all_})
_MARKUP = re.compile(
    r"\\(?:text(?:bf|it|rm|tt|sf)?|math(?:rm|bf|it|sf)|mbox|operatorname|emph|boxed)\s*(?=\{)|\\[,;:! ]|\\(?=[%$#&])|~"
)
_BRACES = re.compile(r"(?<![\\_^])[{}]|[$*`]")
_PUNCTUATION = re.compile(
    r"(?<!\d)[.](?!\d)|(?<=\d)[.](?!\d)|(?<!\d)[,:/](?!\d)|(?<=\d)[,:/](?!\d)|(?<!\d)[,:/](?=\d)|(?<=\d),(?=\d{3}(?!\d))"
    r"|(?<=[^\s(])-|-(?![\d.])|(?<!\d)%"
    r"|[;!?\"'()\[\]{}<>«»、。！？；：，…·・「」『』《》【】“”‘’~*_`|\\#&@^]"
)
# "U.S.A." is USA, "J. K. Rowling" is JK Rowling.
_INITIALS = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.\s?){2,}(?:[^\W\d_](?![^\W_]))?")
_SPACED_PERCENT = re.compile(r"(?<=\d) +%")
_HAN_SPACE = re.compile(r"(?<=[\u3400-\u9fff])\s+|\s+(?=[\u3400-\u9fff])")


def widths(text: str) -> str:
    """Full-width, compatibility and typographic forms as their plain ones.

    >>> widths("Ｂ．１２％ — “x”")
    'B.12% - "x"'
    """
    return unicodedata.normalize("NFKC", text[:MAX_TEXT_CHARS]).translate(_MARKS)


def folded(text: str) -> str:
    """Case, width and white space folded; punctuation kept.

    >>> folded("  New　York,\\n USA ")
    'new york, usa'
    """
    return " ".join(_HAN_SPACE.sub("", widths(text)).casefold().split())


def worded(text: str) -> str:
    """The words and numbers of a text, without punctuation and markup.

    >>> worded("**Dr. King's** 1,200 dreams!"), worded("-3.5"), worded("\\\\text{oxygen}.")
    ('dr king s 1200 dreams', '-3.5', 'oxygen')
    >>> worded("U.S. Navy"), worded("J. K. Rowling")
    ('us navy', 'jk rowling')
    """
    text = _SPACED_PERCENT.sub("%", folded(_BRACES.sub("", _MARKUP.sub("", text))))
    text = _INITIALS.sub(lambda run: re.sub(r"[.\s]", "", run[0]) + " ", text) if "." in text else text
    return " ".join(_PUNCTUATION.sub(lambda mark: "" if mark[0] == "," else " ", text).split())


def unmarked(text: str) -> str:
    r"""The text without LaTeX text commands, braces and Markdown marks.

    >>> unmarked("\\text{Denver} **Broncos**")
    'Denver Broncos'
    """
    return _BRACES.sub("", _MARKUP.sub("", text)) if "\\" in text or "*" in text else text
