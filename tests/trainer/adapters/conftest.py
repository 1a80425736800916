"""Hooks that reach the running service by the environment, as a trainer's workers do."""

from collections.abc import Iterator

import pytest

from tests.live import LiveService
from touchstone_trainer.adapters import hook as hooks

UNREADABLE = "\\frac{"
"""A reference that nobody can read: no answer to it gets a reward."""


@pytest.fixture(autouse=True)
def no_hooks_left() -> Iterator[None]:
    """Each test makes its own hooks, and so counts from 0."""
    hooks._hook.cache_clear()
    yield
    hooks._hook.cache_clear()


@pytest.fixture
def url(service: LiveService, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOUCHSTONE_REWARD_URL", service.url)
    return service.url
