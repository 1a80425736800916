"""What the gate looks at: a response as a reader sees it, and what it is held against. Pure."""

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from grm.judgement import Case
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
STRUCTURE = re.compile(
    r"\\(?:[dt]?frac|sqrt|left|right|boxed|fbox|text\w*|math\w+|begin|end|displaystyle|q?quad|operatorname|hline"
    r"|item|label"
    r"|big\w*|Big\w*|underline|overline|hspace|vspace)\b"
    r"|\\[^A-Za-z]|(?<=\\end)\{\s*[A-Za-z]{1,20}\*?\s*\}|(?<=\\begin)\{\s*[A-Za-z]{1,20}\*?\s*\}"
    r"|\{\s*(?:array|matrix|tabular|equation\*?|align\*?|cases)\s*\}"
)
_RULE_ROW = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:\.\d+)?")


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
    def holds_reference(self) -> bool:
        """Whether the reference's own text is in the response, or the response's in the reference."""
        said = (self.text, self.flat)
        wanted = [(reference, flat(reference)) for reference in self.case.references]
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
    return [word.replace("’", "'").casefold() for word in _WORD.findall(text)]


def flat(text: str) -> str:
    return _NO_LETTER_OR_DIGIT.sub("", unicodedata.normalize("NFKC", text).casefold())


def _holds(text: tuple[str, str], part: tuple[str, str]) -> bool:
    """Whether the part is in the text; a short one as words of its own: "Na" is in every "final". Both with `flat`."""
    short = part[1]
    if not short or short not in text[1]:
        return False
    if len(short) >= CERTAIN_CHARS or not short.isascii():
        return True
    return f" {' '.join(words_of(part[0]))} " in f" {' '.join(words_of(text[0]))} "
