"""One number, or one per candidate: the ways in which judges give scores."""

import re
from collections.abc import Iterator

from grm.replies.expected import Expected
from grm.replies.matches import IS, MARKS, Match, Strength, is_final

_NUMBER = r"(-?\d{1,4}(?:\.\d{1,4})?)"
_OUT_OF = r"(?:\s*(?:/|out\s+of|of)\s*(\d{1,4}(?:\.\d+)?))?"
_SCORE = r"(?:scor(?:e|ed|ing)|rat(?:ing|ed?)|grade[ds]?|marks?|points?|评分|得分|分数|打分|总分|评级|分值)"
_NO_RANGE = r"(?!\s*(?:-|–|—|~|to|or|or\s+maybe|至|到)\s*\d)(?![\w%])(?!\.\d)"
_MARKED = (
    rf"\[\[\s*(?:{_SCORE}\s*:?\s*)?{_NUMBER}{_OUT_OF}\s*\]\]",
    rf"\\boxed\{{\s*(?:\\(?:text|mathrm)\{{)?\s*{_NUMBER}{_OUT_OF}\s*\}}",
    rf"\[\s*(?:result|score|rating)\s*:?\s*\]?\s*:?{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}",
    rf"<(?:score|rating|answer|grade|result)>\s*{_NUMBER}{_OUT_OF}\s*</",
)
_ANNOUNCED = (
    (
        rf"{_SCORE}[*_`]*\s*(?:\([^)\n]{{0,30}}\)\s*)?(?:{IS}|\s+of\s+|\s+(?:it|this|at)\s+(?:as\s+|a\s+|an\s+)?|打"
        rf"|给)?(?:a\s+|an\s+)?{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}"
    ),
    (
        rf"\b(?:give|gives|assign|award|deserves?|rate|earns?)\s+(?:\w+\s+){{0,4}}?(?:a"
        rf"|an)?\s*{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}"
    ),
    rf"\b(?:overall|total|final)\s*:{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}",
    rf"(?:给|打|评)\s*(?:出|为)?\s*{_NUMBER}{_OUT_OF}\s*分",
)
_STATED = (rf"(?<![\d/.]){_NUMBER}\s*(?:/|out\s+of)\s*(\d{{1,4}}){_NO_RANGE}", rf"{_NUMBER}(){''}\s*分(?![制之])")
_BARE = re.compile(rf"{MARKS}{_NUMBER}{_OUT_OF}[\s*_`\"'”)\].。>]*(?:分|points?)?[.。]?")
_SEVERAL = r"(-?\d{1,4}(?:\.\d{1,4})?(?:\s*[,;\s]\s*-?\d{1,4}(?:\.\d{1,4})?)+)"


def score_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every statement of a score in the judge's own voice."""
    for forms, strength in ((_MARKED, Strength.FORMAL), (_ANNOUNCED, Strength.STATED), (_STATED, Strength.BARE)):
        for form in forms:
            for found in re.finditer(form, text, re.IGNORECASE):
                yield _match(found, text, expected, strength)
    lines = [line for line in text.split("\n") if line.strip()]
    for line in {lines[0], lines[-1]} if lines else ():
        if lone := _BARE.fullmatch(line.strip()):
            yield _match(lone, line, expected, Strength.BARE, at=text.rfind(line))


def scores_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every list of scores with one number per candidate."""
    forms = (
        (rf"\\boxed\{{\s*{_SEVERAL}\s*\}}", Strength.FORMAL),
        (rf"\[\[?\s*{_SEVERAL}\s*\]\]?", Strength.FORMAL),
        (rf"{_SCORE}s?[*_`]*{IS}{MARKS}{_SEVERAL}", Strength.STATED),
        (rf"(?:\A|\n)\s*{_SEVERAL}[ \t]*(?:\n|\Z)", Strength.BARE),
    )
    for form, strength in forms:
        for found in re.finditer(form, text, re.IGNORECASE):
            numbers = tuple(float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", found[1]))
            if len(numbers) == len(expected.names):
                off = any(not expected.low <= number <= expected.high for number in numbers)
                yield Match(numbers, found.start(), strength, is_final(text, found.start()), off_scale=off)


def _match(found: re.Match[str], text: str, expected: Expected, strength: Strength, at: int | None = None) -> Match:
    value = float(found[1])
    out_of = (found[2] or None) if found.re.groups > 1 else None
    off = not expected.low <= value <= expected.high or (out_of is not None and float(out_of) != expected.high)
    final = is_final(text, found.start(1)) or (at is None and bool(_TOTAL.search(text[: found.start(1)][-40:])))
    return Match(value, found.start() if at is None else at, strength, final, off_scale=off)


_TOTAL = re.compile(r"(?:overall|total|final)[^\n.;]*$|(?:总分|总评|最终|综合)[^\n。;]*$", re.IGNORECASE)
