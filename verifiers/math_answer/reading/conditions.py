"""Side conditions: `k \\in Z`, "for some integer t", "for all positive integers n"."""

from collections.abc import Callable, Sequence

from verifiers.math_answer.reading.lexer import Token
from verifiers.math_answer.tree import Logic, NamedSet, Node, Rel, Sym, Text, Where

_QUANTIFIERS = frozenset("some any all every each an a arbitrary is are be the that where and or of can both".split())
_DOMAINS = {
    **dict.fromkeys(("integer", "integers", "整数", "为整数"), "Z"),
    **dict.fromkeys(("real", "reals", "constant", "constants", "parameter", "实数", "常数"), "R"),
    **dict.fromkeys(("natural", "自然数"), "N"),
    **dict.fromkeys(("number", "numbers", "arbitrary"), ""),
    "rational": "Q", "complex": "C", "whole": "N0", "正整数": "Z+",
}  # fmt: skip
_SIGNS = {
    "positive": "+",
    "negative": "-",
    "nonnegative": "0+",
    "non-negative": "0+",
    "nonzero": "*",
    "non-zero": "*",
}


def is_membership(node: Node) -> bool:
    """`k \\in Z`, `m, n \\in N` (as one relation), `k = 0, 1, 2` is none."""
    return (
        isinstance(node, Rel)
        and node.ops in (("in",), ("notin",))
        and isinstance(node.operands[0], Sym)
        and isinstance(node.operands[1], NamedSet)
    )


def with_memberships(items: Sequence[Node]) -> list[Node]:
    """`x = k\\pi, k \\in Z`: a membership after a value is its condition; names right before it live there too."""
    kept: list[Node] = []
    for item in items:
        if not (kept and is_membership(item)):
            kept.append(item)
            continue
        assert isinstance(item, Rel)
        conditions: list[Node] = [item]
        while len(kept) > 1 and isinstance(kept[-1], Sym) and not isinstance(kept[0], Sym):
            conditions.insert(0, Rel((kept.pop(), item.operands[1]), item.ops))
        previous = kept[-1]
        if isinstance(previous, Where):
            kept[-1] = Where(previous.body, (*previous.conditions, *conditions))
        else:
            kept[-1] = Where(previous, tuple(conditions))
    return kept


def condition(toks: list[Token], source: str, piece: Callable[[list[Token], str], Node]) -> Node:
    """The condition that the tokens state: a membership for words, a relation for mathematics, else Text."""
    worded = _worded(toks)
    if worded is not None:
        return worded
    node = piece([token for token in toks if not _is_quantifier(token)], source)
    if isinstance(node, Rel | Logic):
        return node
    return Text(" ".join(source[toks[0].at : toks[-1].to].lower().replace("}", " ").replace("{", " ").split()))


def _is_quantifier(token: Token) -> bool:
    return token.kind == "word" and str(token.value).lower() in _QUANTIFIERS


def _worded(toks: list[Token]) -> Node | None:
    """As in "some integer t", "c is a positive integer and d is an integer", "any real numbers a, b"."""
    domain, sign = "", ""
    names: list[Sym] = []
    found: list[Node] = []
    for token in toks:
        word = str(token.value).lower()
        if token.kind == "sym":
            if domain and names and _clause_ends(names, toks, token):
                found.extend(_memberships(names, domain, sign))
                names, domain, sign = [], "", ""
            names.append(Sym(str(token.value)))
        elif token.kind == "word" and word in _DOMAINS:
            domain = domain or _DOMAINS[word]
        elif token.kind == "word" and word in _SIGNS:
            sign = _SIGNS[word]
        elif not (_is_quantifier(token) or token.kind in (",", "joint", "stop", "$")):
            return None
    if not names or not (domain or sign or all(_is_quantifier(t) or t.kind == "sym" for t in toks)):
        return None
    # "for all x" says no domain: the reals, as everywhere where none is said.
    found.extend(_memberships(names, domain or "R", sign))
    return found[0] if len(found) == 1 else Logic("and", tuple(found))


def _clause_ends(names: list[Sym], toks: list[Token], token: Token) -> bool:
    """Whether a new name after a domain begins a new clause: "c is an integer and d" does, "integers a, b" does not."""
    first_name = next(k for k, t in enumerate(toks) if t.kind == "sym" and t.value == names[0].name)
    domain_at = next(
        (k for k, t in enumerate(toks) if t.kind == "word" and str(t.value).lower() in _DOMAINS), first_name
    )
    return first_name < domain_at and token.at > toks[domain_at].at


def _memberships(names: list[Sym], domain: str, sign: str) -> list[Node]:
    return [Rel((name, NamedSet(domain + sign)), ("in",)) for name in names]
