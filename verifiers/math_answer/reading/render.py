"""A tree back to text, in one spelling: what was understood, for reasons, for the model stage and for people.

Reading the text of any tree that the reader made gives the same tree (held by a property test).
"""

from collections.abc import Callable
from typing import Any

from verifiers.math_answer import tree as t

_WHOLE, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
"""How tightly a text binds, loosest first."""

MAX_SPELT_BITS = 13_000
"""About 3,900 decimal digits."""
_DIGITS_PER_BIT = 0.30103
_OPS = {
    "=": "=", "!=": "\\ne", "<": "<", "<=": "\\le", ">": ">", ">=": "\\ge", "in": "\\in", "notin": "\\notin",
    "approx": "\\approx", "equiv": "\\equiv", "subset": "\\subset", "to": "\\to", "sim": "\\sim", "divides": "\\mid",
    "perp": "\\perp", "parallel": "\\parallel",
}  # fmt: skip
_SET_OPS = {"union": "\\cup", "intersect": "\\cap", "minus": "\\setminus"}
_BRACKETS = {"(": "(", ")": ")", "[": "[", "]": "]", "<": "\\langle ", ">": "\\rangle "}
_JOINTS = {"comma": ", ", "and": " \\text{ and } ", "or": " \\text{ or } "}
_QUANTIFIERS = {"for all": "\\forall", "there exists": "\\exists"}
_ARCUS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "acot": "arccot"}
_AROUND = {
    "sqrt": ("\\sqrt{", "}"), "abs": ("|", "|"), "norm": ("\\|", "\\|"), "floor": ("\\lfloor ", " \\rfloor"),
    "ceil": ("\\lceil ", " \\rceil"), "factorial": ("(", ")!"), "factorial2": ("(", ")!!"), "vec": ("\\vec{", "}"),
    "hat": ("\\hat{", "}"), "conj": ("\\bar{", "}"),
}  # fmt: skip


def render(node: t.Node) -> str:
    """The node as LaTeX.

    >>> render(t.Div(t.Num(1), t.Sym("x")))
    '\\\\frac{1}{x}'
    """
    return _text(node, _WHOLE)


def _text(node: t.Node, outside: int) -> str:
    write, level = _WRITERS[type(node)]
    if isinstance(node, t.Num) and node.den != 1 and node.decimals is None:
        level = _PRODUCT
    text = write(node)
    return f"({text})" if level < outside else text


def _list(items: tuple[t.Node, ...]) -> str:
    return ", ".join(map(render, items))


def _number(node: t.Num) -> str:
    if max(node.num.bit_length(), node.den.bit_length()) > MAX_SPELT_BITS:
        # Python refuses to spell longer integers, and nobody reads them.
        return f"\\text{{a number of about {round(node.num.bit_length() * _DIGITS_PER_BIT)} digits}}"
    if node.decimals is not None:
        if node.decimals <= 0:
            return f"{node.num // 10**-node.decimals}e{-node.decimals}"
        digits = str(node.num).zfill(node.decimals + 1)
        return f"{digits[: -node.decimals]}.{digits[-node.decimals :]}"
    if node.den == 1:
        return str(node.num)
    whole, rest = divmod(node.num, node.den)
    return (f"{whole} " if whole else "") + f"\\frac{{{rest}}}{{{node.den}}}"


def _symbol(node: t.Sym) -> str:
    return _name(node.name)


def _name(name: str) -> str:
    head, _, subscript = name.partition("_")
    stem = head.rstrip("'")
    spelt = f"\\{stem}" if len(stem) > 1 and stem.isalpha() else stem
    return spelt + head[len(stem) :] + (f"_{{{subscript}}}" if subscript else "")


def _sum(node: t.Add) -> str:
    text = _text(node.terms[0], _SUM)
    for term in node.terms[1:]:
        match term:
            case t.Neg():
                text += f" - {_text(term.x, _PRODUCT)}"
            case t.PlusMinus():
                text += f" {_text(term, _SUM)}"
            case _:
                text += f" + {_text(term, _PRODUCT)}"
    return text


def _plus_minus(node: t.PlusMinus) -> str:
    return ("\\pm " if node.upper else "\\mp ") + _text(node.x, _PRODUCT)


def _power(node: t.Pow) -> str:
    # `(-x)^2`, `(f(x))^2` and `(\frac12)^2` need the brackets that an atom does without.
    bare = _WRITERS[type(node.base)][1] == _ATOM and not isinstance(node.base, t.Div)
    base = _text(node.base, _ATOM) if bare else f"({render(node.base)})"
    return f"{base}^{{{render(node.exp)}}}"


def _quantity(node: t.Quantity) -> str:
    value = _text(node.x, _ATOM)
    return f"{value}^\\circ" if node.unit == "deg" else f"{value}\\text{{ {node.unit}}}"


def _big(node: t.BigOp) -> str:
    lower = "" if node.lower is None else f"_{{{node.var + '=' if node.var else ''}{render(node.lower)}}}"
    upper = "" if node.upper is None else f"^{{{render(node.upper)}}}"
    return f"\\{node.op}{lower}{upper} {_text(node.body, _PRODUCT)}"


def _call(node: t.Call) -> str:
    if node.name in _AROUND:
        before, after = _AROUND[node.name]
        return before + _list(node.args) + after
    if node.name == "root":
        return f"\\sqrt[{render(node.args[1])}]{{{render(node.args[0])}}}"
    if node.name == "binom" and len(node.args) == 2:  # the word alone takes any number: `binom(3)`
        return f"\\binom{{{render(node.args[0])}}}{{{render(node.args[1])}}}"
    sub = "" if node.sub is None else f"_{{{render(node.sub)}}}"
    name = node.name if node.name == "binom" else f"\\{_ARCUS.get(node.name, node.name)}"
    return f"{name}{sub}({_list(node.args)})"


def _where(node: t.Where) -> str:
    first, *others = node.conditions
    if isinstance(first, t.Text) and first.words in _QUANTIFIERS:
        return f"{_QUANTIFIERS[first.words]} {_list(tuple(others))}, {render(node.body)}"
    return f"{render(node.body)}, {_list(node.conditions)}"


def _cases(node: t.Cases) -> str:
    return _environment(
        "cases", [[render(x), "\\text{otherwise}" if c is None else render(c)] for x, c in node.branches]
    )


def _matrix(node: t.Matrix) -> str:
    return _environment("vmatrix" if node.bars else "pmatrix", [list(map(render, row)) for row in node.rows])


def _environment(name: str, rows: list[list[str]]) -> str:
    body = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{{name}}} {body} \\end{{{name}}}"


def _relation(node: t.Rel) -> str:
    first = "" if node.operands[0] == t.Sym("_") else render(node.operands[0])
    text = first + "".join(f" {_OPS[op]} {render(x)}" for op, x in zip(node.ops, node.operands[1:], strict=True))
    return text if node.modulus is None else f"{text} \\pmod{{{render(node.modulus)}}}"


def _named_set(node: t.NamedSet) -> str:
    return f"\\mathbb{{{node.name[0]}}}" + (f"^{{{node.name[1:]}}}" if node.name[1:] else "")


_WRITERS: dict[type[t.Node], tuple[Callable[[Any], str], int]] = {
    t.Num: (_number, _ATOM),
    t.Sym: (_symbol, _ATOM),
    t.Const: (lambda n: "\\pi" if n.name == "pi" else "\\infty", _ATOM),
    t.Add: (_sum, _SUM),
    t.Neg: (lambda n: f"-{_text(n.x, _PRODUCT)}", _SUM),
    t.PlusMinus: (_plus_minus, _SUM),
    t.Mul: (lambda n: " \\cdot ".join(_text(factor, _POWER) for factor in n.factors), _PRODUCT),
    t.Div: (lambda n: f"\\frac{{{render(n.top)}}}{{{render(n.bottom)}}}", _ATOM),
    t.Pow: (_power, _POWER),
    t.Call: (_call, _POWER),
    t.Apply: (lambda n: f"{_name(n.name)}({_list(n.args)})", _POWER),
    t.BigOp: (_big, _POWER),
    t.Based: (lambda n: f"{n.digits}_{{{n.base}}}", _ATOM),
    t.Percent: (lambda n: f"{_text(n.x, _ATOM)}\\%", _PRODUCT),
    t.Quantity: (_quantity, _PRODUCT),
    t.Dots: (lambda _: "\\ldots", _ATOM),
    t.Seq: (lambda n: _JOINTS[n.joint].join(map(render, n.items)), _WHOLE),
    t.Group: (lambda n: _BRACKETS[n.left] + _list(n.items) + _BRACKETS[n.right], _WHOLE),
    t.SetOf: (lambda n: f"\\{{{_list(n.items)}\\}}", _WHOLE),
    t.SetBuilder: (lambda n: f"\\{{{render(n.element)} \\mid {render(n.condition)}\\}}", _WHOLE),
    t.SetOp: (lambda n: f" {_SET_OPS[n.op]} ".join(map(render, n.args)), _WHOLE),
    t.NamedSet: (_named_set, _WHOLE),
    t.Rel: (_relation, _WHOLE),
    t.Logic: (lambda n: _JOINTS[n.op].join(map(render, n.args)), _WHOLE),
    t.Not: (lambda n: f"\\neg ({render(n.x)})", _WHOLE),
    t.Where: (_where, _WHOLE),
    t.Cases: (_cases, _WHOLE),
    t.Matrix: (_matrix, _WHOLE),
    t.Ratio: (lambda n: " : ".join(_text(item, _PRODUCT) for item in n.items), _WHOLE),
    t.Labelled: (lambda n: f"\\text{{{n.label}: }}{render(n.x)}", _WHOLE),
    t.Text: (lambda n: n.words, _WHOLE),
}
"""How each node is written, and how tightly that binds."""
