"""A varied subset of a given size: clusters of meaning within buckets of subject and difficulty, filled like basins.

Rule 1: buckets get the same room, and clusters within a bucket; small ones give all they have, and what they leave is
        shared by the others (`mixing.water_filling`).
Rule 2: the same rows, seed and size give the same choice.
"""

import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from touchstone_trainer.mixing import water_filling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CLUSTERS = 1_024
"""More clusters cost time in proportion and are no longer topics."""
BATCH_ROWS = 4_096
"""Vectors in memory at once, 8 MiB."""
PASSES = 3


class Stored(Protocol):
    """Vectors that some rows are read of, from the memory or the disk."""

    def __getitem__(self, rows: "NDArray[np.int64]", /) -> Any:
        """The vectors of those rows."""


def clusters(vectors: Stored, rows: "NDArray[np.int64]", seed: int) -> "NDArray[np.int32]":
    """For each of the `rows` its cluster among about the root of half their number, by k-means over small batches."""
    import numpy as np  # noqa: PLC0415 - heavy, and needed by this command only
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    count = cluster_count(len(rows))
    if count <= 1:
        return np.zeros(len(rows), dtype=np.int32)
    model = MiniBatchKMeans(count, random_state=seed, n_init=1, reassignment_ratio=0.0)
    random = np.random.default_rng(seed)
    # In the order of one thread: sums in another order round otherwise, and a row on the border changes sides.
    with threadpool_limits(1):
        for _ in range(PASSES):
            shuffled = random.permutation(len(rows))
            for batch in _batches(rows[shuffled], at_least=count):
                model.partial_fit(np.asarray(vectors[np.sort(batch)], dtype=np.float32))
        found = [model.predict(np.asarray(vectors[batch], dtype=np.float32)) for batch in _batches(rows)]
    return np.concatenate(found).astype(np.int32)


def cluster_count(rows: int) -> int:
    """About the root of half the rows.

    >>> cluster_count(1), cluster_count(200), cluster_count(100_000)
    (1, 10, 224)
    """
    return min(MAX_CLUSTERS, max(1, round(math.sqrt(rows / 2))))


def chosen(buckets: Iterable[str], cluster: "NDArray[np.int32]", size: int | None, seed: int) -> "NDArray[np.int64]":
    """The positions that are taken, at most `size`; all where no size is given. A bucket and a cluster a position."""
    import numpy as np  # noqa: PLC0415

    rows = len(cluster)
    if size is None:
        return np.arange(rows)
    rank = {name: at for at, name in enumerate(sorted(set(buckets)))}
    bucket = np.fromiter((rank[name] for name in buckets), dtype=np.int32, count=rows)
    lots = np.fromiter((_drawn(seed, at) for at in range(rows)), dtype=np.uint64, count=rows)
    order = np.lexsort((lots, cluster, bucket))
    edge = np.diff(bucket[order], prepend=-1).astype(bool) | np.diff(cluster[order], prepend=-1).astype(bool)
    starts = np.flatnonzero(edge)
    sizes = np.diff(starts, append=rows)
    owner = bucket[order[starts]]
    room = water_filling(np.bincount(owner, weights=sizes).astype(int).tolist(), size)
    taken = [np.empty(0, dtype=np.int64)]
    for at, share in enumerate(room):
        mine = owner == at
        quotas = water_filling(sizes[mine].tolist(), share)
        taken += [order[start : start + quota] for start, quota in zip(starts[mine], quotas, strict=True)]
    return np.concatenate(taken)


def _drawn(seed: int, at: int) -> int:
    """A lot that depends on nothing but seed and position."""
    return int.from_bytes(blake2b(f"{seed}/{at}".encode(), digest_size=8).digest())


def _batches(rows: "NDArray[np.int64]", at_least: int = 1) -> "list[NDArray[np.int64]]":
    """The rows in parts, none with fewer than `at_least`, which k-means needs in its first."""
    size = max(BATCH_ROWS, at_least)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [part for part in parts if len(part) >= min(at_least, len(rows))]
