"""Which candidate is better: the ways in which judges say so."""

import re
from collections.abc import Iterator

from grm.replies.expected import TIE, Expected, ReplyKind
from grm.replies.matches import (
    IS,
    MARKS,
    NOUN,
    VERDICT,
    Match,
    Strength,
    aliases,
    is_asked,
    is_final,
    name_pattern,
    named,
)

_GRADED = r"(?P<left>[A-Za-z0-9]{1,3})\s*(?P<sign>>>|>|=|<<|<|==)\s*(?P<right>[A-Za-z0-9]{1,3})"
_TIE = r"(?:tie|tied|draw|equal|c\b|平局|持平|不分上下|一样好|同样好)"
_BETTER = (
    r"(?:clearly\s+|slightly\s+|much\s+|far\s+|significantly\s+|marginally\s+|definitely\s+|overall\s+|also\s+"
    r"|indeed\s+"
    r"|therefore\s+|thus\s+)*(?:(?:the|a)\s+)?(?:clearly\s+|slightly\s+|much\s+|far\s+|significantly\s+)*"
    r"(?:better|best|superior|preferred|preferable|stronger|winner|wins?\b|更好|更优|更佳|较好|胜出|获胜|最好)(?!\s+\w+(?:ed|ten|wn)\b)"
)
_NEGATED = re.compile(
    r"(?:\bnot\b|\bcannot\b|n't|\bneither\b|\bnor\b|\bif\b|\bwhether\b|\bunless\b|不|没有|如果|是否)[^.。;:,，\n]{0,24}$"
    r"|\bor\s+(?:the\s+)?$",
    re.IGNORECASE,
)

# "If it were right I'd pick [[A]]": what it would say, and does not.
_COUNTERFACTUAL = re.compile(r"\bif\b[^.;\n]{0,80}(?:\bwould\b|\bcould\b|'d\b)[^.;\n]{0,30}$", re.IGNORECASE)
_OVER = (
    r"(?:(?:clearly|slightly|significantly|easily|also|still)\s+)?(?:outperforms|surpasses|beats|outdoes|exceeds"
    r"|edges\s+out|is\s+preferred\s+(?:over|to))\b"
)
# "A or B", "A/B": a menu, no choice.
_OTHER = rf"(?:/|\||&|or\b|and\b|或|和|与)\s*(?:{NOUN}\s*)?\(?(?-i:[A-Z0-9])\b"
_NO_MENU = rf"(?!\)?\s*(?:{_OTHER}|,\s*(?-i:[A-Z])\b))"
# "Verdict: A is wrong on the date": a sentence about A.
_NO_CLAUSE = rf"(?!\s+(?:is|was|has|had|does|did|gets|gives|says)\b(?!\s+{_BETTER}))"
_EITHER = re.compile(r"[\s,]*or\s", re.IGNORECASE)
_PLUSSED = re.compile(r"(?P<name>[^\W_]{1,3})(?P<plus>\+\+?)")


def choice_matches(text: str, expected: Expected) -> Iterator[Match]:
    """Every statement of a choice in the judge's own voice."""
    graded = list(_graded(text, expected))
    yield from graded
    if expected.kind is ReplyKind.PREFERENCE and any(match.strength is Strength.FORMAL for match in graded):
        # "B is significantly better: [[B>>A]]" says it once, not twice.
        return
    name = name_pattern(expected)
    for pattern in _formal(name):
        for found in pattern.finditer(text):
            if _COUNTERFACTUAL.search(text, max(0, found.start() - 120), found.start()):
                continue
            yield _match(found, found[1], text, expected, Strength.FORMAL)
    for pattern in _stated(name):
        for found in pattern.finditer(text):
            before = max(0, found.start() - 60)
            unmeant = (
                _NEGATED.search(text, before, found.start())
                or _EITHER.match(text, found.end())
                or is_asked(text, found.end())
            )
            if not unmeant:
                yield _match(found, found[1], text, expected, Strength.STATED)
    yield from _ties(text)
    yield from _bare(text, expected, name)


def exact_choice(text: str, expected: Expected) -> str | None:
    """The label with which the first labelled line begins."""
    noun = r"^ ?(?:Output|Response|Assistant|Model|Answer)\s+"
    nouned = re.compile(rf"{noun}\(?(?i:{name_pattern(expected)})\)?(?![\w'])")
    listed = re.compile(r"\(?(\w)[):]\s+\S")  # "B: INCORRECT"
    lines = text.strip().split("\n")
    for line in lines:
        if found := nouned.match(line):
            return named(found[1], expected)
    if (found := listed.match(lines[0])) and found[1] in expected.names:
        return found[1]
    for line in lines:
        if line.strip() in expected.names:
            return line.strip()
        bare = line.strip().strip("[]()*`\"'.: ")
        if bare.casefold() in aliases(expected):
            return named(bare, expected)
        if bare.casefold() in ("tie", "c"):
            return TIE
    return None


def graded_choice(text: str, expected: Expected) -> str | None:
    """A graded preference and nothing else: "A>>B", "A=B", "A++"."""
    text = text.replace(" ", "")
    if found := re.fullmatch(_GRADED, text):
        return _preference(found["left"], found["sign"], found["right"], expected)
    if not (found := _PLUSSED.fullmatch(text)):
        return None
    name = named(found["name"], expected)
    other = next((one for one in expected.names if one != name), name)
    return _preference(name, ">" * len(found["plus"]), other, expected)


def is_menu(text: str) -> bool:
    """Whether it offers two candidates: "A or B"."""
    return re.search(rf"(?<=\w)\)?\s*{_OTHER}", text, re.IGNORECASE) is not None


def _formal(name: str) -> tuple[re.Pattern[str], ...]:
    noun = rf"(?:{NOUN}\s*)?"
    forms = (
        rf"\[\[\s*{noun}\(?({name[1:-1]}|tie|c|平局)\)?\s*\]\]",
        rf"\\boxed\{{\s*(?:\\(?:text|mathrm|textbf|mathbf)\{{)?\s*{noun}\(?({name[1:-1]}|tie)\)?\s*\}}",
        rf"\[\s*(?:result|verdict|final\s+verdict)\s*:?\s*\]?\s*:?\s*{noun}{MARKS}({name[1:-1]}|tie)\b{_NO_MENU}",
        (
            rf"<(?:final_|overall_)?(?:answer|verdict|choice|winner|result|judge?ment|decision"
            rf"|preference|preferred|better|best|selection)(?:_\w{{1,12}})?>\s*\[*\s*{noun}\(?({name[1:-1]}|tie)\)?\s*\]*\s*</"
        ),
        (
            rf"{VERDICT}\s*(?:\([^)\n]{{0,30}}\))?[*_`]*(?:{IS}|\s+[-–—]\s+){MARKS}(?:1[.)]\s*)?(?:the\s+(?!one|two|three|four))?{noun}"
            rf"{MARKS}({name[1:-1]}|tie|平局)(?![\w'>=<+]|[.)]\s*{NOUN}){_NO_MENU}{_NO_CLAUSE}"
        ),
        rf"\b(?:final\s+)?(?:answer|verdict|overall|total)[*_`]*\s*:{MARKS}{noun}{MARKS}({name[1:-1]}|tie)(?![\w'>=<+]){_NO_MENU}{_NO_CLAUSE}",
        rf"\bfinal decision is\s+{noun}{MARKS}({name[1:-1]}|tie)(?![\w'])",
    )
    return tuple(re.compile(form, re.IGNORECASE) for form in forms)


def _stated(name: str) -> tuple[re.Pattern[str], ...]:
    forms = (
        (
            rf"(?<!比){NOUN}{MARKS}{name}[\s)\]*_`\"'”]*\s*(?:is|was|are|seems|appears(?:\s+to\s+be)?|emerges\s+as"
            rf"|comes\s+out\s+as)?\s*{_BETTER}"
        ),
        (
            rf"\b(?:i(?:'d|\s+would)?|we(?:\s+would)?)\s+(?:\w+ly\s+)?(?:choose|prefer|select|pick|favou?r|go\s+with"
            rf"|rate|judge)\s+(?:the\s+)?"
            rf"(?:{NOUN}{MARKS})?{name}(?![\w'])"
        ),
        rf"\b(?:better|best|preferred|superior|winning)\s+{NOUN}{IS}(?:{NOUN}{MARKS})?{name}(?![\w'])",
        rf"\bthe\s+{name}\s+(?:{NOUN}|one)\s+is\s+{_BETTER}",
        rf"(?:^|[.\n]\s*)[\[(*]*((?-i:[A-Z]))[\])*]*\s+(?:is|was)\s+{_BETTER}",
        rf"{NOUN}{MARKS}{name}[\s)\]*_`\"']*{_OVER}",
        (
            rf"\b(?:is|was|seems)\s+(?:\w+ly\s+|much\s+|far\s+)?(?:worse|weaker|inferior)\s+(?:than|to)\s+"
            rf"{NOUN}{MARKS}{name}"
        ),
        rf"{NOUN}{MARKS}{name}[\s)\]*_`\"'”]*should\s+be\s+(?:chosen|selected|preferred|favou?red|the\s+(?:better|winner))",
        rf"\bthe\s+(?:final\s+)?answer\s+(?:is|should\s+be|would\s+be|must\s+be)\s+{MARKS}(?:{NOUN}{MARKS})?{name}[\s*_`\"')\].]*$",
        rf"(?:{NOUN})?{name}\s*比\s*[^。\n]{{1,12}}?(?:更好|更优|更佳|更强)",
        rf"(?:选择|更喜欢|倾向于|推荐)\s*(?:{NOUN})?\s*{name}",
    )
    return tuple(re.compile(form, re.IGNORECASE | re.MULTILINE) for form in forms)


_TIED = re.compile(
    rf"\[\[\s*(?:tie|draw)\s*\]\]|\b(?:it(?:'s|\s+is)|this\s+is|result\s+is|verdict:|decision:|call\s+(?:it"
    rf"|this))\s+(?:therefore\s+)?(?:a\s+)?(?:tie|draw)\b"
    rf"|\bboth\s+(?:{NOUN}s?\s+)?(?:are|is)\s+(?:about\s+|roughly\s+)?equally\s+(?:good|bad|correct|helpful)"
    rf"|\b(?:two|both|B|2)\s+(?:{NOUN}s?\s+)?are\s+(?:about\s+|roughly\s+)?(?:equal|tied)\b(?!\s+in\b)|平局"
    rf"|不分上下|同样好",
    re.IGNORECASE,
)


def _ties(text: str) -> Iterator[Match]:
    for found in _TIED.finditer(text):
        if not _NEGATED.search(text, max(0, found.start() - 30), found.start()):
            strength = Strength.FORMAL if found[0].startswith("[[") or ":" in found[0] else Strength.STATED
            yield Match(TIE, found.start(), strength, is_final(text, found.start()))


def _bare(text: str, expected: Expected, name: str) -> Iterator[Match]:
    lone = re.compile(rf"{MARKS}(?:{NOUN}{MARKS})?({name[1:-1]}|tie)[\s*_`\"'”)\].。>]*", re.IGNORECASE)
    offset = 0
    lines = text.split("\n")
    filled = [index for index, line in enumerate(lines) if line.strip()]
    for index, line in enumerate(lines):
        if filled and index in (filled[0], filled[-1]) and (found := lone.fullmatch(line.strip())):
            yield Match(named(found[1], expected), offset, Strength.BARE, index == filled[-1])
        offset += len(line) + 1
    # "Judgment: the two agree. A": the letter alone after the last full stop.
    tail = re.search(
        rf"(?<!\d)(?<!\d(?:st|nd|rd|th))[.。!?:]\s*[*_`(\[\"]*({NOUN}{MARKS})?({name[1:-1]})[*_`)\]\".]*\s*$",
        text,
        re.IGNORECASE,
    )
    if tail and (tail[1] or (len(tail[2]) == 1 and tail[2].isupper())):
        yield Match(named(tail[2], expected), tail.start(), Strength.BARE, final=True)


def _graded(text: str, expected: Expected) -> Iterator[Match]:
    marked = re.compile(rf"\[\[\s*{_GRADED}\s*\]\]|\\boxed\{{\s*{_GRADED.replace('?P<', '?P<b')}\s*\}}")
    announced = re.compile(rf"{VERDICT}{IS}{MARKS}{_GRADED}", re.IGNORECASE)
    lone = re.compile(rf"^{MARKS}{_GRADED}[\s*_`\"'”)\].>]*$", re.MULTILINE)
    for pattern, strength in ((marked, Strength.FORMAL), (announced, Strength.FORMAL), (lone, Strength.BARE)):
        for found in pattern.finditer(text):
            parts = found.groupdict()
            left, sign, right = (parts[key] or parts.get("b" + key) for key in ("left", "sign", "right"))
            value = _preference(str(left), str(sign), str(right), expected)
            if value is not None:
                yield Match(value, found.start(), strength, is_final(text, found.start()))


def _preference(left: str, sign: str, right: str, expected: Expected) -> str | None:
    known = {name.casefold(): name for name in expected.names}
    one, other = known.get(left.casefold()), known.get(right.casefold())
    if one is None or other is None or one == other:
        return None
    if sign.startswith("<"):
        one, other, sign = other, one, sign.replace("<", ">")
    if expected.kind is ReplyKind.PREFERENCE:
        return "=".join(expected.names[:2]) if sign.startswith("=") else f"{one}{sign}{other}"
    return TIE if sign.startswith("=") else one


def _match(found: re.Match[str], spelling: str, text: str, expected: Expected, strength: Strength) -> Match:
    name = named(spelling, expected)
    value = name
    if expected.kind is ReplyKind.PREFERENCE:
        value = _graded_name(name, expected, found[0])
    return Match(value, found.start(), strength, is_final(text, found.end(1)))


def _graded_name(name: str, expected: Expected, said: str) -> str:
    """A plain choice where a graded one is expected: "A>B", or "A>>B" where it is said to be much better."""
    first, second = expected.names[:2]
    if name == TIE:
        return f"{first}={second}"
    other = second if name == first else first
    sign = ">>" if re.search(r"\b(?:much|far|significantly)\b", said, re.IGNORECASE) else ">"
    return f"{name}{sign}{other}"
