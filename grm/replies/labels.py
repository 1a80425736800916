"""Yes or no, right or wrong: the ways in which verifiers say so."""

import re
from collections.abc import Iterator

from grm.replies.expected import Expected
from grm.replies.matches import IS, MARKS, VERDICT, Match, Strength, is_asked, is_final

_NO = (
    r"no|not\s+the\s+same|not\s+identical|different|incorrect|not\s+correct|wrong|false|not\s+equivalent|inequivalent|not\s+equal|unequal|mismatch"
    r"|no\s+match|not\s+a\s+match|invalid|fail(?:ed)?"
    r"|not\s+right|reject(?:ed)?|不正确|错误|不对|错|否|不一致|不等价|不匹配|不相等|不符合"
)
_YES = (
    r"yes|correct|true|right|equivalent|equal|match(?:es)?|valid|pass(?:ed)?|accept(?:ed)?|正确|对"
    r"|the\s+same|identical|是|一致|等价|匹配|相等|符合"
)
# "Yes/No", "Yes or No": a menu, no label.
_WORD = rf"({_NO}|{_YES})(?![\w'])(?!\s*(?:/|\||or\b|或)\s*[*_`]*(?:{_NO}|{_YES}))"
_WORD += r"(?!\s*[,(]?\s*(?:but\s+)?(?:only\s+)?(?:partial|partly|almost|nearly|mostly|half)|\s*\?)"
_FORMAL = (
    rf"\[\[\s*{_WORD}\s*\]\]",
    rf"(?<!\[)\[\s*{_WORD}\s*\](?!\])",
    rf"\\boxed\{{\s*(?:\\(?:text|mathrm|textbf)\{{)?\s*{_WORD}\s*\}}",
    rf"<(?:answer|verdict|label|decision|result|judge?ment|correct)>\s*{_WORD}\s*</",
    rf"\[\s*(?:result|verdict)\s*:?\s*\]?\s*:?{MARKS}{_WORD}",
    rf"{VERDICT}\s*(?:[(\[][^)\]\n]{{0,30}}[)\]])?[*_`]*(?:{IS}|\s+[-–—]\s+){MARKS}(?:that\s+)?(?:the\s+\w+\s+is\s+)?{_WORD}",
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
_BARE_LINE = re.compile(rf"{MARKS}{_WORD}[\s*_`\"'’”)\].。!>]*", re.IGNORECASE)
_NAMED_LINE = re.compile(
    rf"{MARKS}(?:final\s+answer|answer|output|outcome|label|equivalent|match|same)[*_`]*\s*:{_BARE_LINE.pattern}",
    re.IGNORECASE,
)
_OPENS = re.compile(
    rf"{MARKS}(yes|no|correct|incorrect|true|false|正确|错误|不正确|是的|不是|否)(?![\w'])[*_`\"']*\s*(?:[,.:;。,!\n]|-|—|$)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\bnot\b|n't|\bcannot\b|\bunable\b|\bunclear\b|\bunsure\b|\bdoubt\b|\bhard\s+to\b|\bif\b|\bwhether\b"
    r"|\bunless\b|是否|如果|不|无法)\s*(?:\w+\s+){0,4}$",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(r"\bif\b[^.;\n]*\b(?:were|had|would)\b[^.;\n]*$", re.IGNORECASE)
_CONTRACTED = re.compile(r"\b(is|are|was|were|does|do|did)n['’]t\b", re.IGNORECASE)
_ASKED_ITSELF = re.compile(rf"\?{MARKS}{_WORD}[\s*_`\"'”)\].。!]*$", re.IGNORECASE)


def label_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every statement of a label in the judge's own voice."""
    text = _CONTRACTED.sub(r"\1 not", text)
    for found in _NEMO.finditer(text):
        yield Match(
            "!" not in found[1] and "≠" not in found[1], found.start(), Strength.FORMAL, is_final(text, found.start())
        )
    for forms, strength in ((_FORMAL, Strength.FORMAL), (_STATED, Strength.STATED)):
        for form in forms:
            for found in re.finditer(form, text, re.IGNORECASE):
                if strength is Strength.STATED and _is_unmeant(text, found):
                    continue
                word = next(group for group in found.groups() if group)
                yield Match(_says_yes(word), found.start(), strength, is_final(text, found.start()))
    yield from _bare(text)


def _is_unmeant(text: str, found: re.Match[str]) -> bool:
    """Whether the statement is negated, supposed or asked."""
    start = found.start()
    return bool(
        _NEGATED.search(text, max(0, start - 40), start)
        or _SUPPOSED.search(text, max(0, start - 80), start)
        or is_asked(text, found.end())
    )


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
    if found := _ASKED_ITSELF.search(lines[-1]):
        yield Match(_says_yes(found[1]), text.rfind(lines[-1]), Strength.BARE, final=True)
    if found := _OPENS.match(lines[0].strip()):
        yield Match(_says_yes(found[1]), 0, Strength.BARE)
    for line in (lines[0], lines[-1]):
        if found := _BARE_LINE.fullmatch(line.strip()) or _NAMED_LINE.fullmatch(line.strip()):
            yield Match(_says_yes(found[1]), text.rfind(line), Strength.BARE, line is lines[-1])


def _says_yes(word: str) -> bool:
    return re.fullmatch(rf"(?:{_NO}|not|不是)", word.strip(), re.IGNORECASE) is None
