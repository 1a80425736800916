"""Text rewrites before reading: characters to their plain form, markup away, known damage mended.

Rule 1: linear time, no look at mathematics: what needs a parse belongs to the reader.
Rule 2: a rewrite never invents a value. Damage is mended only where one reading exists: `rac{` lost its backslash.
"""

import re

from verifiers.math_answer.reading.characters import (
    CIRCLED,
    PLAIN,
    SUBSCRIPTS,
    SUBSCRIPTS_PLAIN,
    SUPERSCRIPTS,
    SUPERSCRIPTS_PLAIN,
)

_SUPERSCRIPT = str.maketrans(SUPERSCRIPTS, SUPERSCRIPTS_PLAIN)
_SUBSCRIPT = str.maketrans(SUBSCRIPTS, SUBSCRIPTS_PLAIN)
_CIRCLED_RUN = re.compile(f"[{CIRCLED}]+")
_SUPERSCRIPT_RUN = re.compile(f"[{SUPERSCRIPTS}]+")
_SUBSCRIPT_RUN = re.compile(f"[{SUBSCRIPTS}]+")

_CONTROL_DAMAGE = (
    # A backslash escape was interpreted on the way: "\t" + "ext{" was "\text{", form feed + "rac" was "\frac".
    (re.compile("\t(?=(?:ext|imes|an|frac|heta|binom|o)\\b|ext[{a-z])"), "\\\\t"),
    (re.compile("\x0c(?=rac|orall)"), "\\\\f"),
    (re.compile("\x08(?=inom|oxed|eta|egin|ar|mod|ig|oldsymbol)"), "\\\\b"),
    (re.compile("\r(?=ight|angle|ho|floor|ceil)"), "\\\\r"),
    (re.compile("\n(?=eq\\b|e\\b|u\\b|abla|otin)"), "\\\\n"),
    (re.compile("\x0b(?=ec|arphi|ee)"), "\\\\v"),
)
_LOST_BACKSLASH = re.compile(r"(?<![A-Za-z\\])(rac|frac|dfrac|sqrt|oxed|boxed|ext|text|mathrm|mathbb)(?=\{)")
_MENDED = {"rac": "\\frac", "oxed": "\\boxed", "ext": "\\text"}
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z]{2}|[{}])")
_DOUBLED_IN_ROWS = re.compile(r"\\\\(?=(?:begin|end|left|right|geqslant|leqslant)(?![a-z]))")
_HTML_SUP = re.compile(r"<sup>\s*(.{0,40}?)\s*</sup>", re.I)
_HTML_SUB = re.compile(r"<sub>\s*(.{0,40}?)\s*</sub>", re.I)
_HTML_TAG = re.compile(
    r"</?(?:p|b|i|u|em|strong|span|div|br|code|math|center|font|answer|li|ul|ol|td|tr|table)(?:\s[^<>]{0,80})?/?>",
    re.I,
)
_UNIT_FRACTION = re.compile(
    r"\\[dt]?frac\s*\{\s*\\(?:text|mathrm)\s*\{\s*(\w+)\s*\}\s*\}\s*\{\s*\\(?:text|mathrm)\s*\{\s*(\w+)\s*\}\s*\}"
)
_PLUS_MINUS = re.compile(r"\+/-|(?:(?<=^)|(?<=[=,({]))\s*\+-")
_ENTITY = re.compile(r"&(lt|gt|le|ge|amp|nbsp|times|minus|pi|infin|deg|ne|radic|plusmn|middot);")
_ENTITIES = {
    "lt": "<", "gt": ">", "le": "\\le ", "ge": "\\ge ", "amp": "&", "nbsp": " ", "times": "\\times ", "minus": "-",
    "pi": "\\pi ", "infin": "\\infty ", "deg": "^\\circ ", "ne": "\\ne ", "radic": "\\sqrt ", "plusmn": "\\pm ",
    "middot": "\\cdot ",
}  # fmt: skip
_DELIMITERS = re.compile(r"\\\(|\\\)|\\\[|\\\]|\$\$")
_DISPLAY_STYLE = re.compile(
    r"\\(?:displaystyle|textstyle|limits|nolimits|scriptstyle|bf|rm|it|large|Large|normalsize)(?![A-Za-z])"
)


def normalise(text: str) -> str:
    """The text with plain characters, without markup around the mathematics, and with known damage mended.

    >>> normalise("**x = １２**")
    'x = 12'
    >>> normalise("rac{1}{e}")
    '\\\\frac{1}{e}'
    """
    if not text.isascii():
        text = _SUPERSCRIPT_RUN.sub(lambda m: "^{" + m.group().translate(_SUPERSCRIPT) + "}", text)
        text = _SUBSCRIPT_RUN.sub(lambda m: "_{" + m.group().translate(_SUBSCRIPT) + "}", text)
        # `①③` names two statements, not thirteen.
        text = _CIRCLED_RUN.sub(lambda m: ", ".join(str(CIRCLED.index(c) + 1) for c in m.group()), text)
        text = text.translate(PLAIN)
    if not text.isprintable():
        for pattern, mended in _CONTROL_DAMAGE:
            text = pattern.sub(mended, text)
    if "{" in text:
        text = _LOST_BACKSLASH.sub(lambda m: _MENDED.get(m.group(1), "\\" + m.group(1)), text)
    if "\\\\" in text:
        # Inside an environment `\\\\` breaks lines, so only what cannot begin a row is mended there.
        text = (_DOUBLED_IN_ROWS if "\\begin" in text else _DOUBLED).sub(r"\\", text)
    if "<" in text:
        text = _HTML_TAG.sub(" ", _HTML_SUB.sub(r"_{\1}", _HTML_SUP.sub(r"^{\1}", text)))
    if "+-" in text or "+/-" in text:
        text = _PLUS_MINUS.sub(r"\\pm ", text)
    if "&" in text:
        text = _ENTITY.sub(lambda m: _ENTITIES[m.group(1)], text)
    if "**" in text or "`" in text or "__" in text:
        text = _markdown_away(text)
    if "\\" in text:
        text = _UNIT_FRACTION.sub(r"\\text{\1/\2}", text)
        text = _DISPLAY_STYLE.sub(" ", _DELIMITERS.sub(" ", text))
    return _dollars_away(text).strip()


def _markdown_away(text: str) -> str:
    # "x**2" is a power in the Python way; only pairs around something are emphasis.
    if text.count("**") % 2 == 0 and re.search(r"(?:^|[\s(:])\*\*\S", text):
        text = text.replace("**", "")
    return text.replace("`", "") if "`" in text else text


def _dollars_away(text: str) -> str:
    """Math delimiters go; a dollar sign of money (`\\$5`, or a single `$5`) stays.

    >>> _dollars_away("$a=2$, $a=-6$")
    ' a=2 ,  a=-6 '
    >>> _dollars_away("$5")
    '$5'
    """
    count = text.count("$") - text.count("\\$")
    if count == 0:
        return text.replace("$$", " ") if "$$" in text else text
    if count == 1 and re.search(r"(?<!\\)\$\s?[\d.]", text):
        return text
    return re.sub(r"(?<!\\)\$", " ", text)
