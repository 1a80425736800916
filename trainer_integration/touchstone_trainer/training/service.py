"""A Touchstone service of the run's own, for a demonstration on one machine.

The service is a program, not a library of ours: it is started as `touchstone serve` and spoken to over HTTP.
"""

import ctypes
import functools
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from touchstone_client import Client

START_LIMIT_S = 120.0  # seconds; a loaded machine takes a minute to import sympy in every worker
STOP_LIMIT_S = 20.0  # seconds for open requests to end
PR_SET_PDEATHSIG = 1


class NoService(RuntimeError):
    """There is no service to ask for rewards; the message says how to get one."""


@contextmanager
def running_service(folder: Path) -> Iterator[str]:
    """A service on a free port for the time of the block; its address. It logs and caches in `folder`."""
    program = Path(sys.executable).with_name("touchstone")
    if not program.is_file():
        raise NoService(
            f"there is no `touchstone` beside {sys.executable}: install the service there, "
            "or start one elsewhere and give its address with --service"
        )
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    url, log = f"http://127.0.0.1:{port}", folder / "service.log"
    command = [
        str(program),
        "serve",
        "--port",
        str(port),
        "--workers",
        "1",
        "--cache",
        str(folder / "verdicts.sqlite3"),
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - a fixed command
            command,
            stdout=output,
            stderr=output,
            preexec_fn=_end_with_parent(),  # noqa: PLW1509 - it takes no lock that a thread could hold
        )
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_LIMIT_S
    with Client(url) as client:
        while time.monotonic() < ends:
            if process.poll() is not None:
                raise NoService(f"the service ended as it started; its log is {log}:\n{log.read_text()[-2_000:]}")
            if client.healthy():
                return
            time.sleep(0.1)
    raise NoService(f"the service was not ready within {START_LIMIT_S:.0f} s; its log is {log}")


def _end_with_parent() -> Callable[[], object] | None:
    """What makes the service end with a trainer that is killed (Linux; elsewhere there is no such call)."""
    if sys.platform != "linux":
        return None
    return functools.partial(ctypes.CDLL(None).prctl, PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
