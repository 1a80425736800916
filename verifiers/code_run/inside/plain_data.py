"""Values as JSON and back: what may leave a program. Stands alone, like `harness`, whose text follows its own.

Rule 1: only plain values; a subclass leaves as what it is underneath, without its methods.
Rule 2: the reader builds nothing but plain values and trusts nothing.
"""

import collections
import decimal
import fractions
from collections.abc import Callable, Iterator
from typing import Any

MAX_DEPTH = 200
"""Nesting of a value that may leave a program."""
MAX_ITEMS = 1_000_000
"""Items drawn from an iterator before it counts as endless."""
MAX_DIGITS = 4_000
"""Of a decimal number."""


class NotData(Exception):
    """A value that cannot leave the program, or a message that is no value."""


def encode(value: Any, keep: Callable[[Any], dict[str, Any]] | None = None, depth: int = 0) -> Any:
    """A value as JSON. `keep` takes what is no plain data and returns how to refer to it."""
    if depth > MAX_DEPTH:
        raise NotData("nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        small = -(1 << 53) < value < 1 << 53
        return int(value) if small else {"int": hex(value)}
    if isinstance(value, float):
        return {"float": float.hex(value)} if value - value != 0 else float(value)
    if isinstance(value, str):
        return str(value)
    tag = _TAGS.get(type(value)) or next((_TAGS[kind] for kind in type(value).__mro__ if kind in _TAGS), None)
    if tag in ("dict", "Counter", "OrderedDict", "defaultdict"):
        pairs = [[encode(key, keep, depth + 1), encode(item, keep, depth + 1)] for key, item in dict.items(value)]
        return {tag: pairs}
    if tag is not None:
        return _encode_other(tag, value, keep, depth)
    if isinstance(value, Iterator) or type(value) in _VIEWS:
        return {"iterator": [encode(item, keep, depth + 1) for item in _drawn(value)]}
    if keep is not None:
        return keep(value)
    raise NotData(f"a {type(value).__name__} is not plain data")


def _encode_other(tag: str, value: Any, keep: Callable[[Any], dict[str, Any]] | None, depth: int) -> Any:
    if tag in _SEQUENCES:
        items = [encode(item, keep, depth + 1) for item in value]
        return items if tag == "list" else {tag: items}
    if tag == "range":
        return {tag: [encode(part) for part in (value.start, value.stop, value.step)]}
    if tag == "bytes":
        return {tag: value.hex()}
    if tag == "complex":
        return {tag: [encode(value.real), encode(value.imag)]}
    if tag == "Fraction":
        # Not as text: "1e999999999" would be a number to its reader.
        return {tag: [encode(value.numerator), encode(value.denominator)]}
    return {tag: str(value)}


def _drawn(iterator: Any) -> Iterator[Any]:
    for number, item in enumerate(iterator):
        if number >= MAX_ITEMS:
            raise NotData("an endless iterator")
        yield item


def decode(data: Any, refer: Callable[[dict[str, Any]], Any] | None = None, depth: int = 0) -> Any:
    """The plain value that JSON stands for. Raises NotData for everything else."""
    if depth > 2 * MAX_DEPTH:
        raise NotData("nested too deeply")
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if isinstance(data, list):
        return [decode(item, refer, depth + 1) for item in data]
    if not isinstance(data, dict):
        raise NotData("no value")
    if refer is not None and "object" in data:
        return refer(data)
    if len(data) != 1:
        raise NotData("no value")
    ((tag, body),) = data.items()
    try:
        return _READERS[tag](body, refer, depth + 1)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise NotData("no value") from error


def _items(body: Any, refer: Any, depth: int) -> list[Any]:
    if not isinstance(body, list):
        raise NotData("no value")
    return [decode(item, refer, depth) for item in body]


def _pairs(body: Any, refer: Any, depth: int) -> list[tuple[Any, Any]]:
    return [(decode(key, refer, depth), decode(item, refer, depth)) for key, item in body]


def _range(parts: list[Any]) -> range:
    drawn = range(*parts)
    if abs((drawn.stop - drawn.start) // drawn.step) > MAX_ITEMS:
        raise NotData("an endless range")
    return drawn


_TAGS: dict[type, str] = {
    list: "list", tuple: "tuple", set: "set", frozenset: "frozenset", collections.deque: "deque",
    collections.Counter: "Counter", collections.OrderedDict: "OrderedDict",
    collections.defaultdict: "defaultdict", dict: "dict", range: "range", bytes: "bytes", complex: "complex",
    decimal.Decimal: "Decimal", fractions.Fraction: "Fraction",
}  # fmt: skip
_SEQUENCES = frozenset({"list", "tuple", "set", "frozenset", "deque"})
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_READERS: dict[str, Callable[[Any, Any, int], Any]] = {
    "int": lambda body, refer, depth: int(body, 16),
    "float": lambda body, refer, depth: float.fromhex(body),
    "tuple": lambda body, refer, depth: tuple(_items(body, refer, depth)),
    "set": lambda body, refer, depth: set(_items(body, refer, depth)),
    "frozenset": lambda body, refer, depth: frozenset(_items(body, refer, depth)),
    "deque": lambda body, refer, depth: collections.deque(_items(body, refer, depth)),
    "iterator": lambda body, refer, depth: iter(_items(body, refer, depth)),
    "dict": lambda body, refer, depth: dict(_pairs(body, refer, depth)),
    "Counter": lambda body, refer, depth: collections.Counter(dict(_pairs(body, refer, depth))),
    "OrderedDict": lambda body, refer, depth: collections.OrderedDict(_pairs(body, refer, depth)),
    "defaultdict": lambda body, refer, depth: collections.defaultdict(None, _pairs(body, refer, depth)),
    "range": lambda body, refer, depth: _range(_items(body, refer, depth)),
    "bytes": lambda body, refer, depth: bytes.fromhex(body),
    "complex": lambda body, refer, depth: complex(*_items(body, refer, depth)),
    "Decimal": lambda body, refer, depth: decimal.Decimal(str(body)[:MAX_DIGITS]),
    "Fraction": lambda body, refer, depth: fractions.Fraction(*_items(body, refer, depth)),
}
