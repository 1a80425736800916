"""The rule stage next to other libraries, in one run: accuracy, false accepts and CPU time per check.

    python benchmarks/rules.py                     all sets; peers on fixed sets come from the cache
    python benchmarks/rules.py --fresh             asks every peer again
    python benchmarks/rules.py --sets dev --missed what we miss on the development data
    python benchmarks/rules.py --json out.json     the same figures for a machine

Rule 1: CPU time of the working thread, never wall clock: a busy machine must not change a figure much.
Rule 2: each peer runs in its own environment and process (`.venv-peers`, made on the first run) and is called
        in its best way; one that hangs is killed and loses that item.
Rule 3: "accepted" means rewarded: CORRECT. What is passed on to a later stage counts as not accepted.
"""

import argparse
import hashlib
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # runs as a plain file, from any folder

from benchmarks.answer_mix import NUMBER_SHARE, Item, throughput  # noqa: E402
from verifiers import math_answer  # noqa: E402
from verifiers.problem import Problem  # noqa: E402
from verifiers.verdict import Outcome, Verdict  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
CASES = ROOT / "tests" / "cases" / "math"
VENV = ROOT / ".venv-peers"
CACHE = VENV / "rules_cache.json"
WORKER = Path(__file__).with_name("peers_rules.py")
PEERS = ("math-verify", "latex2sympy2-extended", "mathruler", "verl-dapo")
# mathruler does not declare the two packages that it imports; verl is wanted for one file, not for its stack.
PEER_PACKAGES = (
    "math-verify==0.9.0",
    "latex2sympy2-extended==1.11.0",
    "mathruler==0.1.0",
    "pylatexenc",
    "tqdm",
)
PEER_PACKAGES_ALONE = ("verl==0.9.1",)
PEER_SILENCE_S = 60.0  # the worker stops an item after 20 s by itself; silence beyond this is a hang in C code
CALLS = 2  # raise when peers_rules.py calls a peer in another way: it is part of every cache key
MIX_ITEMS, NUMBER_ITEMS = 600, 400
BASELINE = "math-verify"
OURS = "touchstone"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one checker said of one item."""

    yes: bool
    cpu_s: float
    by: str = ""  # ours: the rule; a peer: its error, if any


@dataclass(frozen=True, slots=True)
class Row:
    """One checker on one set."""

    checker: str
    items: int
    accuracy: float
    recall: float
    false_accepts: int
    wrong_items: int
    median_ms: float
    p99_ms: float
    checks_per_cpu_s: float
    ratio: float | None


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def hardverify() -> list[Item]:
    return [
        Item(r["id"], (r["reference"],), r["response"], r["label"], r["question"], r["response_is"] == "answer")
        for r in rows_of(DATA / "hardverify_math_dev.jsonl")
    ]


def adversarial() -> list[Item]:
    return [
        Item(r["id"], (r["reference"],), r["response"], r["must_reward"], r["question"], bare=False)
        for r in rows_of(DATA / "adversarial_dev.jsonl")
        if r["mode"] == "verify"
    ]


def cases() -> list[Item]:
    """Our own cases; those that may be left to a later stage have no yes or no, and stay out."""
    items = []
    for file in sorted(CASES.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8")):
            allowed = [case["outcome"]] if isinstance(case["outcome"], str) else case["outcome"]
            if "correct" in allowed and len(allowed) > 1:
                continue
            reference = case["reference"]
            references = (reference,) if isinstance(reference, str) else tuple(reference)
            name, bare = f"{file.stem}/{case['id']}", file.stem != "extraction"
            items.append(Item(name, references, case["response"], "correct" in allowed, case.get("question"), bare))
    return items


SETS: dict[str, Callable[[], list[Item]]] = {
    "hardverify": hardverify,
    "adversarial": adversarial,
    "cases": cases,
    "mix": lambda: throughput(MIX_ITEMS, NUMBER_SHARE),
    "numbers": lambda: throughput(NUMBER_ITEMS, 1.0),
}
TIMED_SETS = ("mix", "numbers")  # always asked anew: they are there for the time
GROUPS = {"dev": ("hardverify", "adversarial"), "all": tuple(SETS)}


def ask_ours(items: Sequence[Item]) -> list[Answer]:
    answers = []
    for item in items:
        problem = Problem(item.response, item.reference, item.question)
        start = time.thread_time()
        verdict: Verdict = math_answer.verify(problem)
        cpu_s = time.thread_time() - start
        passed = "passed on: " if verdict.outcome is Outcome.UNDECIDABLE else ""
        answers.append(Answer(verdict.outcome is Outcome.CORRECT, cpu_s, passed + verdict.rule))
    return answers


def ensure_environment() -> None:
    if (VENV / "ready").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *PEER_PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", *PEER_PACKAGES_ALONE], check=True)
    (VENV / "ready").touch()


class Peer:
    """One worker process, started again after each hang."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.costs: dict[str, float] = {}
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def ask(self, item: Item) -> Answer:
        worker = self._process or self._start()
        assert worker.stdin is not None
        wire = {"reference": list(item.reference), "response": item.response, "bare": item.bare}
        worker.stdin.write(json.dumps(wire) + "\n")
        worker.stdin.flush()
        reply = self._read()
        if reply is None:
            self.stop()
            return Answer(yes=False, cpu_s=PEER_SILENCE_S, by="killed: no answer")
        return Answer(reply["yes"], reply["cpu_s"], reply["error"] or "")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        command = [str(VENV / "bin" / "python"), str(WORKER), self.name]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._forward, args=(self._process, self._lines), daemon=True).start()
        self.costs = self._read() or {}
        return self._process

    @staticmethod
    def _forward(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def _read(self) -> dict[str, Any] | None:
        try:
            line = self._lines.get(timeout=PEER_SILENCE_S)
        except queue.Empty:
            return None
        reply: dict[str, Any] | None = json.loads(line) if line else None
        return reply


def cache_key(peer: str, item: Item) -> str:
    text = json.dumps([peer, CALLS, list(item.reference), item.response, item.bare])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def ask_peer(peer: Peer, items: Sequence[Item], cache: dict[str, list[Any]], fresh: bool) -> list[Answer]:
    answers = []
    for item in items:
        key = cache_key(peer.name, item)
        if fresh or key not in cache:
            answer = peer.ask(item)
            cache[key] = [answer.yes, answer.cpu_s, answer.by]
        answers.append(Answer(*cache[key]))
    return answers


def summary(checker: str, items: Sequence[Item], answers: Sequence[Answer], baseline_s: float | None) -> Row:
    right = [a.yes for i, a in zip(items, answers, strict=True) if i.right]
    wrong = [a.yes for i, a in zip(items, answers, strict=True) if not i.right]
    times = sorted(a.cpu_s for a in answers)
    total = sum(times)
    return Row(
        checker,
        len(items),
        (sum(right) + len(wrong) - sum(wrong)) / len(items),
        sum(right) / max(1, len(right)),
        sum(wrong),
        len(wrong),
        1000 * statistics.median(times),
        1000 * times[min(len(times) - 1, int(0.99 * len(times)))],
        len(items) / total if total else float("inf"),
        None if baseline_s is None or not total else baseline_s / total,
    )


def show(console: Console, name: str, rows: Sequence[Row]) -> None:
    table = Table(title=f"{name}: {rows[0].items} items, {rows[0].wrong_items} of them wrong")
    headings = ("accuracy", "recall", "false accepts", "median ms", "p99 ms", "checks/CPU-s", f"x {BASELINE}")
    table.add_column("checker")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.checker,
            f"{row.accuracy:.3f}",
            f"{row.recall:.3f}",
            str(row.false_accepts),
            f"{row.median_ms:.3f}",
            f"{row.p99_ms:.2f}",
            f"{row.checks_per_cpu_s:,.0f}",
            "-" if row.ratio is None else f"{row.ratio:.1f}",
        )
    console.print(table)


def show_rules(console: Console, answers: Sequence[Answer]) -> None:
    shares = Counter(a.by for a in answers)
    line = ", ".join(f"{rule} {count / len(answers):.1%}" for rule, count in shares.most_common())
    console.print(f"decided by: {line}\n", highlight=False)


def show_missed(console: Console, items: Sequence[Item], answers: Sequence[Answer]) -> None:
    for item, answer in zip(items, answers, strict=True):
        if item.right != answer.yes:
            kind = "MISSED" if item.right else "FALSELY ACCEPTED"
            pair = f"{item.response[:160]!r} against {item.reference[0][:160]!r}"
            line = f"{kind} {item.name} [{answer.by}]: {pair}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def start_costs() -> dict[str, float]:
    """What importing our verifier and its first check cost, in a process of its own."""
    program = (
        "import time; a = time.process_time(); from verifiers import math_answer; "
        "from verifiers.problem import Problem; b = time.process_time(); "
        r"math_answer.verify(Problem(r'\boxed{\frac{38}{74}}', (r'\frac{19}{37}',))); "
        "c = time.process_time(); import json; "
        "print(json.dumps({'import_cpu_s': b - a, 'first_call_cpu_s': c - b}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    costs: dict[str, float] = json.loads(done.stdout)
    return costs


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["all"], choices=[*SETS, *GROUPS])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--fresh", action="store_true", help="ask the peers again instead of using the cache")
    parser.add_argument("--missed", action="store_true", help="list our misses and false accepts")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    console = Console(width=140)
    names = list(dict.fromkeys(n for group in options.sets for n in GROUPS.get(group, (group,))))
    if options.peers:
        ensure_environment()
    cache: dict[str, list[Any]] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    peers = [Peer(name) for name in options.peers]
    figures: dict[str, Any] = {}
    try:
        for name in names:
            if name in GROUPS["dev"] and not DATA.exists():
                console.print(f"{name}: skipped, no {DATA}")
                continue
            figures[name] = measure(console, name, peers, cache, options)
    finally:
        for peer in peers:
            peer.stop()
        if peers:
            CACHE.write_text(json.dumps(cache))
    costs = {OURS: start_costs(), **{peer.name: peer.costs for peer in peers if peer.costs}}
    for checker, cost in costs.items():
        console.print(f"{checker}: import {cost['import_cpu_s']:.2f} s, first call {cost['first_call_cpu_s']:.3f} s")
    if options.json:
        options.json.write_text(json.dumps({"sets": figures, "start_costs": costs}, indent=1))


def measure(
    console: Console,
    name: str,
    peers: Sequence[Peer],
    cache: dict[str, list[Any]],
    options: argparse.Namespace,
) -> dict[str, Any]:
    items = SETS[name]()
    ours = ask_ours(items)
    theirs = {p.name: ask_peer(p, items, cache, options.fresh or name in TIMED_SETS) for p in peers}
    baseline_s = sum(a.cpu_s for a in theirs[BASELINE]) if BASELINE in theirs else None
    rows = [summary(OURS, items, ours, baseline_s)]
    rows += [summary(peer, items, answers, baseline_s) for peer, answers in theirs.items()]
    show(console, name, rows)
    show_rules(console, ours)
    if options.missed:
        show_missed(console, items, ours)
    return {
        "rows": [asdict(row) for row in rows],
        "decided_by": dict(Counter(a.by for a in ours).most_common()),
    }


if __name__ == "__main__":
    main()
