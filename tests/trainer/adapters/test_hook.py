"""Settings, processes, threads and event loops: what all hooks share."""

import asyncio
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import touchstone_trainer.adapters
from tests.trainer.adapters.conftest import UNREADABLE
from touchstone_trainer.adapters import areal, openrlhf, verl
from touchstone_trainer.adapters.hook import HookSettings, OnNoVerdict, hook
from touchstone_trainer.adapters.skyrl import Episode

LOADED_BY_FRAMEWORKS = {"trl_trainer", "verl_algorithms"}
MODULES = sorted(
    path.stem for path in Path(*touchstone_trainer.adapters.__path__).glob("*.py") if path.stem != "__init__"
)
FRAMEWORKS = ("areal", "nemo_gym", "openrlhf", "ray", "skyrl_gym", "swift", "torch", "transformers", "trl", "verl")


def test_no_framework_is_imported_with_a_hook() -> None:
    """Not torch either: reward workers start quickly, and one adapter needs no other's framework."""
    modules = ", ".join(f"touchstone_trainer.adapters.{name}" for name in MODULES if name not in LOADED_BY_FRAMEWORKS)
    code = f"import sys, {modules}; print(sorted({set(FRAMEWORKS)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_come_from_the_call_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As numbers and words of their kind."""
    monkeypatch.setenv("TOUCHSTONE_REWARD_DEADLINE_S", "7.5")
    monkeypatch.setenv("TOUCHSTONE_REWARD_ON_NO_VERDICT", "zero")
    monkeypatch.setenv("TOUCHSTONE_REWARD_TASK", "stem")
    monkeypatch.setenv("TOUCHSTONE_REWARD_API_KEY", "")
    settings = HookSettings.of(task="math", url=None)
    assert settings == HookSettings(deadline_s=7.5, on_no_verdict=OnNoVerdict.ZERO, task="math")


def test_mistyped_settings_are_refused() -> None:
    """A name that is not known would silently leave its default."""
    with pytest.raises(TypeError, match=r"deadline: no such setting; there are .*deadline_s"):
        hook(deadline=3)
    with pytest.raises(ValueError, match="route"):
        hook(route="rewards")
    with pytest.raises(ValueError, match="skip"):
        hook(on_no_verdict="skip")


def test_key_is_not_printed() -> None:
    """Settings end up in logs."""
    assert "secret" not in repr(HookSettings(api_key="secret"))


def test_one_hook_for_the_same_settings(url: str) -> None:
    """Connections and the gathering of single samples are shared by all calls of a process."""
    assert hook(task="math") is hook(task="math")
    assert hook(task="math") is not hook(task="stem")


def test_copies_count_for_themselves(url: str) -> None:
    """A hook may be pickled into a worker."""
    hook().without_reward["rules: x"] += 1
    copy = pickle.loads(pickle.dumps(hook()))
    assert copy.settings == hook().settings
    assert copy.without_reward.total() == 0


@pytest.mark.usefixtures("url")
def test_hook_outlives_event_loops() -> None:
    """ms-swift makes a new loop for each step; the hook does not die with the first."""
    scores = [asyncio.run(verl.compute_score("s", "\\boxed{4}", "4"))["score"] for _ in range(3)]
    assert scores == [1.0] * 3


@pytest.mark.usefixtures("url")
def test_single_samples_of_many_threads() -> None:
    """OpenRLHF and SkyRL call from a pool of threads; each gets its own answer."""
    labels = [str(number) for number in range(40)]
    with ThreadPoolExecutor(20) as threads:
        told = list(threads.map(lambda label: openrlhf.reward_func(["P\\boxed{7}"], ["P"], [label]), labels))
    assert [one["rewards"][0] for one in told] == [float(label == "7") for label in labels]


@pytest.mark.usefixtures("url")
def test_single_samples_of_one_moment_travel_together() -> None:
    """64 awaited at once are far fewer requests; the scorer counts each."""

    async def all_at_once() -> list[float | str]:
        calls = [verl.compute_score("s", f"\\boxed{{{number}}}", "7") for number in range(64)]
        return [one["score"] for one in await asyncio.gather(*calls)]

    assert asyncio.run(all_at_once()) == [float(number == 7) for number in range(64)]
    assert hook().scorer.total.responses == 64


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes(start: str) -> None:
    """AReaL runs the function in a pool of processes, forked from one that has scored already, or started anew."""
    assert areal.reward_fn("q", "\\boxed{4}", answer="4") == 1.0
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(start)) as pool:
        assert pool.submit(areal.reward_fn, "q", "\\boxed{4}", answer="4").result(60) == 1.0
        error = pool.submit(areal.reward_fn, "q", "\\boxed{4}", answer=UNREADABLE).exception(60)
    assert type(error).__name__ == "NoVerdict"


def test_areal_ends_before_areal_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """AReaL's own time-out is a silent 0."""
    monkeypatch.setenv("TOUCHSTONE_REWARD_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TOUCHSTONE_REWARD_DEADLINE_S", "0.1")
    with pytest.raises(Exception, match="client: "):
        areal.reward_fn("q", "\\boxed{4}", answer="4")
    assert areal.LONGEST_S < 15


@pytest.mark.usefixtures("url")
def test_environments_are_separate() -> None:
    """SkyRL makes one for each rollout; they share the service's connections and nothing else."""
    first = Episode({}, {"reward_spec": {"ground_truth": "4"}})
    second = Episode({}, {"reward_spec": {"ground_truth": "5"}})
    assert (first.step("\\boxed{4}")["reward"], second.step("\\boxed{4}")["reward"]) == (1.0, 0.0)
