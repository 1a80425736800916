"""Benchmark questions by their numbers and, of those whose numbers fit, by their meaning.

Rule 1: numbers first. Encoding a text costs a hundred times as much as reading its numbers, so a row is encoded only
        where some question shares enough of them, or where meaning alone has to tell: without a reference on one of
        the two sides there is nothing to compare.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from touchstone_trainer.curation.decontamination.thresholds import BORDERLINE, CANDIDATES, FEW_NUMBERS, Thresholds
from touchstone_trainer.curation.likeness.encoder import Encoder
from touchstone_trainer.curation.likeness.words import numbers
from touchstone_trainer.curation.rows import Row, references

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Counted = tuple[str, int]
"""A number and which of its appearances it is, so that sets of them count repeats."""


class Meanings:
    """Finds the questions, by their place in the list, that are alike in meaning and in numbers."""

    def __init__(self, questions: Sequence[str], comparable: Sequence[bool], thresholds: Thresholds) -> None:
        """`comparable` says of each question whether it has a reference."""
        import numpy as np  # noqa: PLC0415 - heavy, and needed by this method only

        self._thresholds = thresholds
        self._encoder = Encoder()
        self._vectors = self._encoder(questions)
        self._alone = ~np.array(comparable)
        having: dict[Counted, list[int]] = defaultdict(list)
        for at, question in enumerate(questions):
            for counted in _counted(question):
                having[counted].append(at)
        self._having = {counted: np.array(entries, dtype=np.int32) for counted, entries in having.items()}
        self._counts = np.array([len(numbers(question)) for question in questions], dtype=np.int32)

    def look_up(self, rows: Sequence[Row]) -> list[dict[int, float]]:
        """For each row the likeness of those that share its numbers, or are so near that no numbers are needed."""
        found: list[dict[int, float]] = [{} for _ in rows]
        shared = [self._shared(row["question"]) for row in rows]
        asked = [at for at, row in enumerate(rows) if self._worth_encoding(row, shared[at])]
        if asked:
            cosines = self._encoder([rows[at]["question"] for at in asked]) @ self._vectors.T
            for at, near in zip(asked, cosines, strict=True):
                found[at] = self._candidates(rows[at], shared[at], near)
        return found

    def _worth_encoding(self, row: Row, shared: "NDArray[np.float32]") -> bool:
        fits = bool((shared >= self._thresholds.shared_numbers).any())
        return fits or not references(row) or bool(self._alone.any())

    def _shared(self, text: str) -> "NDArray[np.float32]":
        """Of each question and the text the shared part of all numbers, repeats counted; 1 where both have none."""
        import numpy as np  # noqa: PLC0415

        mine = _counted(text)
        held = [self._having[counted] for counted in mine if counted in self._having]
        both = np.bincount(np.concatenate(held), minlength=len(self._counts)) if held else np.zeros_like(self._counts)
        together = len(mine) + self._counts - both
        return np.where(together > 0, both / np.maximum(together, 1), 1.0).astype(np.float32)

    def _candidates(self, row: Row, shared: "NDArray[np.float32]", cosines: "NDArray[np.float32]") -> dict[int, float]:
        import numpy as np  # noqa: PLC0415

        limits = self._thresholds
        telling = np.minimum(self._counts, len(numbers(row["question"]))) >= FEW_NUMBERS
        by_numbers = (shared >= limits.shared_numbers) & (
            cosines >= np.where(telling, limits.candidate_cosine, BORDERLINE)
        )
        by_meaning = (cosines >= limits.cosine) & (self._alone | (not references(row)))
        alike = np.flatnonzero(by_numbers | by_meaning)
        best = alike[np.lexsort((cosines[alike], shared[alike]))][::-1][:CANDIDATES]
        return {int(at): float(cosines[at]) for at in best}


def _counted(text: str) -> list[Counted]:
    seen: Counter[str] = Counter()
    for number in numbers(text):
        seen[number] += 1
    return [(number, time) for number, times in seen.items() for time in range(times)]
