"""The typed tree that an answer is read into. Values only: no reading, no arithmetic, no comparison here.

Rule 1: the tree says what was written, not what it equals: `0.50` keeps its two decimals, `4/6` is not reduced.
Rule 2: structural equality (`==`) means "written alike"; equality of meaning lives in the rules.
Rule 3: every node is frozen and hashable, so sub-trees can be memoised.

Expressions: Num Sym Const Add Neg PlusMinus Mul Div Pow Call Apply BigOp Based Percent Quantity Dots
Structures:  Seq Group SetOf SetBuilder SetOp NamedSet Rel Logic Not Where Cases Matrix Ratio Labelled Text
"""

from typing import Literal, TypeAlias

import msgspec


class Node(msgspec.Struct, frozen=True, gc=False):
    """Base of all nodes."""


# -- expressions ---------------------------------------------------------------------------------------------


class Num(Node, frozen=True, gc=False):
    """A literal number `num / den`. `decimals` is the count of digits written after the decimal point, None for
    an exact literal: `3` is (3, 1, None), `0.50` is (50, 100, 2), `1 1/2` is (3, 2, None), `0.\\overline{3}` is
    (1, 3, None). `den` is positive; the fraction is not necessarily reduced.
    """

    num: int
    den: int = 1
    decimals: int | None = None


class Sym(Node, frozen=True, gc=False):
    """A name: `x`, `alpha`, `x_1`, `C`, `a'`. `e` and `i` are read as symbols too; who evaluates decides."""

    name: str


class Const(Node, frozen=True, gc=False):
    """A constant that is never a variable."""

    name: Literal["pi", "inf"]


class Add(Node, frozen=True, gc=False):
    """A sum of two or more terms; subtraction is a Neg term."""

    terms: "tuple[Node, ...]"


class Neg(Node, frozen=True, gc=False):
    """Minus x."""

    x: Node


class PlusMinus(Node, frozen=True, gc=False):
    """Plus-minus x (`upper` True: \\pm) or minus-plus x (False: \\mp); `3 \\pm x` is Add((3, PlusMinus(x)))."""

    x: Node
    upper: bool = True


class Mul(Node, frozen=True, gc=False):
    """A product of two or more factors."""

    factors: "tuple[Node, ...]"


class Div(Node, frozen=True, gc=False):
    """A quotient, whether written as a fraction, a slash or a division sign."""

    top: Node
    bottom: Node


class Pow(Node, frozen=True, gc=False):
    """A power."""

    base: Node
    exp: Node


class Call(Node, frozen=True, gc=False):
    """A known function.

    Names: sin cos tan cot sec csc, asin acos atan acot asec acsc, sinh cosh tanh coth asinh acosh atanh, exp, ln,
    log (with `sub` the base, or None where none was written), lg, sqrt, root (args: radicand, index), abs, floor,
    ceil, factorial, factorial2, binom (n, k), perm (n, k), gcd, lcm, max, min, mod (a, m), re, im, conj, arg, sgn,
    det, vec (an arrow over a name), hat (over i, j, k), norm.
    """

    name: str
    args: "tuple[Node, ...]"
    sub: Node | None = None


class Apply(Node, frozen=True, gc=False):
    """An unknown function at arguments: `f(x)`, `g(n, 1)`, `a_{n+1}` (a sequence at an index that is no literal)."""

    name: str
    args: "tuple[Node, ...]"


class BigOp(Node, frozen=True, gc=False):
    """A sum, product, integral or limit: `op` in sum prod int lim. `var` is None where none was written."""

    op: Literal["sum", "prod", "int", "lim"]
    var: str | None
    lower: Node | None
    upper: Node | None
    body: Node


class Based(Node, frozen=True, gc=False):
    """Digits in a written base: `4343_6`. `digits` is upper-case; `value` is None where a digit is too large."""

    digits: str
    base: int
    value: int | None


class Percent(Node, frozen=True, gc=False):
    """x percent."""

    x: Node


class Quantity(Node, frozen=True, gc=False):
    """A value with a unit. `unit` is the canonical spelling that `units.canonical` gives (`km/h`, `cm^2`, `deg`, `USD`,
    `apples` for a counted noun that is no unit of measure).
    """

    x: Node
    unit: str


class Dots(Node, frozen=True, gc=False):
    """An ellipsis inside a list or a sum."""


# -- structures ----------------------------------------------------------------------------------------------


class Seq(Node, frozen=True, gc=False):
    """Bare values one after the other: `1, 2`, `7 and -5`, `2 or 3`. `joint` is the word that joined them."""

    items: "tuple[Node, ...]"
    joint: Literal["comma", "and", "or"] = "comma"


class Group(Node, frozen=True, gc=False):
    """Two or more items in brackets: a point, a tuple, a vector, or an interval; the rules decide which.
    `left` and `right` are the brackets as written: ( ) [ ] ] [ < >. A single item in ( ) is no Group; in [ ] it is.
    """

    left: str
    items: "tuple[Node, ...]"
    right: str


class SetOf(Node, frozen=True, gc=False):
    """A set by its elements: `{1, 2}`, `{}`, `\\varnothing`."""

    items: "tuple[Node, ...]"


class SetBuilder(Node, frozen=True, gc=False):
    """`{element | condition}`."""

    element: Node
    condition: Node


class SetOp(Node, frozen=True, gc=False):
    """Sets joined by one operation, left to right."""

    op: Literal["union", "intersect", "minus"]
    args: "tuple[Node, ...]"


class NamedSet(Node, frozen=True, gc=False):
    """R Z N Q C, with a restriction in the name where one was written: `R+`, `R-`, `R*`, `Z+`, `N+`, `N0`; `primes`."""

    name: str


RelOp: TypeAlias = Literal[
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "notin",
    "approx",
    "equiv",
    "subset",
    "to",
    "sim",
    "divides",
    "perp",
    "parallel",
]


class Rel(Node, frozen=True, gc=False):
    """A chain `a op b op c`: `operands` has one more entry than `ops`. `modulus` is set for `a \\equiv b \\pmod m`."""

    operands: "tuple[Node, ...]"
    ops: "tuple[RelOp, ...]"
    modulus: Node | None = None


class Logic(Node, frozen=True, gc=False):
    """Relations joined by and / or. A comma between two relations reads as a Seq, not as this."""

    op: Literal["and", "or"]
    args: "tuple[Node, ...]"


class Not(Node, frozen=True, gc=False):
    """A negated statement."""

    x: Node


class Where(Node, frozen=True, gc=False):
    """A body with its side conditions: `x = k\\pi, k \\in Z`; `(3t, 1 - t) for some integer t`; `2 (n \\ge 3)`.
    A condition is a Rel, a Logic, or Text that could not be read.
    """

    body: Node
    conditions: "tuple[Node, ...]"


class Cases(Node, frozen=True, gc=False):
    """A piecewise definition: (value, condition) pairs; the condition is None for 'otherwise'.
    A brace of equations (a system) is read as Logic('and', ...), not as this.
    """

    branches: "tuple[tuple[Node, Node | None], ...]"


class Matrix(Node, frozen=True, gc=False):
    """Rows of equal length. `bars` is True for a determinant written as a matrix in vertical bars."""

    rows: "tuple[tuple[Node, ...], ...]"
    bars: bool = False


class Ratio(Node, frozen=True, gc=False):
    """`a : b : c` (two or more terms)."""

    items: "tuple[Node, ...]"


class Labelled(Node, frozen=True, gc=False):
    """A value under a name in words: `Paolo: 18`, `Maximum = 2`, `minimum value is 3`. `label` is lower-case words."""

    label: str
    x: Node


class Text(Node, frozen=True, gc=False):
    """Words. `words` is lower-case with single spaces, markup and end punctuation removed."""

    words: str
