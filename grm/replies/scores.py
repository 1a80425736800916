"""One number, or one per candidate: the ways in which judges give scores."""

import re
from collections.abc import Iterator

from grm.replies.expected import Expected
from grm.replies.matches import IS, MARKS, NOUN, Match, Strength, aliases, is_final

_NUMBER = r"(-?\d{1,4}(?:\.\d{1,4})?)"
_OUT_OF = r"(?:\s*\(?(?:/|out\s+of|of)\s*(\d{1,4}(?:\.\d+)?)\)?)?"
_SCORE = (
    r"(?:scor(?:e|ed|ing)|rat(?:ing|ed?)|grade[ds]?|marks?|points?|puntuación|puntaje|calificación|bewertung"
    r"|reward|note(?=\s+:|\s+finale)|punktzahl|punteggio|pontuação|оценка|балл|評価|点数|점수|评分|得分|分数|打分|总分|评级|分值)"
)
_NO_RANGE = r"(?!\s*(?:-|–|—|~|to|or|or\s+maybe|至|到)\s*\d)(?![\w%]|\s*(?:[?？]|->|→|=>))(?![.,]\d)(?!\s*/\s*\d)"
# "8 for style" is a part, "10 would be perfect" and "9 if it had sources" are nobody's score.
_NO_RANGE += r"(?!\s+for\s+(?!th|its\b|being\b)|\s+(?:if|had|would|requires?|needs?|means|is\s+(?:for|reserved))\b)"
# "gives 5 items": a number of things.
_NO_COUNT = r"(?![*_`\"')\]]*\s+(?!because|since|as|for|and|but|on|overall|in|out|here|due|given|points?)[a-z])"
_WRITTEN = {
    word: str(value) for value, word in enumerate("zero one two three four five six seven eight nine ten".split())
}
_NEGATED = re.compile(r"(?:\bnot\b|n't|\bnever\b)[^.;\n]*$", re.IGNORECASE)
_SCALE = re.compile(r"\([^)\n]*?(\d+)\s*\)")
_MARKED = (
    rf"\[\[\s*(?:{_SCORE}\s*:?\s*)?{_NUMBER}{_OUT_OF}\s*\]\]",
    rf"\\boxed\{{\s*(?:\\(?:text|mathrm)\{{(?:\s*{_SCORE}\s*:?\s*\}})?)?\s*{_NUMBER}{_OUT_OF}\s*\}}",
    rf"\[\s*(?:result|score|rating)\s*:?\s*\]?\s*:?{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}",
    rf"<(?:final_|overall_|total_)?(?:score|rating|answer|grade|result)>\s*{_NUMBER}{_OUT_OF}\s*</",
)
_ANNOUNCED = (
    (
        rf"{_SCORE}[*_`]*\s*(?:\([^)\n]{{0,30}}\)\s*)?(?:{IS}|\s+of\s+|\s+(?:it|this|at)\s+(?:as\s+|a\s+|an\s+)?|打"
        rf"|给)?(?:a\s+|an\s+)?{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}"
    ),
    (
        rf"\b(?:give|gives|assign|award|deserves?|rate|earns?)\s+(?:\w+\s+){{0,4}}?(?:a"
        rf"|an)?\s*{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}{_NO_COUNT}"
    ),
    rf"\b(?:overall|total|final)[*_`]*\s*:{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}",
    rf"(?:给|打|评)\s*(?:出|为)?\s*{_NUMBER}{_OUT_OF}\s*分",
)
_STATED = (
    rf"(?<![\d/.]){_NUMBER}\s*(?:/|out\s+of)\s*(\d{{1,4}}){_NO_RANGE}",
    rf"(?<!满分)(?<![\d.]){_NUMBER}()\s*分(?![制之])",
)
# The line says the score and nothing else: it outweighs what is said of scores in passing.
_OWN_LINE = re.compile(
    rf"^[\s*_`#>-]{{0,16}}(?:(?:my|the|final|overall|total)\s+){{0,4}}{_SCORE}[*_`]*\s*(?:\([^)\n]{{0,30}}\)\s*)?[*_`]*{IS}"
    rf"{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}[\s*_`\"')\].。]{{0,16}}$",
    re.IGNORECASE | re.MULTILINE,
)
_BARE = re.compile(rf"{MARKS}{_NUMBER}{_OUT_OF}[\s*_`\"'”)\].。>]*(?:分|points?)?[.。]?")
# "Coherence: 4" and nothing else: the one aspect that was asked for.
_ASPECT = re.compile(
    rf"(?:[^\n\d]{{0,60}}:\s*\n)?{MARKS}(?:-\s*)?(?:coherence|consistency|fluency|relevance|engagingness|groundedness"
    r"|naturalness|helpfulness|correctness|accuracy|clarity|completeness|faithfulness|quality)"
    rf"\s*(?:\([^)\n]{{0,30}}\)\s*)?[*_`]*:{MARKS}{_NUMBER}{_OUT_OF}{_NO_RANGE}[\s*_`.]*",
    re.IGNORECASE,
)
_RESULT = re.compile(
    rf"\*\*(?:result|(?:final\s+)?verdict)(?::\*\*|\*\*:)\s*{_NUMBER}{_OUT_OF}{_NO_RANGE}[\s*.]*", re.IGNORECASE
)
_SEVERAL = r"(-?\d{1,4}(?:\.\d{1,4})?(?:\s{0,3}[,;\s]\s{0,3}-?\d{1,4}(?:\.\d{1,4})?){1,31})"


def score_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every statement of a score in the judge's own voice."""
    text = _figures(text, expected)
    for forms, strength in ((_MARKED, Strength.FORMAL), (_ANNOUNCED, Strength.STATED), (_STATED, Strength.BARE)):
        for form in forms:
            for found in re.finditer(form, text, re.IGNORECASE):
                if not _NEGATED.search(text, max(0, found.start() - 24), found.start()):
                    yield _match(found, text, expected, strength)
    for found in _OWN_LINE.finditer(text):
        yield _match(found, text, expected, Strength.FORMAL)
    if lone := _ASPECT.fullmatch(text.strip()):
        yield _match(lone, text.strip(), expected, Strength.BARE, at=0)
    lines = [line for line in text.split("\n") if line.strip()]
    if lines and (lone := _RESULT.fullmatch(lines[-1].strip())):
        yield _match(lone, lines[-1], expected, Strength.BARE, at=text.rfind(lines[-1]))
    for line in {lines[0], lines[-1]} if lines else ():
        if lone := _BARE.fullmatch(line.strip()):
            yield _match(lone, line, expected, Strength.BARE, at=text.rfind(line))


def _figures(text: str, expected: Expected) -> str:
    """Numbers as figures: "Score: seven", "7,5/10", and a percentage where the scale ends at 100."""
    text = _DECIMAL_COMMA.sub(r"\1.\2", text)
    if expected.high == 100:
        text = _PERCENT.sub("", text)
    text = _OUT_OF_TEN.sub("out of 10", text)
    return _IN_WORDS.sub(lambda found: found[1] + _WRITTEN[found[2].casefold()], text)


def scores_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every list of scores with one number per candidate."""
    forms = (
        (rf"\\boxed\{{\s*(?:\\text\{{)?\s*{_SEVERAL}\s*\}}", Strength.FORMAL),
        (rf"<(?:answer|scores?|ratings?)>\s*{_SEVERAL}\s*</", Strength.FORMAL),
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
    yield from _one_each(text, expected)


def _one_each(text: str, expected: Expected) -> Iterator[Match]:
    """One announced score per candidate: "Assistant 1: 8" and "Assistant 2: 6", or "A=7, B=4"."""
    said: list[Match] = []
    table = aliases(expected)
    for name in expected.names:
        spelt = "|".join(re.escape(alias) for alias, meant in table.items() if meant == name)
        form = (
            rf"(?<![\w.])(?:{NOUN}\s*|<score_)?[\[(*]{{0,4}}(?:{spelt})[\])*_`]{{0,4}}(?:'s)?\s*(?:(?:{_SCORE})?\s*[:=]|>){MARKS}"
            rf"{_NUMBER}{_OUT_OF}{_NO_RANGE}"
        )
        found = [_match(one, text, expected, Strength.STATED) for one in re.finditer(form, text, re.IGNORECASE)]
        if len({match.value for match in found}) != 1:
            return
        said.append(found[-1])
    numbers = tuple(match.value for match in said if isinstance(match.value, float))
    yield Match(numbers, said[-1].at, Strength.STATED, off_scale=any(match.off_scale for match in said))


def _match(found: re.Match[str], text: str, expected: Expected, strength: Strength, at: int | None = None) -> Match:
    value = float(found[1])
    out_of = (found[2] or None) if found.re.groups > 1 else None
    told = _SCALE.search(text, found.start(), found.start(1))
    scale = out_of or (told and told[1])
    off = not expected.low <= value <= expected.high or (scale is not None and float(scale) != expected.high)
    final = is_final(text, found.start(1)) or (at is None and bool(_TOTAL.search(text[: found.start(1)][-40:])))
    return Match(value, found.start() if at is None else at, strength, final, off_scale=off)


_DECIMAL_COMMA = re.compile(r"(\d),(\d{1,2})(?=\s*(?:/|von|sur|de)\s*\d)")
_OUT_OF_TEN = re.compile(r"\bout\s+of\s+ten\b", re.IGNORECASE)
_PERCENT = re.compile(r"(?<=\d)\s*%")
_IN_WORDS = re.compile(
    rf"({_SCORE}[*_`]*(?:{IS}|\s+of\s+){MARKS}(?:a\s+|an\s+)?)({'|'.join(_WRITTEN)})\b"
    r"(?=[*_`\"')\]]*\s*(?:[.,;!\n]|$|/|out\s+of\s+\d))",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"(?:overall|total|final)[^\n.;]*$|(?:总分|总评|最终|综合)[^\n。;]*$", re.IGNORECASE)
