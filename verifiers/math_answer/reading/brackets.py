"""Everything between brackets, and relations: groups, sets, set-builders, matrices, systems, chains.

Rule 1: a bracket with one item in ( ) or { } is transparent; what several items mean is for the rules to decide.
Rule 2: mismatched interval brackets are legal (`[0, 1)`, `]0, 1]`); any other mismatch is refused.
"""

from abc import ABC, abstractmethod
from typing import cast

from verifiers.math_answer.reading.cursor import Cursor
from verifiers.math_answer.reading.vocabulary import NAMED_SETS
from verifiers.math_answer.tree import (
    Call,
    Cases,
    Div,
    Group,
    Logic,
    Matrix,
    NamedSet,
    Node,
    Not,
    Ratio,
    Rel,
    RelOp,
    Seq,
    SetBuilder,
    SetOf,
    SetOp,
    Sym,
)

_CLOSERS = {"(": (")", "]"), "[": ("]", ")", "["), "langle": ("rangle",)}
_SET_RELATIONS = frozenset({"in", "notin", "subset"})
_SUBJECT = Sym("_")
"""What a relation without a left side speaks of: `\\neq 5`, `> 3`."""
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array"})
_LINES = frozenset({"aligned", "align", "split", "gathered", "gather", "equation", "eqnarray", "alignedat"})


class Brackets(Cursor, ABC):
    """The bracket layer. What stands between brackets comes from the layers above."""

    __slots__ = ()

    @abstractmethod
    def expression(self) -> Node:
        """One expression."""

    @abstractmethod
    def product(self) -> Node:
        """Factors side by side."""

    @abstractmethod
    def power(self) -> Node:
        """An atom with its exponents and postfix signs."""

    @abstractmethod
    def argument(self) -> Node:
        """One argument of a command, or an exponent."""

    # -- relations ----------------------------------------------------------------------------------------

    def relation(self) -> Node:
        """An expression, a ratio `a : b`, or a chain `a < b \\le c`, with `\\pmod m` where it follows."""
        operands = [_SUBJECT if self.kind == "rel" else self.ratio()]
        ops: list[RelOp] = []
        while self.kind == "rel" and not (self.toks[self.at].value == "mid" and self.braces):
            op = str(self.take().value)
            ops.append(cast("RelOp", {"mid": "divides", "notmid": "divides"}.get(op, op)))
            operands.append(_as_set(self.ratio()) if op in _SET_RELATIONS else self.ratio())
            if op == "notmid":
                return Not(Rel(tuple(operands), tuple(ops)))
            if op == "notequiv":
                return Not(Rel(tuple(operands), ("equiv",), self._modulus()))
        modulus = self._modulus() if self.kind in ("mod", "(") else None
        if modulus is None and ops and ops[-1] == "equiv":
            return _with_modulus_inside(operands, ops)
        if modulus is not None and not ops:
            # `3 \\pmod 7`
            return Rel((_SUBJECT, operands[0]), ("equiv",), modulus)
        if ops == ["="] and operands[0] is _SUBJECT:
            return operands[1]
        return Rel(tuple(operands), tuple(ops), modulus) if ops else operands[0]

    def ratio(self) -> Node:
        """`a : b : c`, unless the colon belongs to a set-builder."""
        first = self.expression()
        if self.kind != ":" or self.braces:
            return first
        items = [first]
        while self.accept(":"):
            items.append(self.expression())
        return Ratio(tuple(items))

    def _modulus(self) -> Node | None:
        start = self.at
        bracket = self.accept("(")
        if self.accept("mod"):
            self.descend()
            braced = self.kind == "{"
            modulus = self.curly("}") if braced else self.expression()
            self.depth -= 1
            if bracket:
                self.expect(")")
            return modulus
        self.at = start
        return None

    # -- brackets -----------------------------------------------------------------------------------------

    def bracketed(self) -> Node:
        """A group from its opening bracket to its closing one."""
        opening = self.take()
        self.descend()
        braces, bars, self.braces, self.bars = self.braces, self.bars, 0, 0
        items = self.items(_CLOSERS[opening.kind])
        closing = self.take()
        self.depth -= 1
        self.braces, self.bars = braces, bars
        left = str(opening.value)
        right = str(closing.value)
        if len(items) == 1 and left == "(" and right == ")":
            item = items[0]
            # A colon between brackets inside a larger expression is a division sign: `(a : b - c) : d`.
            return Div(*item.items) if isinstance(item, Ratio) and len(item.items) == 2 and self._goes_on() else item
        if left == "[" and right == "]":
            matrix = _as_matrix(items)
            if matrix is not None:
                return matrix
        return Group(left, tuple(items), right)

    def _goes_on(self) -> bool:
        return self.kind in (":", "*", "/", "+", "-", "^")

    def items(self, closers: tuple[str, ...]) -> list[Node]:
        """Comma- or semicolon-separated relations up to one of the closers, which is left for the caller."""
        found: list[Node] = []
        self.skip_stops()
        separated = True
        # `[1, 2[` closes with an opening bracket; the second one of `[[1, 2], [3, 4]]` opens a row.
        while self.kind not in closers or (self.kind == "[" and separated):
            found.append(self.side_by_side())
            self.skip_stops()
            separated = self.kind in (",", ";")
            if separated:
                self.at += 1
                self.skip_stops()
            elif self.kind not in closers:
                raise self.error("this bracket is not closed")
        return found

    def side_by_side(self) -> Node:
        """Relations joined by and / or."""
        first = self.relation()
        if self.kind != "joint":
            return first
        op = self.toks[self.at].value
        args = [first]
        while self.kind == "joint" and self.toks[self.at].value == op:
            self.at += 1
            args.append(self.relation())
        if self.kind == "joint":
            raise self.error("and and or are mixed without brackets")
        return Logic("and" if op == "and" else "or", tuple(args))

    def interval_from_the_right(self) -> Node:
        """`]a, b[` and `]a, b]`."""
        self.at += 1
        self.descend()
        items = self.items(("[", "]"))
        right = str(self.take().value)
        self.depth -= 1
        return Group("]", tuple(items), right)

    def curly(self, closer: str) -> Node:
        """`\\{...\\}` or `{...}`: a set, a set-builder, a system; or a transparent LaTeX group."""
        opening = self.take()
        self.descend()
        bars, self.bars = self.bars, 0
        if self.kind == "begin":
            return self._left_brace_system(closer, bars)
        self.braces += opening.kind == "lbrace"
        items: list[Node] = []
        self.skip_stops()
        while self.kind != closer:
            items.append(self.side_by_side())
            self.skip_stops()
            if self.kind in ("|", ":") or (self.kind == "rel" and self.toks[self.at].value == "mid"):
                return self._builder(items, closer, opening.kind == "lbrace", bars)
            if self.kind in (",", ";"):
                self.at += 1
                self.skip_stops()
            elif self.kind != closer:
                raise self.error("this brace is not closed")
        self.at += 1
        self.depth -= 1
        self.braces -= opening.kind == "lbrace"
        self.bars = bars
        if opening.kind == "lbrace" or len(items) > 1:
            return SetOf(tuple(items))
        if not items:
            # `{}_5C_2` and `10{,}000` leave empty groups behind.
            return SetOf(())
        return items[0]

    def _builder(self, elements: list[Node], closer: str, counted: bool, bars: int) -> Node:
        self.at += 1
        self.braces -= counted
        conditions = self.items((closer,))
        self.at += 1
        self.depth -= 1
        self.bars = bars
        element = elements[0] if len(elements) == 1 else Seq(tuple(elements))
        condition = conditions[0] if len(conditions) == 1 else Logic("and", tuple(conditions))
        return SetBuilder(element, condition)

    def _left_brace_system(self, closer: str, bars: int) -> Node:
        # `\left\{\begin{array}{l} ... \end{array}\right.` has no closing brace.
        system = self.environment()
        self.accept(closer)
        self.depth -= 1
        self.bars = bars
        if isinstance(system, Matrix) and all(len(row) == 1 for row in system.rows):
            return Logic("and", tuple(row[0] for row in system.rows))
        return system

    def absolute(self) -> Node:
        """`|x|`; a norm for double bars."""
        bar = self.take().kind
        self.descend()
        self.bars += 1
        inside = self.expression()
        self.expect(bar)
        self.bars -= 1
        self.depth -= 1
        return Call("abs" if bar == "|" else "norm", (inside,))

    # -- environments -------------------------------------------------------------------------------------

    def environment(self) -> Node:
        """`\\begin{...} rows \\end{...}`."""
        name = str(self.expect("begin").value)
        self.descend()
        if name in _LINES:
            self._drop_alignment_marks()
        rows = self._rows(name)
        self.expect("end")
        self.depth -= 1
        if name in ("cases", "dcases", "rcases"):
            return _cases(rows)
        if name in _LINES:
            lines = tuple(row[0] if len(row) == 1 else Seq(row) for row in rows)
            return Logic("and", lines) if len(lines) > 1 else lines[0]
        if name in _MATRICES and rows and all(len(row) == len(rows[0]) for row in rows):
            return Matrix(tuple(rows), bars=name == "vmatrix")
        raise self.error(f"rows of unequal length in {name}")

    def _drop_alignment_marks(self) -> None:
        # `x &= 3` must read as one relation.
        end = next((k for k in range(self.at, len(self.toks)) if self.toks[k].kind == "end"), self.at)
        self.toks[self.at : end] = [token for token in self.toks[self.at : end] if token.kind != "&"]

    def _rows(self, name: str) -> list[tuple[Node, ...]]:
        rows: list[tuple[Node, ...]] = []
        row: list[Node] = []
        while self.kind not in ("end", "eof"):
            if self.kind == "newline":
                self.at += 1
                if row:
                    rows.append(tuple(row))
                row = []
            elif self.kind in ("&", ",", "stop", ";") or (self.kind == "word" and name.endswith("cases")):
                # `x^2, & \text{if } x < 0`: the comma and the word only announce the condition.
                otherwise = str(self.take().value).lower() in ("otherwise", "else")
                if otherwise:
                    row.append(Sym("otherwise"))
            else:
                row.append(self.side_by_side())
        if row:
            rows.append(tuple(row))
        if not rows:
            raise self.error("an empty environment")
        return rows


def _cases(rows: list[tuple[Node, ...]]) -> Node:
    if all(len(row) == 1 for row in rows):
        return Logic("and", tuple(row[0] for row in rows))
    branches: list[tuple[Node, Node | None]] = []
    for row in rows:
        condition = row[1] if len(row) > 1 else None
        branches.append((row[0], None if condition == Sym("otherwise") else condition))
    return Cases(tuple(branches))


def _as_matrix(items: list[Node]) -> Matrix | None:
    """`[\\begin{matrix} ... \\end{matrix}]` and `[[1, 2], [3, 4]]`."""
    if len(items) == 1 and isinstance(items[0], Matrix):
        return items[0]
    rows = [item.items for item in items if isinstance(item, Group) and item.left == "[" and item.right == "]"]
    if len(items) > 1 and len(rows) == len(items) and len({len(row) for row in rows}) == 1:
        return Matrix(tuple(rows))
    return None


def _with_modulus_inside(operands: list[Node], ops: list[RelOp]) -> Node:
    """`x \\equiv 3 \\bmod 7`; without any modulus `f(x) \\equiv 0` is an identity."""
    last = operands[-1]
    if isinstance(last, Call) and last.name == "mod":
        return Rel((*operands[:-1], last.args[0]), tuple(ops), last.args[1])
    return Rel(tuple(operands), tuple("=" if op == "equiv" else op for op in ops))


def _as_set(node: Node) -> Node:
    """`k \\in Z` names a set with a plain letter."""
    if isinstance(node, Sym) and node.name in NAMED_SETS:
        return NamedSet(NAMED_SETS[node.name])
    if isinstance(node, SetOp):
        return SetOp(node.op, tuple(_as_set(arg) for arg in node.args))
    return node
