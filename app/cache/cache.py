"""Verdicts, opinions and judgements kept: this process's memory in front, a store behind it.

Rule 1: what cannot be read as exactly the kind of value that was asked for is a miss.
Rule 2: only what a verifier or a model itself concluded is kept. Undecidable is not: it says something about
        us.
"""

from collections.abc import Sequence
from typing import TypeVar

import cachebox
import msgspec

from app.cache.store import Store, StoreState
from app.metrics import Metrics
from grm.judgement import Judgement
from verifiers.hybrid import Opinion
from verifiers.verdict import Outcome, Verdict

MAX_ENTRY_BYTES = 1 << 16
"""A value with a longer answer in it is cheaper to compute again than to ship around."""
ENTRY_OVERHEAD_BYTES = 200
"""A key, a value's header and their place in the map."""

Judgements = tuple[Judgement, ...]
Kept = TypeVar("Kept", Verdict, Opinion, Judgements, bool)
_encoder = msgspec.msgpack.Encoder()
_verdicts = msgspec.msgpack.Decoder(Verdict)
_opinions = msgspec.msgpack.Decoder(Opinion)
_judgements = msgspec.msgpack.Decoder(Judgements)
_passes = msgspec.msgpack.Decoder(bool)


def _decoded(decoder: msgspec.msgpack.Decoder[Kept], data: bytes) -> Kept | None:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Cache:
    """`recall_*` looks in memory at once; `fetch` brings what the store has into memory first."""

    def __init__(self, store: Store, *, memory_bytes: int, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._memory: cachebox.LRUCache[bytes, bytes | None] = cachebox.LRUCache(
            memory_bytes, getsizeof=lambda _key, value: len(value or b"") + ENTRY_OVERHEAD_BYTES
        )

    async def open(self) -> None:
        """Open the store."""
        await self._store.open()

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    def state(self) -> StoreState:
        """How the store is."""
        return self._store.state()

    def recall_verdict(self, key: bytes) -> Verdict | None:
        """The rules' verdict, if it is in memory."""
        data = self._memory.get(key)
        return None if data is None else _decoded(_verdicts, data)

    def recall_opinion(self, key: bytes) -> Opinion | None:
        """The model's opinion, if it is in memory."""
        data = self._memory.get(key)
        return None if data is None else _decoded(_opinions, data)

    def recall_judgements(self, key: bytes) -> Judgements | None:
        """The judgements on one case, if they are in memory."""
        data = self._memory.get(key)
        return None if data is None else _decoded(_judgements, data)

    def recall_pass(self, key: bytes) -> bool | None:
        """Whether a control was passed, if that is in memory."""
        data = self._memory.get(key)
        return None if data is None else _decoded(_passes, data)

    async def fetch(self, keys: Sequence[bytes]) -> None:
        """Bring what the store has under these keys into memory."""
        for key, value in zip(keys, await self._store.get_many(keys), strict=True):
            if value is not None and len(value) <= MAX_ENTRY_BYTES:
                self._memory[key] = value

    def keep_verdict(self, key: bytes, verdict: Verdict) -> None:
        """Keep the rules' verdict, unless it is undecidable."""
        if verdict.outcome is not Outcome.UNDECIDABLE:
            self._keep(key, _encoder.encode(verdict))

    def remember_verdict(self, key: bytes, verdict: Verdict) -> None:
        """Keep a quick verdict in memory alone: a write to the store would cost more than the rule."""
        data = _encoder.encode(verdict)
        if verdict.outcome is not Outcome.UNDECIDABLE and len(data) <= MAX_ENTRY_BYTES:
            self._memory[key] = data

    def keep_opinion(self, key: bytes, opinion: Opinion) -> None:
        """Keep what the model said, unless it could not be asked or read."""
        if opinion.accepts is not None:
            self._keep(key, _encoder.encode(opinion))

    def keep_judgements(self, key: bytes, judgements: Judgements) -> None:
        """Keep the judgements on one case."""
        self._keep(key, _encoder.encode(judgements))

    def keep_pass(self, key: bytes, passed: bool) -> None:
        """Keep whether a control was passed."""
        self._keep(key, _encoder.encode(passed))

    def _keep(self, key: bytes, data: bytes) -> None:
        if len(data) > MAX_ENTRY_BYTES:
            return
        self._memory[key] = data
        self._store.put(key, data)
