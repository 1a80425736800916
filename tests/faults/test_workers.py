"""Workers die in every way under one batch of our client."""

from tests.faults.conftest import Bench, items

FAULTS = {
    "memory": ("unreadable", "memory"),
    "spin": ("unreadable", "CPU time"),
    "sleep": ("undecidable", "time limit"),
    "segfault": ("undecidable", "worker"),
    "abort": ("unreadable", "number's size"),
    "exit-now": ("undecidable", "worker"),
    "die": ("undecidable", "worker"),
    "raise": ("undecidable", "ValueError"),
}


def test_one_batch_with_every_fault(bench: Bench) -> None:
    """Out of memory, endless, hung, crashed, killed: each costs its own item, says why, and its neighbours are paid."""
    bad = list(FAULTS)
    good = [f"beside {word} stands 7" for word in bad]
    results = bench.client.verify(items(*(text for pair in zip(bad, good, strict=True) for text in pair)))
    assert [result.reward for result in results[1::2]] == [1.0] * len(good)
    for word, result in zip(bad, results[::2], strict=True):
        outcome, says = FAULTS[word]
        assert (str(result.outcome), result.reward) == (outcome, None if outcome == "undecidable" else 0.0), word
        assert says in result.reason, (word, result.reason)
    assert all("secret" not in result.reason for result in results)
