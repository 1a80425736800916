"""Yes or no, right or wrong: the ways in which verifiers say so."""

import re
from collections.abc import Iterator

from grm.replies.expected import Expected
from grm.replies.matches import IS, MARKS, VERDICT, Match, Strength, is_final

_NO = (
    r"no|incorrect|not\s+correct|wrong|false|not\s+equivalent|inequivalent|not\s+equal|unequal|mismatch"
    r"|no\s+match|not\s+a\s+match|invalid|fail(?:ed)?"
    r"|not\s+right|reject(?:ed)?|不正确|错误|不对|错|否|不一致|不等价|不匹配|不相等|不符合"
)
_YES = (
    r"yes|correct|true|right|equivalent|equal|match(?:es)?|valid|pass(?:ed)?|accept(?:ed)?|正确|对"
    r"|是|一致|等价|匹配|相等|符合"
)
_WORD = rf"({_NO}|{_YES})(?![\w'])"
_FORMAL = (
    rf"\[\[\s*{_WORD}\s*\]\]",
    rf"(?<!\[)\[\s*{_WORD}\s*\](?!\])",
    rf"\\boxed\{{\s*(?:\\(?:text|mathrm|textbf)\{{)?\s*{_WORD}\s*\}}",
    rf"<(?:answer|verdict|label|decision|result|judge?ment|correct)>\s*{_WORD}\s*</",
    rf"\[\s*(?:result|verdict)\s*:?\s*\]?\s*:?{MARKS}{_WORD}",
    rf"{VERDICT}\s*(?:\([^)\n]{{0,30}}\))?[*_`]*{IS}{MARKS}(?:that\s+)?(?:the\s+\w+\s+is\s+)?{_WORD}",
)
_STATED = (
    (
        rf"\b(?:answer|response|solution|result|output|value|submission|candidate|it|they|two|both|expressions?"
        rf"|answers)(?:'s\s+\w+|\s+\w+)?"
        rf"\s+(?:is|are|was|were)\s+(?:therefore\s+|thus\s+|also\s+|indeed\s+|clearly\s+|mathematically\s+"
        rf"|numerically\s+)*(?:marked\s+|judged\s+|considered\s+)?{_WORD}"
    ),
    (
        r"\b(?:does|do|did)\s+(not)\s+match\b|\b(?:answer|response|result|value|it)\s+(match)(?:es"
        r"|ed)\s+(?:the\s+)?(?:reference|gold|expected|correct|ground)"
    ),
    r"(?:回答|答案|结果|解答|二者|两者)(?:是|为)?(不正确|错误|不对|不一致|不等价|正确|对|一致|等价)的?",
)
_NEMO = re.compile(r"\[\[\s*A\s*(!=|≠|=|==)\s*B\s*\]\]", re.IGNORECASE)
_BARE_LINE = re.compile(rf"{MARKS}{_WORD}[\s*_`\"'”)\].。!>]*", re.IGNORECASE)
_OPENS = re.compile(
    rf"{MARKS}(yes|no|correct|incorrect|true|false|正确|错误|不正确|是的|不是|否)(?![\w'])[*_`\"']*\s*(?:[,.:;。,!\n]|-|—|$)",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"(?:\bnot\b|n't|\bif\b|\bwhether\b|\bunless\b|是否|如果|不)\s*(?:\w+\s+){0,3}$", re.IGNORECASE)


def label_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every statement of a label in the judge's own voice."""
    for found in _NEMO.finditer(text):
        yield Match(
            "!" not in found[1] and "≠" not in found[1], found.start(), Strength.FORMAL, is_final(text, found.start())
        )
    for forms, strength in ((_FORMAL, Strength.FORMAL), (_STATED, Strength.STATED)):
        for form in forms:
            for found in re.finditer(form, text, re.IGNORECASE):
                if strength is Strength.STATED and _NEGATED.search(text, max(0, found.start() - 30), found.start()):
                    continue
                word = next(group for group in found.groups() if group)
                yield Match(_says_yes(word), found.start(), strength, is_final(text, found.start()))
    yield from _bare(text)


def exact_label(text: str) -> bool | None:
    """The label that is the first line, or the whole of it."""
    for line in text.strip().split("\n"):
        if found := _BARE_LINE.fullmatch(line.strip()):
            return _says_yes(found[1])
    return None


def _bare(text: str) -> Iterator[Match]:
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return
    if found := _OPENS.match(lines[0].strip()):
        yield Match(_says_yes(found[1]), 0, Strength.BARE)
    for line in (lines[0], lines[-1]):
        if found := _BARE_LINE.fullmatch(line.strip()):
            yield Match(_says_yes(found[1]), text.rfind(line), Strength.BARE, line is lines[-1])


def _says_yes(word: str) -> bool:
    return re.fullmatch(rf"(?:{_NO}|not|不是)", word.strip(), re.IGNORECASE) is None
