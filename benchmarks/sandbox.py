"""Small programs a second with the sandbox on, next to a bare `python -I -S` for each program, in one run.

    python benchmarks/sandbox.py [--programs 200] [--workers 2]

Both sides run the same 1,000-program style task (usual imports, reads its input, prints an answer), as many at a time
as there are workers. Read the ratio: absolute rates depend on what else the machine does.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
from multiprocessing.synchronize import Barrier

from verifiers.code_run.engines import Job, Language, Limits
from verifiers.code_run.engines.embedded import EmbeddedEngine

PROGRAM = """
import sys, math, collections, heapq, itertools, re, json
numbers = list(map(int, sys.stdin.read().split()))
count = collections.Counter(n % 7 for n in numbers)
heap = [n * n % 1009 for n in numbers]
heapq.heapify(heap)
print(sum(heapq.heappop(heap) for _ in range(10)), math.gcd(*numbers), max(count.values()))
"""
STDIN = " ".join(str(n * 37 % 1_001) for n in range(200))
LIMITS = Limits(cpu_s=5.0, wall_s=30.0, memory_mb=256)
ROUNDS = 3


def bare() -> str:
    """One program in a fresh interpreter, unconfined."""
    command = [sys.executable, "-I", "-S", "-c", PROGRAM]
    return subprocess.run(command, input=STDIN, capture_output=True, text=True, check=True).stdout


def work(kind: str, programs: int, begin: Barrier, expected: str) -> None:
    """One worker process: its own sandbox, as in the service."""
    engine = EmbeddedEngine()
    run = bare if kind == "bare" else lambda: engine.run(Job(Language.PYTHON, PROGRAM, STDIN), LIMITS).stdout
    run()
    begin.wait()
    for _ in range(programs):
        if run() != expected:
            raise SystemExit("another output")
    engine.close()


def rate(kind: str, programs: int, workers: int, expected: str) -> float:
    """Programs a second over all workers together."""
    processes = multiprocessing.get_context("fork")
    begin = processes.Barrier(workers + 1)
    started = [
        processes.Process(target=work, args=(kind, programs // workers, begin, expected)) for _ in range(workers)
    ]
    for process in started:
        process.start()
    begin.wait()
    before = time.perf_counter()
    for process in started:
        process.join()
    seconds = time.perf_counter() - before
    if any(process.exitcode for process in started):
        raise SystemExit(f"{kind}: a worker failed")
    return programs // workers * workers / seconds


def main() -> None:
    """Print both rates and their ratio, the median of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    probe = EmbeddedEngine()
    print(f"engine: {probe.name}; {asked.workers} at a time; median of {ROUNDS} rounds")
    probe.close()
    expected = bare()
    rounds = []
    for _ in range(ROUNDS):
        fast = rate("sandbox", asked.programs, asked.workers, expected)
        slow = rate("bare", max(20, asked.programs // 8), asked.workers, expected)
        rounds.append((fast / slow, fast, slow))
    ratio, fast, slow = sorted(rounds)[ROUNDS // 2]
    print(f"sandbox            {fast:8.1f} programs/s")
    print(f"bare python -I -S  {slow:8.1f} programs/s")
    print(f"ratio              {ratio:8.1f}")


if __name__ == "__main__":
    main()
