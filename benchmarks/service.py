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
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "clients")]  # runs as a plain file, from any folder

from app.cli.load import items as made_up  # noqa: E402
from touchstone_client import AsyncClient, VerifyItem  # noqa: E402
from verifiers import math_answer  # noqa: E402
from verifiers.hooks import Found  # noqa: E402
from verifiers.problem import Problem  # noqa: E402

BATCH = 64
BATCHES = 60
"""In each of ROUNDS rounds; the median round counts."""
ROUNDS = 3
STEP = 8_192
CHARS = (2_000, 2_000)
PEER_ITEMS = 512
"""Math-Verify's share of a step, scaled up: a whole one takes it minutes."""
RATE_SHARE = 0.5
LATENCY_BATCHES = 150
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table. `met`: yes, no, `by CPU` where the seconds missed it and the CPU time would meet it on two
    quiet cores, or nothing where no goal was set.
    """

    what: str
    goal: str
    measured: str
    met: str


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
def started(command: Sequence[str], port: int, path: str, environment: dict[str, str]) -> Iterator[int]:
    """A server process, once it answers; its process id."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "clients")])
    own = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_")}
    process = subprocess.Popen(command, env=own | environment | {"PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 60
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{command} did not come up")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


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


def packed(items: Sequence[VerifyItem]) -> bytes:
    return json.dumps({"items": [item.model_dump(exclude_defaults=True) for item in items]}).encode()


def ms_per_batch(pid: int, port: int, path: str, sent: Sequence[bytes]) -> float:
    """CPU milliseconds that the server takes for a batch."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    before = cpu_s(pid, family=True)
    for body in sent:
        connection.request("POST", path, body, {"content-type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
    connection.close()
    return (cpu_s(pid, family=True) - before) / len(sent) * 1000


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


def overheads(service: tuple[int, int], noop: tuple[int, int]) -> list[Goal]:
    """The first two goals: what a batch costs besides its verdicts."""
    figures: dict[str, list[float]] = {"msgspec": [], "pydantic": [], "cold": [], "cached": [], "verdicts": []}
    for seed in range(ROUNDS):
        sent = bodies(seed, BATCHES)
        figures["cold"].append(ms_per_batch(*service, "/v1/verify", sent))
        figures["msgspec"].append(ms_per_batch(*noop, "/msgspec", sent))
        figures["cached"].append(ms_per_batch(*service, "/v1/verify", sent))
        figures["pydantic"].append(ms_per_batch(*noop, "/pydantic", sent))
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


def steps(pid: int, url: str) -> list[Goal]:
    """A whole step, cold and from memory, next to Math-Verify."""
    rows: list[Goal] = []
    client_cpu = []
    for name, limit_s in (("cold", 1.5), ("cached", 0.4)):
        seconds, used = [], []
        for seed in range(ROUNDS):
            items = list(made_up(STEP, 100 + seed, chars=CHARS, tasks="number"))
            before = cpu_s(pid, family=True)
            elapsed, cpu, _ = asyncio.run(step(url, items))
            seconds.append(elapsed)
            client_cpu.append(cpu)
            used.append(cpu_s(pid, family=True) - before)
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
    return [*rows, peer(pid, url)]


def peer(pid: int, url: str) -> Goal:
    """Math-Verify in a pool of processes, on numbers and LaTeX."""
    items = [item for kind in ("number", "latex") for item in made_up(PEER_ITEMS // 2, 200, chars=CHARS, tasks=kind)]
    what = f"{PEER_ITEMS} responses, numbers and LaTeX, next to Math-Verify in a pool of 2"
    if not PEERS_PYTHON.exists():
        return Goal(what, "told", "`benchmarks/rules.py` makes its environment first", "")
    before = cpu_s(pid, family=True)
    _, own, rewarded = asyncio.run(step(url, items))
    ours = cpu_s(pid, family=True) - before + own
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


async def latencies(
    port: int, path: str, sent: Sequence[bytes], rate: float, beside: Callable[[], bytes] | None
) -> float:
    """p99 in milliseconds, batches sent at a fixed rate whether or not earlier ones are back (open loop)."""
    took: list[float] = []

    async def one(body: bytes, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await reader.read()
        took.append(time.perf_counter() - at)
        writer.close()

    start = time.perf_counter()
    others = []
    if beside is not None:
        others = [asyncio.create_task(_kept_busy(port, path, beside)) for _ in range(2)]
        await asyncio.sleep(0.5)
        start = time.perf_counter()
    await asyncio.gather(*(one(body, start + number / rate) for number, body in enumerate(sent)))
    for other in others:
        other.cancel()
    return statistics.quantiles(took, n=100)[98] * 1000


async def _kept_busy(port: int, path: str, draw: Callable[[], bytes]) -> None:
    """A hanging item after the other."""
    while True:
        body = draw()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".encode())
        writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body)
        await reader.read()
        writer.close()


def tails(service: tuple[int, int], noop: tuple[int, int]) -> list[Goal]:
    """p99 at half of what the service can do, without and with items that hang."""
    unseen = bodies(299, BATCHES)
    began = time.perf_counter()
    ms_per_batch(*service, "/v1/verify", unseen)
    rate = RATE_SHARE * BATCHES / (time.perf_counter() - began)
    numbers = iter(range(10**9))

    def hanging() -> bytes:
        program = f"# {next(numbers)}\nwhile True: pass"
        tests = [{"stdin": "", "stdout": "1"}]
        item = {"task": "code", "response": f"```python\n{program}\n```", "reference": "", "options": {"tests": tests}}
        return json.dumps({"items": [item]}).encode()

    rounds: dict[str, list[float]] = {"no-op": [], "alone": [], "poisoned": []}
    for seed in range(ROUNDS):
        sent = bodies(300 + seed, LATENCY_BATCHES)
        rounds["no-op"].append(asyncio.run(latencies(noop[1], "/msgspec", sent, rate, None)))
        rounds["alone"].append(asyncio.run(latencies(service[1], "/v1/verify", sent, rate, None)))
        unseen = bodies(400 + seed, LATENCY_BATCHES)
        rounds["poisoned"].append(asyncio.run(latencies(service[1], "/v1/verify", unseen, rate, hanging)))
    idle, alone, poisoned = (statistics.median(p99) for p99 in rounds.values())
    return [
        Goal(
            f"p99 of a 64-item batch at half of capacity ({rate:.0f} batches/s, open loop)",
            "<= 3 x no-op",
            f"{alone / idle:.1f} x ({alone:.0f} ms, no-op {idle:.0f} ms)",
            yes(alone <= 3 * idle),
        ),
        Goal(
            "the same beside items that hang, two at all times",
            "<= 2 x that",
            f"{poisoned / alone:.1f} x ({poisoned:.0f} ms)",
            yes(poisoned <= 2 * alone),
        ),
    ]


def idle_memory(pid: int) -> Goal:
    resident, whole = memory_mb(pid)
    return Goal(
        "memory of the idle service",
        "< 120 MB",
        f"{resident:.0f} MiB resident; {whole:.0f} MiB with the workers and their parent, shared pages once",
        yes(resident * 2**20 < 120e6),
    )


def measured() -> list[Goal]:
    with tempfile.TemporaryDirectory() as folder:
        port, noop_port = free_port(), free_port()
        own = {"TOUCHSTONE_CACHE__FILE": str(Path(folder) / "cache.sqlite3"), "TOUCHSTONE_POOL__WORKERS": "2"}
        touchstone = [str(Path(sys.executable).with_name("touchstone")), "serve", "--port", str(port)]
        noop = [sys.executable, str(Path(__file__).with_name("peers_service.py")), "noop", str(noop_port)]
        with (
            started(touchstone, port, "/readyz", own) as pid,
            started(noop, noop_port, "/docs", {}) as noop_pid,
        ):
            service, ceiling = (pid, port), (noop_pid, noop_port)
            return [
                idle_memory(pid),
                *overheads(service, ceiling),
                *steps(pid, f"http://127.0.0.1:{port}"),
                *tails(service, ceiling),
            ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--json", type=Path, metavar="PATH", help="the figures for a machine")
    chosen = arguments.parse_args()
    goals = measured()
    table = Table("what", "goal", "measured", "met")
    for goal in goals:
        table.add_row(goal.what, goal.goal, goal.measured, goal.met)
    Console(soft_wrap=False, width=160).print(table)
    print(f"load average while this ran: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(goal) for goal in goals], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
