"""TRL's reward functions, called as its trainers do."""

import asyncio
import inspect
import pickle
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from tests.trainer.adapters.conftest import UNREADABLE
from touchstone_trainer.adapters import trl
from touchstone_trainer.adapters.hook import hook


@pytest.fixture
def batch() -> dict[str, Any]:
    """Two prompts, two completions each; the last cannot be scored."""
    return {
        "prompts": ["2+2?", "2+2?", "3+3?", "3+3?"],
        "completions": ["\\boxed{4}", "\\boxed{5}", "\\boxed{6}", "\\boxed{6}"],
        "completion_ids": [[1], [2], [3], [4]],
        "answer": ["4", "4", "6", UNREADABLE],
        "difficulty": [1, 1, 2, 2],
        "trainer_state": SimpleNamespace(global_step=7),
    }


EXPECTED = [1.0, 0.0, 1.0, None]


@pytest.mark.usefixtures("url")
def test_both_forms_score_a_batch(batch: dict[str, Any]) -> None:
    """One reward for each completion, in order, None where there is none."""
    assert trl.reward_function()(**batch) == EXPECTED
    assert asyncio.run(trl.async_reward_function()(**batch)) == EXPECTED
    assert trl.touchstone(**batch) == EXPECTED


def test_trl_sees_names_and_which_are_awaited() -> None:
    """TRL takes the metric's name from `__name__` and looks for a coroutine function in `__call__`, older ones in the
    object itself."""
    functions = [trl.reward_function("a"), trl.async_reward_function("b"), *trl.component_functions("judge", name="c")]
    assert [one.__name__ for one in functions] == ["a", "b", "c_judge"]
    assert [inspect.iscoroutinefunction(type(one).__call__) for one in functions] == [False, True, True]
    assert [inspect.iscoroutinefunction(one) for one in functions] == [False, True, True]
    assert len(inspect.signature(trl.touchstone).parameters) >= 2  # Axolotl counts them


def test_trl_that_takes_none_for_zero_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the run says what such a TRL is to be told."""
    monkeypatch.setattr(metadata, "version", lambda name: {"trl": "1.5.1"}[name])
    for factory in (trl.reward_function, trl.async_reward_function, trl.component_functions):
        with pytest.raises(ImportError, match=r"install trl 1\.6 or later"):
            factory()
        assert factory(on_no_verdict="zero") is not None
    monkeypatch.setattr(metadata, "version", lambda name: {"trl": "1.10.0.dev0"}[name])
    assert trl.reward_function() is not None


def test_components_share_one_call(batch: dict[str, Any], url: str) -> None:
    """However many functions TRL awaits at once, the batch is scored once; a missing part is None."""
    functions = trl.component_functions("reward", "verifier", "judge")

    async def gathered() -> list[list[float | None]]:
        return list(await asyncio.gather(*(function(**batch) for function in functions)))

    assert asyncio.run(gathered()) == [EXPECTED, EXPECTED, [None] * 4]
    assert hook().scorer.total.responses == 4


def test_groups_scored_at_once_do_not_mix(batch: dict[str, Any], url: str) -> None:
    """AsyncGRPO scores many groups side by side; each function gets its own group's numbers."""
    functions = trl.component_functions("reward", "verifier")
    other = batch | {"completions": list(reversed(batch["completions"])), "answer": ["6", "6", "5", "4"]}

    async def gathered() -> list[list[float | None]]:
        return list(await asyncio.gather(*(function(**group) for function in functions for group in (batch, other))))

    assert asyncio.run(gathered()) == [EXPECTED, [1.0] * 4] * 2
    assert hook().scorer.total.responses == 8


def test_unknown_component_is_refused() -> None:
    """At the start, not as a column of None."""
    with pytest.raises(ValueError, match="jugde"):
        trl.component_functions("jugde")


def test_copies_for_workers_work(batch: dict[str, Any], url: str) -> None:
    """AsyncGRPO pickles all functions into a process of its own; they still share one call there."""
    functions = pickle.loads(pickle.dumps(trl.component_functions("reward", "verifier", url=url)))

    async def gathered() -> list[list[float | None]]:
        return list(await asyncio.gather(*(function(**batch) for function in functions)))

    assert asyncio.run(gathered()) == [EXPECTED, EXPECTED]


@pytest.mark.usefixtures("url")
def test_trl_logs_what_became_of_a_batch(batch: dict[str, Any]) -> None:
    """Shares as metrics, and for each completion who decided."""
    metrics: dict[str, float] = {}
    columns: dict[str, list[str]] = {}
    trl.reward_function()(**batch, log_metric=metrics.__setitem__, log_extra=columns.__setitem__)
    assert metrics["touchstone/undecided_share"] == 0.25
    assert metrics["touchstone/waited_s"] > 0.0
    assert len(columns["touchstone"]) == 4
    assert columns["touchstone"][0].startswith("rules: ")


def test_service_that_is_down_costs_rewards_not_the_run(batch: dict[str, Any]) -> None:
    """None for all, after the deadline, and counted."""
    score = trl.reward_function(url="http://127.0.0.1:1", deadline_s=0.2)
    assert score(**batch) == [None] * 4
    assert hook(url="http://127.0.0.1:1", deadline_s=0.2).without_reward.total() == 4


@pytest.mark.usefixtures("url")
def test_error_reaches_every_function(batch: dict[str, Any]) -> None:
    """A call that the service rejects stops training; no function waits for an answer that never comes."""
    functions = trl.component_functions("reward", "verifier", recall="always")

    async def gathered() -> list[Any]:
        return await asyncio.gather(*(function(**batch) for function in functions), return_exceptions=True)

    first, second = asyncio.run(gathered())
    assert isinstance(first, Exception)
    assert isinstance(second, Exception)


def test_short_column_is_refused(batch: dict[str, Any]) -> None:
    """Before anything is sent: all rewards after the gap would be another completion's."""
    with pytest.raises(ValueError, match="4 completions but 3 of answer"):
        trl.reward_function()(**batch | {"answer": ["4"] * 3})
