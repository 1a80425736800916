"""Benchmark questions by their numbers and, of those whose numbers fit, by their meaning.

Rule 1: numbers first. Encoding a text costs a hundred times as much as reading its numbers, so a row is encoded only
        where some question shares enough of them, or where meaning alone has to tell: without a reference on one of
        the two sides there is nothing to compare.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from touchstone_trainer.curation.decontamination.thresholds import BORDERLINE, CANDIDATES, FEW_NUMBERS, Thresholds
from touchstone_trainer.curation.likeness.encoder import Encoder
from touchstone_trainer.curation.likeness.words import numbers
from touchstone_trainer.curation.rows import Row, references

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Meanings:
    """Finds the questions, by their place in the list, that are alike in meaning and in numbers."""

    def __init__(
        self, questions: Sequence[str], counts: "NDArray[np.int32]", comparable: Sequence[bool], thresholds: Thresholds
    ) -> None:
        """`counts` has of each question how many numbers it has, `comparable` whether it has a reference."""
        import numpy as np  # noqa: PLC0415 - heavy, and not needed to load the command

        self._thresholds, self._counts = thresholds, counts
        self._alone = ~np.array(comparable)
        self._encoder = Encoder()
        self._vectors = self._encoder(questions)

    def look_up(self, rows: Sequence[Row], shared: Sequence["NDArray[np.float32]"]) -> list[dict[int, float]]:
        """For each row the likeness of those that share its numbers, or are so near that no numbers are needed."""
        found: list[dict[int, float]] = [{} for _ in rows]
        asked = [at for at, row in enumerate(rows) if self._worth_encoding(row, shared[at])]
        if asked:
            cosines = self._encoder([rows[at]["question"] for at in asked]) @ self._vectors.T
            for at, near in zip(asked, cosines, strict=True):
                found[at] = self._candidates(rows[at], shared[at], near)
        return found

    def _worth_encoding(self, row: Row, shared: "NDArray[np.float32]") -> bool:
        fits = bool((shared >= self._thresholds.shared_numbers).any())
        return fits or not references(row) or bool(self._alone.any())

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
