"""The words and commands that the lexer knows. Data only."""

FUNCTIONS: dict[str, str] = {
    **{name: name for name in "sin cos tan cot sec csc sinh cosh tanh coth".split()},
    **{name: name for name in "exp ln lg log gcd lcm max min det sgn sqrt cbrt".split()},
    **{f"arc{name}": f"a{name}" for name in "sin cos tan cot sec csc sinh cosh tanh".split()},
    **{f"a{name}": f"a{name}" for name in "sin cos tan cot sinh cosh tanh".split()},
    **{
        "tg": "tan",
        "ctg": "cot",
        "cotg": "cot",
        "cosec": "csc",
        "arctg": "atan",
        "arcctg": "acot",
        "sh": "sinh",
        "ch": "cosh",
    },
    **{
        "sign": "sgn",
        "abs": "abs",
        "floor": "floor",
        "ceil": "ceil",
        "Re": "re",
        "Im": "im",
        "Arg": "arg",
        "arg": "arg",
    },
    **{
        "binom": "binom",
        "factorial": "factorial",
        "hcf": "gcd",
        "gcf": "gcd",
        "log10": "log10",
        "log2": "log2",
        "th": "tanh",
    },
}
"""Spelling -> canonical name in the tree."""

PLAIN_FUNCTIONS = frozenset(FUNCTIONS) - {"Re", "Im", "sh", "ch", "th", "sign", "arg", "Arg", "det", "tg"}
"""Spellings that are functions also without a backslash, in plain text."""

GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho varrho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar".split()
)
GREEK_ALIAS = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho"}

RELATIONS: dict[str, str] = {
    **{
        "=": "=",
        "<": "<",
        ">": ">",
        "<=": "<=",
        ">=": ">=",
        "==": "=",
        "!=": "!=",
        "=<": "<=",
        "=>": "to",
        "->": "to",
    },
    **{
        "le": "<=",
        "leq": "<=",
        "leqslant": "<=",
        "leqq": "<=",
        "ge": ">=",
        "geq": ">=",
        "geqslant": ">=",
        "geqq": ">=",
    },
    **{
        "lt": "<",
        "gt": ">",
        "ne": "!=",
        "neq": "!=",
        "eq": "=",
        "in": "in",
        "notin": "notin",
        "approx": "approx",
        "simeq": "approx",
    },
    **{
        "doteq": "approx",
        "cong": "sim",
        "equiv": "equiv",
        "subset": "subset",
        "subseteq": "subset",
        "to": "to",
        "rightarrow": "to",
    },
    **{
        "longrightarrow": "to",
        "mapsto": "to",
        "sim": "sim",
        "mid": "mid",
        "perp": "perp",
        "parallel": "parallel",
        "Rightarrow": "to",
    },
    **{"implies": "to", "propto": "sim", "nmid": "notmid", "nequiv": "notequiv", "prec": "<", "succ": ">"},
}
"""Spelling (character or command) -> operator in the tree. `mid` becomes `divides` outside set-builders."""

NEGATIONS = {"=": "!=", "|": "notmid", "\\mid": "notmid", "\\equiv": "notequiv", "\\in": "notin"}
"""What `\\not` makes of the relation behind it."""

SET_OPERATIONS = {
    "cup": "union",
    "cupdot": "union",
    "bigcup": "union",
    "cap": "intersect",
    "setminus": "minus",
    "backslash": "minus",
    "sqcup": "union",
}
"""`\\cupdot` is what a model makes of a disjoint union."""

SPACES = frozenset(
    "quad qquad , ; : ! thinspace enspace space hfill medspace par newline noindent displaystyle nonumber notag".split()
) | {" "}

IGNORED = frozenset(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle bigm mathop mathstrut strut "
    "boldsymbol bm mathbf mathit mathsf mathcal mathscr mathfrak mathnormal mathtt pmb therefore because boxed fbox "
    "underline underbrace overbrace limits nolimits mathrel mathbin mathord ensuremath displaylines centerdot".split()
)
"""Commands that change only the looks; their argument is read in place."""

DROPPED = frozenset("tag hspace phantom vspace label color textcolor".split())
"""Commands that go together with their argument."""

TEXT_COMMANDS = frozenset(
    "hbox text textbf textit textrm mbox mathrm operatorname operatorname* textsf emph textnormal texttt rm".split()
)

CONNECTIVES = {
    **dict.fromkeys(("and", "&", "wedge", "land", "和", "且", "与", "及", "以及", "并且"), "and"),
    **dict.fromkeys(("or", "vee", "lor", "或", "或者"), "or"),
}

CONDITION_WORDS = frozenset("where for with when if such provided given as whenever assuming 其中 当".split())

REASON_WORDS = frozenset("since because 因为".split())
"""What follows says why, not what."""

SHORT_WORDS = frozenset(
    "a an the is are be was if so it its on of at to by no not yes odd even one two six ten any all sum day set end "
    "may use has had can and or for but per who why how new old big few way him her his she you our let get see "
    "far red since maximum minimum pint logic".split()
)
"""Words that are never products of symbols or functions of them."""

NAMED_SETS = {"R": "R", "Z": "Z", "N": "N", "Q": "Q", "C": "C", "reals": "R", "integers": "Z"}

ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})
AFTER_VALUES = ORDINAL_ENDINGS | {"sq", "cu"}
"""Short runs that are words behind a number: `15th`, `5 sq cm`."""

COMMANDS: dict[str, tuple[str, object]] = {
    **{name: ("func", canonical) for name, canonical in FUNCTIONS.items()},
    **{name: ("sym", GREEK_ALIAS.get(name, name)) for name in GREEK},
    **{name: ("rel", operator) for name, operator in RELATIONS.items() if name.isalpha()},
    **{name: ("setop", operation) for name, operation in SET_OPERATIONS.items()},
    **{name: ("joint", CONNECTIVES[name]) for name in ("wedge", "land", "vee", "lor")},
    **dict.fromkeys(("cdot", "times", "ast", "bullet"), ("*", "*")),
    **dict.fromkeys(("ldots", "cdots", "dots", "dotsb", "dotsc", "vdots", "ddots"), ("dots", "...")),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "flatfrac"), ("cmd", "frac")),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), ("cmd", "binom")),
    **dict.fromkeys(("emptyset", "varnothing"), ("sym", "empty")),
    **dict.fromkeys(("mathbb", "Bbb"), ("cmd", "mathbb")),
    **dict.fromkeys(("vert", "lvert", "rvert"), ("|", "|")),
    **dict.fromkeys(("|", "Vert", "lVert", "rVert"), ("norm", "|")),
    **dict.fromkeys(("{", "lbrace"), ("lbrace", "{")),
    **dict.fromkeys(("}", "rbrace"), ("rbrace", "}")),
    **dict.fromkeys(("\\", "cr"), ("newline", "\\\\")),
    **dict.fromkeys(("%", "percent"), ("%", "%")),
    **{name: ("mod", name) for name in ("pmod", "bmod", "mod", "pod")},
    **{name: ("set", name) for name in "RZNQC"},
    **{name: (name, name) for name in ("rfloor", "rceil", "over", "choose", "circ")},
    **{name: (char, char) for name, char in {"$": "$", "&": "&", "#": "#", "colon": ":", "lbrack": "[", "rbrack": "]",
                                             "prime": "'", "euro": "€", "pounds": "£", "yen": "¥", "div": "/"}.items()},
    "pi": ("const", "pi"), "infty": ("const", "inf"), "pm": ("pm", True), "mp": ("pm", False), "_": ("blank", "_"),
    "degree": ("degree", "deg"), "langle": ("langle", "<"), "rangle": ("rangle", ">"),
}  # fmt: skip
"""LaTeX commands that are one token: name -> kind and value."""
