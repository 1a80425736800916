"""The model server fails in every way; what rules decide is decided, the rest is undecidable and never 0."""

import itertools
from collections.abc import Iterator

import pytest

from tests.faults.conftest import Bench, items, part, wait_for
from tests.faults.proxy import Cut, Fault
from tests.scripted_openai import Act, Freeze, Json, Raw, Reset, Script, ScriptedOpenAI, completion, in_turn, polite

numbers = itertools.count()
LATER = {"Retry-After": "60"}
SOON = {"Retry-After": "0.1"}


def chats(act: Act | Script) -> Script:
    """So to completions; the list of models stays polite."""
    courtesy = polite()
    return lambda asked: courtesy(asked) if asked.path == "/v1/models" else act(asked) if callable(act) else act


@pytest.fixture(autouse=True)
def mended(bench: Bench) -> Iterator[None]:
    """After each test model and wire are well."""
    yield
    bench.model.script = polite()
    bench.wire.fault = Fault()
    wait_for(lambda: part(bench.one, "model")["ok"])


def second_look(bench: Bench) -> tuple[str, float | None, str]:
    """What the caller sees of an item that needs the model, beside one that does not."""
    number = next(numbers)  # what a model said of an answer is kept
    wanted, decided = bench.client.verify(items(f"so one{number}", f"{number} or 7"))
    assert decided.reward == 1.0
    return str(wanted.outcome), wanted.reward, wanted.reason


FAULTS: dict[str, tuple[Act, str]] = {
    "frozen": (Freeze(), "no answer from the model|no reply"),
    "busy for long": (Json({"error": {"message": "slow down"}}, 429, LATER), "429"),
    "500": (Json({"error": {"message": "boom"}}, 500), "500"),
    "garbage": (Raw(b"<html>who are you?</html>"), "not JSON"),
    "json of another kind": (Json({"choices": []}), ""),
    "half an answer": (Raw(b'{"choices": [{"mess', promised=4_000), ""),
    "reset": (Reset(), ""),
    "too much": (Raw(b" " * 40_000_000), ""),
    "no words": (Json(completion("", {"Well": 0.99})), ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(bench: Bench, name: str) -> None:
    """A model server that fails leaves the item out, with the reason; once it is well the same item is decided."""
    act, says = FAULTS[name]
    bench.model.script = chats(act)
    outcome, reward, reason = second_look(bench)
    assert (outcome, reward) == ("undecidable", None)
    assert any(word in reason for word in says.split("|")), reason
    bench.model.script = polite()
    wait_for(lambda: part(bench.one, "model")["ok"])
    assert second_look(bench)[:2] == ("correct", 1.0)


@pytest.mark.parametrize("act", [Json({}, 429, SOON), Json({}, 503)], ids=["429", "503"])
def test_a_passing_fault_is_not_seen(bench: Bench, act: Act) -> None:
    """What a second attempt cures within the time costs the caller nothing but that time."""
    bench.model.script = chats(in_turn(act, polite()))
    assert second_look(bench)[:2] == ("correct", 1.0)


def test_killed_and_back(bench: Bench) -> None:
    """A server that is gone is noticed, said, and used again when it comes back."""
    gone = bench.model
    gone.__exit__(None, None, None)
    assert second_look(bench)[:2] == ("undecidable", None)
    wait_for(lambda: not part(bench.one, "model")["ok"])
    bench.model = ScriptedOpenAI(port=gone.port).__enter__()
    wait_for(lambda: part(bench.one, "model")["ok"])
    assert second_look(bench)[:2] == ("correct", 1.0)


@pytest.mark.parametrize(
    "fault",
    [Fault(bytes_per_s=40), Fault(cut_after=30, cut=Cut.STALL), Fault(cut_after=30, cut=Cut.RESET), Fault(delay_s=5)],
    ids=["slow stream", "stalled stream", "torn stream", "late"],
)
def test_a_bad_wire(bench: Bench, fault: Fault) -> None:
    """An answer that trickles, stops, tears off or is late is no opinion; its item is left out."""
    bench.wire.fault = fault
    assert second_look(bench)[:2] == ("undecidable", None)
