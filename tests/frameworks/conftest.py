"""The frameworks themselves, against a running service. Run them with `make test-frameworks`.

Rule 1: frameworks are loaded, never copied and never replaced; what cannot be imported alone is lifted out of the
        installed package (`lifted`).
Rule 2: the service runs from the main environment: its dependencies and the frameworks' have nothing to do with
        each other.
"""

import ast
import os
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService
from touchstone_trainer.adapters import hook as hooks

ROOT = Path(__file__).parents[2]
UNREADABLE = "\\frac{"
collect_ignore_glob = [] if find_spec("trl") else ["*.py"]
"""The main environment has no frameworks: nothing here can even be imported there."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.frameworks)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """Rules alone, one for the whole run."""
    python = os.environ.get("TOUCHSTONE_SERVICE_PYTHON", str(ROOT / ".venv/bin/python"))
    live = LiveService(tmp_path_factory.mktemp("service"), {}, python=python)
    yield live.wait_ready()
    live.stop()


@pytest.fixture
def url(service: LiveService, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service, named in the environment; hooks count from 0."""
    monkeypatch.setenv("TOUCHSTONE_REWARD_URL", service.url)
    hooks._hook.cache_clear()
    yield service.url
    hooks._hook.cache_clear()


def lifted(distribution: str, path: str, *names: str, **globals_: Any) -> list[Any]:
    """Classes and functions out of a file of an installed package, without importing what else the file imports."""
    source = Path(str(metadata.distribution(distribution).locate_file(path))).read_text()
    nodes = [node for node in ast.parse(source).body if getattr(node, "name", None) in names]
    namespace: dict[str, Any] = dict(globals_)
    future = ast.parse("from __future__ import annotations").body
    exec(compile(ast.Module([*future, *nodes], []), path, "exec"), namespace)
    return [namespace[name] for name in names]
