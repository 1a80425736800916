"""The value that a sentence states: "So the area is 36π cm².", "She gets back 18 coins.", "面积是36平方厘米。"

Rule 1: only what the sentence asserts. Questions, denials and other people's answers state nothing.
Rule 2: a run of formulas at the end, else what follows the last "is", else the only number. Of several
        numbers none is picked: the whole sentence is handed on instead.
"""

import re
from typing import NamedTuple

from verifiers.math_answer.extract_chain import run_result
from verifiers.math_answer.extract_markup import clean
from verifiers.math_answer.extract_number import NUMBER

MAX_SENTENCE_CHARS = 1_000  # a longer one is a paragraph without full stops: only its end is read


class Stated(NamedTuple):
    """A value and how it was found; `text` is None for a sentence that states nothing."""

    text: str | None
    how: str


_TEXT_GROUP = re.compile(r"\\(?:text\w{0,6}|mathrm|mbox|operatorname)\s*\{[^{}]{0,2000}\}|\$[^$]{0,2000}\$")
# A word that makes a clause of what would else be a bare answer.
_CUE = re.compile(
    r"\b(?:is|are|was|were|be|been|am|equals?|gives?|gave|gets?|got|have|has|had|yields?|becomes?|so|thus|hence"
    r"|therefore"
    r"|because|since|we|she|he|they|it|you|i|let|let's|takes?|took|needs?|must|should|cannot|will|would|does|did"
    r"|find|found"
    r"|means?|obtain|note|now|not|instead|rather|unlike|overall|altogether|in total|in conclusion|finally|then|that"
    r"|this|there|but|check|yes)\b|[是为于得故则答设有共]|解[:：得]|因此|所以|可知|[。？！]",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    r"(?:(?<=[^\s.][.?])"
    r"|(?<=[A-Za-z]{3}!))(?<!\b[a-zA-Z]\.[a-zA-Z]\.)(?<!approx\.)(?<!\bvs\.)(?<!\bNo\.)(?<!\bp\.)(?<!\bcf\.)(?<!\beq\.)(?<!\bfig\.)"
    r"[\"'”’)\]*_]{0,3}\s+(?=\S)|(?<=[。！？])(?=[^\s。！？!?)*\]\"'.,])",
)
_CLAUSE_END = re.compile(
    r"\$[^$\n]{0,2000}\$|\\[(\[]|(;\s|；|。|\s[-–—]{1,3}\s|,?\s(?:because|since|as (?:desired|required|claimed|needed"
    r"|we|the|it)|which|so that"
    r"|after|when|unlike|instead of|rather than|as opposed to|just like|given that|due to|assuming|,? not)\b|，(?:不是"
    r"|而不是|因为|而非))",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:[\s>#•]+|[*\-]\s+|(?:\d{1,2}|[a-z])[.)]\s+|(?:so|thus|hence|therefore|then|finally|and|now|in conclusion"
    r"|in summary|in total|overall|that is"
    r"|consequently|as a result|to conclude|altogether|yes|ok|okay|well|because)\b[,:]?\s*|(?:因此"
    r"|所以|综上所述|综上|故|于是|从而"
    r"|由此可得|由此可知|即"
    r"|解|答|那么|最后|最终|∴)[,，:：]?\s*)+",
    re.IGNORECASE,
)
_DENIAL_PHRASE = re.compile(
    r"[,;(，]?\s*(?:\band\s+|\bbut\s+)?(?:\bnot\b(?!\s+(?:exist|possible|enough|determin|defined))|\binstead of\b"
    r"|\brather than\b|\bunlike\b"
    r"|\bas opposed to\b|不是|而不是|而非)\s*[^,.:;，。：；]{1,60}?(?=[,.:;，。：；)]|\bbut\b|\Z)\)?,?",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:wrong|incorrect|mistaken?|erroneous|false|isn't|aren't|wasn't|doesn't (?!exist)|cannot be (?!determined"
    r"|found|solved)|misconception)\b"
    r"|错误|不正确|不对|误以为|误认为",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:some|many|most|other|others|people|students?|one might|you might|you may|it is tempting|someone"
    r"|somebody)\b[^.]{0,30}"
    r"\b(?:say|says|said|think|thinks|answer|believe|claim|claims|guess|choose|suppose|expect)\b"
    r"|\b(?:common|typical|frequent|tempting|popular|usual|naive)\b[^.]{0,30}\b(?:answer|mistake|error|choice|guess"
    r"|trap)"
    r"|\b(?:reference|gold|ground[- ]truth|official|model|candidate(?:'s|’s)?) (?:answer|solution|value|standard"
    r"|label)|\bground[- ]truth\b"
    r"|标准答案|参考答案|评分员|阅卷|有人|有些(?:人|同学)|常见(?:错误|答案)",
    re.IGNORECASE,
)
# Closes a response whatever numbers it holds.
_CLOSING = re.compile(
    r"[\s*_(>\-]*(?:I hope|Hope|Let me know|Feel free|Please|Thanks?\b|Good luck|If you (?:have|need|want|would)"
    r"|Don't hesitate|Happy to"
    r"|(?:Quick |Sanity )?(?:Verif(?:y|ied|ication)|Check(?:ed|ing)?)\b|Note|Remember|Remark|Q\.?E\.?D"
    r"|希望|如有|如果您|谢谢"
    r"|验证|检验|证毕|祝)",
    re.IGNORECASE,
)
# Closes a response where it holds no number.
_REMARK = re.compile(
    r"[\s*_(>\-]*(?:I am|I'm|I've|We've|Both\b|(?:This|That|Which|It) (?:is (?:the )?(?:final|correct|required"
    r"|desired|complete|consistent|our)"
    r"|matches|completes|confirms|agrees|makes sense|satisfies|follows|solution|answer|result|concludes|can be"
    r"|means|was|has been|uses|comes)"
    r"|(?:All|Every)\b|Done|As (?:required|desired)|We are done|Great|Nice|Cheers|Best|以上|这(?:就是|是|个))",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[A-Za-z'’\-]{2,}[,.:!?]?\Z")
_UNITS = frozenset(
    "mm cm dm km kg mg ml sq sec min hr hrs hours hour minutes minute seconds second days day degrees degree percent dollars"
    " cents meters metres meter metre feet foot inches inch miles units unit mph kmh and or pi sin cos tan log ln lg exp sqrt max min gcd"
    " mod lcm am pm usd eur rad radians per pct hz pa mol ohm joules newtons watts volts liters litres grams".split()
)
# What may stand right before a run of formulas that is the claim: not "less than 5", "step 3", "negative 4".
_ANNOUNCES = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|so|thus|hence|therefore|then|gets?|got|gives?|gave|giving|have|has|had"
    r"|having|obtains?|obtaining|finds?"
    r"|found|finding|in|at|that|we|yields?|yielding|becomes?|exactly|about|approximately|roughly|around|only|just"
    r"|value|because|since|total|means"
    r"|conclude|simplifies to|equal to|evaluates to|comes to|reduces to|amounts to|works out to|leaves?|leaving"
    r"|costs?|result|answer|implies|namely"
    r"|and|probability|when|solution|solutions|remains?)|[:,;：，；=。.]|[\u4e00-\u9fff])[\s*_]*\Z",
    re.IGNORECASE,
)
_COPULA = re.compile(
    r"\b(?:is|are|was|were|will be|would be|must be|should be|equals?|becomes?|gives?|yields?|to be|costs?|has"
    r"|have)\b(?:\s+(?:therefore|thus|then"
    r"|indeed|in fact|actually|clearly|simply|exactly|equal|just|only|given by|about|approximately|roughly|around"
    r"|to|in|at|on))*\s*[:：]?\s*"
    r"|等于|选择?(?=\s*[A-H(（])|应该是|应当是|应为|是|为|[:：](?!\s*\d+\s*[;；])|(?<=[^\d])得到?",
    re.IGNORECASE,
)
_VALUE_START = re.compile(
    r"[-+−±]?\s*[\d$\\(\[{|√∞π∅⌊⌈.①-⑳０-９¼-¾]|[A-Za-z]\s*(?:[=<>≤≥^*+\-/∈]|\b)|[A-Za-z]\([A-Za-z]\)\s*="
    r"|[-−]\s*[A-Za-z]\b"
)
_HEDGE = re.compile(
    r"\b(?:or|either|maybe|perhaps|possibly|between|any of|all possible|somewhere|one of|could be|might be"
    r"|possible)\b|或|可能|之间|也许|大概是?",
    re.IGNORECASE,
)
# After these a run of formulas may begin without a space; "3:5" is a ratio.
_CJK_LEAD = re.compile(r"[是为于得故则约共有即：]|(?<!\d):|:(?!\d)")
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*|__([^_\n]{1,200})__")
_MATH = re.compile(r"\$([^$\n]{1,2000})\$|\\\(((?:[^\\\n]|\\[^)\n]){1,2000})\\\)")
_QUANTITY = re.compile(
    r"[-+−]?\d[\d,.]*(?<![.,])\s{0,2}(?:%|°|[^\W\d_]{1,14}(?: (?:per|an?|of) [^\W\d_]{1,14})?)(?=[\s.,;)]"
    r"|\Z)(?!\s+(?:and|or|\+|-|=)\b)"
)
_FULL_QUANTITY = re.compile(r"\s{0,2}(%|°|[^\W\d_]{1,14}(?: (?:per|an?|of) [^\W\d_]{1,14})?)")


def is_bare(text: str) -> bool:
    r"""Whether a short text is an answer by itself, without a clause around it.

    >>> is_bare("7 \\text{ and } -5"), is_bare("75 km per hour"), is_bare("The area is 36")
    (True, True, False)
    """
    if "\\" in text or "$" in text:
        text = _TEXT_GROUP.sub(" ", text)
    return _CUE.search(text) is None and _SENTENCE_END.search(text) is None


def is_hedged(answer: str) -> bool:
    """Whether an answer offers alternatives."""
    return _HEDGE.search(answer) is not None


def sentences(line: str) -> list[str]:
    """The sentences of one line.

    >>> sentences("We get x = 1.5. So it is approx. 2. Done")
    ['We get x = 1.5.', 'So it is approx. 2.', 'Done']
    """
    cut, start = [], 0
    for end in _SENTENCE_END.finditer(line):
        cut.append(line[start : end.start()].strip())
        start = end.end()
    return [part for part in (*cut, line[start:].strip()) if part]


def is_remark(sentence: str) -> bool:
    """Whether a sentence only closes the response ("I hope this helps!")."""
    return bool(_CLOSING.match(sentence)) or (bool(_REMARK.match(sentence)) and not _digits(sentence))


def asserts(sentence: str) -> bool:
    """Whether a sentence states something as its own: no question, no denial, nobody else's answer."""
    if sentence.rstrip(" *_)\"'").endswith(("?", "？")):
        return False
    if _OTHERS.search(sentence):
        return False
    return not _DENIED.search(_DENIAL_PHRASE.sub(" ", sentence))


def stated_value(sentence: str, question_text: str = "") -> Stated:
    """What an asserting sentence states.

    >>> stated_value("2x = 24, so x = 12."), stated_value("Launch was in July 1969; the landing was in 1970.")
    (Stated(text='x = 12', how='formula'), Stated(text='1970', how='formula'))
    """
    sentence = sentence[-MAX_SENTENCE_CHARS:]
    if lead := _LEADING.match(sentence):
        sentence = sentence[lead.end() :]
    if (
        " not " in sentence
        or " of " in sentence
        or " than " in sentence
        or "unlike" in sentence.lower()
        or "不是" in sentence
    ):
        sentence = _DENIAL_PHRASE.sub(" ", sentence)
    sentence = sentence.strip()
    for reading in (_emphasised, _inline_formula, _formula_at_end, _after_copula, _only_number):
        if (stated := reading(sentence, question_text)) is not None:
            return stated
    return Stated(None, "")


def _emphasised(sentence: str, question_text: str) -> Stated | None:
    """The only bold passage, where it is not a label."""
    if "**" not in sentence and "__" not in sentence:
        return None
    found = list(_BOLD.finditer(sentence))
    if len(found) != 1:
        return None
    inner = (found[0][1] or found[0][2]).strip()
    after = sentence[found[0].end() :]
    if inner.endswith((":", "：")) or after.lstrip().startswith((":", "：")):
        return None
    if NUMBER.search(after) or (len(inner.split()) > 6 and not NUMBER.search(inner)):
        return None
    percent = after[0] if after[:1] in ("%", "°") else ""
    text = inner if is_bare(inner) else (stated_value(inner, question_text).text or inner)
    return Stated(run_result(clean(text), question_text) + percent, "emphasis")


def _inline_formula(sentence: str, question_text: str) -> Stated | None:
    """The only formula of a sentence without other numbers."""
    if "$" not in sentence and "\\(" not in sentence:
        return None
    found = list(_MATH.finditer(sentence))
    if not found:
        return None
    last = found[-1]
    before = sentence[: last.start()]
    after = sentence[last.end() :]
    if _digits(after):
        return None
    if len(found) > 1:
        # "Since $x = 3$, the area is $9$": the last one counts when a copula or conclusion announces it
        between = sentence[found[-2].end() : last.start()]
        if re.fullmatch(r"[\s,，、]*(?:and|or|和|或|与|及)?[\s,]*", between) or not _ANNOUNCES.search(before):
            return None
    elif _digits(before) and not _ANNOUNCES.search(before):
        return None
    if not re.search(r"\d|=|\\[A-Za-z]{2}|∅|π|∞", last[1] or last[2]) and len(found) > 1:
        return None
    if len(found) == 1 and not _ANNOUNCES.search(before) and re.search(r"\b(?:is|are|equals?)\b", after):
        return None  # "$x$ is odd"
    unit = _FULL_QUANTITY.match(after)
    percent = after[0] if after[:1] in ("%", "°") else ""
    text = run_result(clean(last[1] or last[2]), question_text) + percent
    return Stated(
        f"{text} {unit[1]}" if unit and unit[1].lower() in _UNITS and unit[1] not in ("and", "or") else text, "formula"
    )


def _digits(text: str) -> bool:
    return _DIGIT.search(text) is not None


def _formula_at_end(sentence: str, question_text: str) -> Stated | None:
    """The longest run of formulas that ends the sentence, where the words before it announce a value."""
    body = _trim_clause(sentence)
    start = _run_start(body)
    run = body[start:].strip()
    if not _digits(run) and not re.search(r"[=π∞∅<>≤≥∈]|\\[A-Za-z]{2}", run):
        return None
    before = body[:start]
    if before.strip() and not _ANNOUNCES.search(before):
        return None
    if before.strip() and re.search(r"\b(?:between|from|neither|either)\b[^,;.]{0,20}\Z", before):
        return None
    run = re.sub(r"\A(?:and|or|,|，)\s+", "", run)
    return Stated(run_result(clean(run), question_text), "formula")


def _trim_clause(sentence: str) -> str:
    for end in _CLAUSE_END.finditer(sentence):
        if (
            end[1]
            and _digits(sentence[: end.start()])
            and (not end[1].strip() or end[1].strip()[0] not in ";；。-–—" or not _digits(sentence[end.end() :]))
        ):
            return sentence[: end.start()].strip()
    return sentence.rstrip(" .。!！*")


def _run_start(text: str) -> int:
    """Where the run of formulas at the end of `text` begins: back to the last prose word."""
    start = len(text)
    cjk = max((mark.start() for mark in _CJK_LEAD.finditer(text)), default=-1)
    for token in reversed(list(re.finditer(r"\S+", text))):
        word = token[0].strip("*_,.;()")
        if _WORD.fullmatch(token[0].strip("*_()")) and word.lower() not in _UNITS:
            break
        if token[0].endswith((":", "：")) and len(word) > 2:
            break
        start = token.start()
        if cjk >= token.start():
            return cjk + 1
    return start


def _after_copula(sentence: str, question_text: str) -> Stated | None:
    """What follows the last "is" and the like: a value, else a few words."""
    body = _trim_clause(sentence)
    words: str | None = None
    for copula in reversed(list(_COPULA.finditer(body))):
        tail = clean(re.sub(r"\A(?:about|approximately|exactly|equal to|约为?|大约)\s+", "", body[copula.end() :]))
        if not tail:
            continue
        if _VALUE_START.match(tail) and _digits(tail):
            numbers = NUMBER.findall(tail)
            if len(numbers) == 1 and (quantity := _QUANTITY.match(tail)):
                return Stated(quantity[0].strip(), "copula")
            if len(numbers) <= 1 or is_hedged(tail) or re.search(r"[=,，]|\\|\band\b", tail):
                return Stated(run_result(tail, question_text), "copula")
            return None
        if words is None and not _digits(tail) and len(tail.split()) <= 6 and len(tail) <= 80:
            words = tail
    return Stated(words, "copula_words") if words and not _digits(body) else None


def _only_number(sentence: str, question_text: str) -> Stated | None:
    """The only number of the clause, with its unit."""
    body = _trim_clause(sentence)
    found = list(NUMBER.finditer(body))
    if len(found) != 1 or is_hedged(body):
        return None
    only = found[0]
    if re.search(
        r"\b(?:step|case|equation|figure|page|part|option|negative|minus|than|least|most|not|over|under|above"
        r"|below)\s*\Z",
        body[: only.start()],
        re.I,
    ):
        return None
    unit = _FULL_QUANTITY.match(body, only.end())
    return Stated(body[only.start() : unit.end() if unit else only.end()].strip(), "only_number")
