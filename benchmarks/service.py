"""The service next to its ceilings and to Math-Verify, in one run; prints the goals with what was measured.

    python benchmarks/service.py                 all of it: some minutes
    python benchmarks/service.py --json out.json the same figures for a machine

Rule 1: CPU time, from the kernel's own account in nanoseconds, wherever a goal allows it: a busy machine changes it by
        tens of percent, and seconds by factors. Goals in seconds say what CPU time they would take on two quiet cores.
Rule 2: everything is a real process over HTTP on this machine; the order of the rounds alternates.
Rule 3: the verdict's own cost is what the same verifier takes for the same items in this process.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path[:0] = [str(root := Path(__file__).parents[1]), str(root / "clients")]  # runs as a plain file, from any folder

from app.cli.load import items as made_up  # noqa: E402
from benchmarks.measuring import (  # noqa: E402
    CHARS,
    ROOT,
    Goal,
    Server,
    bodies,
    cpu_s,
    free_port,
    memory_mb,
    started,
    touchstone,
    yes,
)
from benchmarks.service_cache import hits, lost_redis  # noqa: E402
from benchmarks.service_recovery import recovery  # noqa: E402
from benchmarks.service_tails import tails  # noqa: E402
from touchstone_client import AsyncClient, VerifyItem  # noqa: E402
from verifiers import math_answer  # noqa: E402
from verifiers.hooks import Found  # noqa: E402
from verifiers.problem import Problem  # noqa: E402

BATCHES = 60
"""In each of ROUNDS rounds; the median round counts."""
ROUNDS = 3
STEP = 8_192
PEER_ITEMS = 512
"""Math-Verify's share of a step, scaled up: a whole one takes it minutes."""
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def ms_per_batch(server: Server, path: str, sent: Sequence[bytes]) -> float:
    """CPU milliseconds that the server takes for a batch."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    before = cpu_s(server.pid, family=True)
    for body in sent:
        connection.request("POST", path, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
    connection.close()
    return (cpu_s(server.pid, family=True) - before) / len(sent) * 1000


def verdict_ms(sent: Sequence[bytes]) -> float:
    """CPU milliseconds of the verdicts alone, for a batch."""
    problems = [
        Problem(item["response"], (item["reference"],), item["question"])
        for body in sent
        for item in json.loads(body)["items"]
    ]
    before = time.thread_time()
    for problem in problems:
        if isinstance(begun := math_answer.begin(problem), Found):
            math_answer.verify_found(problem, begun)
    return (time.thread_time() - before) / len(sent) * 1000


def overheads(service: Server, noop: Server) -> list[Goal]:
    """The first two goals: what a batch costs besides its verdicts."""
    figures: dict[str, list[float]] = {"msgspec": [], "pydantic": [], "cold": [], "cached": [], "verdicts": []}
    for seed in range(ROUNDS):
        sent = bodies(seed, BATCHES)
        figures["cold"].append(ms_per_batch(service, "/v1/verify", sent))
        figures["msgspec"].append(ms_per_batch(noop, "/msgspec", sent))
        figures["cached"].append(ms_per_batch(service, "/v1/verify", sent))
        figures["pydantic"].append(ms_per_batch(noop, "/pydantic", sent))
        figures["verdicts"].append(verdict_ms(sent))
    ms = {name: statistics.median(values) for name, values in figures.items()}
    overhead = ms["cold"] - ms["verdicts"]
    ratio, cached = overhead / ms["msgspec"], ms["pydantic"] / ms["cached"]
    return [
        Goal(
            "batches of 64 x 2 kB, rules decide: overhead besides the verdicts",
            "<= 1.5 x no-op msgspec",
            f"{ratio:.2f} x ({ms['cold']:.2f} ms CPU, verdicts {ms['verdicts']:.2f}, no-op {ms['msgspec']:.2f})",
            yes(ratio <= 1.5),
        ),
        Goal(
            "the same, all from memory: items per CPU second",
            ">= 1 x no-op pydantic",
            f"{cached:.2f} x ({ms['cached']:.2f} ms CPU, no-op {ms['pydantic']:.2f})",
            yes(cached >= 1),
        ),
    ]


async def step(url: str, items: Sequence[VerifyItem]) -> tuple[float, float, list[bool]]:
    """One training step by our client: seconds, CPU seconds of this process, and whether each was rewarded."""
    async with AsyncClient(url) as client:
        await client.tasks()
        cpu, began = time.process_time(), time.perf_counter()
        results = await client.verify(items)
        return time.perf_counter() - began, time.process_time() - cpu, [result.reward == 1.0 for result in results]


def steps(service: Server) -> list[Goal]:
    """A whole step, cold and from memory, next to Math-Verify."""
    rows: list[Goal] = []
    client_cpu = []
    for name, limit_s in (("cold", 1.5), ("cached", 0.4)):
        seconds, used = [], []
        for seed in range(ROUNDS):
            items = list(made_up(STEP, 100 + seed, chars=CHARS, tasks="number"))
            before = cpu_s(service.pid, family=True)
            elapsed, cpu, _ = asyncio.run(step(service.url, items))
            seconds.append(elapsed)
            client_cpu.append(cpu)
            used.append(cpu_s(service.pid, family=True) - before)
        best, service_cpu, own = min(seconds), min(used), min(client_cpu)
        quiet = max(service_cpu, own, (service_cpu + own) / 2)
        rows.append(
            Goal(
                f"8,192 x 2 kB over HTTP with our client, {name}",
                f"<= {limit_s} s on 2 quiet cores",
                f"{best:.2f} s here (best of {ROUNDS}); CPU {service_cpu:.2f} s service + {own:.2f} s client, "
                f"so about {quiet:.2f} s on 2 quiet cores",
                "yes" if best <= limit_s else "by CPU" if quiet <= limit_s else "no",
            )
        )
    own = min(client_cpu)
    median = statistics.median(client_cpu)
    rows.append(Goal("client, 8,192 responses", "<= 0.2 s CPU", f"{own:.2f} s (median {median:.2f})", yes(own <= 0.2)))
    return [*rows, peer(service)]


def peer(service: Server) -> Goal:
    """Math-Verify in a pool of processes, on numbers and LaTeX."""
    items = [item for kind in ("number", "latex") for item in made_up(PEER_ITEMS // 2, 200, chars=CHARS, tasks=kind)]
    what = f"{PEER_ITEMS} responses, numbers and LaTeX, next to Math-Verify in a pool of 2"
    if not PEERS_PYTHON.exists():
        return Goal(what, "told", "`benchmarks/rules.py` makes its environment first", "")
    before = cpu_s(service.pid, family=True)
    _, own, rewarded = asyncio.run(step(service.url, items))
    ours = cpu_s(service.pid, family=True) - before + own
    lines = "\n".join(json.dumps({"reference": item.reference, "response": item.response}) for item in items)
    command = [str(PEERS_PYTHON), str(Path(__file__).with_name("peers_service.py")), "math-verify", "2"]
    said = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    theirs = json.loads(said.splitlines()[-1])
    return Goal(
        what,
        "told",
        f"{ours:.2f} s CPU with HTTP and client ({sum(rewarded)} rewarded) against {theirs['cpu_s']:.1f} s without "
        f"({theirs['accepted']}): {theirs['cpu_s'] / ours:.0f} x",
        "",
    )


def capacity(service: Server) -> float:
    """Batches a second, one after the other."""
    unseen = bodies(299, BATCHES)
    began = time.perf_counter()
    ms_per_batch(service, "/v1/verify", unseen)
    return BATCHES / (time.perf_counter() - began)


def idle_memory(service: Server) -> Goal:
    resident, whole = memory_mb(service.pid)
    return Goal(
        "memory of the idle service",
        "< 120 MB",
        f"{resident:.0f} MiB resident; {whole:.0f} MiB with the workers and their parent, shared pages once",
        yes(resident * 2**20 < 120e6),
    )


def speed(folder: Path) -> list[Goal]:
    """What is measured on one service, beside the routes that decide nothing."""
    port = free_port()
    noop = [sys.executable, str(Path(__file__).with_name("peers_service.py")), "noop", str(port)]
    with touchstone(folder) as service, started(noop, port, "/docs", {}) as ceiling:
        return [
            idle_memory(service),
            *overheads(service, ceiling),
            *steps(service),
            *tails(service, ceiling, capacity(service)),
        ]


PARTS = {"speed": speed, "hits": hits, "redis": lost_redis, "recovery": recovery}


def show(goals: list[Goal]) -> None:
    """As soon as it is known: the rest may take minutes on a busy machine."""
    table = Table("what", "goal", "measured", "met")
    for goal in goals:
        table.add_row(goal.what, goal.goal, goal.measured, goal.met)
    Console(soft_wrap=False, width=160).print(table)
    print(f"load average: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--json", type=Path, metavar="PATH", help="the figures for a machine")
    arguments.add_argument("--only", choices=PARTS, help="one part of it")
    chosen = arguments.parse_args()
    goals: list[Goal] = []
    for name, part in PARTS.items():
        if chosen.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                measured = part(Path(folder))
            show(measured)
            goals += measured
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(goal) for goal in goals], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
