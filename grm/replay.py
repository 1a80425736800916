"""Recorded questions and replies as a backend: the same reading code runs again, and no model is asked.

Rule 1: a reply is given to the very question that it was recorded for, word by word; several replies to one question
        come back in the order of recording. A question that was not recorded has no answer.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from grm.backend import Capabilities, Completion, Message, ModelState, Phase, Reply, Unreachable


class ReplayBackend:
    """A ServedModel that answers from a recording."""

    def __init__(
        self, exchanges: Iterable[tuple[Sequence[Message], Reply]], *, name: str, capabilities: Capabilities
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.state = ModelState(Phase.READY, "a recording")
        self.missing = 0
        """Questions that were not recorded."""
        self._replies: defaultdict[bytes, deque[Reply]] = defaultdict(deque)
        for messages, reply in exchanges:
            self._replies[_digest(messages)].append(reply)

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """The next recorded reply to this question. Raises Unreachable where there is none."""
        replies = self._replies[_digest(completion.messages)]
        if not replies:
            self.missing += 1
            raise Unreachable("this question was not recorded: the prompt or the case has changed since")
        return replies.popleft()

    async def start(self) -> None:
        """Nothing to start."""

    async def wait_ready(self, timeout_s: float) -> ModelState:
        """Ready."""
        return self.state

    async def aclose(self) -> None:
        """Nothing to close."""


def _digest(messages: Sequence[Message]) -> bytes:
    hasher = hashlib.sha256()
    for message in messages:
        for part in (message.role, message.content):
            data = part.encode("utf-8", "surrogatepass")
            hasher.update(len(data).to_bytes(8, "little") + data)
    return hasher.digest()
