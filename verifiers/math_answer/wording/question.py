"""What the question says about its answer's form.

Rule 1: a hint is set by the question's own words only, English or Chinese.
Rule 2: what is asked counts, not what is given: units, percent and ratio are read in asking sentences, and
        the last instruction wins.
Rule 3: bounded: of a long question only its beginning and its end are read.
"""

import re
from functools import lru_cache

from verifiers.math_answer.context import Hints
from verifiers.math_answer.quantities import units
from verifiers.math_answer.wording import choices, question_names
from verifiers.math_answer.wording import question_phrases as phrases

MAX_HEAD_CHARS = 1_500
"""Names and definitions stand at the beginning of a question."""
MAX_TAIL_CHARS = 2_500
"""Instructions and options stand at its end."""

CACHE_SIZE = 2_048
"""Questions: the samples of one group share theirs."""

_NO_HINTS = Hints()

_COUNT_WORDS = "zero one two three four five six seven eight nine ten"
_SINGULAR_WORDS = "second minute hour day week month year foot pound cup stone bar yard degree point mole"
_COUNTS = (
    {word: value for value, word in enumerate(_COUNT_WORDS.split())}
    | {word: value for value, word in enumerate("零一二三四五六七八九十")}
    | {"两": 2}
)
_COUNT = "(" + "|".join([r"\d{1,2}", *sorted(_COUNTS, key=len, reverse=True)]) + ")"
_NEAREST = re.compile(
    r"(?:nearest|closest)\s+(?:whole\s+|square\s+|cubic\s+)?\$?\s*(-?\d*\.?\d+|[a-z]+(?:-[a-z]+)?)\b"
    r"\s*(?:of an? ([a-z]+))?"
)
_PLACE_NAMES = {
    0: "integer whole number unit one ones dollar degree percent",
    1: "tenth tenths",
    2: "hundredth hundredths cent penny",
    3: "thousandth thousandths",
    4: "ten-thousandth ten-thousandths",
    -1: "ten tens",
    -2: "hundred hundreds",
    -3: "thousand thousands",
    -6: "million",
}
_NEAREST_PLACES = {name: places for places, names in _PLACE_NAMES.items() for name in names.split()}
_DECIMALS = re.compile(rf"\b{_COUNT}[ -](?:decimals?|d\.?p\b\.?|digits? after the decimal)")
_BASE = re.compile(r"\b(?:in|to|as a|into) base[- ](\d{1,2})\b")
_COMBINED = re.compile(
    r"(?:find|compute|determine|calculate|evaluate|what is)\s+(?:the value of\s+)?\$?\s*[a-z]\s*[-+*]\s*[a-z]\b"
)
_DECIMALS_HAN = re.compile(rf"{_COUNT}\s*位小数")
_PLACE_HAN = re.compile(r"精确到\s*(?:小数点后)?\s*(?:(0?\.\d+|1)|([十百千万]?分位|个位|整数|十位|百位))")
_PLACES_HAN = {
    "十分位": 1,
    "百分位": 2,
    "千分位": 3,
    "万分位": 4,
    "个位": 0,
    "整数": 0,
    "十位": -1,
    "百位": -2,
}
_SIGNIFICANT = re.compile(rf"\b{_COUNT}[ -](?:significant|sig\.?|s\.?f\b)")
_SIGNIFICANT_HAN = re.compile(rf"{_COUNT}\s*(?:位|个)有效数字")
_ASKING = re.compile(
    r"\?|？|\b(?:what|which|how|find|determine|calculate|compute|express|give|evaluate|write|state|by)\b|求|多少|几|_{2,}|\\_"
)
_SENTENCE = re.compile(r"(?<=[.?!;。？！；])\s+|(?<=[。？！；])|\n\n")
_IN_UNIT = re.compile(r"\bin\s+([^.,?;!()\n？，。]{1,48})")
_NEAREST_UNIT = re.compile(
    r"\bnearest(?: tenth of an?| hundredth of an?| ten| hundred| thousand)?\s+([a-z]+(?: [a-z]+)?)"
)
_IN_UNIT_END = re.compile(
    r"\s(?:is|are|was|does|do|did|will|would|of|that|must|needed|required|when|if|after|for|and|to|with|from)\b"
)
_HOW_MANY = re.compile(
    r"\b(?:how many|number of)\s+((?:more |fewer |whole |additional |total )?[a-z]+(?:[ /][a-z]+){0,3})"
)
_BLANK_UNIT = re.compile(r"(?:\\?_){2,}\s*\$?\s*((?:\\mathrm|\\text)?[^\s.,，。;；?？!、_][^.,，。;；?？、_]{0,30})")
_HAN_UNIT = re.compile(r"(?:多少|几|单位[:：]?)\s*(?:个)?([\u4e00-\u9fff]{1,6}|[A-Za-z/^²³0-9]{1,8})")
# Unit names that mean something else in the singular: "how many second graders" asks for no seconds.
_SINGULARS = frozenset(_SINGULAR_WORDS.split())
_MARKED_UNIT = re.compile(r"\\(?:mathrm|text|rm)\b")
_FILLERS = re.compile(r"^(?:more|fewer|whole|additional|total|the|units of|terms of)\s+")


@lru_cache(CACHE_SIZE)
def hints(question: str | None) -> Hints:
    """The readings that a question asks for.

    >>> found = hints("What is the area in square centimetres, to the nearest tenth?")
    >>> found.unit, found.places
    ('cm^2', 1)
    """
    if not question or not question.strip():
        return _NO_HINTS
    if len(question) > MAX_HEAD_CHARS + MAX_TAIL_CHARS:
        question = f"{question[:MAX_HEAD_CHARS]}\n\n{question[-MAX_TAIL_CHARS:]}"
    low = question.lower()
    asking = _asking(low)
    unit = _unit(question, low)
    places, significant = _precision(low)
    degrees = unit == "deg" or (_says_degrees(low) and not phrases.TEMPERATURE.said_in(low))
    radians = unit == "rad" or "radian" in low or "弧度" in low
    in_order = phrases.ORDERED.said_in(low)
    neat = in_order and phrases.SORTED_LIST.said_in(low)
    return Hints(
        exact=phrases.EXACT.said_in(low),
        approximate=places is not None or significant is not None or phrases.APPROXIMATE.said_in(low),
        places=places,
        significant=significant,
        degrees=degrees,
        radians=radians,
        percent=unit == "%" or phrases.PERCENT.said_in(asking),
        ordered=in_order and not neat,
        sorted=neat,
        find_all=phrases.FIND_ALL.said_in(low),
        interval=phrases.INTERVAL.said_in(low),
        equation=phrases.EQUATION.said_in(low),
        expression=phrases.EXPRESSION.said_in(low),
        probability=phrases.PROBABILITY.said_in(asking),
        ratio=phrases.RATIO.said_in(asking),
        clock=phrases.CLOCK.said_in(low),
        combined=_COMBINED.search(low) is not None,
        asked=question_names.asked(question),
        variables=question_names.variables(question),
        integers=question_names.integers(question),
        positive=question_names.positive(question),
        base=int(found[1]) if (found := _BASE.search(low)) else None,
        unit=None if unit in ("deg", "rad", "%", "unit") else unit,
        choices=choices.options(question),
    )


def _asking(low: str) -> str:
    """The sentences that ask or instruct; all of the text when none does."""
    sentences = [sentence for sentence in _SENTENCE.split(low) if _ASKING.search(sentence)]
    return " ".join(sentences) if sentences else low


def _precision(low: str) -> tuple[int | None, int | None]:
    """Decimal places and significant digits asked for, by the last instruction of each kind."""
    places = significant = None
    if "nearest" in low or "closest" in low:
        for name, finer in _NEAREST.findall(low):
            places = _nearest(name, finer)
    if "decimal" in low or "d.p" in low or "dp" in low:
        counts = _DECIMALS.findall(low)
        places = _count(counts[-1]) if counts else places
    if "小数" in low or "精确" in low or "保留" in low:
        places = _precision_han(low, places)
    if "significant" in low or "sig" in low or "s.f" in low:
        counts = _SIGNIFICANT.findall(low)
        significant = _count(counts[-1]) if counts else None
    elif "有效数字" in low:
        counts = _SIGNIFICANT_HAN.findall(low)
        significant = _count(counts[-1]) if counts else None
    return places, significant


def _nearest(name: str, finer: str) -> int | None:
    if name[0].isdigit() or name[0] == ".":
        if "." in name:
            return len(name.partition(".")[2])
        return -(len(name) - 1) if name.strip("0") == "1" else None
    if name in _NEAREST_PLACES:
        return _NEAREST_PLACES[name]
    # "to the nearest meter"; but "the nearest point" rounds nothing.
    return 0 if not finer and units.canonical(name) else None


def _precision_han(low: str, places: int | None) -> int | None:
    counts = _DECIMALS_HAN.findall(low)
    if counts:
        return _count(counts[-1])
    found = _PLACE_HAN.search(low)
    if found:
        if found[1]:
            return len(found[1].partition(".")[2])
        return _PLACES_HAN.get(found[2], places)
    return 0 if "保留整数" in low else places


def _count(word: str) -> int:
    return int(word) if word.isdigit() else _COUNTS[word]


def _says_degrees(low: str) -> bool:
    if "degree" not in low and "度" not in low and "\\circ" not in low and "°" not in low:
        return False
    if phrases.DEGREES.said_in(low):
        return True
    given_in_degrees = "\\circ" in low or "°" in low
    return given_in_degrees and "\\pi" not in low and "π" not in low and phrases.ANGLE_ASKED.said_in(low.strip())


def _unit(question: str, low: str) -> str | None:
    """The unit of measure that the answer is wanted in; the last one named wins."""
    found = None
    for sentence in _SENTENCE.split(question):
        if _ASKING.search(sentence.lower()):
            found = _unit_in(sentence) or found
    if found is None and "_" in low:
        for text in _BLANK_UNIT.findall(question):
            found = _longest_unit(text) or found
    if found is None and "nearest" in low:
        # "How many dollars, to the nearest cent?" asks for dollars: rounding names a unit only where nothing else does.
        names = _NEAREST_UNIT.findall(low)
        found = (units.canonical(names[-1]) or units.canonical(names[-1].split(" ")[0])) if names else None
    return found


def _unit_in(sentence: str) -> str | None:
    found = None
    lower = sentence.lower()
    if "how m" in lower or "number of" in lower:
        for text in _HOW_MANY.findall(lower):
            found = _longest_unit(_FILLERS.sub("", text)) or found
    if "in " in lower:
        for match in _IN_UNIT.finditer(lower):
            text = sentence[match.start(1) : match.end(1)] if len(sentence) == len(lower) else match[1]
            found = _whole_unit(_IN_UNIT_END.split(_FILLERS.sub("", text), maxsplit=1)[0]) or found
    if "多少" in lower or "几" in lower or "单位" in lower:
        for text in _HAN_UNIT.findall(sentence):
            found = _longest_unit(text) or found
    return found


def _whole_unit(text: str) -> str | None:
    """The unit that a whole text names; a lone letter only in unit markup: "in A" may speak of a set."""
    text = text.strip(" \"'")
    if (len(text.strip("$ ")) < 2 and text != "$") or text in _SINGULARS:
        return None
    unit = units.canonical(text)
    return unit if unit is None or len(unit) > 1 or _MARKED_UNIT.search(text) or text.isalpha() else None


def _longest_unit(text: str) -> str | None:
    """The longest beginning that is a unit: words in the plural, Chinese by the character."""
    text = text.strip()
    if text and "\u4e00" <= text[0] <= "\u9fff":
        return next((unit for end in range(len(text), 0, -1) if (unit := units.canonical(text[:end]))), None)
    words = text.split(" ")
    for end in range(min(len(words), 4), 0, -1):
        unit = units.canonical(" ".join(words[:end]))
        if unit and words[end - 1] not in _SINGULARS:
            return unit
    return None
