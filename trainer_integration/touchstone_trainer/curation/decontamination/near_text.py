"""Benchmark questions whose text is nearly a row's: candidates by MinHash-LSH, then the true Jaccard of the nearest."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from touchstone_trainer.curation.decontamination.thresholds import CANDIDATES
from touchstone_trainer.curation.likeness.minhash import PERMUTATIONS, index, signature_of
from touchstone_trainer.curation.likeness.words import jaccard, shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ERRORS = 3
"""Standard deviations of the estimate by signatures that a candidate may lie below the threshold."""


class NearTexts:
    """Finds the questions by their place in the list."""

    def __init__(self, questions: Sequence[str], limit: float) -> None:
        """`limit` is the least Jaccard that counts."""
        import numpy as np  # noqa: PLC0415 - heavy, and not needed to load the command

        self._questions, self._limit = questions, limit
        self._estimate = limit - ERRORS * math.sqrt(limit * (1 - limit) / PERMUTATIONS)
        self._lsh = index(limit)
        self._signatures = np.zeros((len(questions), PERMUTATIONS), dtype=np.uint32)
        for at, question in enumerate(questions):
            if found := shingles(question):
                made = signature_of(found)
                self._lsh.insert(at, made)
                self._signatures[at] = made.hashvalues

    def look_up(self, text: str, shared: "NDArray[np.float32]") -> dict[int, float]:
        """The Jaccard of those that share most numbers, `shared` of them, and shingles."""
        import numpy as np  # noqa: PLC0415

        if not (found := shingles(text)):
            return {}
        made = signature_of(found)
        near = np.array(sorted(self._lsh.query(made)), dtype=np.int64)
        estimates = (self._signatures[near] == made.hashvalues).mean(axis=1)
        near, estimates = near[estimates >= self._estimate], estimates[estimates >= self._estimate]
        best = near[np.lexsort((estimates, shared[near]))][::-1][:CANDIDATES]
        measured = {int(at): jaccard(found, shingles(self._questions[at])) for at in best}
        return {at: score for at, score in measured.items() if score >= self._limit}
