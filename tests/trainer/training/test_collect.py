"""Drawing, sampling and paying one step's batch, with an engine that says what the test tells it."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.trainer.training.conftest import ALONE, MakeConfig, policy_of
from touchstone_client import Client
from touchstone_client.testing import canned
from touchstone_trainer.curriculum import Curriculum
from touchstone_trainer.rewards import Scorer
from touchstone_trainer.streak import FinishReason
from touchstone_trainer.training import collect
from touchstone_trainer.training.collect import Collector
from touchstone_trainer.training.config import RunConfig
from touchstone_trainer.training.data import Rows
from touchstone_trainer.training.rollouts.completion import Completion, Request

EASY, HARD = "say 1", "sum 1 1"


class Scripted:
    """Right for every easy question; for a hard one right when the seed is even."""

    def __init__(self, easy: Sequence[int]) -> None:
        self._easy = tuple(easy)
        self.requests: list[Request] = []

    def generate(self, requests: Sequence[Request], *, greedy: bool = False) -> Iterator[Completion]:
        for request in requests:
            self.requests.append(request)
            right = request.prompt_ids == self._easy or request.seed % 2 == 0
            yield Completion((7, 1), (-1.0, -1.0), FinishReason.STOP, "right" if right else "wrong")

    def policy_changed(self) -> None: ...
    def close(self) -> None: ...


class Bench:
    """A collector with its curriculum, and what was sent to the service."""

    def __init__(self, config: RunConfig) -> None:
        policy = policy_of(config.policy)
        self.engine = Scripted(policy.tokenizer.encode(EASY))
        self.items: list[Mapping[str, Any]] = []
        self.answering = threading.Event()
        self.answering.set()
        rows = Rows(config, policy)
        self.curriculum = Curriculum(config.plan, rows.counts)
        scorer = Scorer(Client(transport=canned(self._pay)), deadline_s=10.0)
        self.collector = Collector(config, rows, self.engine, scorer, ALONE)

    def _pay(self, item: Mapping[str, Any]) -> float | None:
        self.answering.wait(30)
        self.items.append(item)
        return {"right": 1.0, "wrong": 0.0}[item["response"]] if item.get("reference") != "unknown" else None


@pytest.fixture
def bench_of(make_config: MakeConfig, tmp_path: Path) -> Any:
    def make(
        rows: Mapping[str, Sequence[str]],
        changes: Mapping[str, Any],
        *,
        shaping: Mapping[str, Any] = MappingProxyType({}),
        **kinds: str,
    ) -> Bench:
        domains = {}
        for name, questions in rows.items():
            source = tmp_path / f"{name}.jsonl"
            lines = [{"question": question, "reference": "2"} for question in questions]
            source.write_text("".join(json.dumps(line) + "\n" for line in lines))
            kind = kinds.get(name, "verifier")
            domains[name] = {"source": str(source), "task": "math", "ratio": 1, "kind": kind}
        phases = [{"name": "only", "steps": 5, "domains": domains}]
        settings = {"prompts_per_step": 4, "group_size": 8, "rows_at_once": 10, **changes}
        return Bench(make_config({"plan.phases": phases, "rollouts": settings, "shaping": dict(shaping)}))

    return make


def test_dead_groups_are_drawn_again_in_their_domain(bench_of: Any) -> None:
    """Groups that are all right give way to rows of the same domain, as often as the limit allows, and no others."""
    bench = bench_of({"easy": [EASY] * 6, "hard": [HARD] * 6}, {"max_generation_batches": 3})
    with closing(bench.collector):
        batch = bench.collector.collect(bench.curriculum, 1)
    assert {one.draw.domain for one in batch.kept} == {"hard"}
    assert len(batch.kept) == 2 * 8
    assert batch.refilled == {"easy": 4}  # two of the first batch, drawn again twice
    assert len(batch.generated) == (4 + 2 + 2) * 8
    assert len({one.group for one in batch.generated}) == 8
    assert bench.curriculum.state().drawn == {"easy": 6, "hard": 2}


def test_without_dynamic_sampling_everything_is_kept(bench_of: Any) -> None:
    """Dead groups stay in the batch and nothing is drawn again."""
    bench = bench_of({"easy": [EASY] * 6}, {"dynamic_sampling": False})
    with closing(bench.collector):
        batch = bench.collector.collect(bench.curriculum, 1)
    assert len(batch.kept) == len(batch.generated) == 32


def test_groups_reach_the_service_whole(bench_of: Any) -> None:
    """Each response travels with its question, reference, task and group, and no group is cut by a request."""
    bench = bench_of({"judged": [HARD] * 4}, {}, judged="both")
    with closing(bench.collector):
        batch = bench.collector.collect(bench.curriculum, 7)
    groups = [item["group"] for item in bench.items]
    assert {groups.count(group) for group in groups} == {8}
    first = bench.items[0]
    assert (first["question"], first["reference"], first["task"]) == (HARD, "2", "math")
    assert [one.scored.reward for one in batch.generated] == [
        1.0 if one.completion.text == "right" else 0.0 for one in batch.generated
    ]


def test_rule_of_a_domain_goes_with_its_responses(bench_of: Any) -> None:
    """The service is asked to pay by the rule that the run names for the domain."""
    changes = {"rules": {"judged": "verifier_then_process"}}
    bench = bench_of({"judged": [HARD] * 4, "hard": [HARD] * 4}, {}, shaping=changes, judged="both")
    with closing(bench.collector):
        bench.collector.collect(bench.curriculum, 1)
    assert Counter(item.get("rule") for item in bench.items) == {"verifier_then_process": 16, None: 16}


def test_waiting_for_rewards_is_told(bench_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who watches hears of a service that does not answer, until it does."""
    monkeypatch.setattr(collect, "TELL_AFTER_S", 0.05)
    bench = bench_of({"hard": [HARD] * 4}, {})
    bench.answering.clear()
    monkeypatch.setattr(collect.log, "warning", lambda *_: bench.answering.set())
    with closing(bench.collector):
        batch = bench.collector.collect(bench.curriculum, 1)
    assert bench.answering.is_set()
    assert all(one.scored.reward is not None for one in batch.generated)


def test_seeds_differ_by_step_row_and_member(bench_of: Any) -> None:
    """No two responses of a run share a seed, and the same step asks for the same ones again."""
    seeds = []
    for steps in ((1, 2), (1, 2)):
        bench = bench_of({"hard": [HARD] * 8}, {"dynamic_sampling": False})
        with closing(bench.collector):
            for step in steps:
                bench.collector.collect(bench.curriculum, step)
        seeds.append([request.seed for request in bench.engine.requests])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 64
