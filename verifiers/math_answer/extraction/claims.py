"""Whether the final statement of a response names a word reference ("Canberra", "odd", "C", "No solution").

Rule 1: True needs the whole answer, or a plain statement that names the reference and nothing against it.
Rule 2: False needs a denial, an alternative, somebody else's opinion, or the opposite of a closed pair.
Rule 3: all else is None: words have synonyms, and sentences have turns that no pattern sees.
"""

import re
from collections.abc import Iterator

from verifiers.math_answer.extraction.claims_words import (
    DIGITS,
    canonical,
    choice,
    excluded,
    figures,
    options,
    plain_words,
    states_no_number,
)
from verifiers.math_answer.extraction.extract import Extraction
from verifiers.math_answer.extraction.prose import is_hedged
from verifiers.math_answer.extraction.tail import last_statement

MAX_REFERENCE_CHARS = 60  # a longer reference is a sentence: only equality speaks for it
MAX_REFERENCE_WORDS = 5
MAX_STATEMENT_CHARS = 300

# Stages that hand on a text as the answer itself; the others picked it from a sentence that must be looked at.
_STATED_OUTRIGHT = frozenset(
    ["box", "boxes", "box_unclosed", "marker", "answer_tag", "whole", "display", "table", "lines", "correction"]
)

_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot be|can't be|rather than|instead of|unlike|except|excluding|other than"
    r"|without|than|except for)|n't"
    r"|不是|并非|而非|不为|不选|非|排除)[\s*\"“(]{0,4}(?:(?:the|a|an|in|at|option|choice|answer|really|actually"
    r"|just|only"
    r"|simply)[\s*\"“(]{1,3}){0,3}\Z",
    re.IGNORECASE,
)
_NEGATED_AFTER = re.compile(
    r"[\s*\"”)]{0,4}(?:(?:is|was|are|were|would be|seems|looks|might be|may be|can be)\s+(?:not|never|wrong"
    r"|incorrect|false|mistaken|ruled out|excluded"
    r"|impossible|out\b|a (?:common )?(?:mistake|misconception|distractor|trap|myth|wrong))|(?:isn't|wasn't|aren't"
    r"|cannot|can't|does not|doesn't)\b|不是|不对|错)",
    re.IGNORECASE,
)
_HEARSAY_AFTER = re.compile(
    r"[\s*\"”)]{0,4}(?:is|was|are|were|has been|gets|seems)\s+(?:\w+\s+)?(?:often|commonly|sometimes|widely"
    r"|frequently|popularly|usually|mistakenly|wrongly|once|formerly"
    r"|named|thought|said|believed|mentioned|assumed|tempting|guessed|claimed)\b",
    re.IGNORECASE,
)
_ALTERNATIVE_BEFORE = re.compile(
    r"(?:\b(?:or|either|and/or|maybe|perhaps|possibly)|或者?|可能是?)[\s*\"“(]{0,4}(?:the\s|a\s"
    r"|an\s)?\Z",
    re.IGNORECASE,
)
_ALTERNATIVE_AFTER = re.compile(r"[\s*\"”)]{0,4}(?:,[^.;:]{0,80})?[,\s]*(?:\bor\b|/|或)", re.IGNORECASE)
_ALL_OF_THEM = re.compile(
    r"\b(?:all (?:are )?possible|any of|are all|could all|each of|one of|could be any|either)\b|都可能|都有可能|都对",
    re.IGNORECASE,
)
_NAMED_BY = re.compile(
    r"(?:\b(?:is|are|was|were|be|has|have|it's|that's|namely|called|named|equals|becomes|choose|chose|pick|select"
    r"|choice|option|answer)|[:：=→]|是|为|叫|选)[\s*\"“(]{0,4}"
    r"(?:(?:therefore|thus|then|in fact|actually|clearly|indeed|simply|definitely|certainly|always|of course|still"
    r"|the|a|an|called|city of|option|letter|choice|an? \w{2,12} function)[\s*\"“(,]{1,3}){0,4}\Z",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"[\s*\"”).!。！’']*(?:\Z|[,，(（;；—–]|\bbecause\b|\bsince\b|\bas\b|\bwhich\b|\bfor\b|因为|(?:function|number"
    r"|integer)s?\b[\s.!]*\Z)",
    re.IGNORECASE,
)
_SUBJECT_LEAD = re.compile(
    r"\W*(?:(?:so|thus|hence|therefore|then|and|yes|sure|answer|the|a|an|it|is|option|choice|because|clearly"
    r"|in conclusion|finally|因此|所以|故)[\s,:，：*]{0,4})*\W*\Z",
    re.IGNORECASE,
)
_PREDICATE = re.compile(
    r"[\s*\"”)]{0,4}(?:,[^,;.]{1,80},)?\s*(?:is|was|has|have|are|were|will|wins?|takes?|gets?|receives?|must|always"
    r"|者?是)\b\s*(.{0,200})",
    re.IGNORECASE | re.DOTALL,
)
_CONTRAST = re.compile(
    r"\b(?:but|however|although|though|yet|while|whereas|actually|in fact|in reality|wait|except|wrong|incorrect)\b"
    r"|但|然而|其实|实际上|不过",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(r"\W*(?:if|suppose|assume|were|unless|when|whether|假设|如果|若)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[;；]|\bbut\b|\bhowever\b|，但是?|，而", re.IGNORECASE)
_QUALIFIED = re.compile(
    r"\b(?:not|no|never|invalid|rejected|extraneous|if|unless|maybe)\b|n't\b|\.\.|…|[不非无舍若]", re.IGNORECASE
)
_CONTENT_WORD = re.compile(r"[A-Za-z]{4,}|[\u4e00-\u9fff]{2}")
_COMMON = frozenset(
    "what which that this with from have does many much find value give your answer"
    " whether there their these those when where following".split()
)


def claims(extraction: Extraction, reference: str, question: str | None) -> bool | None:
    """True or False where the final statement settles it, None where words alone cannot tell.

    >>> from verifiers.math_answer.extraction.extract import extract
    >>> claims(extract("The capital is Canberra."), "Canberra", None)
    True
    >>> claims(extract("Mercury, Venus, Earth or Mars."), "Mercury", None)
    False
    """
    wanted = plain_words(reference)
    if not wanted:
        return None
    if extraction.answer is None or states_no_number(extraction.final, reference):
        return False
    if any(char.isdigit() for char in reference):
        return _of_figures(extraction, reference, wanted, question)
    given = plain_words(extraction.answer)
    outright = extraction.how in _STATED_OUTRIGHT
    if given == wanted and (outright or given == plain_words(extraction.final)):
        return True
    if len(extraction.parts) > 1:
        return False if wanted in map(plain_words, extraction.parts) else None
    listed = options(question)
    if (chosen := _by_choice(extraction, reference, listed)) is not None:
        return chosen
    if outright or len(given.split()) == 1:
        if canonical(given) == canonical(wanted):
            return True
        if excluded(given, wanted):
            return False
    return _by_statement(extraction, _forms(reference, listed), question or "")


def _of_figures(extraction: Extraction, reference: str, wanted: str, question: str | None) -> bool | None:
    """A reference with digits. Their punctuation counts ("1.5" is not "1 5", "8!" not 8), and a statement with other
    figures ("8 (if not, 9)") may say anything about this one.
    """
    answer = extraction.answer or ""
    if len(extraction.parts) <= 1 and figures(answer) == figures(reference):
        return True
    if len(extraction.parts) > 1:
        return None
    listed = options(question)
    if (chosen := _by_choice(extraction, reference, listed)) is not None:
        return chosen
    claimed = _by_statement(extraction, _forms(reference, listed), question or "")
    if not claimed:
        return claimed
    statement = last_statement(extraction.final) or ""
    alone = DIGITS.findall(statement) == DIGITS.findall(reference) and not _QUALIFIED.search(statement)
    return True if alone else None


def _by_choice(extraction: Extraction, reference: str, listed: dict[str, str]) -> bool | None:
    """Letters and option texts, where the reference is one of them."""
    answer = extraction.answer or ""
    wanted, given = choice(reference, listed), choice(answer, listed)
    if wanted is None or given is None or extraction.hedged:
        return None
    if extraction.how not in _STATED_OUTRIGHT:
        return None
    return wanted == given


def _forms(reference: str, listed: dict[str, str]) -> tuple[str, ...]:
    """The reference, and the other name of the same option."""
    letter = choice(reference, listed)
    if letter and letter in listed:
        return (letter, listed[letter])
    return (reference.strip().strip("$.*").removeprefix("\\text{").removesuffix("}"),)


def _by_statement(extraction: Extraction, forms: tuple[str, ...], question: str) -> bool | None:
    statement = last_statement(extraction.final)
    if statement is None:
        # Nothing is asserted: such a text can deny the reference, never claim it.
        return False if _weighed(extraction.final.strip(), forms, question) is False else None
    if len(statement) > MAX_STATEMENT_CHARS or _CONDITIONAL.match(statement):
        return None
    if (plain := _yes_or_no(statement, forms[0])) is not None:
        return plain
    weighed = _weighed(statement, forms, question)
    return _leading_answer(extraction.final, forms) if weighed is None else weighed


def _weighed(statement: str, forms: tuple[str, ...], question: str) -> bool | None:
    """What all mentions of the reference in the statement come to."""
    if len(statement) > MAX_STATEMENT_CHARS:
        return None
    said: list[bool | None] = []
    for form in forms:
        if len(form) <= MAX_REFERENCE_CHARS and len(form.split()) <= MAX_REFERENCE_WORDS:
            said += [_mention(statement, found, question) for found in _mentions(statement, form)]
    if False in said:
        return None if True in said else False
    return True if True in said else None


def _mentions(statement: str, form: str) -> Iterator[re.Match[str]]:
    words = [re.escape(word) for word in form.split()]
    if not words:
        return iter(())
    flags = 0 if len(form) == 1 else re.IGNORECASE
    edges = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])") if form.isascii() else ("", "")
    return re.finditer(edges[0] + r"[\s*]+".join(words) + edges[1], statement, flags)


def _mention(statement: str, found: re.Match[str], question: str) -> bool | None:
    """What the statement does with one mention of the reference."""
    before, after = statement[: found.start()], statement[found.end() :]
    if _NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(after) or _HEARSAY_AFTER.match(after):
        return False
    if _ALTERNATIVE_BEFORE.search(before) or _ALTERNATIVE_AFTER.match(after) or _ALL_OF_THEM.search(statement):
        return False
    if is_hedged(statement):
        return None
    later = _CLAUSE.split(after)
    if len(later) > 1 and _answers(later[-1], question):
        return False
    contrast = _CONTRAST.search(after)
    if _NAMED_BY.search(before) and _ENDS.match(after):
        return None if contrast else True
    predicate = _PREDICATE.match(after)
    if predicate and not contrast and _SUBJECT_LEAD.match(before):
        return (
            True
            if _answers(predicate[1], question) or re.match(r"(?:the|our|your|my)\b", predicate[1], re.IGNORECASE)
            else None
        )
    return None


def _answers(clause: str, question: str) -> bool:
    """Whether a clause speaks of what the question asks about."""
    asked = set(map(str.lower, _CONTENT_WORD.findall(question))) - _COMMON
    return any(word.lower() in asked for word in _CONTENT_WORD.findall(clause))


_YES_NO = re.compile(
    r"\W*(yes|no|true|false|correct|incorrect|是的?|否|不是|对|正确|错误|错)(?:\W+(.*))?\Z", re.IGNORECASE | re.DOTALL
)


def _yes_or_no(statement: str, reference: str) -> bool | None:
    """A statement that opens with the closed answer that the reference gives: "Yes, because ..."."""
    wanted = canonical(plain_words(reference))
    opening = _YES_NO.match(statement)
    if opening is None or wanted not in ("yes", "no", "true", "false"):
        return None
    rest = opening[2] or ""
    if re.match(r"(?:and|or|nor|but|solution|real|such|one|integer|way|matter|more|less)\b", rest, re.IGNORECASE):
        return None
    if _CONTRAST.search(rest) or _YES_NO.match(rest):
        return None
    given = canonical(plain_words(opening[1]))
    if given == wanted:
        return True
    return False if excluded(given, wanted) else None


def _leading_answer(final: str, forms: tuple[str, ...]) -> bool | None:
    """A response that opens with the reference alone and goes on to explain it."""
    if len(final) > MAX_STATEMENT_CHARS:
        return None
    head, stop, rest = final.strip().partition(". ")
    if not stop or plain_words(head) not in {plain_words(form) for form in forms}:
        return None
    against = (
        _CONTRAST.search(rest)
        or "?" in rest
        or re.search(r"\bno\b|\bnot\b|n't\b|\bor\b|\banswer\b", rest, re.IGNORECASE)
    )
    explains = re.match(r"(?:it|this|that|the|because|since|explanation|reason)\b", rest.strip(), re.IGNORECASE)
    return True if explains and not against else None
