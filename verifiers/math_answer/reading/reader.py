"""Text to tree. The top level: pieces between commas, labels in words, nouns after numbers, side conditions.

Rule 1: mathematics first, words second: a piece is prose only where the expression parser refuses it.
Rule 2: prose with negation or comparison ("not 5", "at least 5") is kept whole as Text, never cut to its number.
Rule 3: linear time. Every token is looked at a bounded number of times.
"""

import re
from functools import lru_cache
from itertools import pairwise

from verifiers.math_answer.quantities import units
from verifiers.math_answer.reading.conditions import condition, is_membership, with_memberships
from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.expressions import Expressions
from verifiers.math_answer.reading.lexer import Token, tokens
from verifiers.math_answer.reading.limits import MAX_TEXT_WORDS
from verifiers.math_answer.reading.literals import based, quantity
from verifiers.math_answer.reading.normalise import normalise
from verifiers.math_answer.reading.vocabulary import CONDITION_WORDS, ORDINAL_ENDINGS, REASON_WORDS
from verifiers.math_answer.tree import (
    Apply,
    Group,
    Labelled,
    Logic,
    Mul,
    Node,
    Not,
    Num,
    Rel,
    Seq,
    Sym,
    Text,
    Where,
)

_OPENERS = frozenset({"(", "[", "lbrace", "langle", "{", "begin"})
_CLOSERS = frozenset({")", "]", "rbrace", "rangle", "}", "end"})
_COPULAS = frozenset({"is", "are", "was", "equals", "equal", "be", "为", "是", "等于"})
_FILLERS = frozenset(
    "about approximately approx roughly exactly only just the a an is are there so hence thus therefore in total "
    "约 大约 共".split()
)
_LOADED = frozenset(
    "not no never neither nor isn't doesn't don't cannot can't except without unless than least most less more greater "
    "fewer between from over under above below within until up down larger smaller false wrong incorrect instead "
    "rather 不 不是 非 没有 至少 至多 大于 小于 超过 不等于".split()
)
"""Words that change what the number beside them means."""
_LOADED_MARKS = ("不", "非", "没", "无", "至少", "至多", "大于", "小于", "超过")
_LIMITS = frozenset(("<", "<=", ">", ">=", "!="))
_MINUS_WORDS = frozenset(("negative", "Negative", "负", "負"))
_KINDS = frozenset("powers multiples divisors factors multiple divisible perfect".split())
"""Kinds of numbers: "powers of 2" are not 2."""
_QUANTIFIERS = {"forall": "for all", "exists": "there exists"}
_RATIO_TOKENS = 3
MAX_LABEL_TOKENS = 12
MAX_NOUN_TOKENS = 8
SENTENCE_WORDS = 4
"""From this many words on, a piece without mathematics makes the whole answer a sentence."""
CACHE_ENTRIES = 4_096
"""References repeat over a GRPO group and answers within it; trees are immutable."""
MAX_CACHED_CHARS = 300


def read(text: str) -> Node:
    """The tree of an answer as written.

    Raises Unparsable for what is empty, too large, nested too deeply, or holds characters no answer has.

    >>> read("x = 2")
    Rel(operands=(Sym(name='x'), Num(num=2, den=1, decimals=None)), ops=('=',), modulus=None)
    """
    return _read_short(text) if len(text) <= MAX_CACHED_CHARS else _read(text)


@lru_cache(maxsize=CACHE_ENTRIES)
def _read_short(text: str) -> Node:
    return _read(text)


_THOUSANDS = re.compile(
    r"(?<![\d.,(\[])(?<!\\\{)\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])|"
    r"(?<![\d.,(\[])(?<!\\\{)\d{1,3}(?:,\d{3})+(?![\d,])|(?<![\d.,_^])\d{1,3}(?: \d{3})+(?![\d,])"
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,{(\[])(\d+),(\d{1,2}|\d{4,})(?![\d,.]|\s*\\?[)\]}])")
_ZERO_COMMA = re.compile(r"(?<![\d.,{(\[])0,(\d+)(?![\d,.)\]}])")


_ANGLES = re.compile(r"^\s*<([^<>=]*,[^<>=]*)>\s*$")


def readings(text: str) -> tuple[Node, ...]:
    """`read` first, then the other reading where a comma between digits has two: `1,234` may be a list of two
    numbers, `3,14` may be a decimal. Raises Unparsable as `read` does.
    """
    first = read(text)
    if "," not in text:
        return (first,)
    source = normalise(text)
    if _THOUSANDS.search(source):
        return first, _tree(source)
    if source.count(",") == 1 and _DECIMAL_COMMA.search(source):
        return first, _tree(_DECIMAL_COMMA.sub(r"\1.\2", source))
    return (first,)


def _read(text: str) -> Node:
    source = normalise(text)
    if "," in source or " " in source:
        source = _THOUSANDS.sub(lambda m: m.group().replace(",", "").replace(" ", ""), source)
        if "mod" not in source:
            # `n \\equiv 0,1 \\pmod 3` lists residues.
            source = _ZERO_COMMA.sub(r"0.\1", source)
    return _tree(source)


def _tree(source: str) -> Node:
    text = source
    toks = tokens(_ANGLES.sub(r"\\langle \1\\rangle", source))
    while toks and toks[-1].kind in ("stop", ",", ";", ":", "newline"):
        toks.pop()
    if not toks:
        raise Unparsable("there is nothing to read", text=text, at=0)
    return _statement(toks, source)


def _statement(toks: list[Token], source: str) -> Node:
    if toks[0].kind == "cmd" and toks[0].value in _QUANTIFIERS:
        return _quantified(toks, source)
    reason = _first_word(toks, REASON_WORDS)
    if reason:
        body = _pieces(toks[: reason - (toks[reason - 1].kind == "," and reason > 1)], source)
        if not isinstance(body, Text):
            return body
    cut = _first_word(toks, CONDITION_WORDS)
    if cut:
        body = _pieces(toks[: cut - (toks[cut - 1].kind == "," and cut > 1)], source)
        rest = toks[cut + 1 :]
        if rest and not isinstance(body, Text):
            return Where(body, (condition(rest, source, _piece),))
    return _pieces(toks, source)


def _quantified(toks: list[Token], source: str) -> Node:
    """`\\forall x > 0, 3^x > x`: the statement under its quantifier and the range of the variable."""
    runs, _ = _split(toks[1:], (",", ":"))
    if len(runs) < 2:
        raise Unparsable("a quantifier without a statement", text=source, at=toks[0].at)
    body = toks[1 + len(runs[0]) + 1 :]
    return Where(_statement(body, source), (Text(_QUANTIFIERS[str(toks[0].value)]), _piece(runs[0], source)))


def _first_word(toks: list[Token], words: frozenset[str]) -> int | None:
    """Where one of the words first stands outside brackets, past the beginning."""
    depth = 0
    for k, token in enumerate(toks):
        depth += (token.kind in _OPENERS) - (token.kind in _CLOSERS)
        if (
            k
            and depth == 0
            and (
                (token.kind == "word" and str(token.value).lower() in words)
                or (token.value == "forall" and words is CONDITION_WORDS)
            )
        ):
            return k
    return None


def _split(toks: list[Token], kinds: tuple[str, ...]) -> tuple[list[list[Token]], list[str]]:
    """The token runs between depth-zero separators, and the separators (`and` / `or` for joints)."""
    runs: list[list[Token]] = [[]]
    separators: list[str] = []
    depth, french = 0, False
    for k, token in enumerate(toks):
        kind = token.kind
        if kind in ("[", "]") and ((depth == 0 and kind == "]") or french):
            # `]a, b[` opens with a closing bracket.
            french = not french
            depth += 1 if french else -1
        elif kind in _OPENERS:
            depth += not (kind == "lbrace" and k + 1 < len(toks) and toks[k + 1].kind == "begin")
        elif kind in _CLOSERS:
            depth -= 1
        if depth == 0 and kind in kinds:
            separators.append(str(token.value))
            runs.append([])
        else:
            runs[-1].append(token)
    return runs, separators


def _pieces(toks: list[Token], source: str) -> Node:
    for kinds in ((";", "newline"), (",", "joint")):
        runs, separators = _split(toks, kinds)
        if separators:
            items = [_pieces(run, source) if kinds[0] == ";" else _piece(run, source) for run in runs if run]
            return _joined(items, separators, toks, source)
    return _piece(toks, source)


def _joined(items: list[Node], separators: list[str], toks: list[Token], source: str) -> Node:
    if not items:
        raise Unparsable("nothing but separators", text=source, at=0)
    if any(isinstance(item, Text) and item.words.count(" ") + 1 >= SENTENCE_WORDS for item in items):
        return _text(toks, source)
    items = with_memberships(items)
    if len(items) == 1:
        return items[0]
    joints = [s for s in separators if s in ("and", "or")]
    if joints and len(set(joints)) == 1 and len(joints) == len(items) - 1 and all(_is_statement(x) for x in items):
        return Logic("and" if joints[0] == "and" else "or", tuple(items))
    return Seq(tuple(items), "or" if "or" in joints else "and" if joints else "comma")


def _is_statement(node: Node) -> bool:
    return isinstance(node, Rel | Logic | Not)


def _piece(toks: list[Token], source: str) -> Node:
    """One piece between separators: mathematics, or prose around a value."""
    toks = _trimmed(toks)
    if not toks:
        return Text("")
    if len(toks) == _RATIO_TOKENS and toks[1].kind == "word" and toks[1].value == "to":
        # "2 to 3"
        toks = [toks[0], toks[1]._replace(kind=":"), toks[2]]
    if (conditional := _with_condition(toks, source)) is not None:
        return conditional
    toks = _signed(toks)
    parser = Expressions(toks, source)
    try:
        node = parser.relation()
        parser.skip_stops()
    except Unparsable as refused:
        return _prose(toks, source, refused)
    if parser.kind == "eof":
        return _named_point(node)
    if parser.kind == "(" and toks[-1].kind == ")":
        inside = condition(toks[parser.at + 1 : -1], source, _piece)
        if is_membership(inside) or (isinstance(inside, Rel) and _LIMITS.issuperset(inside.ops)):
            return Where(node, (inside,))
    rest = toks[parser.at :]
    return _with_noun(node, rest, toks, source)


def _with_condition(toks: list[Token], source: str) -> Node | None:
    """`1 - 2t (t is an integer)`: words in the last bracket say where the parameter lives."""
    if toks[-1].kind != ")" or not any(token.kind == "word" for token in toks):
        return None
    opening = max(k for k, token in enumerate(toks) if token.kind == "(" or k == 0)
    inside = toks[opening + 1 : -1]
    if opening == 0 or not any(token.kind == "word" for token in inside):
        return None
    said = condition(inside, source, _piece)
    return Where(_piece(toks[:opening], source), (said,)) if is_membership(said) else None


def _signed(toks: list[Token]) -> list[Token]:
    """`negative 8`, `x = 负8`: the word is a sign, never a label of what follows."""
    if not any(token.kind == "word" and token.value in _MINUS_WORDS for token in toks):
        return toks
    following = [*toks[1:], None]
    return [
        token._replace(kind="-", value="-")
        if token.kind == "word" and token.value in _MINUS_WORDS and after is not None and after.kind != "word"
        else token
        for token, after in zip(toks, following, strict=True)
    ]


def _named_point(node: Node) -> Node:
    """`A(1, 2)` is a point with its name."""
    if isinstance(node, Apply) and len(node.name) == 1 and node.name.isupper() and len(node.args) > 1:
        return Labelled(node.name.lower(), Group("(", node.args, ")"))
    if isinstance(node, Mul) and len(node.factors) == 2:
        name, point = node.factors
        if isinstance(name, Sym) and name.name.isupper() and isinstance(point, Group) and point.left == "(":
            return Labelled(name.name.lower(), point)
    return node


def _trimmed(toks: list[Token]) -> list[Token]:
    start, end = 0, len(toks)
    while start < end and toks[start].kind in ("stop", "newline"):
        start += 1
    while end > start and toks[end - 1].kind in ("stop", "newline", "?"):
        end -= 1
    return toks[start:end]


def _with_noun(node: Node, rest: list[Token], toks: list[Token], source: str) -> Node:
    """`18 coins`, `15th Day`, `x = 5 apples`: words after a value are its unit or what is counted."""
    words = [token for token in rest if token.kind == "word"]
    if isinstance(node, Sym):
        # "a right prism": an article, not a quantity called a.
        return _labelled(toks, source) or _text(toks, source)
    if len(rest) > MAX_NOUN_TOKENS or not words or len(words) < len(rest) - 2 or _loaded(rest):
        return _labelled(toks, source) or _text(toks, source)
    if str(rest[0].value).lower() in ORDINAL_ENDINGS:
        rest = rest[1:]
    if not rest:
        return node
    if isinstance(node, Num) and (in_base := _BASE.fullmatch(_words(rest, source))):
        return based(str(node.num), int(in_base[1]))
    spelt = _words(rest, source)
    unit = units.canonical(spelt)
    # "5 apples 6" may mean either number: a noun has none.
    if unit is None and (units.says_more(spelt) or any(token.kind == "num" for token in rest)):
        return _labelled(toks, source) or _text(toks, source)
    unit = unit or spelt
    if isinstance(node, Rel):
        return Rel((*node.operands[:-1], quantity(node.operands[-1], unit)), node.ops, node.modulus)
    return quantity(node, unit)


_BASE = re.compile(r"\(?(?:in )?base (\d{1,2})\)?")


def _prose(toks: list[Token], source: str, refused: Unparsable) -> Node:
    if not any(token.kind == "word" for token in toks):
        words = _words(toks, source)
        if any(char.isalnum() for char in words):
            labelled = _labelled(toks, source)
            if labelled is not None:
                return labelled
        raise refused
    return _labelled(toks, source) or _text(toks, source)


def _labelled(toks: list[Token], source: str) -> Node | None:
    """`Paolo: 18`, `Maximum = 2`, `Day 15`, `about 5`: words, perhaps a sign between, then a value."""
    if _loaded(toks) or any(token.kind == "word" and str(token.value).lower() in _KINDS for token in toks[:-1]):
        return None
    for k, token in enumerate(toks[: MAX_LABEL_TOKENS + 1]):
        copula = token.kind == "word" and _is_copula(str(token.value).lower())
        if k and (copula or token.kind in (":", "rel")):
            if token.kind == "rel" and token.value not in ("=", "approx"):
                return None
            return _value_under(toks[:k], toks[k + 1 :], source)
        if token.kind == "(" and all(before.kind == "word" for before in toks[:k]):
            break  # "center (1, 2)"
        if token.kind not in ("word", "sym", "num", "func", "-", "'", "joint") or (token.kind == "num" and not k):
            return None
        if token.kind == "num":
            break
    head = next((k for k, token in enumerate(toks) if token.kind != "word"), len(toks))
    return _value_under(toks[:head], toks[head:], source) if head < len(toks) else None


def _is_copula(word: str) -> bool:
    # Chinese writes no spaces: 取值范围是 ends in the copula.
    return word in _COPULAS or (not word.isascii() and word[-1] in "是为")


def _value_under(label: list[Token], rest: list[Token], source: str) -> Node | None:
    if not rest or not label:
        return None
    value = _piece(rest, source)
    if isinstance(value, Text) and len(value.words.split()) >= SENTENCE_WORDS:
        return None
    words = _words(label, source)
    if all(word in _FILLERS for word in words.split()):
        return value
    return Labelled(words, value)


def _loaded(toks: list[Token]) -> bool:
    return any(token.kind == "word" and _is_loaded(str(token.value).lower()) for token in toks) or any(
        (first.value, second.value) == ("power", "of") for first, second in pairwise(toks)
    )


def _is_loaded(word: str) -> bool:
    # Chinese writes no spaces: the negation is inside the run, as in 答案不是.
    return word in _LOADED or (not word.isascii() and any(mark in word.replace("不同", "") for mark in _LOADED_MARKS))


_COMMAND = re.compile(
    r"\\(?:text|mathrm|textbf|textit|mbox|operatorname|quad|qquad|left|right)(?![A-Za-z])\s*|\\[,;:! ]"
)


def _words(toks: list[Token], source: str) -> str:
    """The source under the tokens as lower-case words."""
    if not toks:
        return ""
    raw = source[toks[0].at : toks[-1].to]
    return " ".join(_COMMAND.sub(" ", raw).replace("{", "").replace("}", "").replace("~", " ").lower().split()).strip(
        " .,;:!?\"'"
    )


def _text(toks: list[Token], source: str) -> Text:
    words = _words(toks, source)
    if words.count(" ") >= MAX_TEXT_WORDS:
        raise Unparsable(f"more than {MAX_TEXT_WORDS} words", text="", at=0)
    return Text(words)
