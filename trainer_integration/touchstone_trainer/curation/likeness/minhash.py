"""MinHash signatures by datasketch: the share of equal entries of two signatures estimates their texts' Jaccard."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from touchstone_trainer.curation.likeness.words import shingles

if TYPE_CHECKING:
    from datasketch import MinHash, MinHashLSH

PERMUTATIONS = 128
"""The estimate of a Jaccard of 0.7 is off by 0.04 (one standard deviation); twice as many would still leave 0.03."""


def signature(text: str) -> "MinHash":
    """The signature of a question's shingles."""
    return signature_of(shingles(text))


def signature_of(found: Iterable[tuple[str, ...]]) -> "MinHash":
    """The signature of a set of shingles."""
    made = _empty().copy()
    made.update_batch([" ".join(one).encode("utf-8", "surrogatepass") for one in found])
    return made


@cache
def _empty() -> "MinHash":
    """Drawing the permutations takes longer than using them."""
    from datasketch import MinHash  # noqa: PLC0415 - brings scipy, and only some methods need it

    return MinHash(num_perm=PERMUTATIONS)


def index(threshold: float) -> "MinHashLSH":
    """An index of signatures; the library chooses bands for the threshold."""
    from datasketch import MinHashLSH  # noqa: PLC0415

    return MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
