"""Pairing expected with made calls so that as many pairs as possible are right."""

from collections.abc import Sequence


def pair_any(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """Expected to made in any order: a maximum matching by augmenting paths (Kuhn).

    >>> pair_any([[True, True], [True, False]])
    {1: 0, 0: 1}
    """
    taken: dict[int, int] = {}
    for wanted in range(len(fits)):
        _augment(wanted, fits, taken, set())
    return {wanted: made for made, wanted in taken.items()}


def _augment(wanted: int, fits: Sequence[Sequence[bool]], taken: dict[int, int], seen: set[int]) -> bool:
    for made, fit in enumerate(fits[wanted]):
        if fit and made not in seen:
            seen.add(made)
            if made not in taken or _augment(taken[made], fits, taken, seen):
                taken[made] = wanted
                return True
    return False


def pair_in_order(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """Expected to made, neither side crossing: a longest common subsequence.

    >>> pair_in_order([[False, True], [True, False]])
    {1: 0}
    """
    rows, columns = len(fits), len(fits[0]) if fits else 0
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            best[i][j] = best[i + 1][j + 1] + 1 if fits[i][j] else max(best[i + 1][j], best[i][j + 1])
    pairs: dict[int, int] = {}
    i = j = 0
    while i < rows and j < columns:
        if fits[i][j]:
            pairs[i] = j
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
