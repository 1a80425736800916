"""Several servers of one model: routing, failover, breakers, budgets. Over real HTTP where a server's death matters."""

import asyncio

import pytest

from grm import remote_model, replicas
from grm.backend import (
    BackendError,
    BadReply,
    Busy,
    Capabilities,
    Completion,
    Message,
    ModelState,
    Phase,
    Refused,
    Reply,
    ScriptedBackend,
    TooSlow,
    Unreachable,
)
from grm.budget import TokenBudget
from grm.connect import model_from_spec
from grm.replicas import BREAK_AFTER, ReplicatedModel
from tests.processes import until
from tests.scripted_openai import ScriptedOpenAI

ASK = Completion((Message("user", "?"),), max_tokens=1)


class Slow(ScriptedBackend):
    """Holds every call until told."""

    def __init__(self) -> None:
        super().__init__(lambda _: Reply("Yes", "scripted", "stop"))
        self.go = asyncio.Event()

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        reply = await super().complete(completion, deadline_s=deadline_s)
        await self.go.wait()
        return reply


def saying(outcome: Reply | BackendError, name: str = "scripted") -> ScriptedBackend:
    return ScriptedBackend(lambda _: outcome, name=name)


FINE = Reply("Yes", "scripted", "stop", prompt_tokens=4, completion_tokens=1)


async def test_calls_go_to_the_least_busy() -> None:
    """Calls that are held are shared out evenly; none is sent twice."""
    slow = [Slow(), Slow(), Slow()]
    model = ReplicatedModel(slow)
    calls = [asyncio.ensure_future(model.complete(ASK, deadline_s=5)) for _ in range(9)]
    await until(lambda: sum(len(one.asked) for one in slow) == 9)
    assert [len(one.asked) for one in slow] == [3, 3, 3]
    for one in slow:
        one.go.set()
    assert {reply.text for reply in await asyncio.gather(*calls)} == {"Yes"}


@pytest.mark.parametrize("error", [Unreachable("gone"), Busy("full")])
async def test_another_replica_takes_over(error: BackendError) -> None:
    """A call that one replica did not take is done by another; nobody sees the error."""
    sick, fine = saying(error), saying(FINE)
    model = ReplicatedModel([sick, fine])
    assert [(await model.complete(ASK, deadline_s=5)).text for _ in range(3)] == ["Yes"] * 3
    assert len(fine.asked) == 3


@pytest.mark.parametrize("error", [TooSlow("late"), BadReply("garbage"), Refused("too long")])
async def test_what_the_request_may_have_caused_is_not_spread(error: BackendError) -> None:
    """A slow, broken or refused call is not tried on the other replicas."""
    sick, other = saying(error), saying(error)
    with pytest.raises(type(error)):
        await ReplicatedModel([sick, other]).complete(ASK, deadline_s=5)
    assert len(sick.asked) + len(other.asked) == 1


async def test_a_sick_replica_is_left_alone_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some failures in a row a replica rests, and readiness says so; later one call tries it again."""
    monkeypatch.setattr(replicas, "BREAK_S", 0.2)
    sick, fine = saying(BadReply("garbage")), saying(FINE)
    model = ReplicatedModel([sick, fine])
    failures = 0
    for _ in range(4 * BREAK_AFTER):
        try:
            await model.complete(ASK, deadline_s=5)
        except BadReply:
            failures += 1
    assert failures == BREAK_AFTER
    assert model.state.ready
    assert "replica 1: resting" in model.state.detail
    await asyncio.sleep(0.25)
    asked = len(sick.asked)
    with pytest.raises(BadReply):
        await model.complete(ASK, deadline_s=5)
    assert (await model.complete(ASK, deadline_s=5)).text == "Yes"
    assert len(sick.asked) == asked + 1


async def test_a_refusal_does_not_open_the_breaker() -> None:
    """A server that refuses a request is well: the request is to blame."""
    model = ReplicatedModel([sick := saying(Refused("too long"))])
    for _ in range(2 * BREAK_AFTER):
        with pytest.raises(Refused):
            await model.complete(ASK, deadline_s=5)
    assert len(sick.asked) == 2 * BREAK_AFTER


async def test_another_model_is_left_out() -> None:
    """A replica that serves another model gets no calls, and the state names it."""
    other = saying(FINE, name="other")
    model = ReplicatedModel([saying(FINE), other])
    for _ in range(4):
        await model.complete(ASK, deadline_s=5)
    assert other.asked == []
    assert "serves other" in model.state.detail


async def test_capabilities_are_what_all_can_do() -> None:
    """The fleet offers log-probabilities only where each replica does; the readiness line counts replicas."""
    able = saying(FINE)
    less = ScriptedBackend(lambda _: FINE, capabilities=Capabilities("scripted", logprobs=False, constraint="none"))
    found = ReplicatedModel([able, less]).capabilities
    assert found is not None
    assert (found.logprobs, found.constraint) == (False, "none")
    less.state = ModelState(Phase.UNREACHABLE, "gone")
    found = (model := ReplicatedModel([able, less])).capabilities
    assert found is not None
    assert found.logprobs
    assert model.state.detail.startswith("1 of 2 replicas")


async def test_no_replica_left() -> None:
    """With nobody well the call fails at once and says how each replica is."""
    gone = saying(FINE)
    gone.state = ModelState(Phase.UNREACHABLE, "connection refused")
    model = ReplicatedModel([gone])
    with pytest.raises(Unreachable, match="connection refused"):
        await model.complete(ASK, deadline_s=5)
    assert not model.state.ready


async def test_a_budget_holds_calls_back() -> None:
    """Past the burst calls wait for tokens; one that cannot get them in time is Busy at once; unused ones return."""
    budget = TokenBudget(6_000)  # 100 tokens a second, 1,000 at once
    assert await budget.take(1_000, deadline_s=0.1)
    assert not await budget.take(100, deadline_s=0.5)
    budget.settle(1_000, 900)
    assert await budget.take(90, deadline_s=0.5)
    model = ReplicatedModel([saying(FINE)], budget)
    with pytest.raises(Busy, match="budget"):
        await model.complete(Completion(ASK.messages, max_tokens=500), deadline_s=0.5)


async def test_servers_that_die_and_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP: with two servers, one may be killed and come back; no call fails meanwhile."""
    for name in ("CHECK_EVERY_S", "KNOCK_EVERY_S"):
        monkeypatch.setattr(remote_model, name, 0.1)
    with ScriptedOpenAI() as stays:
        with ScriptedOpenAI() as dies:
            port = dies.port
            model = ReplicatedModel([model_from_spec(server.url) for server in (dies, stays)])
            await model.start()
            await until(lambda: model.state.detail.startswith("2 of 2"))
            assert (await model.complete(ASK, deadline_s=5)).text == "Yes"
        for _ in range(6):
            assert (await model.complete(ASK, deadline_s=5)).text == "Yes"
        await until(lambda: model.state.detail.startswith("1 of 2"))
        with ScriptedOpenAI(port=port):
            await until(lambda: model.state.detail.startswith("2 of 2"))
        await model.aclose()
    assert model.state.phase is Phase.CLOSED
