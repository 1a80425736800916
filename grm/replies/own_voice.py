"""What a judge says itself, told apart from what it quotes.

Rule 1: a quote is blanked out, not cut out, so that what stood around it does not run together.
Rule 2: a quote is: a line, a box or a double bracket that stands word for word in what the judge was shown
        (unless it is in the judge's last line), what stands in <quote> tags, a blockquote, what is quoted after a
        verb of saying, an example ("[[A]]" if A is better).
Rule 3: compatibility forms are folded first: full-width digits, letters, colons and brackets. Rows of a table
        become lines.
"""

import html
import re
import unicodedata
from collections.abc import Sequence

SHOWN_LINE_CHARS = 4
"""Shorter lines ("A", "Yes") stand in every text by chance."""
_SAYING = (
    r"(?:says?|said|saying|writes?|wrote|written|claims?|claimed|claiming|states?|stated|statement|prints?|printed|contains?"
    r"|includes?|ends? with|ending with|repeats?|asks?|asked|phrase|text|line|string|words?|instruction"
    r"|output|respond with|reply with|answer with|in the form|format|such as|for (?:example|instance)|like|e\.g\."
    r"|写道|声称|包含|写着|输出)"
)
_QUOTED = re.compile(
    r"(?P<before>"
    + _SAYING
    + r"\s*:?\s*)?(?P<quote>\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|「[^」\n]{0,400}」|`[^`\n]{1,400}`)"
    r"(?=(?P<after>\s*,?\s*(?:if|when|where|for|如果|若)\b)?)",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    r"(?:\[\[[^\]\n]{1,40}\]\]"
    r"|\\boxed\{[^}\n]{1,40}\}|\b(?:Output|Response) \([ab]\))\s*,?\s*(?:if|when|in case"
    r"|for an?\s+(?:tie|draw)|如果)\b[^\n]*?"
    r"(?=[,;.]|\n|$)",
    re.IGNORECASE,
)
# "The candidate got \\boxed{5}": its mark, not the judge's.
_REPORTED = re.compile(
    r"\b(?:candidate|student|response|assistant|solution|it|he|she|they)(?:\s+\(?\w\)?)?(?:'s\s+\w+)?\s+(?:\w+ly\s+)?"
    r"(?:got|gets|gives|gave|writes|wrote|boxe[sd]|answers|answered|concludes|concluded|obtains|obtained|arrives\s+at"
    r"|ends\s+with|states|reports|puts)\b[^.\n]{0,40}?(?:\\boxed\{[^}\n]{1,40}\}|\[\[[^\]\n]{1,40}\]\])",
    re.IGNORECASE,
)
_MARKED = re.compile(r"\[\[[^\]\n]{1,40}\]\]|\\boxed\{[^}\n]{1,40}\}")
# Long white space makes the patterns behind this slow and says nothing.
_SPACES = re.compile(r"[^\S\n]{4,}")
_BLANKS = re.compile(r"\n\s*\n")
_BLOCKQUOTE = re.compile(r"^[ \t]*>(?![>=]).*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*\|[ \t|:-]+\|[ \t]*$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|([^\n]*)\|[ \t]*$", re.MULTILINE)
_QUOTE_TAG = re.compile(r"<(quote\w{0,12})>.{0,4000}?</\1>", re.IGNORECASE | re.DOTALL)
_PLAIN = str.maketrans({"≫": ">>", "≪": "<<", "【": "[", "】": "]", "\ufe0f": None})
_OPENED, _CLOSED = re.compile(r"\\\[\s?\\\["), re.compile(r"\\\]\s?\\\]")
_END = re.compile(r"<\|[a-z_]{2,20}\|>|</s>|<eos>|<end_of_turn>", re.IGNORECASE)
LONG_QUOTE_CHARS = 24
"""A quoted label is short: "Output (a)", "Response 1"."""


def own_voice(text: str, shown: Sequence[str] = ()) -> str:
    """The folded text with quotes blanked out.

    >>> own_voice('It says "Score: 10". Score: 3')
    'It says    . Score: 3'
    """
    text = _QUOTE_TAG.sub(_blank, folded(text))
    text = _BLANKS.sub("\n\n", _SPACES.sub(" ", _RULE.sub("", text)))
    text = _ROW.sub(_unfolded, text)
    text = _without_shown_marks(_without_shown_lines(text, shown), shown)
    if _BLOCKQUOTE.sub("", text).strip():
        text = _BLOCKQUOTE.sub(_blank, text)
    text = _REPORTED.sub(_blank, _CONDITIONAL.sub(_blank, text))
    return _SPACES.sub("    ", _QUOTED.sub(_blank_quote, text))


def folded(text: str) -> str:
    """Compatibility forms, brackets of Chinese and of Markdown, HTML's signs and end tokens in plain writing."""
    text = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    return _END.sub("", _CLOSED.sub("]]", _OPENED.sub("[[", html.unescape(text))))


def _unfolded(row: re.Match[str]) -> str:
    """A row of a table as a line: `| **Total** | 7 |` is "**Total**: 7"."""
    return ": ".join(cell.strip() for cell in row[1].split("|") if cell.strip())


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _blank_quote(found: re.Match[str]) -> str:
    told = found["before"] or found["after"] or len(found["quote"]) > LONG_QUOTE_CHARS
    if not told:
        return found[0]
    return (found["before"] or "") + " " * len(found["quote"])


def _without_shown_lines(text: str, shown: Sequence[str]) -> str:
    told = {_as_line(line) for one in shown for line in one.splitlines()}
    if not told:
        return text
    lines = text.split("\n")
    spoken = [index for index, line in enumerate(lines) if line.strip()]
    for index in spoken[:-1]:
        line = lines[index].strip().strip("\"'“”`>*- ")
        if len(line) >= SHOWN_LINE_CHARS and _as_line(line) in told:
            lines[index] = " " * len(lines[index])
    return "\n".join(lines)


def _without_shown_marks(text: str, shown: Sequence[str]) -> str:
    """Without the boxes and double brackets of the candidate, but for those in the last line."""
    start = text.rstrip().rfind("\n") + 1
    told = {found[0] for one in shown for found in _MARKED.finditer(one)}
    return _MARKED.sub(lambda found: _blank(found) if found[0] in told else found[0], text[:start]) + text[start:]


def _as_line(line: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", line).split()).casefold()
