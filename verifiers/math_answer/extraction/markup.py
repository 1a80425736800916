"""Taking off what stands around an answer and is not part of it. The answer's own LaTeX stays as written."""

import re

MAX_ANSWER_CHARS = 20_000  # longer texts are not answers; the reader refuses them anyway

_EDGE = " \t\r\n\u3000"
# "5!" is a factorial; "Canberra!" is not.
_TRAILING_STOP = re.compile(r"(?:(?<![.\\])\.|[。，；;：:]|(?<!\\),|！|(?<=[A-Za-z]{3})!|\s)+\Z")
# Emoji, but no heavy signs of arithmetic: a heavy minus is a minus.
_PICTURE = "[\u2600-\u2715\u2717-\u2794\u2798-\u27bf\u2b50\ufe0f\U0001f000-\U0001faff"
_PICTURES = re.compile(f"\\A{_PICTURE}\\s]+|{_PICTURE}]+\\Z")
_LEADING_MARK = re.compile(r"(?:[:：∴→]\s*|#{1,6}\s+|=\s*(?=[^=])|\\(?:displaystyle|textstyle|quad|qquad|[,;: ])\s*)+")
_PAIRS = (
    ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("***", "***"), ("**", "**"), ("__", "__"),
    ("```", "```"),
    ("`", "`"), ("*", "*"), ("“", "”"), ("「", "」"), ("『", "』"), ("【", "】"), ('"', '"'),
)  # fmt: skip
_CONTENT = re.compile(r"[^\W_]|[∅∞π√⌀Øπ%‰✓✔]")
# Commands that only lay out what stands in them: alone they say nothing.
_LAYOUT = re.compile(
    r"\\(?:[dtc]?frac|sqrt|left|right|text\w*|math(?:rm|bf|it|sf|bb|cal)|displaystyle|boxed|fbox|quad|qquad|hline"
    r"|begin\s*\{\w{0,20}\*?\}|end\s*\{\w{0,20}\*?\}|[Bb]igg?[lr]?)(?![A-Za-z])"
)
_NOTHING = frozenset(["null", "n/a", "na", "nan", "[]", "{}", "()", "...", "…", "tbd", "todo", "n.a", "nil", "空"])


def clean(text: str) -> str:
    """The answer without Markdown, maths delimiters and sentence punctuation around it.

    >>> clean(" **$\\\\frac{1}{2}$**. ")
    '\\\\frac{1}{2}'
    """
    for _ in range(8):  # deeper nesting of delimiters is not written by anyone
        before = text
        text = text.strip(_EDGE)
        if text[:1] in ":：=\\∴→#" and (mark := _LEADING_MARK.match(text)):
            text = text[mark.end() :]
        if text[-1:] in ".。，,；;：:！! \n" and not text.endswith(("\\right.", "\\,", "\\;", "\\:", "\\!")):
            text = (
                _TRAILING_STOP.sub("", text[-40:])
                if len(text) <= 40
                else text[:-40] + _TRAILING_STOP.sub("", text[-40:])
            )
        if not text.isascii():
            text = _PICTURES.sub("", text)
        text = _without_pair(_without_lone_stars(text))
        if text == before:
            break
    return text


def _without_lone_stars(text: str) -> str:
    """Bold marks whose partner stands outside of the answer."""
    if text.startswith("**") and text.count("**") % 2 == 1:
        return text[2:]
    return text[:-2] if text.endswith("**") and text.count("**") % 2 == 1 else text


def _without_pair(text: str) -> str:
    first = text[:1]
    if first == "\\" and (inner := whole_group(text, ("\\boxed", "\\fbox"))) is not None:
        return inner
    if first not in '$\\*_`“「『【"':
        return text
    for opening, closing in _PAIRS:
        size = len(opening)
        if text.startswith(opening) and text.endswith(closing) and len(text) > 2 * size - (opening == "***"):
            inner = text[size : -len(closing)]
            if opening not in inner and closing not in inner and not inner.endswith("\\"):
                return _fence_body(inner) if opening == "```" else inner
    return text


def _fence_body(inner: str) -> str:
    language, newline, body = inner.partition("\n")
    return body if newline and " " not in language.strip() else inner


def whole_group(text: str, commands: tuple[str, ...]) -> str | None:
    r"""The content of a command that spans all of `text`.

    >>> whole_group(r"\boxed{5}", ("\\boxed",))
    '5'
    """
    for command in commands:
        if text.startswith(command):
            rest = text[len(command) :].lstrip()
            if rest.startswith("{") and closing_brace(rest, 0) == len(rest) - 1:
                return rest[1:-1]
    return None


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def closing_brace(text: str, opening: int, limit: int = MAX_ANSWER_CHARS) -> int:
    """Where the brace at `opening` is closed, -1 when it is not within `limit` characters."""
    depth = 0
    for brace in _BRACE.finditer(text, opening, min(len(text), opening + limit)):
        sign = brace[0]
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return brace.start()
    return -1


def says_something(text: str) -> bool:
    r"""Whether there is any content: not only punctuation, layout commands or words for "nothing here".

    >>> says_something(r"\frac{\sqrt{}}{\left(\right.}"), says_something("∅"), says_something("null")
    (False, True, False)
    """
    if len(text) > MAX_ANSWER_CHARS:
        text = text[:MAX_ANSWER_CHARS]
    if text.strip(" .").casefold() in _NOTHING:
        return False
    if "\\" in text:
        text = _LAYOUT.sub("", text)
    return _CONTENT.search(text) is not None or re.fullmatch(r"\s*\\\{\s*\\\}\s*", text) is not None


_SPACES = re.compile(r"[\s$]+|\\[,;:! ]|(?<=\\)[dt](?=frac)|[.。]\Z")


def squeeze(text: str) -> str:
    """The text without white space, maths delimiters and case: equal for copies of the same text."""
    return _SPACES.sub("", text).casefold()
