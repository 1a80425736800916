"""A tree as an outline, a node on a line, for people who want to see what was understood."""

import msgspec

from verifiers.math_answer.tree import Node

MAX_LINES = 120
"""A screen or three; a matrix of thousands says no more by its last entry than by its first hundred."""
INDENT = "  "


def outline(node: Node) -> str:
    """The node and its parts, indented.

    >>> from verifiers.math_answer.tree import Div, Num, Sym
    >>> print(outline(Div(Num(50, 100, 2), Sym("x"))))
    Div
      top: Num num=50 den=100 decimals=2
      bottom: Sym name='x'
    """
    lines: list[str] = []
    # A stack, not recursion: the depth of a tree is the writer's choice.
    waiting: list[tuple[int, str, object]] = [(0, "", node)]
    while waiting and len(lines) < MAX_LINES:
        depth, label, value = waiting.pop()
        lines.append(INDENT * depth + label + _head(value))
        waiting.extend((depth + 1, name, part) for name, part in reversed(_parts(value)))
    return "\n".join([*lines, "…"] if waiting else lines)


def _fields(node: Node) -> list[tuple[str, object]]:
    """Those that say something: what has its default is left out."""
    fields = ((field, getattr(node, field.name)) for field in msgspec.structs.fields(node))
    return [(field.name, value) for field, value in fields if value != field.default]


def _inner(value: object) -> bool:
    return isinstance(value, Node) or (isinstance(value, tuple) and any(map(_inner, value)))


def _head(value: object) -> str:
    """What stands on a node's own line: its kind and its plain fields."""
    if not isinstance(value, Node):
        return "()" if isinstance(value, tuple) else repr(value)
    plain = [f"{name}={_spelt(field)}" for name, field in _fields(value) if not _inner(field)]
    return " ".join([type(value).__name__, *plain])


def _spelt(field: object) -> str:
    if isinstance(field, int) and field.bit_length() > 400:
        return f"(an integer of {field.bit_length()} bits)"
    if isinstance(field, tuple):
        return repr(" ".join(map(str, field)))
    return repr(field)


def _parts(value: object) -> list[tuple[str, object]]:
    """The inner nodes, each with the name under which its line shows it."""
    if isinstance(value, tuple):
        return [(f"{at}: ", part) for at, part in enumerate(value)]
    if not isinstance(value, Node):
        return []
    found: list[tuple[str, object]] = []
    for name, field in _fields(value):
        if isinstance(field, tuple) and _inner(field):
            found.extend((f"{name}[{at}]: ", part) for at, part in enumerate(field))
        elif isinstance(field, Node):
            found.append((f"{name}: ", field))
    return found
