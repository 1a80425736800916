"""Values of which there are few different ones, in four bytes a row."""

from array import array
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Coded(Generic[T]):
    """A list of such values."""

    def __init__(self, values: Iterable[T] = ()) -> None:
        self._codes = array("I")
        self._code: dict[T, int] = {}
        self._values: list[T] = []
        for value in values:
            self.append(value)

    def __len__(self) -> int:
        return len(self._codes)

    def __getitem__(self, at: int) -> T:
        return self._values[self._codes[at]]

    def __setitem__(self, at: int, value: T) -> None:
        self._codes[at] = self._coded(value)

    def __iter__(self) -> Iterator[T]:
        return (self._values[code] for code in self._codes)

    def append(self, value: T) -> None:
        """One more."""
        self._codes.append(self._coded(value))

    def _coded(self, value: T) -> int:
        code = self._code.setdefault(value, len(self._values))
        if code == len(self._values):
            self._values.append(value)
        return code
