"""Which benchmark questions share a text's numbers: an index from numbers to questions."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from touchstone_trainer.curation.likeness.words import numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Counted = tuple[str, int]
"""A number and which of its appearances it is, so that sets of them count repeats."""


class SharedNumbers:
    """Says of each question, by its place in the list, how many of its and a text's numbers are the same."""

    def __init__(self, questions: Sequence[str]) -> None:
        import numpy as np  # noqa: PLC0415 - heavy, and not needed to load the command

        having: dict[Counted, list[int]] = defaultdict(list)
        counts = np.zeros(len(questions), dtype=np.int32)
        for at, question in enumerate(questions):
            mine = _counted(question)
            counts[at] = len(mine)
            for counted in mine:
                having[counted].append(at)
        self.counts = counts
        """Of each question how many numbers it has."""
        self._having = {counted: np.array(entries, dtype=np.int32) for counted, entries in having.items()}

    def share(self, text: str) -> "NDArray[np.float32]":
        """The shared part of all numbers of the two, repeats counted; 1 where both have none."""
        import numpy as np  # noqa: PLC0415

        mine = _counted(text)
        held = [self._having[counted] for counted in mine if counted in self._having]
        both = np.bincount(np.concatenate(held), minlength=len(self.counts)) if held else np.zeros_like(self.counts)
        together = len(mine) + self.counts - both
        return np.where(together > 0, both / np.maximum(together, 1), 1.0).astype(np.float32)


def _counted(text: str) -> list[Counted]:
    times = Counter(numbers(text))
    return [(number, time) for number, count in times.items() for time in range(count)]
