"""Does a value have the shape of a JSON schema? The part of JSON Schema that our own schemas use, and no more.

Rule 1: what a careless judge writes and means plainly is taken: "7" or 7.0 for 7. Nothing is invented.
Rule 2: a number outside its range is told apart from a wrong shape: the judge used another scale.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?")


class Misshapen(ValueError):
    """The value does not have the shape; `str()` says where."""


class OffScale(Misshapen):
    """A number outside its range."""


def shaped(value: Any, schema: Mapping[str, Any], at: str = "reply") -> Any:
    """The value, with plain numbers in the place of written ones. Raises Misshapen, OffScale.

    >>> shaped({"score": "7"}, {"type": "object", "properties": {"score": {"type": "integer"}}})
    {'score': 7}
    """
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if value is None and "null" in kinds:
        return None
    if "enum" in schema:
        return _one_of(value, schema["enum"], at)
    if "object" in kinds:
        return _object(value, schema, at)
    if "array" in kinds:
        return _array(value, schema, at)
    if "integer" in kinds:
        return _number(value, schema, at)
    if "boolean" in kinds:
        if not isinstance(value, bool):
            raise Misshapen(f"{at} is no boolean")
        return value
    if not isinstance(value, str):
        raise Misshapen(f"{at} is no text")
    return value


def _one_of(value: Any, allowed: list[Any], at: str) -> Any:
    for choice in allowed:
        if value == choice and isinstance(value, bool) == isinstance(choice, bool):
            return choice
        if isinstance(value, str) and isinstance(choice, str) and value.strip().casefold() == choice.casefold():
            return choice
    raise Misshapen(f"{at} is none of {', '.join(map(str, allowed))}")


def _object(value: Any, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Misshapen(f"{at} is no object")
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise Misshapen(f"{at} lacks {name}")
    return {name: shaped(value[name], inner, f"{at}.{name}") for name, inner in properties.items() if name in value}


def _array(value: Any, schema: Mapping[str, Any], at: str) -> list[Any]:
    if not isinstance(value, list):
        raise Misshapen(f"{at} is no list")
    return [shaped(item, schema["items"], f"{at}[{index}]") for index, item in enumerate(value)]


def _number(value: Any, schema: Mapping[str, Any], at: str) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Misshapen(f"{at} is no number")
    if not schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf):
        raise OffScale(f"{at} is {value:g}, outside {schema.get('minimum')} to {schema.get('maximum')}")
    return int(value) if value == int(value) else float(value)
