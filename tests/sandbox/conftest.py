"""The embedded engine by each of its methods, and what must hold after every attack."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator

import psutil
import pytest

from verifiers.code_run.engines import EngineFailure, Execution, Job, Language, Limits, Status
from verifiers.code_run.engines.embedded import EmbeddedEngine
from verifiers.code_run.inside.confine import LANDLOCK, METHODS, ROOT

LIMITS = Limits(cpu_s=1.0, wall_s=4.0, memory_mb=256)
Attack = Callable[..., Execution]


def interpreter_for_others() -> str | None:
    """A Python whose library a user without rights can read."""
    path = sysconfig.get_paths()["stdlib"]
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            break
        path = os.path.dirname(path)
    else:
        return sys.executable
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if found is None:
        return None
    check = subprocess.run([found, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False)
    return found if check.returncode == 0 else None


def open_engine(method: str) -> EmbeddedEngine:
    """An engine that confines by this method and no other."""
    interpreter = sys.executable if method == ROOT else interpreter_for_others()
    if interpreter is None:
        pytest.skip("needs a Python that other users can read")
    engine = EmbeddedEngine(interpreter=interpreter, methods=(method,))
    try:
        engine.level()
    except EngineFailure as refused:
        pytest.skip(f"not to be had here: {refused}")
    return engine


@pytest.fixture(scope="module", params=METHODS)
def engine(request: pytest.FixtureRequest) -> Iterator[EmbeddedEngine]:
    """One engine for each method that works on this machine."""
    opened = open_engine(request.param)
    yield opened
    opened.close()


@pytest.fixture
def writable(engine: EmbeddedEngine, request: pytest.FixtureRequest) -> bool:
    """Whether programs have a place to write to."""
    return bool(request.node.callspec.params["engine"] != LANDLOCK)


@pytest.fixture
def attack(engine: EmbeddedEngine) -> Iterator[Attack]:
    """Runs a hostile program; afterwards the next honest one is answered and no process is left over."""

    def run(source: str, stdin: str = "", limits: Limits = LIMITS) -> Execution:
        return engine.run(Job(Language.PYTHON, source, stdin), limits)

    yield run
    honest = engine.run(Job(Language.PYTHON, "import json\nprint(json.dumps(input()))", "fine"), LIMITS)
    assert (honest.status, honest.stdout) == (Status.FINISHED, '"fine"\n')
    for pid in engine.slot_pids():
        slots = psutil.Process(pid).children(recursive=True)
        assert len(slots) == 1  # the slot itself, whose parent only waits for it
        assert slots[0].children() == []
