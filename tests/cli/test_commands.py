"""The other commands: serve, bench, version, and what help promises."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from app.cli import load
from touchstone_client import AsyncClient, Client, TouchstoneError

from .test_verify import touchstone

START_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`touchstone serve` as a process of its own."""
    folder = tmp_path_factory.mktemp("serve")
    port = free_port()
    arguments = ["serve", "--port", str(port), "--workers", "1", "--cache", str(folder / "cache.sqlite3")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from app.cli import main; main()", *arguments], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    give_up_at = time.monotonic() + START_S
    with Client(url) as client:
        while not client.healthy() and process.poll() is None and time.monotonic() < give_up_at:
            time.sleep(0.1)
    yield url, process
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
    assert process.wait(START_S) == 0, (folder / "log").read_text()


def test_client_against_the_real_service(served: tuple[str, subprocess.Popen[bytes]]) -> None:
    """The client and the service agree: results, tasks, readiness, and a rejection with its problem."""
    with Client(served[0]) as client:
        right, wrong = client.verify(
            [{"id": str(value), "response": f"\\boxed{{{value}}}", "reference": "1/2"} for value in (0.5, 2)]
        )
        assert (right.id, right.reward, wrong.reward) == ("0.5", 1.0, 0.0)
        assert "math" in [task.name for task in client.tasks()]
        assert client.ready().ready
        with pytest.raises(TouchstoneError, match="model"):
            client.verify([{"response": "1", "reference": "1"}], recall="always")


async def test_wrong_items_against_the_real_service(served: tuple[str, subprocess.Popen[bytes]]) -> None:
    """Wrong items cost only themselves, whether they travel with good ones or alone."""
    bad, good = {"id": "bad", "task": "no-such", "response": "1", "reference": "1"}, {"response": "1", "reference": "1"}
    async with AsyncClient(served[0]) as client:
        for items in ([bad], [bad, good]):
            result = (await client.verify(items))[0]
            assert (result.id, result.reward, result.outcome) == ("bad", None, "undecidable")
            assert result.problem is not None
            assert "no such task" in result.problem.errors[0].message


def test_bench_measures_a_running_service(served: tuple[str, subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """Bench reports what it sent and what came back; a second run of the same seed meets the cache."""
    arguments = ["bench", "--url", served[0], "--items", "200", "--batch", "50", "--seed", "1", "--json", "-"]
    first, second = (json.loads(touchstone(*arguments).stdout) for _ in range(2))
    assert (first["items"], first["batches"]) == (200, 4)
    assert first["by_rules_share"] > 0.9
    assert 0.3 < first["correct_share"] < 0.7
    assert first["batch_p50_ms"] <= first["batch_p99_ms"]
    assert second["correct_share"] == first["correct_share"]
    assert second["cached_share"] >= first["cached_share"]


def test_bench_without_a_service() -> None:
    """Nobody there is exit status 3."""
    assert touchstone("bench", "--url", "http://127.0.0.1:1", "--items", "1").returncode == 3


def test_bench_load_is_repeatable_and_repeats_itself() -> None:
    """The same seed gives the same items, exactly as many as asked for, and groups share their reference."""
    items = list(load.items(40, seed=3))
    assert items == list(load.items(40, seed=3))
    assert len(items) == 40
    assert len({item.reference for item in items[:16]}) == 1
    assert len({item.id for item in items}) == 40


def test_busy_port_is_said_at_once(served: tuple[str, subprocess.Popen[bytes]]) -> None:
    """A taken port ends serve with exit status 2 and the option to change."""
    done = touchstone("serve", "--port", served[0].rsplit(":", 1)[1])
    assert done.returncode == 2
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--redis", "localhost:6379"], "redis://"),
        (["--model", "some-model"], "vllm:NAME"),
        (["--model", "http://one:1/v1", "--model", "some-model"], "vllm:NAME"),
        (["--judge-model", "some-model"], "--judge-model"),
        (["--host", "no.such.host.invalid"], "cannot listen"),
        (["--on-model-failure", "explode"], "explode"),
        (["--port", "0"], "port"),
    ],
)
def test_serve_refuses_what_cannot_work(arguments: list[str], complaint: str) -> None:
    """A wrong setting ends serve before anything is started."""
    done = touchstone("serve", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_version() -> None:
    """The version is the installed package's, and asking for it loads no web framework."""
    assert touchstone("version").stdout.strip() == version("touchstone")
    code = "import sys, app.cli; print(sorted({'fastapi', 'sympy', 'uvicorn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [[], ["verify"], ["serve"]])
def test_help_documents_exit_status(command: list[str]) -> None:
    """What the exit status means is in the help."""
    assert "Exit status" in touchstone(*command, "--help").stdout


def test_help_documents_what_stands_for_nothing_given() -> None:
    """Where an option's default is a rule and no value, the help says it: square brackets there are markup."""
    assert touchstone("make-key", "--help").stdout.count("no limit") == 4


@pytest.mark.parametrize("name", ["TOUCHSTONE_CAHCE__FILE", "TOUCHSTONE_CACHE__FLIE"])
def test_misspelt_setting_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the environment that does not exist is an error at the start, with its name."""
    monkeypatch.setenv(name, "x")
    done = touchstone("serve", "--port", "1")
    assert done.returncode == 2
    assert name.removeprefix("TOUCHSTONE_").split("__")[0].lower() in done.stderr.lower()


def test_several_server_processes_start_no_model_each(tmp_path: Path) -> None:
    """Two server processes and one `vllm:` model would be two models: the call is refused with the way out."""
    done = touchstone("serve", "--servers", "2", "--model", "vllm:tiny")
    assert (done.returncode, "--model http://" in done.stderr) == (2, True)


@pytest.mark.parametrize(("limits", "said"), [(["--items-per-minute", "100"], True), ([], False)])
def test_limits_are_for_each_server_process(limits: list[str], said: bool, tmp_path: Path) -> None:
    """With several server processes and keys that have limits, the start says for whom they hold."""
    keys = str(tmp_path / "keys.json")
    assert touchstone("make-key", "trainer", "--file", keys, *limits).returncode == 0
    with socket.socket() as taken:  # ends the command before anything is started
        taken.bind(("127.0.0.1", 0))
        done = touchstone("serve", "--servers", "2", "--keys", keys, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert ("each of the 2 server processes" in done.stderr) is said


def test_a_model_address_with_a_password_is_refused_without_showing_it() -> None:
    """A password in a model's address is not taken, and not repeated."""
    done = touchstone("serve", "--model", "http://me:secret@localhost:1/v1")
    assert (done.returncode, "secret" in done.stderr) == (2, False)
    assert "API key" in done.stderr
