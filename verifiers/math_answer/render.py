"""A tree back to text, in one spelling: what was understood, for reasons, for the model stage and for people.

Reading the text of any tree that the reader made gives the same tree (held by a property test).
"""

from verifiers.math_answer import tree as t

_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4
_OPS = {"=": "=", "!=": "\\ne", "<": "<", "<=": "\\le", ">": ">", ">=": "\\ge", "in": "\\in", "notin": "\\notin", "approx": "\\approx", "equiv": "\\equiv", "subset": "\\subset", "to": "\\to", "sim": "\\sim", "divides": "\\mid", "perp": "\\perp", "parallel": "\\parallel"}  # fmt: skip
_SET_OPS = {"union": "\\cup", "intersect": "\\cap", "minus": "\\setminus"}
_BRACKETS = {"(": "(", ")": ")", "[": "[", "]": "]", "<": "\\langle ", ">": "\\rangle "}
_QUANTIFIERS = {"for all": "\\forall", "there exists": "\\exists"}
_GREEK_MIN = 2


def render(node: t.Node) -> str:
    """The node as LaTeX.

    >>> render(t.Div(t.Num(1), t.Sym("x")))
    '\\\\frac{1}{x}'
    """
    return _text(node, 0)


def _text(node: t.Node, outside: int) -> str:
    inner, level = _written(node)
    return f"({inner})" if level < outside else inner


def _written(node: t.Node) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match node:
        case t.Num():
            return _number(node)
        case t.Sym():
            return _name(node.name), _ATOM
        case t.Const():
            return ("\\pi" if node.name == "pi" else "\\infty"), _ATOM
        case t.Add():
            return _sum(node), _SUM
        case t.Neg():
            return f"-{_text(node.x, _PRODUCT)}", _SUM
        case t.PlusMinus():
            return ("\\pm " if node.upper else "\\mp ") + _text(node.x, _PRODUCT), _SUM
        case t.Mul():
            return " \\cdot ".join(_text(factor, _POWER) for factor in node.factors), _PRODUCT
        case t.Div():
            return f"\\frac{{{render(node.top)}}}{{{render(node.bottom)}}}", _ATOM
        case t.Pow():
            return f"{_base(node.base)}^{{{render(node.exp)}}}", _POWER
        case t.Percent():
            return f"{_text(node.x, _ATOM)}\\%", _PRODUCT
        case t.Quantity():
            return _quantity(node), _PRODUCT
        case t.Based():
            return f"{node.digits}_{{{node.base}}}", _ATOM
        case t.Call() | t.Apply() | t.BigOp():
            return _applied(node), _POWER
        case t.Dots():
            return "\\ldots", _ATOM
    return _structure(node), 0


def _base(base: t.Node) -> str:
    text, level = _written(base)
    # `-x^2` and `f(x)^2` read differently from what they would mean here.
    return text if level == _ATOM and not isinstance(base, t.Div) else f"({text})"


def _number(node: t.Num) -> tuple[str, int]:
    if node.decimals is None:
        if node.den == 1:
            return str(node.num), _ATOM
        whole, rest = divmod(node.num, node.den)
        return (f"{whole} " if whole else "") + f"\\frac{{{rest}}}{{{node.den}}}", _PRODUCT
    if node.decimals <= 0:
        return f"{node.num // 10**-node.decimals}e{-node.decimals}", _ATOM
    digits = str(node.num).zfill(node.decimals + 1)
    return f"{digits[: -node.decimals]}.{digits[-node.decimals :]}", _ATOM


def _name(name: str) -> str:
    head, _, subscript = name.partition("_")
    primes = len(head) - len(head.rstrip("'"))
    head = head.rstrip("'")
    spelt = head if len(head) < _GREEK_MIN or not head.isalpha() else f"\\{head}"
    return spelt + "'" * primes + (f"_{{{subscript}}}" if subscript else "")


def _sum(node: t.Add) -> str:
    text = _text(node.terms[0], _SUM)
    for term in node.terms[1:]:
        if isinstance(term, t.Neg):
            text += f" - {_text(term.x, _PRODUCT)}"
        elif isinstance(term, t.PlusMinus):
            text += f" {_text(term, _SUM)}"
        else:
            text += f" + {_text(term, _PRODUCT)}"
    return text


def _quantity(node: t.Quantity) -> str:
    value = _text(node.x, _ATOM)
    return f"{value}^\\circ" if node.unit == "deg" else f"{value}\\text{{ {node.unit}}}"


def _applied(node: t.Call | t.Apply | t.BigOp) -> str:
    if isinstance(node, t.BigOp):
        lower = "" if node.lower is None else f"_{{{node.var + '=' if node.var else ''}{render(node.lower)}}}"
        upper = "" if node.upper is None else f"^{{{render(node.upper)}}}"
        return f"\\{node.op}{lower}{upper} {_text(node.body, _PRODUCT)}"
    args = ", ".join(render(arg) for arg in node.args)
    if isinstance(node, t.Apply):
        return f"{_name(node.name)}({args})"
    special = _special_call(node, args)
    if special is not None:
        return special
    command = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "acot": "arccot"}.get(node.name, node.name)
    sub = "" if node.sub is None else f"_{{{render(node.sub)}}}"
    return f"\\{command}{sub}({args})"


def _special_call(node: t.Call, args: str) -> str | None:
    match node.name:
        case "sqrt":
            return f"\\sqrt{{{args}}}"
        case "root":
            return f"\\sqrt[{render(node.args[1])}]{{{render(node.args[0])}}}"
        case "abs":
            return f"|{args}|"
        case "norm":
            return f"\\|{args}\\|"
        case "floor":
            return f"\\lfloor {args} \\rfloor"
        case "ceil":
            return f"\\lceil {args} \\rceil"
        case "factorial":
            return f"({args})!"
        case "factorial2":
            return f"({args})!!"
        case "binom":
            return f"\\binom{{{render(node.args[0])}}}{{{render(node.args[1])}}}"
        case "vec":
            return f"\\vec{{{args}}}"
        case "conj":
            return f"\\bar{{{args}}}"
    return None


def _structure(node: t.Node) -> str:
    match node:
        case t.Seq():
            return {"comma": ", ", "and": " \\text{ and } ", "or": " \\text{ or } "}[node.joint].join(
                map(render, node.items)
            )
        case t.Group():
            return f"{_BRACKETS[node.left]}{', '.join(map(render, node.items))}{_BRACKETS[node.right]}"
        case t.SetOf():
            return f"\\{{{', '.join(map(render, node.items))}\\}}"
        case t.SetBuilder():
            return f"\\{{{render(node.element)} \\mid {render(node.condition)}\\}}"
        case t.SetOp():
            return f" {_SET_OPS[node.op]} ".join(map(render, node.args))
        case t.NamedSet():
            return f"\\mathbb{{{node.name[0]}}}" + (f"^{{{node.name[1:]}}}" if node.name[1:] else "")
        case t.Rel():
            return _relation(node)
        case t.Logic():
            return f" \\text{{ {node.op} }} ".join(map(render, node.args))
        case t.Not():
            return f"\\neg ({render(node.x)})"
        case t.Where():
            if isinstance(node.conditions[0], t.Text) and node.conditions[0].words in _QUANTIFIERS:
                bound = ", ".join(map(render, node.conditions[1:]))
                return f"{_QUANTIFIERS[node.conditions[0].words]} {bound}, {render(node.body)}"
            return f"{render(node.body)}, {', '.join(map(render, node.conditions))}"
        case t.Cases():
            rows = [[render(x), "\\text{otherwise}" if c is None else render(c)] for x, c in node.branches]
            return _environment("cases", rows)
        case t.Matrix():
            return _environment("vmatrix" if node.bars else "pmatrix", [list(map(render, row)) for row in node.rows])
        case t.Ratio():
            return " : ".join(_text(item, _PRODUCT) for item in node.items)
        case t.Labelled():
            return f"\\text{{{node.label}: }}{render(node.x)}"
        case t.Text():
            return node.words
    raise AssertionError(f"no spelling for {type(node).__name__}")


def _environment(name: str, rows: list[list[str]]) -> str:
    body = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{{name}}} {body} \\end{{{name}}}"


def _relation(node: t.Rel) -> str:
    first = "" if node.operands[0] == t.Sym("_") else render(node.operands[0])
    text = first + "".join(f" {_OPS[op]} {render(x)}" for op, x in zip(node.ops, node.operands[1:], strict=True))
    return text if node.modulus is None else f"{text} \\pmod{{{render(node.modulus)}}}"
