"""What counts as a value: an answer that a verifier can compare and that a question without options can ask for."""

import re

UNITS = frozenset(
    "m cm mm km nm dm ft in yd mi g kg mg lb oz t s ms min h hr hour hours minute minutes second seconds day days week "
    "weeks month months year years am pm l ml cc mol m/s km/h mph hz khz mhz ghz j kj mj ev kev mev cal kcal w kw mw v "
    "kv mv a ma ohm ohms n kn pa kpa mpa atm bar torr k c f t wb h rad deg degree degrees percent cent cents dollar "
    "dollars euro euros pound pounds inch inches foot feet mile miles meter meters metre metres centimeter centimeters "
    "kilometer kilometers liter liters litre litres gram grams kilogram kilograms unit units sq square cubic newton "
    "newtons joule joules watt watts volt volts ampere amperes per of".split()
)
FUNCTIONS = frozenset(
    "sin cos tan cot sec csc log ln exp sqrt pi arcsin arccos arctan lim max min gcd lcm mod or and".split()
)
CHINESE_UNITS = (
    "平方厘米|平方分米|平方千米|立方厘米|立方分米|平方米|立方米|千克|公斤|厘米|分米|毫米|千米|公里|小时|分钟|毫升|"
    "摄氏度|美元|米|克|吨|升|秒|天|日|月|年|周|岁|元|角|分|个|人|次|本|只|条|张|块|支|棵|辆|度|倍|名|位|件|页|种|组|或|和"
)
_COMMAND = re.compile(r"\\(?:text|mathrm|mbox|operatorname)\s*\{([^{}]*)\}|\\([A-Za-z]+)")
_WORD = re.compile(r"[A-Za-z]{2,}")
_SUBSTANCE = re.compile(r"[0-9∞π]|\\(?:pi|infty|alpha|beta|theta|lambda|emptyset)|[A-Za-z]\s*[-+*/^=<>(]")
_RANGE = re.compile(r"\d\s*(?:to|至|到|~|–|—)\s*\d", re.I)
_ROMAN = re.compile(r"\b(?:I{1,3}|IV|V)\b(?:\s*(?:,|and|&|only|和|、))|^\s*(?:I{1,3}|IV)\s*$|[①②③④⑤]")
_DECIMAL = re.compile(r"^[^\d]*\d[\d,]*\.(\d+)[^\d]*$")


def is_value(text: str) -> bool:
    """Whether a text is a number, an amount or a formula, with nothing in words.

    >>> [is_value(text) for text in ("12 cm", "$\\frac{3}{4}$", "x^2 + 1", "25%", "hydrogen", "I and II", "3 to 5")]
    [True, True, True, True, False, False, False]
    """
    if _ROMAN.search(text) or _RANGE.search(text):
        return False
    plain = _COMMAND.sub(lambda match: f" {match[1]} " if match[1] is not None else " ", text)
    plain = re.sub(CHINESE_UNITS, " ", plain)
    if re.search(r"[\u4e00-\u9fff]", plain):
        return False
    words = [word.lower() for word in _WORD.findall(plain)]
    return bool(_SUBSTANCE.search(text)) and all(word in UNITS or word in FUNCTIONS or _product(word) for word in words)


def decimals(text: str) -> int | None:
    """Digits behind the point of a single decimal number; None for anything else."""
    found = _DECIMAL.match(text.replace("$", ""))
    return len(found[1]) if found else None


def unit_of(text: str) -> str | None:
    """The unit behind a plain number."""
    found = re.fullmatch(
        r"\s*\$?[-+]?\d[\d,.]*\$?\s*(?:\\text\{\s*)?([A-Za-z/^°²³\d]*[A-Za-z°²³]|" + CHINESE_UNITS + r")\}?\$?\s*", text
    )
    return found[1] if found else None


def numbers(text: str) -> list[str]:
    """The numbers in a text, as written but for thousands separators."""
    return re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3}\b)", "", text))


def _product(word: str) -> bool:
    # "xy" and "abc" are products of variables; longer runs are words.
    return len(word) <= 3 and word not in {
        "all",
        "and",
        "any",
        "not",
        "the",
        "yes",
        "no",
        "one",
        "two",
        "six",
        "ten",
        "is",
        "it",
        "to",
        "by",
    }
