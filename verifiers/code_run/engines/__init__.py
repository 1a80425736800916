"""The engines that run programs, and which one is in use. One choice for a process, made before its first item.

    embedded                    our own sandbox, the default
    http://HOST:PORT            a SandboxFusion server
    container:PROGRAM:IMAGE     docker, podman or nerdctl, each run in a fresh container

Rule 1: nothing runs unconfined. An engine that cannot confine raises Unavailable, and the verifier passes that on.
"""

import sys
import threading
from dataclasses import dataclass

from verifiers.code_run.engines.container import ContainerEngine
from verifiers.code_run.engines.embedded import EmbeddedEngine, Level
from verifiers.code_run.engines.engine import (
    Engine,
    EngineFailure,
    Execution,
    Job,
    Language,
    Limits,
    Status,
    Unavailable,
    Way,
)
from verifiers.code_run.engines.fusion import FusionEngine

__all__ = [
    "Configuration",
    "Engine",
    "EngineFailure",
    "Execution",
    "Job",
    "Language",
    "Level",
    "Limits",
    "Status",
    "Unavailable",
    "Way",
    "configuration",
    "configure",
    "current",
    "open_engine",
]


@dataclass(frozen=True, slots=True)
class Configuration:
    """`engine` as in the module's head; `minimum_level` is what the embedded one must reach; `item_wall_s` is the
    time all runs of one item may take together, kept below the pool's own limit for an item; `interpreter` is the
    Python that runs the programs, which other users must be able to read.
    """

    engine: str = "embedded"
    minimum_level: Level = Level.LANDLOCK
    item_wall_s: float = 6.0
    interpreter: str = sys.executable


class _Current:
    """The choice and the engine that was opened for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.configuration = Configuration()
        self.engine: Engine | None = None


_current = _Current()


def configure(configuration: Configuration) -> None:
    """Choose for this process. Raises ValueError for an engine that is none."""
    engine = open_engine(configuration)
    with _current.lock:
        if _current.engine is not None:
            _current.engine.close()
        _current.configuration = configuration
        _current.engine = engine


def configuration() -> Configuration:
    """The choice in force."""
    return _current.configuration


def current() -> Engine:
    """The engine in use, opened when first asked for."""
    with _current.lock:
        if _current.engine is None:
            _current.engine = open_engine(_current.configuration)
        return _current.engine


def open_engine(configuration: Configuration) -> Engine:
    """An engine of this name. Starts nothing yet. Raises ValueError."""
    name = configuration.engine
    if name == "embedded":
        return EmbeddedEngine(configuration.minimum_level, interpreter=configuration.interpreter)
    if name.startswith(("http://", "https://")):
        return FusionEngine(name)
    kind, _, rest = name.partition(":")
    program, _, image = rest.partition(":")
    if kind == "container" and program and image:
        return ContainerEngine(program, image)
    raise ValueError(f"no such engine: {name!r}; use embedded, http://HOST:PORT or container:PROGRAM:IMAGE")
