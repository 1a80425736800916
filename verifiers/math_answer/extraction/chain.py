"""Values in a run of formulas: what `2^20 = 1024 \\cdot 1024 = 1048576` and `2x = 24, x = 12` come to.

Rule 1: what was asked to be computed is cut to its value (`\\int_0^1 3x^2 dx = 1` is `1`), and a chain that cannot be
        checked to its ends (`A = \\pi r^2 = 36\\pi` is `A = 36\\pi`).
Rule 2: arithmetic stays whole, for the comparison to check: `40 + 2 = 43` is not 43.
Rule 3: `\\sqrt{2} \\approx 1.41` stays whole: the comparison knows which side was asked for.
Rule 4: numbers set equal to other numbers (`3 = 4 = 5`) are nonsense and stay whole, for the comparison to refuse.
"""

import re

from verifiers.math_answer.extraction.markup import squeeze

_NAME = re.compile(
    r"\(?\s*(?:[A-Za-z]|\\[A-Za-z]{2,10})(?:'|_\{?\w{1,8}\}?|\^\{?\\prime\}?|_\{\\\w{1,10}\})?"
    r"(?:\s*\(\s*[A-Za-z0-9](?:\s*,\s*[A-Za-z0-9]){0,4}\s*\))?(?:\s*,\s*[A-Za-z](?:_\{?\w{1,4}\}?)?(?:\([a-z]\))?){0,5}\s*\)?"
)
_WORD_NAME = re.compile(r"(?:the\s+)?[A-Za-z]{2,20}(?: [A-Za-z]{2,20}){0,3}", re.IGNORECASE)
_PLAIN_NUMBER = re.compile(r"[-+−]?\d[\d.,]*")
_EQUALS = re.compile(r"(?<![<>!:=≠≤≥])(?:=(?![=<>])|＝)")
_OPENERS = "([{"
_CLOSERS = ")]}"
_OPERATOR = re.compile(r"[-+*/^×÷·∙√!−:]|\\(?:[dt]?frac|times|cdot|div|sqrt|binom|sum|prod|int|lim|log|ln|pm)")
_FUNCTION = (
    r"(?<![A-Za-z])(?:sin|cos|tan|log|ln|lg|exp|sqrt|gcd|lcm|max|min|mod|pi|choose|arcsin|arccos|arctan)(?![A-Za-z])"
)
_COMMANDS = re.compile(r"\\[A-Za-z]+|" + _FUNCTION)
_GEOMETRY = re.compile(r"m?\\?(?:angle|measuredangle|triangle|overline|widehat)(?![a-z])")
_BOUND = re.compile(r"\\(?:int|sum|prod|lim)|[∫∑∏]")
_VARIABLE = re.compile(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])")
# C(5, 2) and P(5, 2) count; of one argument they are functions.
_CONSTANTS = re.compile(r"(?<![A-Za-z])(?:[ei]|[CP](?!\([^,()]{1,40}\)))(?![A-Za-z])")
_PIECE = re.compile(
    r"\s*(?:\\(?:text|mathrm|mbox)\s*\{\s*(?:and|or|,|且|或)\s*\}|\\(?:vee|lor|wedge"
    r"|land)(?![A-Za-z])|[∨∧]|(?<!\\)[,;，；、]\s*(?:and\b|or\b)?|\band\b|\bor\b|和|或|\\quad|\\qquad)"
    r"(?:\s|\\[ ,;:!])*"
)
_ALTERNATIVES = re.compile(r"\bor\b|\\(?:vee|lor)(?![A-Za-z])|∨|或")
MAX_SPLIT_CHARS = 4_000  # a longer run of formulas is kept whole


def chain_result(text: str, question_text: str = "") -> str:
    r"""The claim of a formula, `text` itself unless it is a chain or a computation.

    `question_text` is the squeezed question: a left side that stands in it is what was asked to be computed.

    >>> chain_result("2^20 = 1024 * 1024 = 1048576"), chain_result("x = 6/2 = 3"), chain_result("y = 2x + 1")
    ('2^20 = 1024 * 1024 = 1048576', 'x = 6/2 = 3', 'y = 2x + 1')
    """
    if "=" not in text and "＝" not in text:
        return text
    if len(text) > MAX_SPLIT_CHARS or "\\begin" in text:
        return text
    members = split_equalities(text)
    if len(members) < 2 or not members[-1]:
        return text
    first, last = members[0], members[-1]
    if all(_PLAIN_NUMBER.fullmatch(member) for member in members):
        return text
    if _asked(first, last, question_text) or (_GEOMETRY.match(first) and not is_name(first)):
        return last
    checkable = all(_PLAIN_NUMBER.fullmatch(member) or is_computation(member) for member in members[1:-1])
    if is_name(first):
        if all(map(is_name, members[:-1])):  # `a = b = c = 1`, `x = y = z`
            return text
        return text if checkable else f"{first} = {last}"
    return text if len(members) == 2 or (checkable and is_computation(first)) else last


def _asked(left: str, right: str, question_text: str) -> bool:
    if not question_text or is_name(left) or len(left) < 3:
        return False
    left, right = (squeeze(side) for side in (left, right))
    return left in question_text and f"{left}={right}" not in question_text


def is_name(text: str) -> bool:
    """Whether this is what a value can be given to: x, a_n, f(x), (x, y), Total."""
    text = text.strip()
    return bool(_NAME.fullmatch(text)) or bool(_WORD_NAME.fullmatch(text))


def is_computation(text: str) -> bool:
    """An arithmetic expression without free variables."""
    if not _OPERATOR.search(text) and not _COMMANDS.search(text):
        return False
    if _BOUND.search(text):
        return False
    rest = _CONSTANTS.sub("", _COMMANDS.sub(" ", text))
    return not _VARIABLE.search(rest) and bool(re.search(r"\d", rest))


def split_equalities(text: str) -> list[str]:
    """The members of a top-level chain of equalities; one member when there is a list in it.

    >>> split_equalities("a = (b = 2) = 3"), split_equalities("x = 1, y = 2")
    (['a', '(b = 2)', '3'], ['x = 1, y = 2'])
    """
    signs = [sign.span() for sign in _EQUALS.finditer(text)]
    if not signs:
        return [text.strip()]
    depths = _depths(text)
    if any(depths[cut.start()] == 0 and not _thousands(text, cut.start()) for cut in _PIECE.finditer(text)):
        return [text.strip()]
    members, start = [], 0
    for begin, end in signs:
        if depths[begin] == 0:
            members.append(text[start:begin].strip())
            start = end
    return [*members, text[start:].strip()]


def _thousands(text: str, at: int) -> bool:
    return text[at] == "," and text[at - 1 : at].isdigit() and text[at + 1 : at + 4].isdigit()


def _depths(text: str) -> list[int]:
    depths, depth = [], 0
    for char in text:
        if char in _CLOSERS:
            depth = max(depth - 1, 0)
        depths.append(depth)
        if char in _OPENERS:
            depth += 1
    return depths


def run_result(run: str, question_text: str = "") -> str:
    """What a run of formulas separated by commas or "and" claims: all of them, or the last where they compute.

    >>> run_result("3 * 14 = 42, and 50 - 42 = 8"), run_result("x = 2 and y = 3"), run_result("(0, 2), (1, 3)")
    ('50 - 42 = 8', 'x = 2 and y = 3', '(0, 2), (1, 3)')
    """
    if len(run) > MAX_SPLIT_CHARS or "\\begin" in run:
        return run
    pieces = _pieces(run)
    if len(pieces) == 1:
        return chain_result(run, question_text)
    claims = [split_equalities(piece.strip("$ ")) for piece in pieces]
    if all(len(claim) == 1 for claim in claims) or all(len(claim) == 2 and is_name(claim[0]) for claim in claims):
        return run
    if any(len(claim) == 1 for claim in claims):  # "x = 2 or 3", "a < 2 or a = 3"
        return run
    if not any(is_computation(side) for claim in claims for side in claim[:-1]) and (
        not is_name(claims[-1][0]) or _ALTERNATIVES.search(run)
    ):
        return run  # several equations: "x = 2, 3x - 4y + 2 = 0"
    tail = len(claims)
    while tail and len(claims[tail - 1]) >= 2 and is_name(claims[tail - 1][0]):
        tail -= 1
    kept = pieces[min(tail, len(pieces) - 1) :]
    return ", ".join(chain_result(piece, question_text) for piece in kept)


def _pieces(run: str) -> list[str]:
    depths = _depths(run)
    pieces, start = [], 0
    for cut in _PIECE.finditer(run):
        if depths[cut.start()] == 0 and cut.start() >= start and not _thousands(run, cut.start()):
            if run[start : cut.start()].strip():
                pieces.append(run[start : cut.start()].strip())
            start = cut.end()
    return [*pieces, run[start:].strip()] if run[start:].strip() else pieces
