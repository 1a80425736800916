"""The rings behind the console stay small and say what happened."""

from itertools import product

import pytest

from app import recent
from app.explaining import place_of
from app.recent import Kind, Recent, bucket, kind_of
from app.requests import Accepted
from app.verification import Progress
from verifiers.explanation import cut
from verifiers.hybrid import Opinion, Settled
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

SAID = Verdict(Outcome.INCORRECT, "same_text", "another text", "9")
AGREES, REFUSES, MUTE = (Opinion("m", accepts, "said") for accepts in (True, False, None))
CAUGHT = Opinion("m", None, "control_failed", control=False)
COUNTED = {("math", "model", "correct"): 1}


def progress(answer: str = "9", *, response: str = "so 9", question: str | None = None, **problem: object) -> Progress:
    given = Problem(response, ("7",), question, **problem)  # type: ignore[arg-type]
    verdict = Verdict(Outcome.INCORRECT, "same_text", "another text", answer)
    settled = Settled(Outcome.CORRECT, "model", "m", "yes")
    return Progress(Accepted(None, "math", given), verdict=verdict, opinion=AGREES, settled=settled)


@pytest.mark.parametrize(
    ("outcome", "opinion", "kind"),
    [
        (Outcome.INCORRECT, AGREES, Kind.RESCUED),
        (Outcome.UNREADABLE, AGREES, Kind.RESCUED),
        (Outcome.CORRECT, REFUSES, Kind.REFUSED),
        (Outcome.INCORRECT, CAUGHT, Kind.CONTROL_FAILED),
        (Outcome.UNDECIDABLE, CAUGHT, Kind.CONTROL_FAILED),
        (Outcome.CORRECT, AGREES, None),
        (Outcome.INCORRECT, REFUSES, None),
        *((outcome, MUTE, None) for outcome in Outcome),
        *((Outcome.UNDECIDABLE, opinion, None) for opinion in (AGREES, REFUSES)),
    ],
)
def test_what_counts_as_a_disagreement(outcome: Outcome, opinion: Opinion, kind: Kind | None) -> None:
    """Only where both could tell and say different things, or the model failed its control."""
    assert kind_of(Verdict(outcome, "r", "why", "9", passed_on=outcome is Outcome.UNDECIDABLE), opinion) is kind


def test_the_oldest_disagreement_goes_first() -> None:
    """No more are kept than asked for; the same answer again is counted and comes to the front."""
    kept = Recent(3, lambda: 0)
    for answer in "12343":
        kept.verified([progress(answer)], COUNTED, 0.01)
    found = kept.disagreements(None, 10)
    assert [(one.verdict.answer, one.times) for one in found] == [("3", 2), ("4", 1), ("2", 1)]
    assert len(kept.disagreements(None, 2)) == 2


def test_text_is_kept_only_so_far() -> None:
    """Of a huge item the end of the response and the beginning of the rest are kept, and it says so."""
    kept = Recent(1, lambda: 0)
    huge = progress("9" * 50_000, response="x" * 500_000 + "end", question="?" * 50_000, options={"a": "b" * 50_000})
    kept.verified([huge], COUNTED, 0.01)
    (found,) = kept.disagreements(None, 1)
    assert found.shortened
    assert found.response.endswith("end")
    assert len(found.response) == recent.MAX_RESPONSE_CHARS
    assert len(found.question or "") == len(found.verdict.answer or "") == recent.MAX_TEXT_CHARS
    assert found.options == {}
    kept.verified([progress(options={"a": "b"})], COUNTED, 0.01)
    (small,) = kept.disagreements(None, 1)
    assert (small.shortened, small.options) == (False, {"a": "b"})


def test_the_ring_of_seconds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour of traffic five minutes are kept, oldest first; the queue is seen as long as it was."""
    lengths = iter(range(10_000))
    ring = Recent(0, lambda: next(lengths) % 7)
    for second in range(3_600):
        monkeypatch.setattr(ring, "now", lambda second=second: 1_000 + second)
        ring.verified([], {("math", "rules", "incorrect"): 2}, 0.01)
        ring.judged(1, 1)
    seconds = ring.seconds(0)
    assert len(seconds) == recent.SECONDS_KEPT
    assert [one.at for one in seconds] == list(range(4_600 - recent.SECONDS_KEPT, 4_600))
    assert {(one.items, one.judged, one.undecided, one.requests) for one in seconds[:-1]} == {(2, 2, 1, 1)}
    assert max(one.queued for one in seconds) == 6


@pytest.mark.parametrize("seconds", [0, 1e-6, 0.0003, 0.02, 1.7, 600])
def test_a_bucket_is_exact_to_a_fifth(seconds: float) -> None:
    """The upper bound of a latency's bucket is at least the latency and at most 19 % above it."""
    bound = recent.MIN_LATENCY_S * 2 ** (bucket(seconds) / recent.BUCKETS_PER_DOUBLING)
    assert max(seconds, recent.MIN_LATENCY_S) <= bound * (1 + 1e-9)
    assert bound <= max(seconds, recent.MIN_LATENCY_S) * 2 ** (1 / recent.BUCKETS_PER_DOUBLING) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("answer", "response", "place"),
    [
        ("4", "4 and \\boxed{4} and 4", (13, 14)),
        ("4", "14, 41, x4 and (4) or 44", (16, 17)),
        ("a b", "a b", (0, 3)),
        ("4", "14 41", None),
        ("x", "", None),
        ("", "x", None),
        ("4" * 501, "4" * 501, None),
        ("4", "4" + " " * 100_000, None),
    ],
)
def test_the_place_of_an_answer(answer: str, response: str, place: tuple[int, int] | None) -> None:
    """In the last box that is just it, else the last place where it stands by itself."""
    assert place_of(answer, response) == place


def test_the_place_of_an_answer_is_the_answer() -> None:
    """Whatever is found reads as the answer, in all short texts."""
    for length in range(1, 7):
        for response in map("".join, product("a1 ", repeat=length)):
            if (place := place_of("a", response)) is not None:
                assert response[slice(*place)] == "a"


def test_cut_text_says_so() -> None:
    """Within the limit nothing changes."""
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "abc …")
