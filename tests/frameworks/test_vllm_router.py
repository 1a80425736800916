"""vLLM's router in front of two model servers, as the one address of our second look."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from grm.backend import Completion, Message
from grm.connect import model_from_spec
from tests.live import free_port
from tests.scripted_openai import Act, Asked, Json, Script, ScriptedOpenAI, polite

ROUTER = Path(sys.executable).with_name("vllm-router")
START_LIMIT_S = 60.0


def healthy(script: Script) -> Script:
    """With the path that vLLM has besides."""

    def act(asked: Asked) -> Act:
        return Json({}) if asked.path == "/health" else script(asked)

    return act


def failing(asked: Asked) -> Act:
    """Alive, listing its model, and good for nothing."""
    return polite()(asked) if asked.method == "GET" else Json({"error": {"message": "out of memory"}}, 500)


@pytest.fixture
def servers() -> Iterator[list[ScriptedOpenAI]]:
    with ScriptedOpenAI(healthy(polite())) as good, ScriptedOpenAI(healthy(failing)) as bad:
        yield [good, bad]


@pytest.fixture
def router(servers: list[ScriptedOpenAI]) -> Iterator[str]:
    """Its address, once it takes requests."""
    port = free_port()
    command = [str(ROUTER), "--host", "127.0.0.1", "--port", str(port), "--policy", "round_robin"]
    command += ["--prometheus-port", str(free_port()), "--worker-urls", *(one.url for one in servers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + START_LIMIT_S
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            if httpx2.get(f"{url}/v1/models").status_code == 200:
                break
        except httpx2.TransportError:
            pass
        assert process.poll() is None, "vllm-router did not start"
        assert time.monotonic() < ends, "vllm-router does not answer"
        time.sleep(0.2)
    yield url
    process.terminate()
    process.wait(30)


async def test_a_model_behind_the_router(router: str, servers: list[ScriptedOpenAI]) -> None:
    """`--model http://router/v1` is one model: found, probed, and answered past the replica that fails."""
    model = model_from_spec(f"{router}/v1")
    await model.start()
    assert (await model.wait_ready(START_LIMIT_S)).ready
    for number in range(4):
        question = Completion((Message("user", f"{number} = {number}?"),), max_tokens=1)
        assert (await model.complete(question, deadline_s=30)).text == "Yes"
    await model.aclose()
    assert all(any(one.method == "POST" for one in server.asked) for server in servers)
