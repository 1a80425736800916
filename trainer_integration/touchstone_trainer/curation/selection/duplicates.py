"""Near duplicates within the set: candidates by the bands of their signatures, compared in full, joined, the best kept.

Rule 1: two rows are one question when their shingles and their numbers agree and the verifier takes one reference for
        the other. In mathematics one word (largest, smallest) or one number makes another question.
Rule 2: one text with two references that the verifier tells apart: one of them is false, nobody knows which, both go.
Rule 3: the index of a library would keep two kilobytes a row; here the hashes of one band at a time are sorted.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from touchstone_client import Client
from touchstone_trainer.curation.likeness.words import canonical, jaccard, numbers, shingles
from touchstone_trainer.curation.rewriting.acceptance import boxed
from touchstone_trainer.curation.rows import Row, references
from touchstone_trainer.curation.selection.features import BANDS, Features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JACCARD = 0.7
CACHED_ROWS = 1_024
"""Texts held while neighbours in a band are compared; about 10 MiB."""
ASKED_AT_ONCE = 2_048
"""Pairs whose references go to the service in one call."""


class Joined:
    """Union-find over row numbers."""

    def __init__(self, rows: int) -> None:
        self._above = array("Q", range(rows))

    def root(self, row: int) -> int:
        """The name of a row's set: its first row."""
        while self._above[row] != row:
            self._above[row] = self._above[self._above[row]]
            row = self._above[row]
        return row

    def join(self, one: int, other: int) -> None:
        """Make one set of two rows' sets."""
        first, second = sorted((self.root(one), self.root(other)))
        self._above[second] = first


class Duplicates:
    """Finds them among the sound rows."""

    def __init__(self, features: Features, client: Client) -> None:
        self._features, self._client = features, client
        self._joined = Joined(len(features.index))
        self._conflicts: set[int] = set()
        self._row = lru_cache(CACHED_ROWS)(features.row)
        self._compared = lru_cache(CACHED_ROWS)(self._forms)

    def find(self) -> tuple["array[int]", set[int]]:
        """(for each row the one that is kept in its place, itself mostly; rows in conflict)."""
        for band in range(BANDS):
            waiting: list[tuple[int, int]] = []
            for pair in _meeting(self._features.band(band)):
                if self._joined.root(pair[0]) != self._joined.root(pair[1]) and self._alike(*pair):
                    waiting.append(pair)
                if len(waiting) == ASKED_AT_ONCE:
                    self._settle(waiting)
                    waiting = []
            self._settle(waiting)
        return self._best(), self._conflicting()

    def _forms(self, row: int) -> tuple[set[tuple[str, ...]], tuple[str, ...]]:
        question = self._row(row)["question"]
        return shingles(question), numbers(question)

    def _alike(self, one: int, other: int) -> bool:
        (mine, my_numbers), (theirs, their_numbers) = self._compared(one), self._compared(other)
        return my_numbers == their_numbers and jaccard(mine, theirs) >= JACCARD

    def _settle(self, pairs: Sequence[tuple[int, int]]) -> None:
        asked: list[tuple[int, int]] = []
        items: list[dict[str, Any]] = []
        for one, other in pairs:
            mine, theirs = self._row(one), self._row(other)
            if references(mine) == references(theirs):
                self._joined.join(one, other)
                continue
            asked.append((one, other))
            about: Row = {name: mine[name] for name in ("task", "question", "options", "reference") if name in mine}
            items.append({**about, "response": boxed(references(theirs)[0])})
        results = self._client.verify(items) if items else []
        for (one, other), result in zip(asked, results, strict=True):
            if result.reward != 0.0:
                self._joined.join(one, other)
            elif canonical(self._row(one)["question"]) == canonical(self._row(other)["question"]):
                self._joined.join(one, other)
                self._conflicts.update((one, other))

    def _best(self) -> "array[int]":
        """The first of the best of each row's set."""
        best = array("Q", range(len(self._features.index)))
        for row in range(len(best)):
            root = self._joined.root(row)
            if self._merit(row) > self._merit(best[root]):
                best[root] = row
        return array("Q", (best[self._joined.root(row)] for row in range(len(best))))

    def _merit(self, row: int) -> int:
        """The longer of two texts leaves less out; of equals the first is kept."""
        return self._features.characters[self._features.index[row]]

    def _conflicting(self) -> set[int]:
        roots = {self._joined.root(row) for row in self._conflicts}
        return {row for row in range(len(self._features.index)) if self._joined.root(row) in roots} if roots else set()


def _meeting(hashes: "NDArray[np.uint64]") -> Iterator[tuple[int, int]]:
    """Each row with the first of its bucket and with the one before it: linear, however many rows are alike."""
    order = hashes.argsort(kind="stable")
    first = behind = -1
    for at in (hashes[order[1:]] == hashes[order[:-1]]).nonzero()[0]:
        before, row = int(order[at]), int(order[at + 1])
        if at != behind:
            first = before
        yield first, row
        if before != first:
            yield before, row
        behind = at + 1
