"""`micro_batch` for ordinary code: callers block in their threads, one event loop sends for all of them."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from touchstone_client._batch import Item, OnError
from touchstone_client._judge_batch import Rewarded
from touchstone_client.async_client import AsyncClient
from touchstone_client.client import Client
from touchstone_client.contract import Recall, VerifyResult
from touchstone_client.contract_judge import RewardResult
from touchstone_client.micro_batch import AsyncMicroBatcher, Gathering

T = TypeVar("T")
STOP_S = 5.0
"""For the requests in flight to notice that they are given up, when a batcher is closed."""


class MicroBatcher:
    """Sends single items together, for ordinary code in many threads. The requests are made by one thread for each
    process, started at the first call and ended by `close`.

    >>> from touchstone_client import Client, MicroBatcher
    >>> from touchstone_client.testing import canned
    >>> with MicroBatcher(Client(transport=canned(lambda item: 1.0))) as batcher:
    ...     batcher.verify({"response": "4", "reference": "4"}).reward
    1.0
    """

    def __init__(self, client: Client, gathering: Gathering = Gathering()) -> None:  # noqa: B008 - frozen
        self._batcher = AsyncMicroBatcher(AsyncClient.like(client), gathering)
        # By process id: a thread does not survive a fork.
        self._threads: dict[int, _LoopThread] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_batcher": self._batcher, "_threads": {}}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End this process's thread and give up what is in flight. A later call starts a new one."""
        if (thread := self._threads.pop(os.getpid(), None)) is not None:
            thread.stop()

    def verify(
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
        return self._wait(
            self._batcher.verify(
                item, recall=recall, deadline_s=deadline_s, opinions=opinions, step=step, on_error=on_error
            )
        )

    def reward(
        self,
        item: Rewarded,
        *,
        recall: Recall | str = Recall.AUTO,
        deadline_s: float | None = None,
        step: int | None = None,
        on_error: OnError = "raise",
    ) -> RewardResult:
        """The reward for one item; see `Client.reward`. Members of its `group` are sent with it."""
        return self._wait(
            self._batcher.reward(item, recall=recall, deadline_s=deadline_s, step=step, on_error=on_error)
        )

    def _wait(self, call: Coroutine[Any, Any, T]) -> T:
        answer = asyncio.run_coroutine_threadsafe(call, self._thread().loop)
        try:
            return answer.result()
        except BaseException:
            answer.cancel()  # an interrupted caller waits no longer
            raise

    def _thread(self) -> "_LoopThread":
        pid = os.getpid()
        if (thread := self._threads.get(pid)) is None:
            fresh = _LoopThread()
            # Two callers may both have come here; only the winner's is started.
            thread = self._threads.setdefault(pid, fresh)
            (fresh.start if thread is fresh else fresh.loop.close)()
        return thread


class _LoopThread:
    """An event loop and the thread that turns it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.loop = self._runner.get_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._turn, name="touchstone-batcher", daemon=True)

    def start(self) -> None:
        """Turn. What was handed to the loop before is done first."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel what is running and end."""
        self.loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(STOP_S)

    def _turn(self) -> None:
        with self._runner:
            self._runner.run(self._stopped.wait())
