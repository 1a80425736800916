r"""Sets of integers said in words: "all integers $n \geq 3$", "all positive integers except 2", "$n$ is odd".

Rule 1: the whole answer must be such a statement; a sentence that says anything else is not read.
Rule 2: the result is a set-builder; where no numbers are named, its variable stays free (`n` odd).
"""

import re
from functools import lru_cache

from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.reader import read
from verifiers.math_answer.tree import Logic, NamedSet, Node, Not, Num, Rel, Seq, SetBuilder, SetOf, Sym

MAX_CHARS = 160
BOUND = "_n"
"""The variable of a statement that names none."""

_WORDS = re.compile(
    r"(?<![\\A-Za-z])(?:all|any|every|each|integers?|numbers?|naturals?|values|odd|even|divisible|multiples?|except)(?![a-z])",
    re.IGNORECASE,
)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mbox)\s*\{([^{}]*)\}")
_KINDS = (
    r"(?:(?P<sign>positive|non-?negative|natural|negative|real)\s+)?(?:(?P<parity2>odd|even)\s+)?"
    r"(?P<kind>(?:integers?|numbers?|whole numbers?|naturals?|values?(?: of)?)(?![a-z]))?"
)
_ALL = re.compile(
    rf"(?:the set of\s+)?(?:all|any|every|each|the)?\s*(?:of\s+)?(?:the\s+)?(?:(?P<parity>odd|even)\s+)?{_KINDS}\s*"
    r"(?:(?P<name>[a-z])(?![a-z]))?\s*(?P<rest>.*)",
    re.DOTALL,
)
_LINK = re.compile(
    r"^(?:,|\(|such that|so that|with|where|for which|satisfying|that|which|are|is|be|must|not equal to)\s*"
)
_EXCEPT = re.compile(r"(.*?),?\s*(?:except(?: for| when| that)?|other than|excluding|but not)\s+(.+)", re.DOTALL)
_NUMBER = r"(\d{1,4})"
_DIVISIBLE = re.compile(rf"(?P<no>not\s+|aren't\s+|isn't\s+)?(?:a\s+)?(?:divisible by|multiples? of)\s+{_NUMBER}")
_ORDERS = (
    (re.compile(rf"(?:strictly )?(?:greater|larger|bigger|more) than {_NUMBER}"), ">"),
    (re.compile(rf"(?:at least|no less than|not less than) {_NUMBER}"), ">="),
    (re.compile(rf"greater than or equal to {_NUMBER}"), ">="),
    (re.compile(rf"(?:strictly )?(?:less|smaller) than {_NUMBER}"), "<"),
    (re.compile(rf"(?:at most|no more than|not more than) {_NUMBER}"), "<="),
)
_SIGNS = {"positive": "Z+", "natural": "N", "nonnegative": "N0", "real": "R"}


@lru_cache(maxsize=2_048)
def integer_statement(text: str) -> Node | None:
    """The set that the words describe; None where they are no such statement.

    >>> integer_statement("all odd integers") is not None, integer_statement("5 odd jobs")
    (True, None)
    """
    if len(text) > MAX_CHARS:
        return None
    plain = " ".join(_TEXT.sub(r" \1 ", text.replace("$", " ")).replace("~", " ").split()).strip(" .")
    if not _WORDS.search(plain):
        return None
    lowered = plain[:1].lower() + plain[1:]
    found = _ALL.fullmatch(lowered)
    if found is None:
        return None
    name, kind, sign = found["name"], found["kind"], found["sign"]
    parity = found["parity"] or found["parity2"]
    multiples = _DIVISIBLE.match(found["rest"])
    if not (name or kind or parity or multiples) or sign == "negative":
        return None
    if sign and sign != "real" and kind and "integer" not in kind and sign != "natural":
        return None  # positive numbers, not integers
    rest, conditions = found["rest"], []
    if parity:
        conditions.append(_parity(parity, name))
    if (cut := _EXCEPT.fullmatch(rest)) is not None:
        excluded = _excluded(cut[2], name or BOUND)
        if excluded is None:
            return None
        conditions.append(excluded)
        rest = cut[1]
    condition = _condition(rest, name or BOUND)
    if condition is None and rest.strip():
        return None
    if condition is not None:
        conditions.append(condition)
    return _built(name, _numbers(sign, kind, parity, name), conditions)


def _numbers(sign: str | None, kind: str | None, parity: str | None, name: str | None) -> str | None:
    """The named numbers; None where none are."""
    if sign:
        return _SIGNS[sign.replace("-", "")]
    if kind and "natural" in kind:
        return "N"
    if kind and "whole" in kind:
        return "N0"
    return "Z" if kind and "integer" in kind else None


def _built(name: str | None, numbers: str | None, conditions: list[Node]) -> Node | None:
    if not conditions:
        return NamedSet(numbers) if numbers else None
    condition = conditions[0] if len(conditions) == 1 else Logic("and", tuple(conditions))
    if numbers:
        return SetBuilder(Rel((Sym(name or BOUND), NamedSet(numbers)), ("in",)), condition)
    return condition if name else SetBuilder(Sym(BOUND), condition)


def _parity(parity: str, name: str | None) -> Node:
    return Rel((Sym(name or BOUND), Num(int(parity == "odd"))), ("equiv",), Num(2))


def _condition(text: str, name: str) -> Node | None:
    """A relation of the name, or words that state one."""
    text = text.strip(" .,;")
    while not _DIVISIBLE.match(text):
        if link := _LINK.match(text):
            text = text[link.end() :].strip().rstrip(")")
        elif re.match(rf"{name} (?:is|are|not) ", text):
            text = text[len(name) + 1 :]
        else:
            break
    if text in ("odd", "even"):
        return _parity(text, name)
    if (words := _DIVISIBLE.fullmatch(text)) is not None:
        divides = Rel((Num(int(words[2])), Sym(name)), ("divides",))
        return Not(divides) if words["no"] else divides
    for pattern, op in _ORDERS:
        if (words := pattern.fullmatch(text)) is not None:
            return Rel((Sym(name), Num(int(words[1]))), (op,))  # type: ignore[arg-type] # operators of the table
    return _relation(text, name)


def _relation(text: str, name: str) -> Node | None:
    if not text or re.search(r"(?<![\\a-z])[a-z]{3}", text):
        return None
    if not re.search(rf"(?<![a-z\\]){re.escape(name)}(?![a-z])", text):
        # "integers n >= 3": the name stands before the sign.
        text = f"{name} {text}"
    try:
        node = read(text)
    except Unparsable:
        return None
    return node if isinstance(node, Rel | Logic | Seq | Not) else None


def _excluded(text: str, name: str) -> Node | None:
    """What "except" takes away: numbers, `n = 4`, multiples."""
    if (words := _DIVISIBLE.fullmatch(text.strip())) is not None and not words["no"]:
        return Not(Rel((Num(int(words[2])), Sym(name)), ("divides",)))
    if re.search(r"(?<![\\a-z])(?!and\b|or\b)[a-z]{3}", text):
        return None
    try:
        node = read(re.sub(rf"(?<![a-z\\]){re.escape(name)}\s*=\s*", "", text))
    except Unparsable:
        return None
    items = node.items if isinstance(node, Seq | SetOf) else (node,)
    return Rel((Sym(name), SetOf(tuple(items))), ("notin",)) if all(isinstance(x, Num) for x in items) else None
