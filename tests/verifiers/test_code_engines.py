"""The other engines: what they send, and what they make of the answers. The far sides are stand-ins that really run
what they are given: a SandboxFusion server over our own sandbox, and a container client that drops the container.
"""

import json
import os
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from verifiers import code_run
from verifiers.code_run import Configuration, configure
from verifiers.code_run.engines import EngineFailure, Job, Language, Level, Limits, Status, Unavailable, open_engine
from verifiers.code_run.engines.embedded import EmbeddedEngine
from verifiers.problem import Problem
from verifiers.verdict import Outcome

LIMITS = Limits(cpu_s=2.0, wall_s=5.0, memory_mb=256)
CALLS: dict[str, Any] = {"tests": [{"fn_name": "f", "args": [[3, 1]], "expected": [1, 3]}]}
RESPONSE = "```python\ndef f(a):\n    print('noise')\n    return tuple(sorted(a))\n```"


@pytest.fixture
def embedded() -> Iterator[EmbeddedEngine]:
    """A sandbox for the stand-in server."""
    engine = EmbeddedEngine()
    try:
        engine.level()
    except EngineFailure as refused:
        pytest.skip(f"no sandbox here: {refused}")
    yield engine
    engine.close()


@pytest.fixture
def default_engine() -> Iterator[None]:
    """Leaves the process with the engine that it had."""
    yield
    configure(Configuration())


@pytest.fixture
def fusion_url(embedded: EmbeddedEngine) -> Iterator[str]:
    """A server that speaks SandboxFusion's `POST /run_code`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if "crash the server" in body["code"]:
                self.send_error(500)
                return
            limits = Limits(body["run_timeout"], body["run_timeout"], body["memory_limit_MB"])
            ran = embedded.run(Job(Language(body["language"]), body["code"], body["stdin"]), limits)
            slow = ran.status is Status.TIMEOUT
            result = {
                "status": "TimeLimitExceeded" if slow else "Finished",
                "execution_time": ran.wall_s,
                "return_code": None if slow else ran.exit_code,
                "stdout": ran.stdout,
                "stderr": ran.stderr,
            }
            status = "Success" if not slow and ran.exit_code == 0 else "Failed"
            answer = json.dumps({"status": status, "compile_result": None, "run_result": result}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_fusion_engine_runs_programs(fusion_url: str) -> None:
    """Output, exit status and time-out come back as an execution."""
    engine = open_engine(Configuration(engine=fusion_url))
    ran = engine.run(Job(Language.PYTHON, "print(input())", "hi"), LIMITS)
    assert (ran.status, ran.exit_code, ran.stdout) == (Status.FINISHED, 0, "hi\n")
    assert engine.run(Job(Language.PYTHON, "1 / 0"), LIMITS).exit_code == 1
    slow = engine.run(Job(Language.PYTHON, "while True: pass"), Limits(0.3, 0.5, 256))
    assert slow.status is Status.TIMEOUT


def test_fusion_engine_that_fails_is_our_fault(fusion_url: str) -> None:
    """A server error, or no server at all, is an engine's failure."""
    with pytest.raises(EngineFailure, match="500"):
        open_engine(Configuration(engine=fusion_url)).run(Job(Language.PYTHON, "# crash the server"), LIMITS)
    with pytest.raises(EngineFailure, match="reached"):
        open_engine(Configuration(engine="http://127.0.0.1:9")).run(Job(Language.PYTHON, ""), LIMITS)


def test_call_tests_work_on_a_fusion_server(fusion_url: str, default_engine: None) -> None:
    """Functions are called through the harness that is sent along; assert tests are refused with the reason."""
    configure(Configuration(engine=fusion_url))
    assert code_run.verify(Problem(RESPONSE, ("",), None, CALLS)).outcome is Outcome.CORRECT
    refused = code_run.verify(Problem(RESPONSE, ("assert f([2, 1]) == (1, 2)",)))
    assert refused.outcome is Outcome.UNDECIDABLE
    assert "embedded" in refused.reason


@pytest.fixture
def container_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` on the PATH that notes its arguments and runs the command without a container."""
    script = tmp_path / "docker"
    script.write_text(
        f"""#!/bin/sh
printf '%s\\n' "$@" >> {tmp_path}/arguments
[ "$1" = rm ] && exit 0
while [ "$1" != /bin/sh ]; do
    case "$1" in SOURCE=*) export "$1";; broken) echo "no such image" >&2; exit 125;; esac
    shift
done
cd {tmp_path} && exec "$@"
"""
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "arguments"


def test_container_engine_runs_programs_without_network(container_client: Path) -> None:
    """Each run asks for a container without network, writable root, capabilities or root's uid."""
    engine = open_engine(Configuration(engine="container:docker:image"))
    ran = engine.run(Job(Language.PYTHON, "print(input())", "hi"), LIMITS)
    assert (ran.status, ran.exit_code, ran.stdout) == (Status.FINISHED, 0, "hi\n")
    arguments = container_client.read_text()
    for wanted in ("--network\nnone", "--read-only", "--cap-drop\nALL", "no-new-privileges", "--user\n65534:65534"):
        assert wanted in arguments


def test_container_engine_calls_functions(container_client: Path, default_engine: None) -> None:
    """The harness works as a text of its own."""
    configure(Configuration(engine="container:docker:image"))
    assert code_run.verify(Problem(RESPONSE, ("",), None, CALLS)).outcome is Outcome.CORRECT


def test_container_that_cannot_start_is_our_fault(container_client: Path) -> None:
    """The client's own exit statuses are no program's."""
    with pytest.raises(EngineFailure, match="no such image"):
        open_engine(Configuration(engine="container:docker:broken")).run(Job(Language.PYTHON, ""), LIMITS)


def test_flooding_container_is_removed(container_client: Path) -> None:
    """A container that writes without end is removed by its name."""
    engine = open_engine(Configuration(engine="container:docker:image"))
    ran = engine.run(Job(Language.PYTHON, "while True: print('x' * 1000)"), LIMITS)
    assert ran.status is Status.OUTPUT
    assert "rm\n--force\ntouchstone-" in container_client.read_text()


def test_missing_runtime_says_what_to_install() -> None:
    """No container client, no compiler: the failure names it."""
    with pytest.raises(Unavailable, match="no-such-runtime"):
        open_engine(Configuration(engine="container:no-such-runtime:image")).run(Job(Language.PYTHON, ""), LIMITS)


def test_unknown_engine_is_refused() -> None:
    """A misspelt engine is an error at the start, not at the first item."""
    with pytest.raises(ValueError, match="embeded"):
        configure(Configuration(engine="embeded"))


def test_without_isolation_nothing_runs(default_engine: None, tmp_path: Path) -> None:
    """Where no method confines to the wanted level the engine refuses and says what to allow, and runs nothing."""
    engine = EmbeddedEngine(Level.NAMESPACES, methods=("landlock",))
    mark = tmp_path / "ran"
    with pytest.raises(Unavailable, match="user namespaces"):
        engine.run(Job(Language.PYTHON, f"open({str(mark)!r}, 'w')"), LIMITS)
    engine.close()
    assert not mark.exists()


def test_sandbox_failure_is_undecidable(default_engine: None) -> None:
    """An item whose engine is away is nobody's wrong answer."""
    configure(Configuration(engine="http://127.0.0.1:9"))
    said = code_run.verify(Problem("```python\nprint(1)\n```", ("",), None, {"tests": [{"stdin": "", "stdout": "1"}]}))
    assert said.outcome is Outcome.UNDECIDABLE
    assert said.rule == "no_sandbox"
