"""Single items from many callers, sent together. Most trainers' hooks score one sample at a time.

Rule 1: items asked for with the same settings within `wait_s` of the first, up to `max_items` or `max_bytes`, are one
        request. Its deadline is the earliest of its callers'.
Rule 2: a group given to `reward` travels whole, in one request, however large. With `group_size` it waits until so
        many members have come, at most `group_wait_s` and half the deadline; without it, and for members that come
        later, a group is what came within `wait_s`.
Rule 3: an error reaches the caller that caused it: what cannot be written as JSON fails before it is sent, and a
        request that the service rejects is asked again, each single item and each group by itself.
Rule 4: a caller that is cancelled takes nobody along; a request that nobody waits for any more is given up.
"""

import asyncio
import copy
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from touchstone_client._batch import MAX_CHUNK_BYTES, MIN_CHUNK_ITEMS, Item, OnError, as_json
from touchstone_client._judge_batch import Rewarded
from touchstone_client.async_client import AsyncClient
from touchstone_client.contract import Recall, VerifyResult
from touchstone_client.contract_judge import RewardItem, RewardResult
from touchstone_client.errors import RequestRejected, TouchstoneError

WAIT_S = 0.003
"""Samples that were generated together end within milliseconds; every call pays for longer."""
GROUP_WAIT_S = 1.0
"""Members of a group end seconds apart; past this a late one is judged without the others."""
SHORTEST_S = 0.001
"""What is left to a request whose time went by while it was gathered: enough to be told so."""


@dataclass(frozen=True)
class Gathering:
    """When a request is full. `group_size` is the number of samples for each prompt, where it is known."""

    wait_s: float = WAIT_S
    max_items: int = MIN_CHUNK_ITEMS
    max_bytes: int = MAX_CHUNK_BYTES
    group_size: int | None = None
    group_wait_s: float = GROUP_WAIT_S


class _Settings(NamedTuple):
    """What items of one request share."""

    route: Literal["verify", "reward"]
    recall: Recall
    step: int | None
    on_error: OnError
    allowed_s: float
    opinions: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    """One caller's item."""

    item: Any
    size: int
    ends: float
    answer: "asyncio.Future[Any]"


@dataclass(slots=True)
class _Open:
    """A request, or a group, that is being gathered. A unit is a group or a single item."""

    timer: asyncio.TimerHandle
    units: list[list[_Entry]] = field(default_factory=list)
    items: int = 0
    size: int = 0


class AsyncMicroBatcher:
    r"""Sends single items together, for asyncio code. Shares the ways of its client: it works in several event loops,
    after a fork, and can be pickled.

    >>> import asyncio
    >>> from touchstone_client import AsyncClient, AsyncMicroBatcher
    >>> from touchstone_client.testing import canned
    >>> async def main():
    ...     batcher = AsyncMicroBatcher(AsyncClient(transport=canned(lambda item: 1.0)))
    ...     asked = (batcher.verify({"response": text, "reference": "4"}) for text in ("4", r"\boxed{4}"))
    ...     return [result.reward for result in await asyncio.gather(*asked)]
    >>> asyncio.run(main())
    [1.0, 1.0]
    """

    def __init__(self, client: AsyncClient, gathering: Gathering = Gathering()) -> None:
        self.client = client
        self.gathering = gathering
        self._gatherers: dict[tuple[int, asyncio.AbstractEventLoop], _Gatherer] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"client": self.client, "gathering": self.gathering, "_gatherers": {}}

    async def verify(
        self,
        item: Item,
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        opinions: bool = False,
        step: int | None = None,
        on_error: OnError = "raise",
    ) -> VerifyResult:
        """The result for one item; see `Client.verify`."""
        allowed_s = self.client._config.allowed_s(deadline_s)
        settings = _Settings("verify", Recall(recall), step, on_error, allowed_s, opinions)
        result: VerifyResult = await self._gatherer().ask(settings, item)
        return result

    async def reward(
        self,
        item: Rewarded,
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        step: int | None = None,
        on_error: OnError = "raise",
    ) -> RewardResult:
        """The reward for one item; see `Client.reward`. Members of its `group` are sent with it."""
        settings = _Settings("reward", Recall(recall), step, on_error, self.client._config.allowed_s(deadline_s))
        result: RewardResult = await self._gatherer().ask(settings, item)
        return result

    def _gatherer(self) -> "_Gatherer":
        key = (os.getpid(), asyncio.get_running_loop())
        if (gatherer := self._gatherers.get(key)) is None:
            for known in list(self._gatherers):  # a copy: loops in other threads add theirs
                if known[1].is_closed():
                    self._gatherers.pop(known, None)
            gatherer = self._gatherers[key] = _Gatherer(self.client, self.gathering)
        return gatherer


class _Gatherer:
    """One event loop's open requests."""

    def __init__(self, client: AsyncClient, gathering: Gathering) -> None:
        self._client = client
        self._gathering = gathering
        self._groups: dict[tuple[_Settings, str], _Open] = {}
        self._requests: dict[_Settings, _Open] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, settings: _Settings, item: Any) -> Any:
        """Put the item into the next request and wait for its result."""
        loop = asyncio.get_running_loop()
        entry = _Entry(item, len(as_json(item, 0)), time.monotonic() + settings.allowed_s, loop.create_future())
        group = _group(item) if settings.route == "reward" else None
        if group is None:
            self._add(settings, [entry])
        else:
            self._gather((settings, group), entry)
        return await entry.answer

    def _gather(self, key: tuple[_Settings, str], entry: _Entry) -> None:
        if (group := self._groups.get(key)) is None:
            wait_s = self._gathering.wait_s
            if self._gathering.group_size is not None:
                wait_s = min(self._gathering.group_wait_s, key[0].allowed_s / 2)
            timer = asyncio.get_running_loop().call_later(wait_s, self._complete, key)
            group = self._groups[key] = _Open(timer, [[]])
        group.units[0].append(entry)
        if len(group.units[0]) == self._gathering.group_size:
            self._complete(key)

    def _complete(self, key: tuple[_Settings, str]) -> None:
        group = self._groups.pop(key)
        group.timer.cancel()
        self._add(key[0], group.units[0])

    def _add(self, settings: _Settings, unit: list[_Entry]) -> None:
        limits, size = self._gathering, sum(entry.size for entry in unit)
        request = self._requests.get(settings)
        if request and (request.items + len(unit) > limits.max_items or request.size + size > limits.max_bytes):
            self._send(settings)
            request = None
        if request is None:
            timer = asyncio.get_running_loop().call_later(limits.wait_s, self._send, settings)
            request = self._requests[settings] = _Open(timer)
        request.units.append(unit)
        request.items += len(unit)
        request.size += size
        if request.items >= limits.max_items or request.size >= limits.max_bytes:
            self._send(settings)

    def _send(self, settings: _Settings) -> None:
        request = self._requests.pop(settings)
        request.timer.cancel()
        task = asyncio.ensure_future(self._carry_out(settings, request.units))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        entries = [entry for unit in request.units for entry in unit]

        def forsaken(_: object) -> None:
            if all(entry.answer.cancelled() for entry in entries):
                task.cancel()

        for entry in entries:
            entry.answer.add_done_callback(forsaken)

    async def _carry_out(self, settings: _Settings, units: Sequence[list[_Entry]]) -> None:
        waiting = [unit for given in units if (unit := [entry for entry in given if not entry.answer.done()])]
        entries = [entry for unit in waiting for entry in unit]
        if not entries:
            return
        try:
            results = await self._call(settings, entries)
        except RequestRejected as error:
            if len(waiting) > 1:
                await asyncio.gather(*(self._carry_out(settings, [unit]) for unit in waiting))
            else:
                _fail(entries, error)
        except asyncio.CancelledError:
            for entry in entries:
                entry.answer.cancel()
            raise
        except Exception as error:  # of whatever kind: the callers must hear of it
            _fail(entries, error)
        else:
            for entry, result in zip(entries, results, strict=True):
                if not entry.answer.done():
                    entry.answer.set_result(result)

    async def _call(self, settings: _Settings, entries: Sequence[_Entry]) -> Sequence[VerifyResult | RewardResult]:
        items = [entry.item for entry in entries]
        rest: dict[str, Any] = {
            "recall": settings.recall,
            "step": settings.step,
            "on_error": settings.on_error,
            "deadline_s": max(SHORTEST_S, min(entry.ends for entry in entries) - time.monotonic()),
        }
        if settings.route == "verify":
            return await self._client.verify(items, opinions=settings.opinions, **rest)
        return await self._client.reward(items, **rest)


def _fail(entries: Sequence[_Entry], error: Exception) -> None:
    for entry in entries:
        if not entry.answer.done():
            # Each caller adds its own traceback to what it raises.
            entry.answer.set_exception(copy.copy(error) if isinstance(error, TouchstoneError) else error)


def _group(item: Rewarded) -> str | None:
    return item.group if isinstance(item, RewardItem) else item.get("group")
