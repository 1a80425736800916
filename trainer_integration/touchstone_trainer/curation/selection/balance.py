"""A varied subset of a given size: clusters of meaning within buckets of subject and difficulty, filled like basins.

Rule 1: buckets get the same room, and clusters within a bucket; small ones give all they have, and what they leave is
        shared by the others (`mixing.water_filling`).
Rule 2: the same rows, seed and size give the same choice.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from touchstone_trainer.mixing import water_filling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CLUSTERS = 1_024
"""More clusters cost time in proportion and are no longer topics."""
BATCH_ROWS = 4_096
"""Vectors in memory at once, 8 MiB."""
PASSES = 3


def clusters(vectors: "NDArray[np.float16]", rows: "NDArray[np.int64]", seed: int) -> "NDArray[np.int32]":
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


def chosen(buckets: Sequence[str], cluster: Sequence[int], size: int | None, seed: int) -> set[int]:
    """The positions that are taken, at most `size`; all where no size is given."""
    if size is None:
        return set(range(len(buckets)))
    members: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, (bucket, group) in enumerate(zip(buckets, cluster, strict=True)):
        members[bucket][group].append(at)
    names = sorted(members)
    room = water_filling([_size(members[name]) for name in names], size)
    taken: set[int] = set()
    for name, share in zip(names, room, strict=True):
        groups = [rows for _, rows in sorted(members[name].items())]
        for rows, quota in zip(groups, water_filling([len(rows) for rows in groups], share), strict=True):
            taken.update(sorted(rows, key=lambda at: _drawn(seed, at))[:quota])
    return taken


def _size(groups: Mapping[int, Sequence[int]]) -> int:
    return sum(map(len, groups.values()))


def _drawn(seed: int, at: int) -> bytes:
    """A lot that depends on nothing but seed and position."""
    return blake2b(f"{seed}/{at}".encode(), digest_size=8).digest()


def _batches(rows: "NDArray[np.int64]", at_least: int = 1) -> "list[NDArray[np.int64]]":
    """The rows in parts, none with fewer than `at_least`, which k-means needs in its first."""
    size = max(BATCH_ROWS, at_least)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [part for part in parts if len(part) >= min(at_least, len(rows))]
