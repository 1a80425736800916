"""A service under even load for minutes: does it grow, does it slow down?

    TOUCHSTONE_CACHE__MEMORY_MB=1 touchstone serve --port 8080 &
    python benchmarks/soak.py --url http://127.0.0.1:8080 --minutes 20 --items-per-s 200

The small cache is full before the comparison begins. The 64 MiB it has by default fill for longer, which looks like a
leak and is none.

Batches of 64 at a fixed rate: half of the items new (a number, an expression that needs a worker, a wrong answer, a
hostile one that is cut off), half seen before. Memory is that of the process that listens on the port and of its
children, read from /proc: run it on the service's machine. What warms up is left out; of the rest the last quarter
is compared with the first. Exit status 1 unless both are flat.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from touchstone_client import AsyncClient, VerifyItem

BATCH = 64
WARM_UP = 0.4
"""Of the run: the service keeps figures of its last five minutes, and its memory fills until then."""
GROWTH = 1.05
"""Of the median memory, last quarter to first: what an allocator moves by itself."""
SLOWDOWN = 1.5
"""Of the median latency: machines that run soaks are shared; a leak or a lengthening queue shows as a multiple."""
HOSTILE_EVERY = 1_000
MARKS = 8


@dataclass(frozen=True)
class Sample:
    """One batch."""

    at_s: float
    latency_s: float
    memory_mb: float
    workers_mb: float


def listener(url: str) -> psutil.Process:
    """The process behind the address."""
    port = urlsplit(url).port
    for found in psutil.net_connections("tcp"):
        if found.status == "LISTEN" and getattr(found.laddr, "port", None) == port and found.pid:
            return psutil.Process(found.pid)
    sys.exit(f"no process that we may see listens on port {port}: start the service here, and give its --url")


def memory_mb(service: psutil.Process) -> tuple[float, float]:
    """Of the service and of its children, MiB resident."""
    children = 0
    for child in service.children(recursive=True):
        try:
            children += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return service.memory_info().rss / 2**20, children / 2**20


def fresh(number: int) -> VerifyItem:
    """An item that nobody has seen before."""
    padding = f"Let me think about case {number}. " * 40
    if number % HOSTILE_EVERY == 0:
        return VerifyItem(response=f"\\boxed{{{number}^{{9^{{9^{{9}}}}}}+x}}", reference=f"x^{{{number}}}!")
    match number % 4:
        case 0:
            return VerifyItem(response=f"{padding}\\boxed{{{number}}}", reference=str(number))
        case 1:
            return VerifyItem(
                response=f"{padding}\\boxed{{(x+{number})^2}}", reference=f"x^2+{2 * number}x+{number**2}"
            )
        case 2:
            return VerifyItem(response=f"{padding}\\boxed{{\\frac{{{number}}}{{3}}}}", reference=f"{number + 1}/3")
        case _:
            return VerifyItem(response=f"{padding} the answer is {number} apples", reference=f"{number} apples")


def batches() -> Iterator[list[VerifyItem]]:
    """Half new, half old."""
    dice = random.Random(7)
    numbers = itertools.count(1)
    seen: list[VerifyItem] = [fresh(next(numbers)) for _ in range(BATCH)]
    while True:
        new = [fresh(next(numbers)) for _ in range(BATCH // 2)]
        yield new + dice.choices(seen, k=BATCH - len(new))
        seen = [*seen[-5_000:], *new]


async def soak(url: str, minutes: float, items_per_s: float) -> list[Sample]:
    """Load at an even rate; a batch that is late does not hold up the next."""
    service = listener(url)
    samples: list[Sample] = []
    started = time.monotonic()
    made = batches()
    async with AsyncClient(url, deadline_s=30) as client, asyncio.TaskGroup() as running:

        async def ask(batch: list[VerifyItem]) -> None:
            asked = time.monotonic()
            results = await client.verify(batch, recall="never")
            assert len(results) == len(batch)
            samples.append(Sample(asked - started, time.monotonic() - asked, *memory_mb(service)))

        for number in itertools.count():
            due = started + number * BATCH / items_per_s
            if due > started + 60 * minutes:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            running.create_task(ask(next(made)))
    return sorted(samples, key=lambda sample: sample.at_s)


def report(samples: list[Sample]) -> bool:
    """Print memory and latency over time; whether both are flat."""
    print(f"{'minute':>7} {'batches':>8} {'service MB':>11} {'workers MB':>11} {'p50 ms':>8} {'p99 ms':>8}")
    for mark in range(MARKS):
        some = samples[len(samples) * mark // MARKS : len(samples) * (mark + 1) // MARKS]
        print(
            f"{some[-1].at_s / 60:7.1f} {len(some):8} {_median(some, 'memory_mb'):11.1f} "
            f"{_median(some, 'workers_mb'):11.1f} {1e3 * _median(some, 'latency_s'):8.1f} "
            f"{1e3 * sorted(sample.latency_s for sample in some)[int(0.99 * len(some))]:8.1f}"
        )
    warm = samples[int(WARM_UP * len(samples)) :]
    first, last = warm[: len(warm) // 4], warm[-(len(warm) // 4) :]
    flat = True
    for what, most in (("memory_mb", GROWTH), ("workers_mb", GROWTH), ("latency_s", SLOWDOWN)):
        ratio = _median(last, what) / _median(first, what)
        flat = flat and ratio <= most
        verdict = "flat" if ratio <= most else "NOT FLAT"
        print(f"{what}: last quarter {ratio:.3f} times the first (at most {most}): {verdict}")
    return flat


def _median(samples: list[Sample], what: str) -> float:
    return statistics.median([float(getattr(sample, what)) for sample in samples])


def main() -> None:
    """Read the options, load, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--items-per-s", type=float, default=200.0)
    asked = parser.parse_args()
    sys.exit(not report(asyncio.run(soak(asked.url, asked.minutes, asked.items_per_s))))


if __name__ == "__main__":
    main()
