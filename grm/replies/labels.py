"""Yes or no, right or wrong: the ways in which verifiers say so."""

import re
from collections.abc import Iterator

from grm.replies.matches import IS, MARKS, VERDICT, Match, Strength, is_asked, is_final

_NO = (
    r"no|not\s+the\s+same|not\s+identical|different|incorrect|not\s+correct|wrong|false|not\s+equivalent|inequivalent|not\s+equal|unequal|mismatch"
    r"|no\s+match|not\s+a\s+match|invalid|fail(?:ed)?"
    r"|not\s+right|reject(?:ed)?|不正确|错误|不对|错|否|不一致|不等价|不匹配|不相等|不符合"
    r"|nein|falsch|non|faux|incorrect[oe]|não|errado|нет|неверно|いいえ|不正解|[✗✘❌✖]"
)
_YES = (
    r"yes|correct|true|right|equivalent|equal|match(?:es)?|valid|pass(?:ed)?|accept(?:ed)?|正确|对"
    r"|the\s+same|identical|是|一致|等价|匹配|相等|符合"
    r"|ja|richtig|korrekt|oui|vrai|correct[oe]|s[íì]|sim|да|верно|はい|正解|[✓✔✅☑]"
)
# "Yes/No", "Yes or No": a menu, no label.
_WORD = rf"({_NO}|{_YES})(?!['\w]|-\w)(?!\s*(?:/|\||or\b|或)\s*[*_`]*(?:{_NO}|{_YES}))"
_WORD += (
    r"(?!\s*[,(]?\s*(?:but\s+)?(?:only\s+(?:in|for|if|when)\b|(?:only\s+)?(?:partial|partly|almost|nearly|mostly|half))"
    r"|\s*\?)"
)
_KEY = rf"(?:{VERDICT}|grade|status|overall)(?:\s+of\s+(?:the|this|that)(?:\s+\w+){{1,2}})?(?:\s+finale?)?"
# "Verdict: correct reasoning, wrong answer": a word that goes with the next one is no label.
_ALONE = (
    r"(?=[*_`\"'”)\]]*\s*(?:[.,;:!。—-]|\n|$"
    r"|(?:because|since|as|for|given|to|the|they|both|it|this|that|with|and|you)\b))"
)
_LINE_END = r"[\s*_`\"'’”)\].。!>]{0,16}"
_FORMAL = (
    rf"\[\[\s*{_WORD}\s*\]\]",
    rf"(?<!\[)\[\s*{_WORD}\s*\](?!\])",
    rf"\\boxed\{{\s*(?:\\(?:text|mathrm|textbf)\{{)?\s*{_WORD}\s*\}}",
    rf"<(?:(?:final_)?(?:answer|verdict|decision)|label|result|judge?ment|(?:is_)?correct|equivalent|score|grade)>\s*{_WORD}\s*</",
    rf"\[\s*(?:result|verdict)\s*:?\s*\]?\s*:?{MARKS}{_WORD}",
    (
        rf"{_KEY}\s*(?:[(\[][^)\]\n]{{0,30}}[)\]])?[*_`]*(?:{IS}|\s+[-–—]\s+){MARKS}(?:that\s+)?"
        rf"(?:the\s+\w+\s+is\s+)?(?:{_WORD}|((?-i:[YN])))(?!\w){_ALONE}"
    ),
    # "correct: no", "is_correct: true", "GRADE: I"
    (
        rf"(?:^|\n){MARKS}(?:-\s+)?(?:is[_ ]|是否)?(?:正确|一致|等价|correct|equivalent"
        rf"|match(?:es)?|same|criteria[_ ]met|passed|valid)"
        rf"[*_`]*\s*[:=]{MARKS}{_WORD}{_ALONE}"
    ),
    rf"(?:^|\n){MARKS}(?-i:GRADE)\s*:{MARKS}((?-i:[CI]))(?!\w)",
    rf"(?:^|\n)(?:#{{1,6}}|\*\*)[^\n]{{0,40}}?{_KEY}[:*_`\s]*\n{MARKS}{_WORD}{_LINE_END}(?=\n|$)",
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
    r"(?:回答|答案|结果|解答|二者|两者|所以|因此|故)(?:是|为)?(不正确|错误|不对|不一致|不等价|正确|对|一致|等价)的?(?!\w)",
)
_NEMO = re.compile(r"\[\[\s*A\s*(!=|≠|=|==)\s*B\s*\]\]", re.IGNORECASE)
_BARE_LINE = re.compile(rf"{MARKS}(?:{_WORD}|((?-i:[YN])))(?!\w){_LINE_END}", re.IGNORECASE)
_NAMED_LINE = re.compile(
    rf"{MARKS}(?:final\s+answer|answer|output|outcome|label|correct|equivalent|match|same)[*_`]*\s*:{_BARE_LINE.pattern}",
    re.IGNORECASE,
)
_OPENS = re.compile(
    rf"{MARKS}(yes|no|correct|incorrect|true|false|正确|错误|不正确|是的|不是|否|ja|nein|oui|non|sí|はい|いいえ)(?![\w'])[*_`\"']*\s*(?:[,.:;。,!\n]|-|—|$)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\bnot\b|n't|\bcannot\b|\bunable\b|\bunclear\b|\bunsure\b|\bdoubt\b|\bhard\s+to\b|\bif\b|\bwhether\b"
    r"|\bunless\b|是否|如果|不|无法)\s*(?:\w+\s+){0,4}$",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(r"\bif\b[^.;\n]*\b(?:were|had|would)\b[^.;\n]*$", re.IGNORECASE)
# "The answer is false": of a question of true or false this is the answer, and no judgement of it.
_OWN_ANSWER = re.compile(r"\banswer\s+(?:is|was)\s+(?:yes|no|true|false)$", re.IGNORECASE)
_HEDGED = re.compile(r"[^.!?\n]{0,60}\b(?:but|however|except|although|though)\b", re.IGNORECASE)
# "✅ Correct" says it once.
_TICKED = re.compile(rf"[✓✔✅☑]\s*(?=(?:{_YES})\b)|[✗✘❌✖]\s*(?=(?:{_NO})\b)", re.IGNORECASE)
_CONTRACTED = re.compile(r"\b(is|are|was|were|does|do|did)n['’]t\b", re.IGNORECASE)
_LAST_SENTENCE = re.compile(
    rf"(?:\?|[.。!]\s){MARKS}(yes|no|true|false|correct|incorrect|正确|错误|是|否|ja|nein|oui|non|sí|はい|いいえ"
    rf"|[✗✘❌✖✓✔✅☑]){_LINE_END}$",
    re.IGNORECASE,
)


def label_matches(text: str) -> Iterator[Match]:
    """Every statement of a label in the judge's own voice."""
    text = _TICKED.sub("", _CONTRACTED.sub(r"\1 not", text))
    if text.strip() in ("+", "-"):
        yield Match(text.strip() == "+", 0, Strength.BARE, final=True)
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
                if _says_yes(word) and strength is Strength.FORMAL and _HEDGED.match(text, found.end()):
                    continue
                yield Match(_says_yes(word), found.start(), strength, is_final(text, found.start()))
    yield from _bare(text)


def _is_unmeant(text: str, found: re.Match[str]) -> bool:
    """Whether the statement is negated, supposed, one of two alternatives, or asked."""
    start = found.start()
    sentence = re.split(r"[.!?\n]", text[max(0, start - 200) : start])[-1] + re.split(r"[.!?\n]", text[start:])[0]
    return bool(
        _NEGATED.search(text, max(0, start - 40), start)
        or _SUPPOSED.search(text, max(0, start - 80), start)
        or is_asked(text, found.end())
        or _OWN_ANSWER.search(found[0])
        or len(re.findall(r"\bif\b", sentence, re.IGNORECASE)) > 1
    )


def exact_label(text: str) -> bool | None:
    """The label that is a line of its own, or opens the text, if nothing behind it says otherwise."""
    for line in text.strip().split("\n"):
        if found := _BARE_LINE.fullmatch(line.strip()):
            return _says_yes(found[1] or found[2])
    if opens := _OPENS.match(text.strip()):
        said = {match.value for match in label_matches(text)} | {_says_yes(opens[1])}
        return said.pop() is True if len(said) == 1 else None
    return None


def _bare(text: str) -> Iterator[Match]:
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return
    if found := _LAST_SENTENCE.search(lines[-1]):
        yield Match(_says_yes(found[1]), text.rfind(lines[-1]), Strength.BARE, final=True)
    first = lines[0].strip()
    if (found := _OPENS.match(first)) and not (_NAMED_LINE.fullmatch(first) or _HEDGED.match(first, found.end())):
        yield Match(_says_yes(found[1]), 0, Strength.BARE)
    for line in (lines[0], lines[-1]):
        if found := _BARE_LINE.fullmatch(line.strip()) or _NAMED_LINE.fullmatch(line.strip()):
            word = next(group for group in found.groups() if group)
            yield Match(_says_yes(word), text.rfind(line), Strength.BARE, line is lines[-1])


def _says_yes(word: str) -> bool:
    return re.fullmatch(rf"(?:{_NO}|not|不是|N|I)", word.strip(), re.IGNORECASE) is None
