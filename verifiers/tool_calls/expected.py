"""The calls that a reference expects, and what sets a made call apart from one.

    [{"name": "f", "arguments": {"a": 1}}]         one value for each argument
    [{"f": {"a": [1, 2], "b": ["", "x"]}}]         BFCL: any value of a list; "" in it says that it may be left out

Rule 1: the two forms are told apart by the keys "name" and "arguments" (or OpenAI's "function").
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from verifiers.field_values import Comparison, exact, text
from verifiers.json_text import read_json
from verifiers.tool_calls.calls import MAX_CALLS, UnreadCallError, calls_of

MAX_SHOWN_CHARS = 120
"""Of a value in a difference."""


class Allowed(NamedTuple):
    """What an argument may be. `nested` says that objects inside list their values the same way."""

    values: tuple[Any, ...]
    optional: bool = False
    nested: bool = False


class Expected(NamedTuple):
    """A call that should be made."""

    name: str
    arguments: Mapping[str, Allowed]


def read_expected(reference: str) -> list[Expected]:
    """The calls of a reference. Raises NotJsonError and UnreadCallError.

    >>> [call.name for call in read_expected('[{"f": {"a": [1]}}, {"name": "g", "arguments": {}}]')]
    ['f', 'g']
    """
    value = read_json(reference)
    items = value if isinstance(value, list) else [value]
    expected: list[Expected] = []
    for item in items:
        calls = calls_of(item)
        if calls is not None:
            expected.extend(
                Expected(call.name, {name: Allowed((value,)) for name, value in call.arguments.items()})
                for call in calls
            )
        else:
            expected.append(_alternatives(item))
    if len(expected) > MAX_CALLS:
        raise UnreadCallError(f"more than {MAX_CALLS} calls")
    return expected


def _alternatives(item: Any) -> Expected:
    """BFCL's {"f": {"a": [allowed values]}}."""
    if isinstance(item, dict) and len(item) == 1:
        name, arguments = next(iter(item.items()))
        if isinstance(arguments, dict) and all(isinstance(values, list) for values in arguments.values()):
            return Expected(name, {key: _allowed(values) for key, values in arguments.items()})
    raise UnreadCallError('a call is {"name": ..., "arguments": {...}} or {"function": {"argument": [allowed values]}}')


def _allowed(values: list[Any]) -> Allowed:
    # A list of nothing but "" allows the empty text itself; beside other values it says "may be left out".
    return Allowed(tuple(values), optional="" in [value for value in values if isinstance(value, str)], nested=True)


def difference(wanted: Expected, call: Any, rules: Mapping[str, Comparison]) -> list[str]:
    """What sets a made call apart from an expected one; nothing where they agree."""
    if call.name != wanted.name:
        return [f"another function: {call.name}"]
    gaps = []
    for name, allowed in wanted.arguments.items():
        if name not in call.arguments:
            if not allowed.optional:
                gaps.append(f"{name} is missing")
            continue
        same = _meets(allowed, call.arguments[name], rules.get(name, text))
        if not same:
            wants = " or ".join(_shown(value) for value in allowed.values[:3])
            verb = "should be" if same is False else "should perhaps be"
            tail = "" if same is False else ": cannot tell"
            gaps.append(f"{name} is {_shown(call.arguments[name])}, {verb} {wants}{tail}")
    gaps.extend(f"{name} is not expected" for name in call.arguments if name not in wanted.arguments)
    return gaps


def _meets(allowed: Allowed, given: Any, compare: Comparison) -> bool | None:
    """Whether any allowed value is the given one."""
    unsure = False
    for value in allowed.values:
        same = _nested(value, given, compare) if allowed.nested else compare(value, given, 0.0)
        if same:
            return True
        unsure = unsure or same is None
    return None if unsure else False


def _nested(allowed: Any, given: Any, compare: Comparison) -> bool | None:
    """BFCL's objects in objects list allowed values too: {"city": ["Rome", "Roma"]}."""
    if isinstance(allowed, dict) and isinstance(given, dict):
        if exact(allowed, given):
            return True
        if given.keys() - allowed.keys() or not all(isinstance(values, list) for values in allowed.values()):
            return compare(allowed, given, 0.0)
        return all(
            bool(_meets(_allowed(values), given[key], compare)) if key in given else "" in values
            for key, values in allowed.items()
        )
    if isinstance(allowed, list) and isinstance(given, list) and any(isinstance(part, dict) for part in allowed):
        return len(allowed) == len(given) and all(
            bool(_nested(*pair, compare)) for pair in zip(allowed, given, strict=True)
        )
    return compare(allowed, given, 0.0)


def _shown(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= MAX_SHOWN_CHARS else written[:MAX_SHOWN_CHARS] + "…"
