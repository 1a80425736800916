"""A running server that comes, goes and comes back: what the state says and what calls see."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from grm import remote_model
from grm.backend import Completion, Message, Phase, Unreachable
from grm.openai_backend import OpenAIBackend
from grm.remote_model import RemoteModel
from grm.retry import RetryPolicy
from tests.processes import until
from tests.scripted_openai import Freeze, Json, Manners, Reset, ScriptedOpenAI, in_turn, polite

HELLO = Completion((Message("user", "hello"),), max_tokens=1)
LIMIT_S = 30.0

Follow = Callable[[str], RemoteModel]


@pytest.fixture
async def follow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Follow]:
    """Makes watched models that look often, and closes them."""
    for name in ("CHECK_EVERY_S", "KNOCK_EVERY_S", "REFUSED_PAUSE_S"):
        monkeypatch.setattr(remote_model, name, 0.1)
    monkeypatch.setattr(remote_model, "CHECK_LIMIT_S", 0.3)
    made: list[RemoteModel] = []

    def make(url: str) -> RemoteModel:
        made.append(RemoteModel(OpenAIBackend(url, retries=RetryPolicy(attempts=1))))
        return made[-1]

    yield make
    for model in made:
        await model.aclose()


async def test_a_running_server_becomes_ready(follow: Follow) -> None:
    """Start returns at once; ready comes with the probe, and the model's own name with it."""
    with ScriptedOpenAI(polite(Manners(models=["judge-7b"]))) as server:
        model = follow(server.url)
        assert model.state.phase is Phase.STARTING
        assert model.name == f"127.0.0.1:{server.port}"
        await model.start()
        state = await model.wait_ready(LIMIT_S)
        assert state.ready
        assert state.detail == "judge-7b: log-probabilities, label by structured_outputs, JSON by structured_outputs"
        assert model.name == "judge-7b"
        assert (await model.complete(HELLO, deadline_s=LIMIT_S)).text == "Yes"


async def test_a_server_that_goes_away_is_noticed_and_met_again(follow: Follow) -> None:
    """Gone: calls fail at once and say so. Back, as another model: found, probed anew, used."""
    with ScriptedOpenAI() as server:
        port = server.port
        model = follow(server.url)
        await model.start()
        assert (await model.wait_ready(LIMIT_S)).ready
    await until(lambda: model.state.phase is Phase.UNREACHABLE)
    with pytest.raises(Unreachable, match="the model server is unreachable: "):
        await model.complete(HELLO, deadline_s=LIMIT_S)
    with ScriptedOpenAI(polite(Manners(models=["other"], logprobs=False)), port=port):
        assert (await model.wait_ready(LIMIT_S)).ready
        assert model.name == "other"
        assert model.capabilities is not None
        assert not model.capabilities.logprobs


async def test_a_broken_call_brings_the_next_look_forward(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state does not stay ready until the next round when a call already found the server gone."""
    monkeypatch.setattr(remote_model, "CHECK_EVERY_S", 3_600.0)
    with ScriptedOpenAI() as server:
        model = follow(server.url)
        await model.start()
        await model.wait_ready(LIMIT_S)
        server.script = in_turn(Reset())
        with pytest.raises(Unreachable):
            await model.complete(HELLO, deadline_s=LIMIT_S)
        await until(lambda: model.state.phase is Phase.UNREACHABLE)


async def test_one_late_answer_is_no_loss(follow: Follow) -> None:
    """A loaded server that answers a look late, once, stays ready; one that is frozen does not."""
    with ScriptedOpenAI() as server:
        model = follow(server.url)
        await model.start()
        await model.wait_ready(LIMIT_S)
        looks = len(server.asked)
        server.script = in_turn(Freeze(), polite())
        await until(lambda: len(server.asked) >= looks + 3)
        assert model.state.ready
        server.script = in_turn(Freeze())
        await until(lambda: model.state.phase is Phase.UNREACHABLE)


async def test_a_gateway_without_a_model_list_stays_ready(follow: Follow) -> None:
    """A look that gets any answer at all found a living server."""
    with ScriptedOpenAI() as server:
        model = follow(server.url)
        await model.start()
        await model.wait_ready(LIMIT_S)
        looks = len(server.asked)
        server.script = in_turn(Json({"error": "no route"}, 404))
        await until(lambda: len(server.asked) >= looks + 4)
        assert model.state.ready


async def test_what_a_person_must_fix_is_failed(follow: Follow) -> None:
    """A refused key is told apart from a server that is away."""
    with ScriptedOpenAI(in_turn(Json({"error": {"message": "bad key"}}, 401))) as server:
        model = follow(server.url)
        await model.start()
        state = await model.wait_ready(LIMIT_S)
        assert state.phase is Phase.FAILED
        assert "401: bad key" in state.detail
        server.script = polite()
        await until(lambda: model.state.ready)


async def test_closed_is_final(follow: Follow) -> None:
    """A closed model takes no calls and watches no longer."""
    with ScriptedOpenAI() as server:
        model = follow(server.url)
        await model.start()
        await model.wait_ready(LIMIT_S)
        await model.aclose()
        assert model.state.phase is Phase.CLOSED
        looks = len(server.asked)
        await asyncio.sleep(0.5)
        assert len(server.asked) == looks
        with pytest.raises(Unreachable, match="closed"):
            await model.complete(HELLO, deadline_s=LIMIT_S)
