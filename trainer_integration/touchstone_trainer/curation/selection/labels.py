"""What a question is about, how hard it looks and what its answer is, by fixed rules in English and Chinese.

Rule 1: the same row always gets the same labels, and a row's own (`difficulty`, `level`, `pass_rate`) come first.
Rule 2: these are for balancing, not for claims: difficulty by shape is a guess, and measured pass rates are better
        (`touchstone-data difficulty`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from touchstone_trainer.curation.likeness.words import FORMULA, canonical, is_chinese, words
from touchstone_trainer.curation.rows import Row, references

SUBJECTS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "geometry": r"triangle|circle|angle|polygon|rectangle|square with|radius|perimeter|tangent|parallel|sphere|"
        r"cube|cone|cylinder|diameter|midpoint|ellipse|parabola|hyperbola|\\triangle|\\angle|三角形|圆|角|平行|椭圆|"
        r"抛物线|双曲线|正方形|长方形|周长|半径|棱",
        "number_theory": r"divisible|divisor|prime|remainder|integer|modulo|\\pmod|\\gcd|\\mid|digit|congruen|整除|"
        r"质数|素数|余数|约数|整数|公倍数",
        "combinatorics": r"how many ways|permutation|arrange|choose|chosen|committee|subset|colou?r|tournament|"
        r"\\binom|graph|排列|组合|多少种|种方法|选出",
        "probability": r"probability|random|expected|dice|coin|marble|variance|standard deviation|mean of|median|"
        r"概率|随机|期望|方差|平均数|中位数",
        "calculus": r"derivative|integral|integrate|\\int|\\lim|limit|differentia|slope|f'|convergen|series|导数|积分|"
        r"极限|收敛|单调",
        "algebra": r"equation|polynomial|function|root|solve|inequality|sequence|real number|logarithm|\\log|\\sqrt|"
        r"matrix|vector|complex number|方程|函数|不等式|数列|实数|多项式|向量|复数",
        "physics": r"velocity|force|mass of|acceleration|voltage|current|energy|newton|joule|速度|质量|电流|电压|能量",
        "chemistry": r"molecule|reaction|mole of|molar|acid|compound|oxidation|化学|反应|溶液|摩尔",
        "arithmetic": r"dollars?|price|cost|buys?|sells?|hours?|minutes?|kilomet|miles?|percent|元|小时|分钟|千米|公里|"
        r"每天|一共",
    }.items()
}
DEMANDING = re.compile(
    r"find all functions|for all (?:positive )?(?:integers|real)|largest possible|smallest possible|maximum|minimum|"
    r"infinitely many|determine all|prove|恒成立|最大值|最小值|任意"
)
LONG_WORDS = 70
MANY_FORMULAS = 5
EASY_PASS_RATE, HARD_PASS_RATE = 0.75, 0.25
LEVELS = {"1": "easy", "2": "easy", "3": "medium", "4": "hard", "5": "hard"}

FRACTION = re.compile(r"-?(?:\\frac\{-?\d+\}\{\d+\}|\\frac\d\d|\d+/\d+)")
TYPES: Sequence[tuple[str, re.Pattern[str]]] = (
    ("integer", re.compile(r"-?\d+")),
    ("decimal", re.compile(r"-?\d*\.\d+")),
    ("fraction", FRACTION),
    ("percent", re.compile(r"-?\d+(?:\.\d+)?\\?%")),
    ("choice", re.compile(r"\(?[a-h]\)?")),
    ("truth", re.compile(r"true|false|yes|no|是|否|对|错")),
    ("interval", re.compile(r"[(\[].*\\infty.*[)\]]|.*(?:\\cup|\\leq?|\\geq?|[<>≤≥]).*|\[.+,.+[)\]]|\(.+,.+\]")),
    ("equation", re.compile(r"[^=]+=[^=]+")),
    ("several", re.compile(r".+,.+|\\?\{.+\}|.*\\pm.*")),
)
SCRIPTS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]{3}")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)
LANGUAGES = ("en", "zh", *(name for name, _ in SCRIPTS), "other")
ENGLISH = frozenset(
    "the of is a an and to in that for with find what how many are if be by on at from let which each has two all "
    "value number determine compute given such positive where this it does solve evaluate".split()
)
ENGLISH_SHARE = 0.15
"""Share of these words from which on a text in Latin letters is English; other languages stay below 0.1."""
LANGUAGE_WORDS = 5
"""A text with fewer words beside its formulas has no language that could be told."""


class Labels(NamedTuple):
    """What a question is balanced by."""

    subject: str
    difficulty: str
    answer_type: str
    language: str


def labels(row: Row) -> Labels:
    """All of a row's labels."""
    return Labels(subject(row["question"]), difficulty(row), answer_type(row), language(row["question"]))


def subject(question: str) -> str:
    """The subject with the most different words of its own; the first of the table where there are several."""
    text = question.lower()
    hits = {name: len(set(pattern.findall(text))) for name, pattern in SUBJECTS.items()}
    best = max(hits, key=hits.__getitem__)
    return best if hits[best] else "other"


def difficulty(row: Row) -> str:
    """Easy, medium or hard: as the row says, else by its shape."""
    rate = row.get("pass_rate")
    if isinstance(rate, int | float):
        return "easy" if rate >= EASY_PASS_RATE else "hard" if rate < HARD_PASS_RATE else "medium"
    for name in ("difficulty", "level"):
        said = str(row.get(name, "")).lower().removeprefix("level").strip()
        if said in ("easy", "medium", "hard") or said in LEVELS:
            return LEVELS.get(said, said)
    question = row["question"]
    signs = (
        len(words(question)) > LONG_WORDS,
        len(FORMULA.findall(question)) >= MANY_FORMULAS,
        bool(DEMANDING.search(question.lower())),
        answer_type(row) not in ("integer", "decimal", "choice", "truth", "percent"),
    )
    return ("easy", "medium", "medium", "hard", "hard")[sum(signs)]


def answer_type(row: Row) -> str:
    """The shape of the reference."""
    given: list[Any] = references(row)
    if not given:
        return "none"
    plain = canonical(given[0]).replace("\\!", "").strip("() ") if len(given[0]) < 4 else canonical(given[0])
    for name, pattern in TYPES:
        if pattern.fullmatch(plain):
            return name
    prose = re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-z]+", "", plain))
    return "text" if len(prose) >= 2 else "expression"


def language(question: str) -> str:
    """zh, ja, ko, ru, ar, hi by their scripts, en by its small words, `other`, or `none` where there are few words."""
    prose = FORMULA.sub(" ", question)
    for name, script in SCRIPTS:
        if script.search(prose):
            return name
    if is_chinese(prose):
        return "zh"
    found = [word for word in words(prose) if word.isalpha() and len(word) > 1]
    if len(found) < LANGUAGE_WORDS:
        return "none"
    return "en" if sum(word in ENGLISH for word in found) >= ENGLISH_SHARE * len(found) else "other"
