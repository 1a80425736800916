"""What a check is: a function from a response and its arguments to yes or no, with the arguments it takes.

Rule 1: a check decides by the text alone, in one linear pass, and gives the same verdict every time.
Rule 2: arguments come from the reference: what is missing or misshapen there is never the response's fault.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Arguments = Mapping[str, Any]

RELATIONS: Mapping[str, Callable[[int, int], bool]] = {
    "less than": lambda count, bound: count < bound,
    "at least": lambda count, bound: count >= bound,
    "at most": lambda count, bound: count <= bound,
    "more than": lambda count, bound: count > bound,
    "exactly": lambda count, bound: count == bound,
}
"""IFEval itself uses the first two."""


class BadArgumentsError(ValueError):
    """What to fix in the arguments of an instruction."""


class UnavailableError(RuntimeError):
    """What to install before a check can run."""


class Check(NamedTuple):
    """`follows` says whether a response follows the instruction; `takes` names its arguments and their types.

    `complaint` looks at values that the types do not tell apart.
    """

    follows: Callable[[str, Arguments], bool]
    takes: Mapping[str, type]

    def complaint(self, given: Arguments) -> str | None:
        """What is wrong with the arguments, None when they fit."""
        for name, kind in self.takes.items():
            value = given.get(name)
            if value is None:
                return f"needs {name}"
            if isinstance(value, bool) or not isinstance(value, (int, float) if kind is int else kind):
                return f"{name} must be {_KINDS[kind]}"
            if isinstance(value, float) and not value.is_integer():
                return f"{name} must be a whole number"
            if isinstance(value, list) and not (value and all(isinstance(part, str) and part for part in value)):
                return f"{name} must be a list of texts"
            if name.endswith("relation") and value not in RELATIONS:
                return f"{name} must be one of: {', '.join(RELATIONS)}"
        return None


_KINDS = {int: "a whole number", str: "a text", list: "a list of texts"}


def holds(count: int, relation: str, bound: int) -> bool:
    """Whether a count stands in a relation to a bound."""
    return RELATIONS[relation](count, int(bound))
