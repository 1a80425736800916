"""A real vLLM server on the CPU, supervised by us, end to end. The tiny model's opinions mean nothing."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from grm.answer_check import CheckPolicy, check_answer
from grm.backend import Completion, Message, Phase, Refused, Unreachable
from grm.vllm_server import SupervisedBackend
from tests.processes import group, leash_of, naming, until
from tests.vllm.conftest import ROOT, START_LIMIT_S

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_S = 60.0


async def test_the_probe_proves_logprobs_and_a_constraint(server: SupervisedBackend) -> None:
    """vLLM gives log-probabilities, a constraint that bites and takes the thinking switch."""
    able = server.capabilities
    assert able is not None
    assert (able.logprobs, able.constraint, able.thinking_switch) == (True, "structured_outputs", True)
    assert able.model == server.name
    assert able.notes == ()


async def test_a_check_has_label_mass_and_repeats_itself(server: SupervisedBackend) -> None:
    """The label's probability is really read, and the same question gives the same score."""
    readings = [
        await check_answer(
            server,
            question="What is 1/2 + 1/4?",
            reference="3/4",
            answer="0.75",
            deadline_s=DEADLINE_S,
            policy=CheckPolicy(),
        )
        for _ in range(3)
    ]
    first = readings[0]
    assert first.label_mass is not None
    assert first.yes is not None
    assert first.label_mass > 0.9
    assert 0.0 < first.yes < 1.0
    assert first.accepts is (first.yes >= CheckPolicy().threshold)
    assert all(reading == first for reading in readings)


async def test_answers_that_differ_are_different_questions(server: SupervisedBackend) -> None:
    """The candidate reaches the model: another answer changes the probability."""
    scores = {
        (
            await check_answer(
                server,
                question=None,
                reference="3/4",
                answer=answer,
                deadline_s=DEADLINE_S,
                policy=CheckPolicy(),
            )
        ).yes
        for answer in ("0.75", "17 apples", "x = y")
    }
    assert len(scores) == 3


async def test_a_constraint_bites(server: SupervisedBackend) -> None:
    """The model writes one of the choices, which it would never write by itself."""
    completion = Completion((Message("user", "Hello"),), max_tokens=32, choices=("quixotic", "zephyr"))
    reply = await server.complete(completion, deadline_s=DEADLINE_S)
    assert reply.text in completion.choices


async def test_an_overlong_prompt_is_refused_with_the_reason(server: SupervisedBackend) -> None:
    """A prompt past the model's window is our mistake, and the server's own words say so."""
    completion = Completion((Message("user", "word " * 4_000),), max_tokens=1)
    with pytest.raises(Refused, match="2048"):
        await server.complete(completion, deadline_s=DEADLINE_S)


async def test_many_at_once_are_all_answered(server: SupervisedBackend) -> None:
    """Concurrent checks on one server all come back readable."""
    checks = (
        check_answer(
            server,
            question=f"What is {number}?",
            reference=str(number),
            answer=str(number),
            deadline_s=DEADLINE_S,
            policy=CheckPolicy(),
        )
        for number in range(32)
    )
    readings = await asyncio.gather(*checks)
    assert all(reading.accepts is not None for reading in readings)


async def test_a_killed_server_is_restarted(server: SupervisedBackend) -> None:
    """Calls fail at once while the server is away, the state says so, and it comes back by itself."""
    leash = leash_of(server.name)
    before = group(leash)
    assert len(before) >= 3
    os.kill(next(pid for pid in naming(server.name) if pid != leash), signal.SIGKILL)
    await until(lambda: server.state.phase is Phase.RESTARTING)
    completion = Completion((Message("user", "Hello"),), max_tokens=1)
    with pytest.raises(Unreachable, match="restarting"):
        await server.complete(completion, deadline_s=DEADLINE_S)
    await until(lambda: not group(leash))
    state = await server.wait_ready(START_LIMIT_S)
    assert state.ready, state.detail
    assert (await server.complete(completion, deadline_s=DEADLINE_S)).completion_tokens == 1


OWNER = """
import asyncio, sys
from grm.vllm_command import VllmOptions
from grm.vllm_server import SupervisedBackend

async def main():
    backend = SupervisedBackend(sys.argv[2], VllmOptions(interpreter=sys.argv[1]))
    await backend.start()
    print((await backend.wait_ready(300)).phase, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_no_server_outlives_its_owner(vllm_python: str, tmp_path: Path, tiny_model: str) -> None:
    """Even when the service is killed outright, the server and its engine are gone soon after."""
    model = shutil.copytree(tiny_model, str(tmp_path / "same-model"))
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, vllm_python, model, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"ready\n"
        leash = leash_of(model)
        assert len(group(leash)) >= 3
    finally:
        owner.kill()
        await owner.wait()
    await until(lambda: not group(leash))
