"""From all the model wrote to the text of its final answer.

Rule 1: last box, then answer marker, then what stands at the end; the first stage that finds something decides.
Rule 2: thinking, comments, struck-out text and talk to a grader are never searched.
Rule 3: where a response gives no answer, repeats the question or contradicts itself, it is refused with the reason.
Rule 4: a value taken back in favour of another ("No, 41.") is never the answer: the last word is, behind a box neither.
Rule 5: every pass is linear in the response, and each common case leaves early.
"""

import re
from dataclasses import dataclass

from verifiers.math_answer.extraction.box import CORRECTION, last_box, lone_box
from verifiers.math_answer.extraction.marker import marked
from verifiers.math_answer.extraction.markup import MAX_ANSWER_CHARS, says_something, squeeze
from verifiers.math_answer.extraction.number import differ, same
from verifiers.math_answer.extraction.prose import is_hedged, offered, taken_back
from verifiers.math_answer.extraction.section import final_section
from verifiers.math_answer.extraction.tail import read_end

MAX_RESPONSE_CHARS = 1_000_000
MAX_FINAL_CHARS = 4_000  # of the final section kept for the reading of words
MAX_QUESTION_CHARS = 20_000  # of the question looked at for copies

_PLAIN_ANSWER = re.compile(r"-?\d{1,15}(?:\.\d{1,15}|/\d{1,15})?|-?\\d?frac\{-?\d{1,9}\}\{\d{1,9}\}")
# A bare formula: digits, brackets, single letters and harmless commands, at most one name before an equals sign.
# No chain, no comment, no words: nothing that a later stage would change.
_BARE_FORMULA = re.compile(
    r"(?=[^\s,*_|])(?:[A-Za-z](?:\([A-Za-z]\))? ?= ?)?(?:[\d .,()\[\]{}+*/^_|-]|(?<![A-Za-z])[A-Za-z](?![A-Za-z])"
    r"|\\(?:[dt]?frac|sqrt|pi|cup|infty|left[(\[]|right[)\]]|leq?|geq?|cdot|pm|times"
    r"|circ)(?![A-Za-z])){1,300}+(?<![\s.,*])"
)
_ONE_FORMULA = re.compile(r"\$([^$]+)\$|\\\(((?:[^\\]|\\(?![()]))+)\\\)|\\\[((?:[^\\]|\\(?![\[\]]))+)\\\]")
MIN_LONG_FORMULA_CHARS = 300
_LONG_FORMULA = re.compile(r"(?:[\d\s.,;:()\[\]{}+*/^_|<>=&$!%'-]|\\[A-Za-z]+|\\[^A-Za-z]|[A-Za-z](?![A-Za-z]))++")


@dataclass(frozen=True, slots=True)
class Extraction:
    """`answer` is the final answer with the markup around it removed, its LaTeX untouched; None when refused.

    `how` names what found it; `parts` are all final answers where there are several, in order;
    `refusal` says why nothing may be rewarded; `final` is the part of the response that was searched
    (its end, bounded); `hedged` says that the answer offers alternatives ("7 or 8"), which only a
    reference with several values can meet.
    """

    answer: str | None
    how: str
    parts: tuple[str, ...] = ()
    refusal: str | None = None
    final: str = ""
    hedged: bool = False


def extract(response: str, question: str | None = None) -> Extraction:
    r"""The final answer of `response`.

    >>> extract(r"So $x = \boxed{\frac{1}{2}}$.").answer
    '\\frac{1}{2}'
    """
    if len(response) <= 40 and _PLAIN_ANSWER.fullmatch(response):
        return Extraction(response, "whole", (), None, response)
    if len(response) <= 300 and _BARE_FORMULA.fullmatch(response) and says_something(response):
        return _checked(response, "whole", (), response, question)
    if len(response) > MAX_RESPONSE_CHARS:
        return Extraction(None, "nothing", refusal="response too long")
    lone = lone_box(response)
    if lone is not None:
        return _checked(lone, "box", (), response, question)
    section = final_section(response, question)
    if section.refusal is not None:
        return Extraction(None, "nothing", refusal=section.refusal)
    return _searched(section.text.strip(), question)


def _searched(text: str, question: str | None) -> Extraction:
    if one := _ONE_FORMULA.fullmatch(text):
        # One formula is the whole response, also over several lines.
        text = (one[1] or one[2] or one[3] or "").strip()
    final = text[-MAX_FINAL_CHARS:]
    if not says_something(final):
        return Extraction(None, "nothing", refusal="no answer", final=final)
    if question and text.startswith(question.strip()) and says_something(rest := text[len(question.strip()) :]):
        text = rest.strip()
    question_text = squeeze(question[:MAX_QUESTION_CHARS]) if question else ""
    box = last_box(text, question)
    if box is not None:
        if box.answer is None or _taken_back(box.answer, text[box.end :], question_text):
            return Extraction(None, box.how, refusal=box.refusal or "contradicting finals", final=final)
        return _checked(box.answer, box.how, box.parts, final, question)
    if "box" in text:
        text = _EMPTY_BOX.sub("", text).strip()
    if len(text) > MIN_LONG_FORMULA_CHARS and _LONG_FORMULA.fullmatch(text):
        # A list of thousands, a long sum: an answer as a whole, never its tail.
        return _checked(text, "whole", (), text, question)
    return _without_box(text, question, question_text)


def _without_box(text: str, question: str | None, question_text: str) -> Extraction:
    final = text[-MAX_FINAL_CHARS:]
    marker = marked(text, question_text)
    if marker is not None:
        if marker.answer is None:
            return Extraction(None, marker.how, refusal=marker.refusal, final=final)
        tail = text[marker.end :]
        revised = _revision(marker.answer, tail, question_text)
        if revised is None and _disputed(marker.answer, tail):
            return Extraction(None, marker.how, refusal="contradicting finals", final=final)
        return _checked(
            revised or marker.answer, "correction" if revised else marker.how, marker.parts, final, question
        )
    if _BROKEN_OFF.search(final[-60:]) or _OPENING_ONLY.fullmatch(final):
        return Extraction(None, "nothing", refusal="no answer", final=final)
    if question and len(text) <= len(question) + 20 and _repeats(text, question):
        return Extraction(None, "whole", refusal="only the question repeated", final=final)
    end = read_end(text, question_text)
    if end is None or not says_something(end.answer):
        return Extraction(None, "nothing", refusal="no answer", final=final)
    if _OR_ELSE.match(end.answer) and _VALUE_BEFORE.search(text[: text.rfind(end.answer)][-20:]):
        return Extraction(None, end.how, refusal="contradicting finals", final=final)
    return _checked(end.answer, end.how, end.parts, final, question)


def _checked(answer: str, how: str, parts: tuple[str, ...], final: str, question: str | None) -> Extraction:
    """The extraction, unless the answer is no answer."""
    final = final[-MAX_FINAL_CHARS:]
    if len(answer) > MAX_ANSWER_CHARS:
        return Extraction(None, how, refusal="answer too long", final=final)
    if question is not None and len(answer) >= 4 and _repeats(answer, question):
        return Extraction(None, how, refusal="only the question repeated", final=final)
    if answer[-1] in "?？)*" and answer.rstrip(" )*").endswith(("?", "？")):
        return Extraction(None, how, refusal="no answer", final=final)
    if ("{" in answer or " " in answer) and _DENIES.match(answer):
        return Extraction(None, how, refusal="no answer", final=final)
    if "thing " in answer or "any number" in answer:
        answer = _ALL_BUT.sub(r"\1 except ", answer)
    return Extraction(answer, how, parts, None, final, is_hedged(answer))


# "hardly 42" is no answer, and "anything but 42" is not 42: all but one value is said with "except".
_DENIES = re.compile(
    r"(?:\\text\w*\s*\{\s*)?(?:hardly|scarcely|nowhere near|nothing like|far from) [\s$}]*[-\\]?\d", re.IGNORECASE
)
_ALL_BUT = re.compile(r"\b(anything|everything|any number) (?:but|besides)\s", re.IGNORECASE)
_OR_ELSE = re.compile(r"(?:or|alternatively|otherwise|maybe|perhaps|possibly)\b[\s,]", re.IGNORECASE)
_VALUE_BEFORE = re.compile(r"\d[^\w\s]{0,4}\s+\Z")
_EMPTY_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{\s*\}")
_REVISION = re.compile(
    r"\b(?:wait|actually|sorry|correction|scratch that|oops|i made an? (?:mistake|error))\b|更正|不对|等等，"
    r"|算错|写错"
    r"|\bhowever,? (?:up)?on (?:review|reflection|checking|a? ?closer)"
    r"|\bon (?:second thou?ghts?|closer inspection)",
    re.IGNORECASE,
)
_WITHDRAWN = re.compile(
    r"\b(?:that|this|it|which|the above|my (?:answer|result|value))(?:'s| is| was| must be) (?:wrong|incorrect"
    r"|not (?:right|correct)|a mistake|an error)\b|(?:这|那|上面)?(?:是错的|不对|错了|算错了)",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(
    r"\b(?:[Ii] take (?:that|it) back|[Ii] retract (?:that|it)|[Ss](?:cratch|trike) that)(?=\s*(?:[.,:;!—–-]|\Z))"
)
WITHDRAWAL_CHARS = 80  # between a word of correction and what it says of the answer


def _revision(answer: str, tail: str, question_text: str) -> str | None:
    """A different plain value after a word of correction, else a different value as the last word: "No, 41."."""
    if len(tail) <= 3:
        return None
    word = _REVISION.search(tail)
    end = read_end(tail[word.end() :].lstrip(" ,;:，；："), question_text) if word is not None else None
    if end is not None and differ(end.answer, answer):
        return end.answer
    given = taken_back(tail[-MAX_FINAL_CHARS:])
    return given if given is not None and squeeze(given) != squeeze(answer) and not same(given, answer) else None


def _disputed(answer: str, tail: str) -> bool:
    """Whether another value is offered beside an answer, or the answer taken back and nothing said in its place."""
    other = offered(tail)
    # "22/7, or 3.14" and "5000 m, or 5 km" are one value.
    rounded_or_converted = other is None or "." in other + answer or (other[-1].isalpha() and other[-1] != answer[-1])
    if other is not None and not rounded_or_converted and differ(other, answer):
        return True
    word = _TAKES_BACK.search(tail) if "that" in tail or " back" in tail else None
    return word is not None and answer not in tail[word.end() :]


def _taken_back(answer: str, tail: str, question_text: str) -> bool:
    """Whether the text after a box takes its value back, or announces another one."""
    if len(tail) <= 3:
        return False
    if len(tail) > 2 * MAX_FINAL_CHARS:
        tail = f"{tail[:MAX_FINAL_CHARS]}\n{tail[-MAX_FINAL_CHARS:]}"
    word = _REVISION.search(tail)
    if word is not None and _WITHDRAWN.search(tail, word.start(), word.end() + WITHDRAWAL_CHARS):
        return True
    if _revision(answer, tail, question_text) is not None:
        return True
    if _disputed(answer, tail):
        return True
    again = marked(tail, question_text) if not CORRECTION.search(tail) else None
    return again is not None and again.answer is not None and differ(again.answer, answer)


_BROKEN_OFF = re.compile(
    r"(?:\b(?:is|are|be|the|to|of|equals)|(?<!\\)[:：=]"
    r"|(?<=[\w，：,:]{3})[是为])[\s*_$.。]*\Z",
    re.IGNORECASE,
)
_OPENING_ONLY = re.compile(
    r"[\s#*>]*(?:(?:thought process|thinking|solution|answer|the answer|final answer|reasoning|explanation|analysis"
    r"|step[- ]by[- ]step|step 1"
    r"|解|解答|答|答案|分析|思路|思考过程|かいせつ|解説|решение|ответ|solución|lösung|solution complète)[\s:：.*。]*"
    r"|(?:sure|okay|ok|certainly|of course|absolutely|great question|let me|let's|let us|i will|i'll|we need to"
    r"|we will|we'll|first,|to solve"
    r"|here is|here's|让我们?|首先|好的|我们来|下面|我来)[^\d=]{0,30000})",
    re.IGNORECASE,
)
_OPTION_LABEL = re.compile(r"(?<![A-Za-z])[A-H]\s*[).:、．]")
_IMPERATIVE = re.compile(
    r"(?:please)?(?:now)?(?:compute|evaluate|calculate|simplify|expand|factori[sz]e|factor|find|determine|whatis"
    r"|reduce|write|express|rationali[sz]e|solve"
    r"|differentiate|integrate|计算|化简|求|求值|解|分解因式|因式分解)(?:thevalueof|theexactvalueof|thefollowing"
    r"|theexpression"
    r"|completely|fully|theintegral|the"
    r"|equation|sum|product|[:：,])*"
)


def _repeats(answer: str, question: str) -> bool:
    """Whether an answer is only a copy of the question, of its options or of the expression it asks about."""
    copy = squeeze(answer)
    asked = squeeze(question[:MAX_QUESTION_CHARS]).rstrip(".?!。？")
    copy = copy.rstrip(".?!。？")
    if len(copy) < 4 or copy not in asked:
        return False
    if len(copy) >= 0.6 * len(asked) and not copy.replace(".", "").isdigit():
        return True
    if len(_OPTION_LABEL.findall(answer)) > 1:
        return True
    if not asked.endswith(copy) or not re.search(r"[-+*/^\\√]", copy):
        return False
    return _IMPERATIVE.fullmatch(asked[: -len(copy)]) is not None
