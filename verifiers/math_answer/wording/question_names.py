"""The names that a question uses: its variables, the ones it asks for, the ones it calls integers.

Rule 1: `e` and `i` are constants for whoever evaluates, so they are reported only where the question plainly
        uses them as variables (a running index, `$e$` alone, "find e").
Rule 2: names are spelt as in the tree: `alpha`, `a_1`, without backslash or braces.
"""

import re

MAX_ASKED = 8
"""Names asked for at once; a longer list is a table, and no order can be read from it."""

_GREEK = (
    "alpha|beta|gamma|delta|varepsilon|epsilon|zeta|eta|vartheta|theta|iota|kappa|lambda|mu|nu|xi|varrho|rho|sigma|"
    "tau|upsilon|varphi|phi|chi|psi|omega|ell|Gamma|Delta|Theta|Lambda|Sigma|Phi|Psi|Omega"
)
_ALIASES = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho"}
_GREEK_NAMES = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi
chi psi omega
"""
_GREEK_LETTERS = dict(zip("αβγδεζηθικλμνξρστυφχψω", _GREEK_NAMES.split(), strict=True))
_INDEX = r"(?:_(?:\{\s*\w{1,3}\s*\}|\w))?"
_NAME = rf"(?<![A-Za-z\\'’])(?:\\(?:{_GREEK})(?![A-Za-z])|[A-Za-zα-ορ-ω](?![A-Za-z])){_INDEX}"
_MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_WORDS_IN_MATH = re.compile(
    r"\\(?:text|mathrm|operatorname|mathbb|textbf|mbox)\s*\*?\s*\{[^{}]*\}"
    r"|\\begin\{array\}\s*\{[^{}]*\}|\\(?:begin|end)\{\w+\*?\}"
)
_PROSE = re.compile(r"(?<![\\a-z])[a-z]{3,} [a-z]{2,}")
_SYMBOL = re.compile(rf"\\({_GREEK})(?![A-Za-z])({_INDEX})|\\[A-Za-z]+|([A-Za-zα-ορ-ω])({_INDEX})")
_PLAIN_SYMBOL = re.compile(r"(?<![A-Za-z\\'’])(?:[b-hj-zB-HJ-Z]|[A-Za-z](?=\s*[=<>^*/+]|\())(?![A-Za-z'’])")
_INDEX_I = re.compile(r"\bi\s*(?:=|\\geq?|\\leq?|<|>)\s*\\?\w|_\{?i\b|i\s*(?:\\in|∈)")
_COMPLEX = re.compile(r"complex|imaginary|i\^\{?2\}?\s*=\s*-|复数|虚数")

_STRIP = re.compile(r"\$|\\[()\[\],;! ]|\\left|\\right|\\mathbf|\\vec|\\overrightarrow|\\quad")
_TUPLE = rf"\(\s*({_NAME}(?:\s*,\s*{_NAME}){{1,7}})\s*\)"
_ORDERED = re.compile(
    rf"(?:pairs?|triples?|triplets?|quadruples?|quadruplets?|tuples?|lists?|all points|compute|数对|数组)"
    rf"[^.?!。？！]{{0,60}}?{_TUPLE}"
)
_LIST = rf"((?>{_NAME}(?:\s*(?:,\s*and\b|,|and\b|和|与|、)\s*{_NAME})*))"
# A name that is all of what is asked for: an end or a word follows, no operator.
_ENDS = r"(?=\s*(?:$|[.,?;:!，。？；、)]|[A-Za-z]{2,}|[的取]|\s\\?_|_\s*\\?_))"
_VALUES = re.compile(
    rf"(?:values?\s+(?:of|for)|determine|find|compute|calculate|solve for|what (?:is|are)|express|求)\s+"
    rf"(?:the\s+)?(?:(?:both|all|possible|real|positive|integer|integers|number|numbers|values?|of|constants?|"
    rf"coefficients?|for|the|exact)\s+){{0,6}}{_LIST}{_ENDS}"
)
_VALUES_HAN = re.compile(rf"求\s*(?:实数|整数|常数|正整数)?\s*{_LIST}\s*的(?:取?值|范围)")
_RANGE = re.compile(
    rf"(?:range|set|interval|values?)\s+(?:of\s+)?(?:possible\s+)?(?:values\s+)?(?:of|for)\s+(?:the\s+)?"
    rf"(?:real\s+|positive\s+)?(?:numbers?\s+|parameters?\s+|constants?\s+)?({_NAME}){_ENDS}"
)
_INTEGER_MARKS = (
    *("integer", "natural number", "whole number", "prime", "digit", "\\mathbb", "\\in", "∈"),
    *("整数", "自然数", "质数", "素数", "diophantine"),
)
_OVER_INTEGERS = re.compile(r"diophantine|\b(?:in|over) (?:the )?integers\b|integer solutions|整数解")
_A_IN_MATH = re.compile(r"[$(,=<>+]\s*a\b|\ba\s*[,=+^\\)$<>]")
_MARKUP = str.maketrans("", "", "\\{} \t\n")
_ONE_NAME = re.compile(_NAME)
_INTEGER_KIND = r"(?:integers?|natural numbers?|whole numbers?|primes?|prime numbers?|digits?)"
_POSITIVE = (
    re.compile(
        rf"(?:positive (?:\w+ )?integers?|natural numbers?|正整数)\s+(?:values? of\s+)?\(?\s*{_LIST}(?![A-Za-z])"
    ),
    re.compile(
        rf"{_LIST}\s*\)?\s*(?:is|are|be|being)\s+(?:all\s+|both\s+)?(?:an?\s+)?(?:\w+ )?"
        r"(?:positive integers?|natural numbers?)"
    ),
    re.compile(rf"{_LIST}\s*(?:是|为)\s*正整数"),
)
_INTEGERS = (
    re.compile(rf"{_INTEGER_KIND}\s+(?:values? of\s+|solutions?\s+)?\(?\s*{_LIST}(?![A-Za-z])"),
    re.compile(
        rf"{_LIST}\s*\)?\s*(?:is|are|be|denotes?|being)\s+(?:all\s+|both\s+)?(?:an?\s+)?(?:[a-z-]+\s+){{0,3}}?"
        rf"{_INTEGER_KIND}"
    ),
    re.compile(rf"{_TUPLE}\s*of\s+(?:[a-z-]+\s+){{0,2}}{_INTEGER_KIND}"),
    re.compile(rf"{_LIST}\s*(?:\\in|∈)\s*(?:\\math(?:bb|bf)\s*\{{?\s*[ZN]\b|[ZNℤℕ](?![A-Za-z]))"),
    re.compile(rf"(?:正整数|整数|自然数|质数|素数)\s*{_LIST}"),
    re.compile(rf"{_LIST}\s*(?:是|为|均为|都是)\s*(?:正整数|整数|自然数|质数|素数)"),
)


def _spelt(name: str) -> str:
    """Without markup: `alpha_1` for a subscripted Greek letter."""
    if len(name) == 1:
        return _GREEK_LETTERS.get(name, name)
    head, mark, index = name.translate(_MARKUP).partition("_")
    head = _GREEK_LETTERS.get(head, _ALIASES.get(head, head))
    return head + mark + index


def _names(listed: str) -> tuple[str, ...]:
    return tuple(_spelt(name) for name in _ONE_NAME.findall(re.sub(r"\band\b", ",", listed)))


def variables(question: str) -> frozenset[str]:
    """Single-letter names in the question's math; without math marks, letters standing alone."""
    found: set[str] = set()
    question = question.replace("\\_", "_")
    parts = [part for match in _MATH.findall(question) for part in match if part and not _PROSE.search(part)]
    if not parts:
        return frozenset(name for name in _PLAIN_SYMBOL.findall(question) if name not in ("e", "i"))
    for part in parts:
        if part.strip() == "e":
            found.add("e")
        for greek, greek_index, letter, index in set(_SYMBOL.findall(_WORDS_IN_MATH.sub(" ", part))):
            if greek:
                found.add(_spelt(greek + greek_index))
            elif letter and (letter not in ("e", "i") or index):
                found.add(_spelt(letter + index))
                found.update(
                    index_name for index_name in re.findall(r"[A-Za-z]", index) if index_name not in ("e", "i")
                )
    if "i" not in found and _INDEX_I.search(question) and not _COMPLEX.search(question):
        found.add("i")
    return frozenset(found)


def asked(question: str) -> tuple[str, ...]:
    """The names asked for, in the question's order; empty where it asks for none by name."""
    text = " ".join(_STRIP.sub(" ", question).split())
    lower = text[:1].lower() + text[1:]
    tuples = _ORDERED.findall(_lower_verbs(lower)) if "(" in lower else []
    if tuples:
        return _names(tuples[-1])
    found = _VALUES_HAN.findall(lower) or _VALUES.findall(_lower_verbs(lower)) or _RANGE.findall(lower)
    names = _names(found[-1]) if found else ()
    if names == ("a",) and not _A_IS_A_NAME.search(question):
        return ()
    return names if len(set(names)) == len(names) <= MAX_ASKED else ()


_A_IS_A_NAME = re.compile(r"[$(]\s*a\s*[$\\)]")
_VERBS = re.compile(r"\b(Find|Determine|Compute|Calculate|Solve|What|Express|Values?|Pairs?)\b")


def _lower_verbs(text: str) -> str:
    return _VERBS.sub(lambda match: match[0].lower(), text)


def integers(question: str) -> frozenset[str]:
    """The names that the question says are whole numbers."""
    lower = question.lower()
    if not any(mark in lower for mark in _INTEGER_MARKS):
        return frozenset()
    found = _found_by(_INTEGERS, question)
    return found | variables(question) if _OVER_INTEGERS.search(lower) else found


def positive(question: str) -> frozenset[str]:
    """The names that the question says are positive whole numbers."""
    lower = question.lower()
    if not any(mark in lower for mark in ("positive", "natural number", "正整数")):
        return frozenset()
    return _found_by(_POSITIVE, question)


def _found_by(patterns: tuple[re.Pattern[str], ...], question: str) -> frozenset[str]:
    text = " ".join(_STRIP.sub(" ", question).split())
    found: set[str] = set()
    for pattern in patterns:
        for match in pattern.findall(text):
            found.update(_names(match))
    if not _A_IN_MATH.search(question):
        found.discard("a")
    return frozenset(found - {"e"})
