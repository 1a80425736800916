"""Prose around answers: where sentences end, which of them assert something, what is an answer by itself.

Rule 1: only assertions count. Questions, denials, other people's answers and closing remarks state nothing.
Rule 2: of a sentence that turns ("12 is often said, yet x = 13") only the part after the turn is its own.
"""

import re

from verifiers.math_answer.extraction.markup import clean

_TEXT_GROUP = re.compile(r"\\(?:text\w{0,6}|mathrm|mbox|operatorname)\s*\{[^{}]{0,2000}\}|\$[^$]{0,2000}\$")
# A word that makes a clause of what would else be a bare answer.
_CUE = re.compile(
    r"\b(?:is|are|was|were|be|been|am|equals?|gives?|gave|gets?|got|have|has|had|yields?|becomes?|so|thus|hence"
    r"|therefore"
    r"|because|since|we|she|he|they|it|you|i|let|let's|takes?|took|needs?|must|should|cannot|will|would|does|did"
    r"|find|found"
    r"|means?|obtain|note|now|not|instead|rather|unlike|overall|altogether|in total|in conclusion|finally|then|that"
    r"|this|there|but|check|yes)\b|[是为于得故则答设有共要需用花]|解[:：得]|因此|所以|可知|[。？！]",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    r"(?:(?<=[^\s.][.?])"
    r"|(?<=[A-Za-z]{3}!))(?<!\b[a-zA-Z]\.[a-zA-Z]\.)(?<!approx\.)(?<!\bvs\.)(?<!\bNo\.)(?<!\bp\.)(?<!\bcf\.)(?<!\beq\.)(?<!\bfig\.)(?:(?<!\A[A-H]\.)|(?=\s+[A-Z]))"
    r"[\"'”’)\]*_]{0,3}\s+(?=\S)|(?<=[。！？])(?=[^\s。！？!?)*\]\"'.,])",
)
_DENIAL_PHRASE = re.compile(
    r"[,;(，]?\s*(?:\band\s+|\bbut\s+)?(?:\bnot\b(?!\s+(?:exist|possible|enough|determin|defined))|\binstead of\b"
    r"|\brather than\b|\bunlike\b"
    r"|\b(?:anything (?:but|besides|other than|except)|hardly|nowhere near|nothing like)\b(?=\s+[*$(]*[-\d\\])"
    r"|\bas opposed to\b|\b(?:is|was|are)n't\b(?=[^,.;]{1,60}[;,])|不是|而不是"
    r"|而非)\s*[^,.:;，。：；]{1,60}?(?=[,.:;，。：；)]|\bbut\b|\Z)\)?,?",
    re.IGNORECASE,
)
_DENIAL_WORD = re.compile(
    r"not\b|instead|rather|unlike|anything|hardly|nowhere|nothing|opposed|n't\b|不是|而非", re.IGNORECASE
)
_DENIED = re.compile(
    r"\b(?:wrong|incorrect|mistaken?|erroneous|false|isn't|aren't|wasn't|doesn't (?!exist)|cannot be (?!determined"
    r"|found|solved|.*(?:\b(?:so|thus|hence|therefore)\b|\b(?:is|are|equals)\s+[\d$\\]))|misconception)\b"
    r"|(?:\b(?:can't|cannot|can not|couldn't) (?:be|have|equal|take)\b|\bimpossible\b)(?![^,;]*\b(?:is|are|equals?)\b)"
    r"[^,;]{0,30}\d[^,;]{0,30}\Z"
    r"|错误|不正确|不对|误以为|误认为",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:question|problem|exercise) (?:says|asks|states|mentions)\b"
    r"|\b(?:some|many|most|other|others|people|students?|one might|you might|you may|it is tempting|someone"
    r"|somebody)\b[^.]{0,30}"
    r"\b(?:say|says|said|think|thinks|answer|believe|claim|claims|guess|choose|suppose|expect)\b"
    r"|\b(?:common|typical|frequent|tempting|popular|usual|naive)\b[^.]{0,30}\b(?:answer|mistake|error|choice|guess"
    r"|trap)"
    r"|\b(?:reference|gold|ground[- ]truth|official|model|candidate(?:'s|’s)?) (?:answer|solution|value|standard"
    r"|label)|\bground[- ]truth\b"
    r"|\b(?:answer key|key|textbook|rubric|grader|judge|evaluator)\b[^.]{0,20}\b(?:says?|gives?|states?|has"
    r"|expects?)\b"
    r"|标准答案|参考答案|评分员|阅卷|有人|有些(?:人|同学)|常见(?:错误|答案)",
    re.IGNORECASE,
)
# Closes a response whatever numbers it holds.
_CLOSING = re.compile(
    r"[\s*_(>\-]*(?:I hope|Hope|Let me know|Feel free|Please|Thanks?\b|Good luck|If you (?:have|need|want|would)"
    r"|Don't hesitate|Happy to"
    r"|(?:Quick |Sanity |(?:We|One|You) can |Let us |Let's |To )?(?:Verif(?:y|ied|ication)|Check(?:ed|ing)?)\b"
    r"|Note|Remember|Remark|Q\.?E\.?D"
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
_HEDGE = re.compile(
    r"\b(?:or|either|maybe|perhaps|possibly|between|any of|all possible|somewhere|one of|could be|might be"
    r"|possible)\b|或|可能|之间|也许|大概是?",
    re.IGNORECASE,
)
MAX_LEAD_CHARS = 200  # of a sentence before an announced answer

_HYPOTHETICAL = re.compile(
    r"\W*(?:(?:if|had|were)\b.*\b(?:would|were)\b|(?:assume|suppose|imagine)\b|(?:let|try|consider)\b[^,;.]*\W*\Z"
    r"|(?:假设|设|令)[^，,；。]*\W*\Z)",
    re.IGNORECASE | re.DOTALL,
)
# "It would be 21 if there were 12 red pens, but there are 11": what follows the turn speaks of the premise.
_COUNTERFACTUAL = re.compile(r"\bwould (?:be|have|equal)\b[^.?!]{0,200}?\b(?:if|had|were)\b", re.IGNORECASE)
_STOPS = (". ", "! ", "? ", "\n", "。", "？")
_DISOWNS = re.compile(
    r"\b(?:students?|friend|someone|somebody|people|classmate|calculator|key|book|textbook|rubric|others|some"
    r"|many|one|you|he|she|they)\b[^.]{0,40}"
    r"\b(?:said|says?|claims?|claimed|thinks?|thought|told|wrote|believes?|argues?|guess(?:ed)?)\b"
    r"|\b(?:tempting|mistakenly|wrongly|incorrectly|erroneously|naively)\b"
    r"|(?:\b(?:not|never|doubt|deny)|n't)\b[^.,;:]{0,30}\Z"
    r"|\A\W*(?:assume|suppose|imagine)\b|\A\W*(?:if|had|were|suppose|supposing|assuming"
    r"|without)\b.*\bwould\b|有人(?:说|认为)|误以为|并不是?说",
    re.IGNORECASE | re.DOTALL,
)
_DIGIT = re.compile(r"\d")
_TURN = re.compile(r"[,;]?\s\b(?:but|yet|however|whereas)\b,?\s|，?(?:但是?|然而|其实|实际上)，?", re.IGNORECASE)
# A remark in brackets behind a value: "(50 - 42)", "(since 2 + 3 = 5)", "(not 12)"; "(mod 7)" and "(2, 3)" are values.
_ASIDE = re.compile(
    r"\s[(（](?!\s*(?:mod|where|for|with)\b)[^()（）,，\\]{0,200}?(?:[A-Za-z]{3}"
    r"|[-+*/=×·−])[^()（）]{0,200}[)）]\s*[.。]?\Z"
)
# An operator before the bracket makes it a factor: "3 * (2 + 1)", "1 : (4/3)".
_OPERATOR_END = re.compile(r"(?:[-+*/=×·÷−:：^<>≤≥∈]|\\(?:cdot|times|div|pm|leq?|geq?|in|cup|cap))\s*\Z")
# "(alternatively 9)", "(if not, 9)", "(extraneous)": another answer, a condition on this one, or its denial.
_OTHER_ANSWER = re.compile(
    r"\b(?:alternatively|if|unless|otherwise|else|except|extraneous|reject(?:ed)?|discard(?:ed)?|invalid|not valid"
    r"|inadmissible|spurious)\b|若|如果|否则|除非|舍|不合|增根",
    re.IGNORECASE,
)


# A value that a sentence ends with, or goes on from only to give a reason.
_LAST_VALUE = (
    r"[*$]*(?:\\\()?(?:[a-z] ?= ?)?"
    r"(\([-−\d.,/ ]{1,40}\)|[-−]?[\d.\\][^\s,;:!?<>=≤≥$]{0,60}?(?: (?:[a-z]{1,2}|units?|degrees|dollars|percent))?)"
    r"(?=\\?[.!]?[*)$]*[.!]?\s*(?:\Z|\n)|[.!;,][*)$]*\s+[A-Za-z]"
    r"|\s+(?:because|since|as|instead|is (?:the|my|our|right|correct))\b)"
)
_IT = r"(?:it|that|the (?:correct |right |actual |real )?(?:answer|value|result))"
# "No, 41." as the last word on a value. "No other value works", "No, 41 is odd" and "Hmm, 41 < 42" take nothing back.
_TAKEN_BACK = re.compile(
    r"(?:\A|[.,;:!?}>$*\n(—–…-]|(?<![(\s][a-h])\))\s{0,8}+"
    r"(?:(?:no(?=\s*[,.:;!—–-]|\s+(?:wait|sorry|actually|it'?s|it is)\b)|nope|not (?:quite|really)|hmm+|wait"
    r"|well|actually|sorry|oops|correction|correcting|instead(?! of)|(?:or )?rather(?! than)|i meant?|i misspoke"
    r"|i was wrong|make (?:that|it)|(?:scratch|strike|ignore|forget|disregard) that|i take (?:that|it) back"
    r"|i retract (?:that|it)|i(?:'ve)? changed my mind|let me correct (?:that|this|it|myself)|my (?:mistake|bad)"
    r"|that(?:'s| is| was) (?:wrong|incorrect|not right))"
    r"\b(?:[\s,:;!—–]|[.-](?!\d)){0,8}+){1,6}+"
    rf"(?:{_IT}(?:'s| is| was| should be| must be)\s+(?:actually |really )?)?{_LAST_VALUE}",
    re.IGNORECASE,
)
# Right behind an answer: "or 41", "It could also be 41", "It is really 41".
_OFFERED = re.compile(
    r"(?:</\w{1,12}>)?[\s.,;:!)}\]$*\\(]{0,12}"
    r"(?:(?:or|or else|maybe|perhaps|possibly|alternatively|otherwise)\b[\s,]{0,4})*+"
    rf"(?:{_IT} (?:could|might|may)(?: also| well| possibly| instead)* be\s+"
    rf"|{_IT}(?:'s| is)\s+(?:also |actually |really )?)?(?:(?<=[a-z]\s)|(?<=[a-z],\s)){_LAST_VALUE}",
    re.IGNORECASE,
)


def taken_back(tail: str) -> str | None:
    """The value that the text behind an answer gives in its place, as the last word on it.

    >>> taken_back(". No, wait, 41."), taken_back(". No, 41 does not work."), taken_back(". No other solutions exist.")
    ('41', None, None)
    """
    values = _TAKEN_BACK.findall(tail) if _DIGIT.search(tail) or "\\" in tail else ()
    return clean(values[-1]) if values else None


def offered(tail: str) -> str | None:
    """The value that the text behind an answer offers beside it.

    >>> offered(". Or maybe 41."), offered(". It could also be 41."), offered(". Or 41 + 1 in all.")
    ('41', '41', None)
    """
    found = _OFFERED.match(tail)
    return clean(found[1]) if found is not None else None


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
    return bool(_CLOSING.match(sentence)) or (bool(_REMARK.match(sentence)) and _DIGIT.search(sentence) is None)


def supposes(sentence: str) -> bool:
    """Whether a sentence only supposes what it says ("Let x = 8.")."""
    return _HYPOTHETICAL.match(sentence) is not None


def asserts(sentence: str) -> bool:
    """Whether a sentence states something as its own: no question, no denial, nobody else's answer."""
    if sentence.rstrip(" *_)\"'").endswith(("?", "？")) or supposes(sentence):
        return False
    if _OTHERS.search(sentence):
        return False
    return not _DENIED.search(without_denials(sentence))


def own_part(sentence: str) -> str | None:
    """What a sentence asserts itself, None where it asserts nothing.

    >>> own_part("12 is what most people say, yet x = 13."), own_part("12 is wrong.")
    ('x = 13.', None)
    """
    if counterfactual(sentence):
        return None
    if asserts(sentence):
        return sentence
    turns = list(_TURN.finditer(sentence))
    rest = sentence[turns[-1].end() :] if turns else ""
    return rest if rest and asserts(rest) else None


def counterfactual(sentence: str) -> bool:
    """Whether a sentence says what would be the case under a condition that does not hold."""
    return "would" in sentence and _COUNTERFACTUAL.search(sentence) is not None


def disowned(lead: str) -> bool:
    """Whether the words that lead up to an answer in its sentence say that it is not the writer's own.

    >>> disowned("A student said that the "), disowned("It is 5. So the ")
    (True, False)
    """
    lead = lead[max((lead.rfind(stop) for stop in _STOPS), default=-1) + 1 :]
    return _DISOWNS.search(lead) is not None


def without_denials(sentence: str) -> str:
    """The sentence without "not 12", "instead of 12", "isn't 12;"."""
    return _DENIAL_PHRASE.sub(" ", sentence) if _DENIAL_WORD.search(sentence) else sentence


def without_aside(text: str) -> str:
    """A value without the remark in brackets behind it.

    >>> without_aside("13 (not 12)"), without_aside("5 (mod 7)")
    ('13', '5 (mod 7)')
    """
    if text[-2:].strip(" .。")[-1:] not in (")", "）"):
        return text
    aside = _ASIDE.search(text[-420:])
    if aside is None:
        return text
    shorter = text[: len(text) - len(text[-420:]) + aside.start()]
    if _OPERATOR_END.search(shorter) or is_hedged(aside[0]) or _OTHER_ANSWER.search(aside[0]) or taken_back(aside[0]):
        return text
    return shorter if _DIGIT.search(shorter) or re.fullmatch(r"\W*[A-Z]\W*", shorter) else text
