"""The sandbox's walls, tried from outside: hostile programs sent over HTTP to a running service, on every way in."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService, RedisServer
from tests.sandbox.conftest import interpreter_for_others

SECRET = "XyZZy-of-the-service"
PROBE = """
import os, socket, subprocess, ctypes
port, path, parent = input().split()
found = []
def attempt(name, action):
    try:
        if action():
            found.append(name)
    except BaseException:
        pass
attempt("environment", lambda: "XyZZy" in str(os.environ))
attempt("parent's environment", lambda: b"XyZZy" in open(f"/proc/{parent}/environ", "rb").read())
attempt("any environment", lambda: any(open(f"/proc/{p}/environ").read() for p in os.listdir("/proc") if p.isdigit()))
attempt("a file of the service", lambda: open(path).read())
attempt("passwords", lambda: open("/etc/shadow").read())
attempt("the network", lambda: socket.create_connection(("127.0.0.1", int(port)), 1))
attempt("a signal", lambda: os.kill(int(parent), 0) is None)
attempt("a process", lambda: os.fork() >= 0)
attempt("a shell", lambda: subprocess.run(["/bin/sh", "-c", "true"]))
attempt("a file beside the service's", lambda: open(os.path.dirname(path) + "/mine", "w"))
attempt("tracing", lambda: ctypes.CDLL(None).ptrace(16, int(parent), 0, 0) == 0)
attempt("a mount", lambda: ctypes.CDLL(None).mount(b"none", b"/tmp", b"tmpfs", 0, 0) == 0)
print("through:", found)
"""
NOTHING = "through: []\n"


@pytest.fixture(scope="module")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service with a secret in its settings."""
    interpreter = interpreter_for_others()
    if interpreter is None:
        pytest.skip("needs a Python that other users can read")
    settings = {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_CODE__PYTHON": interpreter,
        "TOUCHSTONE_PROFILES": json.dumps({"closed": {"task": "math", "key": SECRET}}),
    }
    live = LiveService(tmp_path_factory.mktemp("sandboxed"), settings)
    live.wait_ready()
    if ran(live, "print(1)")["status"] == "SandboxError":
        live.stop()
        pytest.skip("programs cannot be confined here")
    yield live
    live.stop()


def ran(live: LiveService, code: str, stdin: str = "") -> dict[str, Any]:
    body = {"code": code, "stdin": stdin, "language": "python", "run_timeout": 5}
    answer: dict[str, Any] = live.client.post("/run_code", json=body).json()
    return answer


def by_run_code(live: LiveService, stdin: str) -> str:
    answer = ran(live, PROBE, stdin)
    assert answer["status"] == "Success", answer
    said: str = answer["run_result"]["stdout"]
    return said


def by_verify(live: LiveService, stdin: str) -> str:
    item = {
        "task": "code",
        "response": f"```python\n{PROBE}\n```",
        "reference": "",
        "options": {"tests": [{"stdin": stdin, "stdout": NOTHING}]},
    }
    result = live.client.post("/v1/verify", json={"items": [item]}).json()["results"][0]
    return NOTHING if result["outcome"] == "correct" else str(result)


@pytest.mark.parametrize("way", [by_run_code, by_verify])
def test_nothing_of_the_service_is_in_reach(
    sandboxed: LiveService, redis_server: RedisServer, tmp_path: Path, way: Callable[[LiveService, str], str]
) -> None:
    """Environment, files, processes, network, tracing: a program that tries them all gets through to none."""
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    assert way(sandboxed, f"{redis_server.port} {secret} {sandboxed.process.pid}") == NOTHING
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
        "hoard = []\nwhile True: hoard.append(bytes(1 << 24))",
        "while True: print('x' * 10_000)",
        "import ctypes; ctypes.string_at(0)",
        "import os\nwhile True: os.fork()",
    ],
    ids=["spin", "sleep", "memory", "output", "crash", "forks"],
)
def test_a_greedy_program_costs_its_own_answer_only(sandboxed: LiveService, code: str) -> None:
    """What never ends, takes all memory, floods or crashes is told as failed, and the next program runs."""
    assert ran(sandboxed, code)["status"] == "Failed"
    assert ran(sandboxed, "print(input())", "well")["run_result"]["stdout"] == "well\n"
