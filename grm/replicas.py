"""Several servers of one model behind one name, and a budget of tokens over all of them.

Rule 1: a call goes to the replica with the fewest calls in flight among those that are well; each replica's own
        watcher probes it and brings it back.
Rule 2: a replica that keeps failing although it answers its watcher is left alone for a while: BREAK_AFTER failures
        in a row open its breaker, after BREAK_S one call tries it again.
Rule 3: what another replica can do at once is tried there (nothing answered, or busy), each replica once. A slow or
        broken reply is not: the request may be to blame, and would only spoil the next one.
Rule 4: replicas must serve the same model. One that serves another is left out, and the state says so.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from grm.backend import (
    BackendError,
    Busy,
    Capabilities,
    Completion,
    ModelState,
    Phase,
    Refused,
    Reply,
    ServedModel,
    TooSlow,
    Unreachable,
)
from grm.budget import TokenBudget

BREAK_AFTER = 5
"""One bad reply is chance; five in a row are a sick server."""
BREAK_S = 10.0
"""Long enough for an engine to restart its worker, short against a training step."""


@dataclass(slots=True, eq=False)
class _Replica:
    served: ServedModel
    in_flight: int = 0
    failures: int = 0
    rests_until: float = field(default=float("-inf"))

    def well(self, now: float) -> bool:
        """Whether a call may go there. A breaker whose time is up lets one call through."""
        if not self.served.state.ready:
            return False
        return self.failures < BREAK_AFTER or (now >= self.rests_until and self.in_flight == 0)

    def failed(self, now: float) -> None:
        self.failures += 1
        if self.failures >= BREAK_AFTER:
            self.rests_until = now + BREAK_S


class ReplicatedModel:
    """A ServedModel over one or more others. `budget` bounds the tokens of all of them together."""

    def __init__(self, replicas: Sequence[ServedModel], budget: TokenBudget | None = None) -> None:
        if not replicas:
            raise ValueError("at least one replica is needed")
        self._replicas = [_Replica(served) for served in replicas]
        self._budget = budget
        self._closed = False

    @property
    def name(self) -> str:
        """The model's name: that of the first replica that knows it."""
        known = (replica.served for replica in self._replicas if replica.served.capabilities)
        return next(known, self._replicas[0].served).name

    @property
    def capabilities(self) -> Capabilities | None:
        """What every replica that is up can do; None before one is."""
        able = [one.served.capabilities for one in self._same_model() if one.served.state.ready]
        found = [one for one in able if one is not None]
        if not found:
            return next((one.served.capabilities for one in self._same_model()), None)
        # Forms and fields are each replica's own affair; here counts whether all have one.
        return replace(
            found[0],
            model=self.name,
            logprobs=all(one.logprobs for one in found),
            constraint=min((one.constraint for one in found), key=lambda form: form != "none"),
            thinking_switch=all(one.thinking_switch for one in found),
            notes=tuple(dict.fromkeys(note for one in found for note in one.notes)),
            schema=min((one.schema for one in found), key=lambda form: form != "none"),
            thinks=all(one.thinks for one in found),
            thinking_budget=all(one.thinking_budget for one in found),
            thought_schema=min((one.thought_schema for one in found), key=lambda form: form != "none"),
        )

    @property
    def state(self) -> ModelState:
        """Ready while one replica is; the detail counts them and names the trouble of the others."""
        if self._closed:
            return ModelState(Phase.CLOSED, "closed")
        now = asyncio.get_running_loop().time()
        up = [replica for replica in self._same_model() if replica.served.state.ready]
        trouble = [self._trouble(replica, now) for replica in self._replicas]
        told = "; ".join(f"replica {at}: {said}" for at, said in enumerate(trouble, 1) if said)
        if up:
            said = f"{len(up)} of {len(self._replicas)} replicas, {up[0].served.state.detail}"
            return ModelState(Phase.READY, f"{said}; {told}" if told else said)
        worst = Phase.FAILED if all(r.served.state.phase is Phase.FAILED for r in self._replicas) else None
        return ModelState(worst or self._replicas[0].served.state.phase, told)

    def _trouble(self, replica: _Replica, now: float) -> str:
        state = replica.served.state
        if not state.ready:
            return f"{state.phase}: {state.detail}"
        if replica not in self._same_model():
            return f"left out: it serves {replica.served.name}, not {self.name}"
        if replica.failures >= BREAK_AFTER and now < replica.rests_until:
            return f"resting after {replica.failures} failures in a row"
        return ""

    def _same_model(self) -> list[_Replica]:
        name = self.name
        return [r for r in self._replicas if r.served.capabilities is not None and r.served.name == name]

    async def start(self) -> None:
        """Begin to probe and watch every replica."""
        for replica in self._replicas:
            await replica.served.start()

    async def wait_ready(self, timeout_s: float) -> ModelState:
        """The state once one replica is ready, or all have settled, or after `timeout_s`."""
        waits = [asyncio.ensure_future(replica.served.wait_ready(timeout_s)) for replica in self._replicas]
        try:
            for wait in asyncio.as_completed(waits):
                if (await wait).ready:
                    break
        finally:
            for pending in waits:
                pending.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return self.state

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """One completion within `deadline_s` seconds, from whichever replica. Raises BackendError."""
        ends_at = asyncio.get_running_loop().time() + deadline_s
        if self._budget is None:
            return await self._routed(completion, ends_at)
        estimate = self._budget.estimate(completion)
        if not await self._budget.take(estimate, deadline_s):
            raise Busy(f"the token budget of {self.name} is used up for longer than the deadline")
        used = 0
        try:
            reply = await self._routed(completion, ends_at)
            used = reply.prompt_tokens + reply.completion_tokens or estimate
        finally:
            self._budget.settle(estimate, used)
        return reply

    async def _routed(self, completion: Completion, ends_at: float) -> Reply:
        tried: set[int] = set()
        last: BackendError | None = None
        while (replica := self._least_busy(tried)) is not None:
            tried.add(id(replica))
            left_s = ends_at - asyncio.get_running_loop().time()
            if left_s <= 0:
                raise TooSlow("no time was left for another replica")
            try:
                return await self._ask(replica, completion, left_s)
            except (Unreachable, Busy) as error:
                last = error
        if last is not None:
            raise last
        raise Unreachable(f"no replica of {self.name} is well: {self.state.detail}")

    def _least_busy(self, tried: set[int]) -> _Replica | None:
        now = asyncio.get_running_loop().time()
        well = [r for r in self._same_model() if id(r) not in tried and r.well(now)]
        return min(well, key=lambda replica: replica.in_flight, default=None)

    async def _ask(self, replica: _Replica, completion: Completion, left_s: float) -> Reply:
        replica.in_flight += 1
        try:
            reply = await replica.served.complete(completion, deadline_s=left_s)
        except Refused:
            replica.failures = 0  # it answers; the request is to blame
            raise
        except BackendError:
            replica.failed(asyncio.get_running_loop().time())
            raise
        finally:
            replica.in_flight -= 1
        replica.failures = 0
        return reply

    async def aclose(self) -> None:
        """Let go of every replica."""
        await asyncio.gather(*(replica.served.aclose() for replica in self._replicas))
        self._closed = True
