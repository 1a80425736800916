"""What a rate of rewards takes: replicas, workers, network, Redis, GPUs, and what gives way first.

    touchstone bench --json bench.json                      your service, your machine
    python benchmarks/scaling.py bench.json                 1,000,000 rewards a minute
    python benchmarks/scaling.py bench.json --rewards-per-minute 50000 --looked-at 0.2

Rule 1: what can be measured is read from `touchstone bench`; what cannot is an option whose default is an assumption,
        and the sheet says which is which.
Rule 2: a calculation, not a simulation: CPU time an item times items a second, over the share of a core one dares use.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REDIS_ITEMS_PER_S = 170_000
"""MGET of 64 keys from 16 callers at one Redis of one core, measured beside other work."""
REDIS_ENTRY_BYTES = 400
"""Key, verdict and what Redis adds."""
BITS = 8
SERVERS, WORKERS, GPUS = "server processes, one core each", "cores for workers", "GPUs of the second look"


@dataclass(frozen=True, slots=True)
class Need:
    """One line of the sheet. `one_carries`: rewards a minute through one of them."""

    what: str
    many: float
    one_carries: float
    source: str

    @property
    def whole(self) -> int:
        return math.ceil(self.many)


def needs(figures: dict[str, Any], given: argparse.Namespace) -> list[Need]:
    """For the rate, from what `touchstone bench` measured."""
    items, per_minute = figures["items"], given.rewards_per_minute
    server_s, workers_s = figures["service_cpu_s"] / items, figures["workers_cpu_s"] / items
    client_s = figures["client_cpu_s"] / items
    bits = figures["megabytes"] * 1e6 * BITS / items
    look_s = given.looked_at * given.reads * given.prompt_tokens / given.gpu_tokens_per_s
    missed = 1 - figures["joined_share"]

    def need(what: str, seconds_an_item: float, used: float, source: str) -> Need:
        carries = math.inf if seconds_an_item == 0 else 60 * used / seconds_an_item
        return Need(what, per_minute / carries, carries, source)

    lines = [
        need(SERVERS, server_s, given.use, "measured"),
        need(WORKERS, workers_s, given.use, "measured"),
        need("cores of the trainers' clients", client_s, given.use, "measured"),
        need(f"network links of {given.link_gbit:g} Gbit/s", bits / (given.link_gbit * 1e9), given.use, "measured"),
        need("Redis servers", missed / REDIS_ITEMS_PER_S, given.use, "measured apart"),
        need(GPUS, look_s, given.use, "assumed"),
    ]
    return [one for one in lines if one.many]


def sheet(figures: dict[str, Any], given: argparse.Namespace) -> str:
    """Markdown."""
    lines = needs(figures, given)
    whole = {one.what: one.whole for one in lines}
    servers, workers, gpus = (whole.get(what, 0) for what in (SERVERS, WORKERS, GPUS))
    each = math.ceil(workers / servers)
    replicas = servers + 1
    cores = replicas * (1 + each)
    stored_gb = given.rewards_per_minute * 60 * 24 * (1 - figures["cached_share"]) * REDIS_ENTRY_BYTES / 1e9
    hourly = cores * given.core_hour + gpus * given.gpu_hour
    millions_an_hour = given.rewards_per_minute * 60 / 1e6
    rows = "\n".join(
        f"| {one.what} | {one.many:.2f} | {one.whole} | {one.one_carries:,.0f} | {one.source} |" for one in lines
    )
    next_up = sorted(lines, key=lambda one: one.one_carries)
    return f"""{given.rewards_per_minute:,} rewards a minute, {given.use:.0%} of each used:

| what | needed | whole | one carries, rewards a minute | from |
|---|---|---|---|---|
{rows}

- {replicas} replicas (one may leave), {each} workers each: {cores} cores in all.
- A day of distinct verdicts is {stored_gb:.0f} GB in Redis; a full one lets go of the least used.
- {hourly:.2f} an hour at {given.core_hour} a core and {given.gpu_hour} a GPU: \
{hourly / millions_an_hour:.3f} per million rewards.
- What gives way first, where there is one of each: {", then ".join(one.what for one in next_up)}.
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("bench", type=Path, help="written by `touchstone bench --json`")
    arguments.add_argument("--rewards-per-minute", type=int, default=1_000_000)
    arguments.add_argument("--use", type=float, default=0.6, help="share of a core, link or GPU to use")
    arguments.add_argument("--link-gbit", type=float, default=10.0)
    arguments.add_argument("--looked-at", type=float, default=0.1, help="share of the items a model looks at")
    arguments.add_argument("--reads", type=float, default=2.2, help="questions for one look, with its controls")
    arguments.add_argument(
        "--prompt-tokens", type=float, default=600.0, help="of one question; the answer is one token"
    )
    arguments.add_argument("--gpu-tokens-per-s", type=float, default=40_000.0, help="of prompts, through one GPU")
    arguments.add_argument("--core-hour", type=float, default=0.04, help="price")
    arguments.add_argument("--gpu-hour", type=float, default=3.0, help="price")
    given = arguments.parse_args()
    figures = json.loads(given.bench.read_text(encoding="utf-8"))
    if figures.get("service_cpu_s") is None:
        arguments.error(f"{given.bench} has no CPU time of the service: let `bench` reach its /metrics")
    print(sheet(figures, given))


if __name__ == "__main__":
    main()
