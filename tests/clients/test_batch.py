"""Cutting a list into requests and putting the results together again."""

import json

import pytest

from touchstone_client import FieldProblem, Overloaded, Problem, Recall, RequestRejected, ServerFault, VerifyItem
from touchstone_client._batch import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_ITEMS,
    MIN_CHUNK_ITEMS,
    Asking,
    Item,
    OnError,
    cut,
)
from touchstone_client._exchange import Reply

from .conftest import items


def asking(on_error: OnError = "raise") -> Asking:
    return Asking(Recall.AUTO, opinions=False, on_error=on_error)


@pytest.mark.parametrize(("count", "concurrency", "largest"), [(64, 8, 64), (800, 8, 100), (8_192, 8, 256)])
def test_chunks_keep_every_connection_busy(count: int, concurrency: int, largest: int) -> None:
    """A list is shared out among the connections, within the sizes at which a request pays off."""
    chunks = cut(items(count), asking(), concurrency)
    assert max(len(chunk.items) for chunk in chunks) == largest
    assert MIN_CHUNK_ITEMS <= largest <= MAX_CHUNK_ITEMS
    assert [item for chunk in chunks for item in chunk.items] == items(count)
    assert [chunk.start for chunk in chunks] == [largest * at for at in range(len(chunks))]


def test_long_responses_make_small_chunks() -> None:
    """No request grows past the byte limit, save for an item that is larger by itself."""
    sizes = [200_000, 200_000, 200_000, 900_000, 1]
    chunks = cut([{"response": "x" * size, "reference": "1"} for size in sizes], asking(), 1)
    assert [len(chunk.items) for chunk in chunks] == [2, 1, 1, 1]
    assert all(len(chunk.payload) <= MAX_CHUNK_BYTES for chunk in chunks if len(chunk.items) > 1)


def test_models_and_dicts_make_the_same_request() -> None:
    """An item may be given as a model or as a dict; missing fields take the contract's defaults."""
    as_dict, as_model = ({"response": "1", "reference": "1"}, VerifyItem(response="1", reference="1"))
    bodies = [json.loads(cut([item], asking(), 1)[0].body(10.0)) for item in (as_dict, as_model)]
    assert VerifyItem(**bodies[0]["items"][0]) == VerifyItem(**bodies[1]["items"][0])
    assert bodies[0]["recall"] == "auto"


@pytest.mark.parametrize(("left_s", "asked_s"), [(2.0, 1.8), (60.0, 59.5), (5_000.0, 600.0)])
def test_service_is_given_a_little_less_time(left_s: float, asked_s: float) -> None:
    """The service has to answer before the client gives up, and never gets more than the contract allows."""
    chunk = cut(items(1), asking(), 1)[0]
    assert json.loads(chunk.body(left_s))["deadline_s"] == pytest.approx(asked_s)


def test_half_a_character_does_not_stop_a_batch() -> None:
    """A response cut inside a character is sent with the replacement character in its place."""
    item = {
        "response": "caf\ud800 \ud83d\ude00",
        "reference": ["a", "b\udfff"],
        "options": {"deep": ["\ud800"]},
    }
    sent = json.loads(cut([item], asking(), 1)[0].body(1.0))["items"][0]
    assert sent == {
        "response": "caf� 😀",
        "reference": ["a", "b�"],
        "options": {"deep": ["�"]},
    }


def test_unwritable_item_is_named() -> None:
    """An item that JSON cannot hold is the caller's to fix, and the message says which one it is."""
    bad: Item = {"response": object(), "reference": "1"}
    with pytest.raises(RequestRejected, match=r"items\[1\]"):
        cut([*items(1), bad], asking(), 1)


def test_lost_result_is_noticed() -> None:
    """An answer with fewer results than items is the service's fault, never shifted rewards."""
    chunk = cut(items(2), asking(), 1)[0]
    with pytest.raises(ServerFault, match="1 results came back for 2 items"):
        chunk.read(
            Reply(
                200,
                b'{"elapsed_ms": 1, "results": [{"task": "math", "outcome": "correct", "reward": 1,'
                b' "decided_by": {"stage": "rules", "name": "r"}, "reason": ""}]}',
            )
        )


def test_null_results_keep_id_task_and_reason() -> None:
    """What stands in for a lost result says which item it was and why there is no reward."""
    given: list[Item] = [
        {"id": "a", "response": "1", "reference": "1"},
        VerifyItem(id="b", task="code", response="", reference=""),
    ]
    results = cut(given, asking("null"), 1)[0].undecided(Overloaded("too busy"))
    assert [(r.id, r.task, r.outcome, r.reward, r.reason) for r in results] == [
        ("a", "math", "undecidable", None, "too busy"),
        ("b", "code", "undecidable", None, "too busy"),
    ]
    assert results[0].decided_by.stage == "client"


def test_wrong_call_is_raised_whatever_was_asked() -> None:
    """A rejected call is not turned into null rewards: every chunk would be rejected alike."""
    with pytest.raises(RequestRejected):
        cut(items(1), asking("null"), 1)[0].undecided(RequestRejected("no such setting"))


def test_wrong_items_cost_only_themselves() -> None:
    """A request rejected for its items alone comes back as results that say what to fix, chunk or no chunk."""
    errors = [FieldProblem(field=f"items[{at}].task", message=f"no such task {at}") for at in range(2)]
    problem = Problem(type="invalid_request", title="T", status=422, detail="none can be worked on", errors=errors)
    results = cut(items(2), asking(), 1)[0].undecided(RequestRejected("no", problem=problem))
    assert [(result.id, result.reward, result.outcome) for result in results] == [
        ("0", None, "undecidable"),
        ("1", None, "undecidable"),
    ]
    assert [result.problem.errors[0].message for result in results if result.problem] == [
        "no such task 0",
        "no such task 1",
    ]
