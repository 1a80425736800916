"""Where a response claims an option: boxes, announcements, "B is correct", a lone letter, an option's text.

Rule 1: stages run from the plainest claim to the weakest; the first that finds one decides.
Rule 2: the last claim of a stage wins. Two that differ, close together and without a word of correction, contradict;
        so does a lone letter on the first line that the final claim does not repeat.
Rule 3: "if A is correct", "A is not correct", "a common wrong answer is A" claim nothing.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from verifiers.answer_text import MAX_TAIL_CHARS, Found, corrected
from verifiers.choice.offered import Offered, quoted
from verifiers.choice.reading import TAKEN_BACK, Named, read
from verifiers.math_answer.extraction.box import NEAR_CHARS, last_box
from verifiers.math_answer.extraction.marker import value_span
from verifiers.math_answer.extraction.markup import clean
from verifiers.math_answer.extraction.prose import sentences
from verifiers.normalisation import worded

MAX_SEARCHED_CHARS = 20_000
"""The end of a response in which claims are looked for; the first line is looked at besides."""

MAX_CLAIMS = 64
"""Claims of one stage that are read, from the end."""

MAX_LINE_CHARS = 300
"""Longest line that can be a letter with its option's text."""


class Claim(NamedTuple):
    """An option claimed from `at` to `end` of the text."""

    at: int
    end: int
    named: Named


_IS = (
    r"(?:\s+(?:is|are|would be|should be|must be|has to be|will be|to be)\b(?:\s+(?:therefore|thus"
    r"|then|clearly|definitely|most likely|likely|indeed"
    r"|probably|simply|obviously|given by))*\s*[:：]?|\s*(?:[:：=]|->|→)+)"
)
_ANNOUNCED = re.compile(
    r"(?:\b(?:answers?|ans|(?:correct|right|best|final|appropriate|accurate|suitable|only|chosen"
    r"|selected|my) (?:answer |multiple )?(?:options?|choices?"
    r"|letters?|statement|one|response|selection)|(?:my|final) (?:choice"
    r"|pick))\b\"?(?:\s+(?:options?|choices?|letters?))?(?:\*\*|__)?"
    r"(?: (?:to|for|of|in|among|from|here|given|that)\b[^.:：=\n]{0,100}?)?"
    + _IS
    + r"|####|\b(?:ans\.|sol(?:ution)?:)(?=\s+\(?[A-Z]\b)|\banswer\s*\n"
    r"|\banswer\s+[-–—](?=\s+\(?[A-Z]\)?[\s.]*$)|<answer>"
    r"|\"(?:choice|option|selection|answer_choice)\"\s*:\s*\"?"
    r"|【答案】[:：]?|答案\s*(?:应该|应当|应|就|也|则|即)?\s*(?:是|为|选|[:：=])\s*[:：]?|答\s*[:：]"
    r"|(?:故|应|因此|所以|本题|综上|可知|我|正确|只能|我们|最终|，|。|^)\s*选(?:择|项)?\s*(?:应该)?(?:是|为|[:：])?\s*[:：]?)"
    r"[\s*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_ANNOUNCED_ABROAD = re.compile(
    r"(?:\b(?:respuesta|resposta|risposta|réponse|antwort|ответ)"
    r"(?: (?:correcta|correta|corretta|correcte|final|finale))?"
    r"\s*(?:\b(?:es|é|è|est|ist|lautet)\b|[:：—–])|(?:答え|正解|정답|답)\s*(?:[は은]|[:：])+)[\s*_:：]*",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"(?:\b(?:wrong|incorrect|common|tempting|candidate'?s?|student'?s?|reference"
    r"|(?:if|whether|suppos\w+|assum\w+|unless|claim\w*|pretend)(?: that)?(?: the| my)?|not the|no"
    r"|which|what|another|other|possible|given"
    r"|previous|first|initial|plausible|expected|their|his|her|your|none of the|official|gold|any"
    r"|every|eliminate|falsche|mauvaise)|错误|错误的|标准|参考|学生的|如果|若)[\s*_]{0,3}\Z",
    re.IGNORECASE,
)
_CHOSEN = re.compile(
    r"\b(?:I|we)(?:'d|'ll|'m| would| will| am| must| have to| should| can)?(?: (?:therefore|thus|now"
    r"|also|confidently|then))?"
    r" (?:choose|pick|select|go(?:ing)? with|opt for|vote for|answer|conclude(?: that)?(?: it is"
    r"| it's)?|settle on|say)\b:?\s*|我(?:的选择是|选择|选)\s*[:：]?",
    re.IGNORECASE,
)
_BARE_IS = re.compile(
    r"(?:\b(?:it|this|that)(?: is|'s| must be| has to be| should be)"
    r"|\b(?:left with|leav(?:es|ing)(?: us with)?)(?: only| just)?|(?:^|[.。,;]\s+|\n)(?:so|thus"
    r"|hence|therefore|∴)(?:,? (?:it is|it's|it must be))?,?|因此|所以|综上)"
    r"[\s,:，：]*(?=[(（*\[]{0,3}(?:option |choice "
    r"|选项)?[(（*\[]{0,3}[A-Z][)）*\]]{0,3}(?:[\s.。!,，]*(?:$|\n)|[.,;。，；)]|\s+(?:because|since"
    r"|as|not)\b))",
    re.IGNORECASE | re.MULTILINE,
)
_IS_RIGHT = re.compile(
    r"(?<![A-Za-z0-9\\'’])(?:option |choice |answer "
    r"|选项\s*)?[(（*]{0,3}(?P<letter>[A-Z])[)）*]{0,3}(?:\s*\([^()\n]{1,80}\))?\s*"
    r"(?:\b(?:is|must be|has to be|would be|should be|seems|appears)(?: (?:to be|clearly|indeed"
    r"|therefore|thus|definitely|obviously|the|our|my))*"
    r" (?:only |most |single |best |final )?(?:(?:correct|right|best|accurate|appropriate"
    r"|true answer)\b|answer\b)|[:：]\s*(?:correct|right)\b|是?(?:唯一)?(?:正确|对)(?:的|答案|选项)?(?![不错]))",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"(?:\b(?:if|whether|suppose|assum\w*|claim\w*|think|thinks|say|says|unless|neither|nor|not|no|why|when|maybe|perhaps|possibly"
    r"|other than|apart from|except(?: for)?|besides|(?:everything|anything|all|any|every|each)(?: \w+)? but)\b"
    r"[^.,:;\n]{0,25}|如果|假设|若|是否|不)\s*\Z",
    re.IGNORECASE,
)
_ALSO = re.compile(
    r"(?:\b(?:it|the answer|this)?\s*(?:could|might|may)(?: also| well| possibly)* be"
    r"|\bor (?:possibly|maybe|perhaps)|\balternatively,?|(?:\A|[.,;!)}$*])[\s.,;)}$*]*[Oo]r)\s*"
    r"(?:option |choice |the answer is |the answer could be )*[(（*]{0,3}([A-Z])(?![A-Za-z0-9'’])"
    r"|(?<![A-Za-z0-9])([A-Z])[)）]? (?:is|could be|might be|may be|would be) (?:also )?(?:also"
    r"|equally|possible|acceptable|plausible|correct|valid|right)\b"
    r"|\b(?:[Aa]lso|[Aa]s is|[Ss]o is)(?: (?:think|say|choose|pick|select|option|choice|the answer is))*"
    r" \(?([A-Z])(?=[\s.)]*(?:\Z|[.,;\n]))"
    r"|(?:也可能是?|或者?是?|也可以选)\s*([A-Z])(?![A-Za-z0-9])"
)
_BOLD = re.compile(r"\*\*\s*(\(?[A-Z][).]?[^*\n]{0,200})\*\*")
_POINTED = re.compile(r"(?:\b(?:option|choice)\s+|选项\s*|[(（])([A-Z])(?![A-Za-z0-9'’])")
_DENIED = re.compile(
    r"\b(?:not|wrong|incorrect|eliminat\w*|rule[sd]? out|except|isn't|cannot|false|invalid|reference"
    r"|gold|official)\b|[不错排误]", re.IGNORECASE
)  # fmt: skip
_SAYS_OF = re.compile(r"(?:Both )?(.{1,200}?)\s+(?:is|are|was|were)\s+(.{3,200}?)[.!]?")
_ARTICLES = frozenset(("a", "an", "the"))
_NEGATIONS = frozenset(
    "not no never none except excluding incorrect wrong false untrue least cannot isn aren wasn weren doesn t".split()
)
_LIST_MARK = re.compile(r"^[\s>#•\-*]*(?:(?:Q?\d{1,2}[.):])\s+)?(?:\*\*)?(?:final )?")


def claimed(found: Found, question: str | None, offered: Offered) -> Named | None:
    """The option that a response finally claims, None where it claims none."""
    text = clean(found.final) if found.final.startswith("```") else found.final
    if len(text) <= MAX_LINE_CHARS and "\n" not in text and "\\boxed" not in text:
        whole = read(text, offered)
        if whole is not None and not _ANNOUNCED.search(text) and not _IS_RIGHT.search(text):
            return _with_tail(whole, text, len(text), offered, text)
    opening = _line(text.split("\n", 1)[0], offered)
    text = text[-MAX_SEARCHED_CHARS:]
    boxed = _boxed(text, question, offered)
    if boxed is not None:
        return boxed
    for stage in (_announcements, _assertions):
        final = _last(list(stage(text, offered)), text)
        if final is not None:
            final = _revised(final, text, offered)
            if opening is not None and opening.letters != final.named.letters and not corrected(text):
                return final.named._replace(fault="contradicting finals")
            return _with_tail(final.named, text, final.at, offered, text)
    return (
        _lone(text, offered) or _by_text(text, offered) or _restated(text, question, offered) or _pointed(text, offered)
    )


def _boxed(text: str, question: str | None, offered: Offered) -> Named | None:
    box = last_box(text, question)
    if box is None:
        return None
    if box.answer is None:
        return Named(frozenset(), fault=box.refusal or "no answer")
    named = read(box.answer, offered)
    if named is None:
        return Named(frozenset(), "no_option", fault="names no option")
    behind = text[box.end :]
    others = [*_announcements(behind, offered), *_assertions(behind, offered)]
    begin = text.rfind("\\boxed", 0, box.end)
    lead = text[max(begin - NEAR_CHARS, 0) : begin]
    before = [claim for claim in _announcements(lead, offered) if not corrected(lead[claim.end :])]
    if any(claim.named.letters != named.letters for claim in (*others, *before[-1:])):
        return named._replace(fault="contradicting finals")
    return _with_tail(named, text, box.end, offered, text)


def _announcements(text: str, offered: Offered) -> Iterator[Claim]:
    """What is announced: "The answer is B", "故选 B", "#### B"."""
    markers = [*_ANNOUNCED.finditer(text), *_ANNOUNCED_ABROAD.finditer(text)]
    for marker in sorted(markers, key=lambda marker: marker.start())[-MAX_CLAIMS:]:
        if _OTHERS.search(text[max(marker.start() - 24, 0) : marker.start()]):
            continue
        yield from _behind(text, marker, offered)


def _behind(text: str, marker: re.Match[str], offered: Offered) -> Iterator[Claim]:
    begin, end = value_span(text, marker.end(), len(text))
    if "\n" in text[marker.start() : begin] and (block := _block(text, begin, offered)) is not None:
        yield Claim(marker.start(), block[1], block[0])
        return
    line = clean(text[begin:end].partition("</")[0])
    parts = sentences(line) or [""]
    value = parts[0]
    # "B." before its option's text is no sentence.
    if len(parts) > 1 and re.fullmatch(r"\W{0,3}[A-Z]\.", value) and _line(f"{value} {parts[1]}", offered):
        value = f"{value} {parts[1]}"
    named = read(value, offered) if value else None
    if named is not None:
        yield Claim(marker.start(), min(begin + text[begin:end].find(value) + len(value), end), named)


def _block(text: str, begin: int, offered: Offered) -> tuple[Named, int] | None:
    """The options that lines list below "The correct answers are:", and where they end."""
    letters, at = [], begin
    for line in text[begin:].split("\n")[:MAX_CLAIMS]:
        named = _line(line, offered)
        if line.strip() and (named is None or named.fault is not None):
            break
        letters += sorted(named.letters) if named is not None else []
        at += len(line) + 1
    return (Named(frozenset(letters)), min(at, len(text))) if len(letters) > 1 else None


def _assertions(text: str, offered: Offered) -> Iterator[Claim]:
    """What is asserted: "I choose B", "B is correct", "it is B"."""
    claims: list[Claim] = []
    for pattern in (_CHOSEN, _BARE_IS):
        for marker in list(pattern.finditer(text))[-MAX_CLAIMS:]:
            if not _SUPPOSED.search(text[max(marker.start() - 40, 0) : marker.start()]):
                claims.extend(_behind(text, marker, offered))
    for found in list(_IS_RIGHT.finditer(text))[-MAX_CLAIMS:]:
        letter = found["letter"]
        supposed = _SUPPOSED.search(text[max(found.start() - 40, 0) : found.start()])
        if letter.isupper() and not supposed and (not offered or letter in dict(offered)):
            claims.append(Claim(found.start(), found.end(), Named(frozenset(letter))))
    yield from sorted(claims, key=lambda claim: claim.end)


def _last(claims: list[Claim], text: str) -> Claim | None:
    """The last claim, with a fault where the one before it says otherwise."""
    if not claims:
        return None
    last = claims[-1]
    for earlier in claims[-2::-1]:
        gap = text[earlier.end : last.at]
        if len(gap) > NEAR_CHARS or corrected(gap):
            break
        if earlier.named.letters != last.named.letters:
            return last._replace(named=last.named._replace(fault="contradicting finals"))
    return last


def _revised(final: Claim, text: str, offered: Offered) -> Claim:
    """The final claim, unless a later sentence asserts another: that one behind a word of correction, else neither."""
    later = [claim for claim in _assertions(text[final.end :], offered) if claim.named.letters != final.named.letters]
    if not later:
        return final
    if corrected(text[final.end : final.end + later[-1].at]):
        return Claim(final.end + later[-1].at, final.end + later[-1].end, later[-1].named)
    return final._replace(named=final.named._replace(fault="contradicting finals"))


def _with_tail(named: Named, text: str, end: int, offered: Offered, whole: str) -> Named:
    """The claim, unless what follows offers another letter as well."""
    tail = text[end : end + 2 * MAX_TAIL_CHARS] if end < len(text) else whole[-MAX_TAIL_CHARS:]
    taken_back = TAKEN_BACK.search(tail[: 2 * MAX_TAIL_CHARS])
    if (
        taken_back is not None
        and taken_back[1] not in named.letters
        and (not offered or taken_back[1] in dict(offered))
    ):
        return named._replace(fault="contradicting finals")
    for also in _ALSO.finditer(tail):
        letter = next(filter(None, also.groups()))
        supposed = re.search(r"\b(?:if|whether|not)\b", tail[max(also.start() - 20, 0) : also.start()])
        if letter not in named.letters and not supposed and (not offered or letter in dict(offered)):
            return named._replace(fault="alternatives")
    return named


def _line(line: str, offered: Offered) -> Named | None:
    """The option that a whole line names by letter, alone or beside its own text."""
    bare = clean(_LIST_MARK.sub("", line))
    if not bare or len(bare) > MAX_LINE_CHARS:
        return None
    if re.fullmatch(r"[(（\[*]{0,3}[A-Z][)）\].。*:：]{0,3}", bare):
        return read(bare, offered)
    lettered = re.fullmatch(r"[(（*]{0,3}([A-Z])[)）.:：、*]{1,3}\s*(.+)", bare)
    own = quoted(lettered[2], offered) if lettered else None
    return Named(frozenset(own)) if own and lettered and own == lettered[1] else None


def _lone(text: str, offered: Offered) -> Named | None:
    """A letter by itself on the first or last line, or the only bold one."""
    lines = [line for line in text.split("\n") if line.strip()]
    listed = _listed(lines, offered)
    if listed is not None:
        return listed
    named = [found for line in lines[:MAX_CLAIMS] + lines[MAX_CLAIMS:][-MAX_CLAIMS:] if (found := _line(line, offered))]
    letters = {found.letters for found in named}
    ends = [found for line in (lines[0], lines[-1]) if (found := _line(line, offered))] if lines else []
    if len(letters) > 1:
        # A list of the options is no answer; the last line alone is one where only the first lines list them.
        return Named(frozenset().union(*letters), fault="contradicting finals") if ends else None
    if ends:
        return _with_tail(ends[-1], text, len(text), offered, text)
    bold = {read(found[1], offered) for found in _BOLD.finditer(text)} - {None}
    return bold.pop() if len(bold) == 1 else None


def _listed(lines: list[str], offered: Offered) -> Named | None:
    """Options one a line and nothing else but a lead: all of them together."""
    lines = lines[1:] if lines and lines[0].rstrip(" *").endswith((":", "：")) else lines
    if not 1 < len(lines) <= MAX_CLAIMS:
        return None
    named = [_line(line, offered) for line in lines]
    letters = {letter for found in named if found is not None and found.fault is None for letter in found.letters}
    return Named(frozenset(letters)) if len(letters) == len(lines) else None


def _by_text(text: str, offered: Offered) -> Named | None:
    """The text of one option as the whole end of the response, or what its last sentence states."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or not offered:
        return None
    last = (sentences(lines[-1]) or [""])[-1]
    for part in (clean(last), clean(re.split(r"\b(?:is|are|be|was|were)\b|是|为|[:：]", last)[-1])):
        letter = quoted(part, offered)
        if letter is not None:
            return Named(frozenset(letter), "option_text")
    return None


def _restated(text: str, question: str | None, offered: Offered) -> Named | None:
    """The subject of a last sentence that says what the question asks: "Paris is the capital of France"."""
    lines = [line for line in text.split("\n") if line.strip()]
    last = clean((sentences(lines[-1]) or [""])[-1]) if lines else ""
    said = _SAYS_OF.fullmatch(last) if question and len(last) <= MAX_LINE_CHARS else None
    if said is None or not question or not offered:
        return None
    stem, listed, _ = question.partition(offered[0][1])
    asked = set(worded(stem if listed and len(stem) > len(question) // 8 else question).split())
    told = set(worded(said[2]).split()) - _ARTICLES
    if not told or not told <= asked or (asked & _NEGATIONS) - told:
        return None
    return read(said[1], offered)


def _pointed(text: str, offered: Offered) -> Named | None:
    """The only letter that the last sentence points at, as in "That leaves option C"."""
    lines = [line for line in text.split("\n") if line.strip()]
    last = (sentences(lines[-1]) or [""])[-1] if lines else ""
    letters = {found[1] for found in _POINTED.finditer(last)}
    if (
        len(last) > MAX_LINE_CHARS
        or len(letters) != 1
        or _DENIED.search(last)
        or (offered and not letters <= set(dict(offered)))
    ):
        return None
    return Named(frozenset(letters), "pointed")
