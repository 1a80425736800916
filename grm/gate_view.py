"""What the gate looks at: a response as a reader sees it, and what it is held against. Pure."""

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grm.gate_words import NOT_A_NUMBER_CJK, NUMBER, NUMBER_CJK
from grm.judgement import Case, Reason
from grm.replies.thinking import without_thinking

CERTAIN_CHARS = 4
"""So long a reference is in no text by chance."""
_TAG = re.compile(
    r"</?[A-Za-z][^<>\n]{0,200}>|<!--[^<>]{0,2000}-->|<\|[^<>\n]{1,40}\|>|\[(?:MASK|PAD|UNK|EOS|BOS|CLS|SEP)\]"
    r"|^[ \t]*`{3,}\w{0,12}[ \t]*$",
    re.MULTILINE,
)
# Letters and signs that print as nothing: Hangul fillers, the empty Braille pattern.
_BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u2800"))
_UNSEEN = frozenset(("Cf", "Cc", "Cn", "Co", "Cs"))
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]+")
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
# Every branch begins with a character of its own, so that the engine looks for that alone: a sixth of the time.
STRUCTURE = re.compile(
    r"\\(?:(?:[dt]?frac|sqrt|left|right|boxed|fbox|text\w*|math\w+|begin|end|displaystyle|q?quad|operatorname|hline"
    r"|item|label"
    r"|big\w*|Big\w*|underline|overline|hspace|vspace)\b"
    r"|[^A-Za-z])|\{(?<=\\end\{)\s*[A-Za-z]{1,20}\*?\s*\}|\{(?<=\\begin\{)\s*[A-Za-z]{1,20}\*?\s*\}"
    r"|\{\s*(?:array|matrix|tabular|equation\*?|align\*?|cases)\s*\}"
)
_RULE_ROW = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$")
_OPTION = re.compile(r"(?:^|\n|\s)\(?([A-H])[).:、]\s*(\S[^\n]*?)(?=\s+\(?[A-H][).:、]|\n|$)")
ANSWER_SYMBOLS = frozenset("∞∅πℝℂℤℕℚ√±")
_ROMAN = re.compile(r"\b(?=[IVXLCDM]{1,9}\b)M*(?:CM|CD|D?C*)(?:XC|XL|L?X*)(?:IX|IV|V?I*)\b")
_OF_THE_ABOVE = re.compile(
    r"\W*(?:all|none|both|neither)\s+of\s+(?:the\s+above|these|them|the\s+options)\W*", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a response is not judged."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Seen:
    """A response as a reader sees it, and what it is held against. What several rules ask for is worked out once."""

    text: str
    bare: str
    words: tuple[str, ...]
    case: Case

    @cached_property
    def flat(self) -> str:
        """The text's letters and digits."""
        return flat(self.text)

    @cached_property
    def options(self) -> Mapping[str, str]:
        """The question's options, by their letters."""
        return dict(_OPTION.findall(self.case.question))

    @cached_property
    def is_whole_list(self) -> bool:
        """Whether it names all of the options or none, and a letter is the reference: one of them may say just that."""
        letter = re.fullmatch(r"\W*[A-H]\W*", self.case.reference or "") is not None
        return letter and _OF_THE_ABOVE.fullmatch(self.bare) is not None

    @cached_property
    def named_options(self) -> tuple[str, ...]:
        """What the options say whose letters are references: as good as the letter."""
        letters = (reference.strip(" ().:*$").upper() for reference in self.case.references)
        return tuple(self.options[letter] for letter in letters if letter in self.options)

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The references, and what their options say."""
        return (*self.case.references, *self.named_options)

    @cached_property
    def holds_reference(self) -> bool:
        """Whether the reference's own text is in the response, or the response's in the reference."""
        said = (self.text, self.flat)
        wanted = [(reference, flat(reference)) for reference in self.wanted]
        return any(_holds(said, one) or _holds(one, said) for one in wanted)

    @cached_property
    def is_formula(self) -> bool:
        """Whether it is written in symbols rather than words: these are the question's own by nature."""
        return not any(len(word) >= 3 and word.isalpha() for word in self.words)

    @cached_property
    def wants_number(self) -> bool:
        """Whether the reference is a number, with a short unit at most."""
        reference = STRUCTURE.sub("", unicodedata.normalize("NFKC", self.case.reference or ""))
        return any(char.isdigit() for char in reference) and sum(char.isalpha() for char in reference) <= 3


def visible(response: str) -> str:
    """Without thinking and invisible characters, compatibility forms folded."""
    text = unicodedata.normalize("NFKC", html.unescape(without_thinking(response))).translate(_BLANK)
    # By the kinds of characters, of which there are few in a long text.
    unseen = [char for char in set(text) - {"\n", "\t"} if unicodedata.category(char) in _UNSEEN]
    return text.translate(dict.fromkeys(map(ord, unseen))) if unseen else text


def bare(text: str) -> str:
    """Without tags, table frames, empty tables and LaTeX structure."""
    lines = text.split("\n")
    rows = [line for line in lines if line.strip().startswith("|")]
    ruled = next((index for index, row in enumerate(rows) if _RULE_ROW.match(row)), None)
    if ruled is not None and not any(char.isalnum() for row in rows[ruled + 1 :] for char in row):
        # A table whose body is empty has headings only: these are not content.
        lines = [line for line in lines if line not in rows]
    return STRUCTURE.sub(" ", _TAG.sub(" ", "\n".join(lines)))


def words_of(text: str) -> list[str]:
    if text.isascii():
        return _WORD.findall(text.lower())
    return [word.replace("’", "'").casefold() for word in _WORD.findall(text)]


def flat(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded.encode().translate(None, _ASCII_SIGNS).decode()
    return _NO_LETTER_OR_DIGIT.sub("", folded)


def _holds(text: tuple[str, str], part: tuple[str, str]) -> bool:
    """Whether the part is in the text; a short one as words of its own: "Na" is in every "final". Both with `flat`."""
    short = part[1]
    if not short or short not in text[1]:
        return False
    if len(short) >= CERTAIN_CHARS or not short.isascii():
        return True
    return f" {' '.join(words_of(part[0]))} " in f" {' '.join(words_of(text[0]))} "


def has_number(seen: Seen) -> bool:
    if seen.case.reference == "0" and any(word in ("no", "none", "not", "nobody", "never") for word in seen.words):
        # "There are no solutions" says how many.
        return True
    if any(char.isdigit() or (char.isnumeric() and not "\u4e00" <= char <= "\u9fff") for char in seen.bare):
        return True
    if any(char in ANSWER_SYMBOLS for char in seen.bare) or NUMBER_CJK.search(NOT_A_NUMBER_CJK.sub("", seen.bare)):
        return True
    roman = [word for word in _ROMAN.findall(seen.bare) if word not in ("", "I", "C", "D", "M", "L")]
    words = re.sub(r"\b(?:the|this|that|which|any|each|no)\s+one\b", " ", " ".join(seen.words)).split()
    return bool(roman) or any(part in NUMBER for word in words for part in word.split("-"))
