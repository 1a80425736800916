"""What the measurements of the service share: processes on free ports, the kernel's account of them, made-up batches,
and one line of the table of goals.
"""

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from app.cli.load import items as made_up
from touchstone_client import VerifyItem

ROOT = Path(__file__).parents[1]
BATCH = 64
CHARS = (2_000, 2_000)


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table. `met`: yes, no, `by CPU` where the seconds missed it and the CPU time would meet it on two
    quiet cores, or nothing where no goal was set.
    """

    what: str
    goal: str
    measured: str
    met: str


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)


def yes(met: bool) -> str:
    return "yes" if met else "no"


def cpu_s(pid: int, *, family: bool = False) -> float:
    """CPU seconds of a process, with those it has started if asked; nanosecond account, no clock ticks."""
    process = psutil.Process(pid)
    total = 0
    for one in [process, *(process.children(recursive=True) if family else [])]:
        for task in Path(f"/proc/{one.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident MiB of the process; proportional MiB of it and all it has started."""
    process = psutil.Process(pid)
    whole = sum(one.memory_full_info().pss for one in [process, *process.children(recursive=True)])
    return process.memory_info().rss / 2**20, whole / 2**20


@contextmanager
def started(command: Sequence[str], port: int, path: str, environment: dict[str, str]) -> Iterator[Server]:
    """A server process, once it answers."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "clients")])
    own = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_")}
    process = subprocess.Popen(command, env=own | environment | {"PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 60
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{command} did not come up")
            time.sleep(0.1)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def touchstone(folder: Path, *options: str, **settings: str) -> Iterator[Server]:
    """`touchstone serve` with two workers; settings as `POOL__WORKERS="1"`."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("touchstone")), "serve", "--port", str(port), *options]
    given = {"POOL__WORKERS": "2", "CACHE__FILE": str(folder / f"{port}.sqlite3")} | settings
    with started(command, port, "/readyz", {f"TOUCHSTONE_{name}": value for name, value in given.items()}) as server:
        yield server


def answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bodies(seed: int, count: int, tasks: str = "number") -> list[bytes]:
    drawn = list(made_up(count * BATCH, seed, chars=CHARS, tasks=tasks))
    return [packed(drawn[at : at + BATCH]) for at in range(0, len(drawn), BATCH)]


def packed(items: Sequence[VerifyItem], **asked: float) -> bytes:
    return json.dumps({"items": [item.model_dump(exclude_defaults=True) for item in items], **asked}).encode()


async def asked(port: int, path: str, body: bytes) -> bytes:
    """The answer to a POST on a connection of its own, head and all. Raises OSError and ValueError where it is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    try:
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"not answered: {answer[:100]!r}")
    return answer


def results_of(answer: bytes) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads(answer.partition(b"\r\n\r\n")[2])["results"]
    return results


def for_a_worker(number: int, *, right: bool = True) -> VerifyItem:
    """An item that no other number gives, and that the quick rules leave to a worker: a millisecond there."""
    top = number if right else number + 1
    return VerifyItem(
        response=rf"So we find $\boxed{{\frac{{{top}\sqrt{{3}}}}{{4}}}}$.",
        reference=rf"\frac{{{number}}}{{4}}\sqrt{{3}}",
    )


def hanging(number: int) -> VerifyItem:
    """An item that runs into its CPU limit, each number another: the rules pass it on, and algebra does not end."""
    tower = f"{number}^{{9^{{9^{{9}}}}}}"
    return VerifyItem(response=rf"So we find $\boxed{{{tower}}}$.", reference=f"{tower}+1")
