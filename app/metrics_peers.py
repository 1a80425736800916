"""One page of metrics for several server processes: whichever is asked gathers all of them.

Rule 1: counting stays in each process and costs nothing more; the price is paid when Prometheus asks.
Rule 2: every series carries its process as `server="0"`: a process that is replaced starts its own series again, which
        `rate` understands, and `sum without (server)` is the truth about all.
Rule 3: a process that does not answer in time is left out of the page; `touchstone_servers` says how many are in it.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

PEER_LIMIT_S = 2.0
"""For one process to answer; its event loop may be busy with a batch."""
MAX_SERVERS = 1_024


class Family(msgspec.Struct, array_like=True, frozen=True):
    """A metric as it travels between our processes: its samples are name, labels and value."""

    name: str
    documentation: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Family]).decode


class _Families(Collector):
    def __init__(self, pages: dict[int, list[Family]]) -> None:
        self._pages = pages

    def collect(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        for server, page in sorted(self._pages.items()):
            for family in page:
                metric = found.setdefault(family.name, Metric(family.name, family.documentation, family.kind))
                for name, labels, value in family.samples:
                    metric.add_sample(name, labels | {"server": str(server)}, value)
        present = Metric("touchstone_servers", "Server processes on this page.", "gauge")
        present.add_sample("touchstone_servers", {}, len(self._pages))
        return [*found.values(), present]


class Peers:
    """One process among those that share `folder`: gives its own metrics to them and gathers theirs."""

    def __init__(self, folder: Path, registry: CollectorRegistry) -> None:
        self._folder = folder
        self._registry = registry
        self._held = self._claim()
        self._listening: asyncio.Server | None = None

    def _claim(self) -> tuple[int, int]:
        """The lowest number that no living process has, and the descriptor that holds it: a successor takes it over."""
        for number in range(MAX_SERVERS):
            held = os.open(self._folder / f"{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return number, held
            os.close(held)
        raise RuntimeError(f"more than {MAX_SERVERS} server processes")

    async def open(self) -> None:
        """Answer the others from now on."""
        door = self._door(self._held[0])
        door.unlink(missing_ok=True)
        self._listening = await asyncio.start_unix_server(self._answer, door)

    async def close(self) -> None:
        """Be gone from the others' pages."""
        if self._listening is not None:
            self._listening.close()
        self._door(self._held[0]).unlink(missing_ok=True)
        os.close(self._held[1])

    async def exposition(self) -> bytes:
        """The text format, all processes together."""
        own = self._held[0]
        others = sorted({int(door.stem) for door in self._folder.glob("*.door")} - {own})
        answers = await asyncio.gather(*map(self._ask, others))
        pages = {number: page for number, page in zip(others, answers, strict=True) if page is not None}
        together = CollectorRegistry()
        together.register(_Families(pages | {own: list(_families(self._registry))}))
        return generate_latest(together)

    def _door(self, number: int) -> Path:
        return self._folder / f"{number}.door"

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(_encode(list(_families(self._registry))))
            await writer.drain()
            writer.close()

    async def _ask(self, number: int) -> list[Family] | None:
        try:
            async with asyncio.timeout(PEER_LIMIT_S):
                reader, writer = await asyncio.open_unix_connection(self._door(number))
                try:
                    return _decode(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.DecodeError):
            return None


def _families(registry: CollectorRegistry) -> Iterator[Family]:
    for metric in registry.collect():
        samples = [(one.name, dict(one.labels), one.value) for one in metric.samples]
        yield Family(metric.name, metric.documentation, metric.type, samples)
