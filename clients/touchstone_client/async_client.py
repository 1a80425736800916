"""The client for asyncio: the same calls as `client`, awaited."""

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from touchstone_client import _trace, _wire
from touchstone_client._batch import Asking, Item, OnError, Part, Tally, cut
from touchstone_client._calls import ASK_HEALTHY, ASK_READY, LIST_TASKS
from touchstone_client._exchange import (
    Call,
    Failed,
    Patience,
    Reply,
    RetryBudget,
    RetryPolicy,
    Send,
    Step,
    exchange,
)
from touchstone_client._judge_batch import Case, Rewarded, cut_cases, cut_items, given
from touchstone_client.client import Client
from touchstone_client.contract import Readiness, Recall, TaskInfo, VerifyResult
from touchstone_client.contract_judge import JudgeResult, RewardResult
from touchstone_client.errors import TouchstoneError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class _Pool:
    """One event loop's connections. `keeper` closes them when the loop shuts its asynchronous generators
    down, as `asyncio.run` does: nobody has to remember it.
    """

    http: httpx2.AsyncClient
    # Counts the requests in flight: httpx2's own pool gets slow when thousands of requests queue inside it.
    slots: asyncio.Semaphore
    keeper: AsyncGenerator[None, None]


class AsyncClient:
    r"""Calls a Touchstone service from asyncio code.

    One client may be used from several event loops, one after the other or at once in several threads,
    pickled into worker processes and carried through a fork: each loop has connections of its own, opened
    when first needed and closed with the loop.

    >>> import asyncio
    >>> from touchstone_client import AsyncClient
    >>> from touchstone_client.testing import canned
    >>> async def main():
    ...     async with AsyncClient("http://reward.test", transport=canned(lambda item: 1.0)) as client:
    ...         return (await client.verify_one({"response": "\\boxed{4}", "reference": "4"})).reward
    >>> asyncio.run(main())
    1.0
    """

    def __init__(  # noqa: PLR0913 - all by name but the address
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        api_key: str | None = None,
        concurrency: int = 8,
        deadline_s: float = 60.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        run_id: str | None = None,
        ca_file: str | None = None,
        certificate: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = _wire.Config(
            url, api_key, concurrency, deadline_s, retry, _wire.run_id(run_id), ca_file, certificate
        )
        self._transport = transport
        self._start()

    @classmethod
    def like(cls, client: Client) -> Self:
        """One with the address, the key and the limits of a blocking client."""
        given, config = client._transport, client._config
        transport = given if given is None or isinstance(given, httpx2.AsyncBaseTransport) else _BlockingOnly()
        return cls(
            config.url,
            api_key=config.api_key,
            concurrency=config.concurrency,
            deadline_s=config.deadline_s,
            retry=config.retry,
            run_id=config.run_id,
            ca_file=config.ca_file,
            certificate=config.certificate,
            transport=transport,
        )

    def _start(self) -> None:
        self._budget = RetryBudget()
        self._pools: dict[tuple[int, asyncio.AbstractEventLoop], _Pool] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self._config, "transport": self._transport}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._config, self._transport = state["config"], state["transport"]
        self._start()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._config.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Release this event loop's connections. A later call opens new ones."""
        if (pool := self._pools.pop((os.getpid(), asyncio.get_running_loop()), None)) is not None:
            await pool.keeper.aclose()

    async def verify(
        self,
        items: Iterable[Item],
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        opinions: bool = False,
        step: int | None = None,
        on_error: OnError = "raise",
        progress: Callable[[int, int], None] | None = None,
    ) -> list[VerifyResult]:
        """One result for each item, in order.

        `deadline_s` holds for the whole call. `opinions` asks the model about every answer and reports what
        it said. `step` is the training step, for the service's guard-rails. `progress(done, total)` is called
        after each chunk. Where some of the items fail for good, `on_error="raise"` raises and
        `on_error="null"` returns those as undecidable, reward None, with the reason. A call that the service
        rejects as wrong is raised in any case.
        """
        deadline = self._deadline(deadline_s)
        chunks = cut(items, Asking(Recall(recall), opinions, on_error, step), self._config.concurrency)
        tally = Tally[VerifyResult](chunks, progress)
        await self._run(chunks, deadline, tally)
        return tally.results()

    async def verify_one(
        self,
        item: Item,
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        opinions: bool = False,
        on_error: OnError = "raise",
    ) -> VerifyResult:
        """The result for one item; see `verify`."""
        results = await self.verify([item], recall=recall, deadline_s=deadline_s, opinions=opinions, on_error=on_error)
        return results[0]

    async def judge(
        self,
        cases: Iterable[Case],
        *,
        deadline_s: float | None = None,
        step: int | None = None,
        on_error: OnError = "raise",
        progress: Callable[[int, int], None] | None = None,
    ) -> list[JudgeResult]:
        """One result for each case, in order, with a judgement on each of its candidates; else as `verify`."""
        deadline = self._deadline(deadline_s)
        chunks = cut_cases(cases, given(step=step), on_error)
        tally = Tally[JudgeResult](chunks, progress)
        await self._run(chunks, deadline, tally)
        return tally.results()

    async def reward(
        self,
        items: Iterable[Rewarded],
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        step: int | None = None,
        on_error: OnError = "raise",
        progress: Callable[[int, int], None] | None = None,
    ) -> list[RewardResult]:
        """One reward for each item, in order, by verifier, judge or both; else as `verify`.

        Items of one `group` travel together and are judged together.
        """
        deadline = self._deadline(deadline_s)
        chunks = cut_items(items, {"recall": Recall(recall)} | given(step=step), on_error)
        tally = Tally[RewardResult](chunks, progress)
        await self._run(chunks, deadline, tally)
        return tally.results()

    async def tasks(self) -> list[TaskInfo]:
        """The verifiers this service has."""
        return await self._ask(LIST_TASKS)

    async def ready(self) -> Readiness:
        """Whether the service can take work, and how each of its parts is."""
        return await self._ask(ASK_READY)

    async def healthy(self) -> bool:
        """Whether the service is alive; never raises."""
        try:
            return await self._ask(ASK_HEALTHY, RetryPolicy(max_retries=0))
        except TouchstoneError:
            return False

    async def _run(self, chunks: Sequence[Part[R]], deadline: float, tally: Tally[R]) -> None:
        with _trace.call(len(chunks)):
            await self._run_all(chunks, deadline, tally)

    async def _run_all(self, chunks: Sequence[Part[R]], deadline: float, tally: Tally[R]) -> None:
        if len(chunks) == 1:
            tally.add(chunks[0], await self._judged(chunks[0], deadline))
            return
        waiting = iter(chunks)

        async def work() -> None:
            for chunk in waiting:
                tally.add(chunk, await self._judged(chunk, deadline))

        workers = [asyncio.ensure_future(work()) for _ in range(min(self._config.concurrency, len(chunks)))]
        try:
            await asyncio.gather(*workers)
        finally:
            # After an error or a cancellation: nothing of this call runs on behind the caller's back.
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _judged(self, chunk: Part[R], deadline: float) -> list[R]:
        try:
            return await self._drive(exchange(chunk, self._config.url, self._patience(deadline)))
        except TouchstoneError as error:
            return chunk.undecided(error)

    async def _ask(self, call: Call[T], retry: RetryPolicy | None = None) -> T:
        patience = self._patience(self._deadline(None), retry)
        return await self._drive(exchange(call, self._config.url, patience))

    async def _drive(self, steps: Generator[Step, Reply | Failed | None, T]) -> T:
        try:
            step = next(steps)
            while True:
                if isinstance(step, Send):
                    step = steps.send(await self._send(step))
                else:
                    await asyncio.sleep(step.seconds)
                    step = steps.send(None)
        except StopIteration as finished:
            answer: T = finished.value
            return answer

    async def _send(self, step: Send) -> Reply | Failed:
        pool = await self._pool()
        try:
            async with asyncio.timeout(step.timeout_s), pool.slots:
                response = await pool.http.request(
                    step.method,
                    self._config.address(step.path),
                    content=step.content,
                    timeout=_wire.timeouts(step.timeout_s),
                    headers=_trace.headers(),
                )
                return Reply(response.status_code, response.content, response.headers.get("retry-after"))
        except TimeoutError:
            return Failed("no answer in time", timed_out=True)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            return _wire.failed(error, step.timeout_s)

    async def _pool(self) -> _Pool:
        key = (os.getpid(), asyncio.get_running_loop())
        if (pool := self._pools.get(key)) is None:
            for known in list(self._pools):  # a copy: loops in other threads add theirs
                if known[1].is_closed():
                    self._pools.pop(known, None)
            config = self._config
            http = httpx2.AsyncClient(
                headers=config.headers(),
                limits=_wire.limits(None),
                verify=config.trust(),
                transport=self._transport,
            )
            pool = self._pools[key] = _Pool(http, asyncio.Semaphore(config.concurrency), _keeper(http))
            # Started, so that the loop knows of it.
            await anext(pool.keeper)
        return pool

    def _deadline(self, deadline_s: float | None) -> float:
        return time.monotonic() + self._config.allowed_s(deadline_s)

    def _patience(self, deadline: float, retry: RetryPolicy | None = None) -> Patience:
        return Patience(deadline, retry or self._config.retry, self._budget, time.monotonic, random.uniform)


class _BlockingOnly(httpx2.AsyncBaseTransport):
    """Stands where a blocking client's own transport cannot be awaited: said when it is used, and not before."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise TypeError("the client's transport serves blocking calls only; give one that serves both")


async def _keeper(http: httpx2.AsyncClient) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await http.aclose()
