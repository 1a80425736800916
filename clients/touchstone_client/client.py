"""The client for ordinary code and threads. See `async_client` for the same calls under asyncio."""

import os
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
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
from touchstone_client.contract import Readiness, Recall, TaskInfo, VerifyResult
from touchstone_client.contract_judge import JudgeResult, RewardResult
from touchstone_client.errors import DeadlineExceeded, TouchstoneError

T = TypeVar("T")
R = TypeVar("R")


class Client:
    r"""Calls a Touchstone service and blocks until the answer is there.

    One client may be shared by threads, pickled into worker processes and carried through a fork: connections
    belong to the process that opened them and are opened when first needed.

    `run_id` names the training run, which shares the service's workers with other runs as one caller, whatever its
    number of clients and processes. Without it, and without TOUCHSTONE_RUN_ID, the caller is all that one command has
    started on one machine. A service that asks for keys counts these instead.

    Over HTTPS `ca_file` is a PEM file of the authority to believe instead of the system's, and `certificate` one with
    the client's own certificate and key, where the service asks for it.

    >>> from touchstone_client import Client
    >>> from touchstone_client.testing import canned
    >>> with Client("http://reward.test", transport=canned(lambda item: 1.0)) as client:
    ...     [result.reward for result in client.verify([{"response": "\\boxed{4}", "reference": "4"}])]
    [1.0]
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
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._config = _wire.Config(
            url, api_key, concurrency, deadline_s, retry, _wire.run_id(run_id), ca_file, certificate
        )
        self._transport = transport
        self._start()

    def _start(self) -> None:
        self._budget = RetryBudget()
        # By process id, and without a lock: after a fork the parent's connections are left alone, and no lock
        # can be stuck that a thread of the parent happened to hold.
        self._pools: dict[int, httpx2.Client] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self._config, "transport": self._transport}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._config, self._transport = state["config"], state["transport"]
        self._start()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._config.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release this process's connections. A later call opens new ones."""
        if (pool := self._pools.pop(os.getpid(), None)) is not None:
            pool.close()

    def verify(
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
        self._run(chunks, deadline, tally)
        return tally.results()

    def verify_one(
        self,
        item: Item,
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        opinions: bool = False,
        on_error: OnError = "raise",
    ) -> VerifyResult:
        """The result for one item; see `verify`."""
        return self.verify([item], recall=recall, deadline_s=deadline_s, opinions=opinions, on_error=on_error)[0]

    def judge(
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
        self._run(chunks, deadline, tally)
        return tally.results()

    def reward(
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
        self._run(chunks, deadline, tally)
        return tally.results()

    def tasks(self) -> list[TaskInfo]:
        """The verifiers this service has."""
        return self._ask(LIST_TASKS)

    def ready(self) -> Readiness:
        """Whether the service can take work, and how each of its parts is."""
        return self._ask(ASK_READY)

    def healthy(self) -> bool:
        """Whether the service is alive; never raises."""
        try:
            return self._ask(ASK_HEALTHY, RetryPolicy(max_retries=0))
        except TouchstoneError:
            return False

    def _run(self, chunks: Sequence[Part[R]], deadline: float, tally: Tally[R]) -> None:
        with _trace.call(len(chunks)):
            self._run_all(chunks, deadline, tally)

    def _run_all(self, chunks: Sequence[Part[R]], deadline: float, tally: Tally[R]) -> None:
        stop = threading.Event()
        if len(chunks) == 1:
            tally.add(chunks[0], self._judged(chunks[0], deadline, stop))
            return
        with ThreadPoolExecutor(self._config.concurrency, "touchstone-verify") as threads:
            try:
                waiting = {
                    threads.submit(copy_context().run, self._judged, chunk, deadline, stop): chunk for chunk in chunks
                }
                for future in as_completed(waiting):
                    tally.add(waiting[future], future.result())
            finally:
                # After an error: chunks not yet sent stay unsent, and those between two tries give up.
                stop.set()
                threads.shutdown(wait=False, cancel_futures=True)

    def _judged(self, chunk: Part[R], deadline: float, stop: threading.Event) -> list[R]:
        try:
            return self._drive(exchange(chunk, self._config.url, self._patience(deadline)), stop)
        except TouchstoneError as error:
            return chunk.undecided(error)

    def _ask(self, call: Call[T], retry: RetryPolicy | None = None) -> T:
        patience = self._patience(self._deadline(None), retry)
        return self._drive(exchange(call, self._config.url, patience), threading.Event())

    def _drive(self, steps: Generator[Step, Reply | Failed | None, T], stop: threading.Event) -> T:
        try:
            step = next(steps)
            while True:
                if isinstance(step, Send):
                    step = steps.send(self._send(step))
                elif stop.wait(step.seconds):
                    raise DeadlineExceeded("given up: another part of the call has failed")
                else:
                    step = steps.send(None)
        except StopIteration as finished:
            answer: T = finished.value
            return answer

    def _send(self, step: Send) -> Reply | Failed:
        give_up_at = time.monotonic() + step.timeout_s
        try:
            with self._pool().stream(
                step.method,
                self._config.address(step.path),
                content=step.content,
                timeout=_wire.timeouts(step.timeout_s),
                headers=_trace.headers(),
            ) as response:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    # httpx2's time-outs hold for each read; a server that drips is never late by them.
                    if time.monotonic() > give_up_at:
                        return Failed("the answer came too slowly", timed_out=True)
                return Reply(response.status_code, bytes(body), response.headers.get("retry-after"))
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            return _wire.failed(error, step.timeout_s)

    def _pool(self) -> httpx2.Client:
        pid = os.getpid()
        if (pool := self._pools.get(pid)) is None:
            config = self._config
            fresh = httpx2.Client(
                headers=config.headers(),
                limits=_wire.limits(config.concurrency),
                verify=config.trust(),
                transport=self._transport,
            )
            # Two threads may both have come here; one pool wins, the other has no connections yet.
            pool = self._pools.setdefault(pid, fresh)
        return pool

    def _deadline(self, deadline_s: float | None) -> float:
        return time.monotonic() + self._config.allowed_s(deadline_s)

    def _patience(self, deadline: float, retry: RetryPolicy | None = None) -> Patience:
        return Patience(deadline, retry or self._config.retry, self._budget, time.monotonic, random.uniform)
