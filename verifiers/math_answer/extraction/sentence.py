"""The value that a sentence states: "So the area is 36π cm².", "She gets back 18 coins.", "面积是36平方厘米。"

Rule 1: only what the sentence asserts. Questions, denials and other people's answers state nothing.
Rule 2: a run of formulas at the end, else what follows the last "is", else the only number. Of several
        numbers none is picked: the whole sentence is handed on instead.
"""

import re
from typing import NamedTuple

from verifiers.math_answer.extraction.chain import is_computation, run_result, split_equalities
from verifiers.math_answer.extraction.markup import clean
from verifiers.math_answer.extraction.number import NUMBER
from verifiers.math_answer.extraction.prose import is_bare, is_hedged, without_aside, without_denials

MAX_SENTENCE_CHARS = 1_000  # a longer one is a paragraph without full stops: only its end is read


class Stated(NamedTuple):
    """A value and how it was found; `text` is None for a sentence that states nothing."""

    text: str | None
    how: str


_CLAUSE_END = re.compile(
    r"\$[^$\n]{0,2000}\$|\\[(\[]|(;\s|；|。|\s[-–—]{1,3}\s|,?\s(?:because|since|as (?:desired|required|claimed|needed"
    r"|we|the|it)|which|so that"
    r"|after|when|unlike|instead of|rather than|as opposed to|just like|given that|due to|assuming|,? not"
    r"|,? but)\b|，(?:不是"
    r"|而不是|因为|而非))",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:[\s>#•]+|[*\-]\s+|(?:\d{1,2}|[a-z])[.)]\s+|(?:so|thus|hence|therefore|then|finally|and|now|in conclusion"
    r"|in summary|in total|overall|that is"
    r"|consequently|as a result|to conclude|altogether|yes|ok|okay|well|because)\b[,:]?\s*|(?:因此"
    r"|所以|综上所述|综上|故|于是|从而"
    r"|由此可得|由此可知|即"
    r"|其实|实际上|解|答|那么|最后|最终|∴)[,，:：]?\s*)+",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[A-Za-z'’\-]{2,}[,.:!?]?\Z")
_UNITS = frozenset(
    "mm cm dm km kg mg ml sq sec min hr hrs hours hour minutes minute seconds second days day degrees degree percent"
    " dollars cents meters metres meter metre feet foot inches inch miles units unit mph kmh and or pi sin cos"
    " tan log ln lg exp sqrt max min gcd"
    " mod lcm am pm usd eur rad radians per pct hz pa mol ohm joules newtons watts volts liters litres grams".split()
)
# What may stand right before a run of formulas that is the claim: not "less than 5", "step 3", "negative 4".
_ANNOUNCES = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|so|thus|hence|therefore|then|gets?|got|gives?|gave|giving|have|has|had"
    r"|having|obtains?|obtaining|finds?"
    r"|found|finding|in|at|that|we|yields?|yielding|becomes?|exactly|about|approximately|roughly|around|only|just"
    r"|value|because|since|total|means|as"
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
    r"|\b(?:it's|that's|takes?(?: (?:him|her|them|us|me|it))?|(?:a|the) (?:final |grand )?(?:total|sum|count) of)\s+"
    r"|等于|选择?(?=\s*[A-H(（])|应该是|应当是|应为|是|为|[:：](?!\s*\d+\s*[;；])|(?<=[^\d])得到?",
    re.IGNORECASE,
)
_SUCH = re.compile(r"(?<=\d) such\b")  # "14 such integers": the noun is the unit
_VALUE_START = re.compile(
    r"[-+−±]?\s*[\d$\\(\[{|√∞π∅⌊⌈.①-⑳０-９¼-¾]|[A-Za-z]\s*(?:[=<>≤≥^*+\-/∈]|\b)|[A-Za-z]\([A-Za-z]\)\s*="
    r"|[-−]\s*[A-Za-z]\b"
)
# After these a run of formulas may begin without a space; "3:5" is a ratio.
_CJK_LEAD = re.compile(r"[是为于得故则约共有即要需用了花：]|(?<!\d):|:(?!\d)")
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*|__([^_\n]{1,200})__")
_MATH = re.compile(r"\$([^$\n]{1,2000})\$|\\\(((?:[^\\\n]|\\[^)\n]){1,2000})\\\)")
_QUANTITY = re.compile(
    r"[-+−]?\d[\d,.]*(?<![.,])\s{0,2}(?:%|°|[^\W\d_]{1,14}(?: (?:per|an?|of) [^\W\d_]{1,14})?)(?=[\s.,;)]"
    r"|\Z)(?!\s+(?:and|or|\+|-|=)\b)"
)
# No preposition is a unit: "8 is", "12.50 for the book".
_UNIT_AFTER = re.compile(
    r"\s{0,2}(%|°|(?!(?:for|in|is|of|and|or|to|at|on|as|if|by|with|from|that|are|was|were|the|each|so|than|per"
    r"|an?|we|it|he|she|they|you)\b)"
    r"[^\W\d_]{1,14}(?: (?:per|an?|of) [^\W\d_]{1,14})?)"
)
_TELLING = re.compile(r"\d|=|\\[A-Za-z]{2}|∅|π|∞|[<>≤≥∈]")
_IS_THE_ANSWER = re.compile(
    r"(?:option |choice )?(\S.{0,80}?) (?:is|are) (?:therefore |thus |then |indeed )?(?:the|our|my) (?:(?:only"
    r"|unique|final|correct|right|required"
    r"|desired|best) ){0,2}(?:answer|solution|value|result|choice|option|one)s?\b(?! (?:of|to|for|if|when|that|as)\b)"
    r"|(?:option|choice) ([A-H]\b).{0,40}? is (?:correct|right|true)\b",
    re.IGNORECASE,
)
# "The smallest is 3 and the largest is 9": two claims, none of them the answer.
_EARLIER_CLAIM = re.compile(
    r"\b(?:is|are|was|were|has|have)\b[^,;.]{0,30}\d[^;.]{0,40}\b(?:and"
    r"|while|whereas)\b[^;.]{0,60}\Z|[是有][^，。；]{0,12}\d[^，。；]{0,12}，[^，。；]{0,20}[是有]\Z",
    re.IGNORECASE,
)
_RANGE_BEFORE = re.compile(r"\b(?:between|from|neither|either)\b[^,;.]{0,20}\Z")
# The number is a side or a part of a formula, not what the sentence states: "with f(a) = 0".
_IN_FORMULA = re.compile(r"(?:[=<>≤≥≠^_*/(|{]|\\(?:leq?|geq?|neq?|equiv|times|cdot))\s*\Z")
_PROSE_IN_VALUE = re.compile(
    r"\b(?:for|of|with|to|in|at|after|so|the|when|from|by|on|there|that|they|she|he|we"
    r"|it|has|have|is|are)\b",
    re.IGNORECASE,
)


# A denial of all but the value asserts it: "It cannot be anything but 42".
_NOTHING_ELSE = re.compile(
    r"\b(?:can't|cannot|can not|couldn't|could not) be anything (?:but|other than|except|besides)\s+", re.IGNORECASE
)


def stated_value(sentence: str, question_text: str = "") -> Stated:
    """What an asserting sentence states.

    >>> stated_value("2x = 24, so x = 12."), stated_value("Launch was in July 1969; the landing was in 1970.")
    (Stated(text='x = 12', how='formula'), Stated(text='1970', how='formula'))
    """
    sentence = sentence[-MAX_SENTENCE_CHARS:]
    if lead := _LEADING.match(sentence):
        sentence = sentence[lead.end() :]
    if "anything" in sentence:
        sentence = _NOTHING_ELSE.sub("is ", sentence)
    if (
        " not " in sentence
        or " of " in sentence
        or " than " in sentence
        or " but " in sentence
        or "unlike" in sentence.lower()
        or "不是" in sentence
    ):
        sentence = without_denials(sentence)
    sentence = sentence.strip()
    if len(sentence.split()) > 3:
        sentence = without_aside(sentence)
    for reading in (_answer_of, _emphasised, _inline_formula, _formula_at_end, _after_copula, _only_number):
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


def _answer_of(sentence: str, question_text: str) -> Stated | None:
    """What is said to be the answer: "So 8 is the final answer.", "Option B is correct."."""
    found = _IS_THE_ANSWER.match(sentence)
    if found is None:
        return None
    text = clean(found[1] or found[2])
    return Stated(run_result(text, question_text), "subject") if len(text.split()) <= 6 else None


def _inline_formula(sentence: str, question_text: str) -> Stated | None:
    """The only formula with content of a sentence without other numbers, or the last one where it is announced."""
    if "$" not in sentence and "\\(" not in sentence:
        return None
    telling = [found for found in _MATH.finditer(sentence) if _TELLING.search(found[1] or found[2])]
    if not telling:
        return None
    last = telling[-1]
    before, after = sentence[: last.start()], sentence[last.end() :]
    announced = _ANNOUNCES.search(before) is not None
    if _digits(after) or (not announced and (_digits(before) or re.search(r"\b(?:is|are|equals?)\b", after))):
        return None
    if len(telling) > 1:
        between = sentence[telling[-2].end() : last.start()]
        if re.fullmatch(r"[\s,，、]*(?:and|or|和|或|与|及)?[\s,]*", between) or not announced:
            return None
    text = run_result(clean(last[1] or last[2]), question_text)
    if after[:1] in ("%", "°") and after:
        text += after[0]
    unit = _UNIT_AFTER.match(after)
    if unit and unit[1].lower() in _UNITS and unit[1] not in ("and", "or"):
        text = f"{text} {unit[1]}"
    return Stated(text, "formula")


def _digits(text: str) -> bool:
    return _DIGIT.search(text) is not None


def _formula_at_end(sentence: str, question_text: str) -> Stated | None:
    """The longest run of formulas that ends the sentence, where it computes or the words before it announce a value."""
    body = _trim_clause(sentence)
    start = _run_start(body)
    run = re.sub(r"\A(?:and|or|,|，)\s+", "", body[start:].strip())
    if not _TELLING.search(run):
        return None
    before = body[:start]
    if _EARLIER_CLAIM.search(before) or _RANGE_BEFORE.search(before):
        return None
    if start == 0 and len(sentence) == MAX_SENTENCE_CHARS:
        return None  # the run goes on before the part that is read
    result = run_result(clean(run), question_text)
    members = split_equalities(run[run.rfind(", ") + 1 :].strip("$ "))
    computes = len(members) > 1 and is_computation(members[0])
    if before.strip() and not computes and not _ANNOUNCES.search(before):
        return None
    return Stated(result, "formula")


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
        tail = _SUCH.sub("", tail)
        if not tail:
            continue
        if _VALUE_START.match(tail) and _digits(tail):
            if not copula[0].rstrip().endswith("of") and _EARLIER_CLAIM.search(body[: copula.end()].rstrip()):
                return None
            numbers = NUMBER.findall(tail)
            if len(numbers) == 1 and (quantity := _QUANTITY.match(tail)):
                return Stated(quantity[0].strip(), "copula")
            if len(numbers) > 1 and _PROSE_IN_VALUE.search(tail):
                return None
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
    if _IN_FORMULA.search(body[: only.start()]) or re.search(
        r"\b(?:divisible by|(?:power|multiple|factor|divisor)s? of"
        r"|step|case|equation|figure|page|part|option|negative|minus|besides|except|hardly|nowhere near"
        r"|nothing like|(?:any|every|all)[a-z]*(?: [a-z]+){0,3} but|than|least|most|not|over|under|above"
        r"|below)\s*\Z",
        body[: only.start()],
        re.I,
    ):
        return None
    unit = _UNIT_AFTER.match(body, only.end())
    start = only.start() - (body[: only.start()].endswith(("$", "£", "€", "¥")))
    return Stated(body[start : unit.end() if unit else only.end()].strip(), "only_number")
