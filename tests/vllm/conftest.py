"""The vLLM environment, a tiny model made by it, and one supervised server for the whole session."""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from grm.vllm_command import VllmOptions
from grm.vllm_server import SupervisedBackend

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
collect_ignore = ["make_model.py"]  # looking for examples imports every module, and this one runs where torch is
WINDOW = 12_288
"""A byte-level vocabulary of 512 needs four times a usual model's tokens, and random text fills every field."""
START_LIMIT_S = 300.0
"""One minute on two quiet cores, up to three on loaded ones."""


@pytest.fixture(scope="session")
def vllm_python() -> str:
    """The Python of the finished vLLM environment. Skips without one, unless TOUCHSTONE_REQUIRE_VLLM=1."""
    folder = Path(os.environ.get("TOUCHSTONE_VLLM_ENV", ROOT / ".venv-vllm"))
    if (folder / "touchstone-finished").is_file():
        return str(folder / "bin" / "python")
    lack = f"no finished vLLM environment in {folder}: run tests/vllm/make_env.sh"
    if os.environ.get("TOUCHSTONE_REQUIRE_VLLM") == "1":
        pytest.fail(lack)
    pytest.skip(lack)


@pytest.fixture(scope="session")
def tiny_model(vllm_python: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a freshly made model."""
    folder = tmp_path_factory.mktemp("tiny-model")
    subprocess.run([vllm_python, str(HERE / "make_model.py"), str(folder)], check=True, timeout=300)
    return str(folder)


@pytest.fixture(scope="session")
def vllm_options(vllm_python: str) -> VllmOptions:
    """How the tests start vLLM."""
    return VllmOptions(interpreter=vllm_python, arguments=("--max-model-len", "2048"), start_limit_s=START_LIMIT_S)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def roomy(tiny_model: str, vllm_options: VllmOptions) -> AsyncIterator[SupervisedBackend]:
    """A supervised server with room for a judgement. Its model has a folder of its own: some tests look for the one
    server that serves the other.
    """
    folder = shutil.copytree(tiny_model, f"{tiny_model}-roomy")
    room = ("--max-model-len", str(WINDOW), "--hf-overrides", json.dumps({"max_position_embeddings": WINDOW}))
    options = replace(vllm_options, arguments=room)
    async for backend in _serving(folder, options):
        yield backend


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tiny_model: str, vllm_options: VllmOptions) -> AsyncIterator[SupervisedBackend]:
    """A supervised server, ready."""
    async for backend in _serving(tiny_model, vllm_options):
        yield backend


async def _serving(folder: str, options: VllmOptions) -> AsyncIterator[SupervisedBackend]:
    backend = SupervisedBackend(folder, options)
    await backend.start()
    try:
        state = await backend.wait_ready(START_LIMIT_S)
        assert state.ready, "\n".join((state.detail, *backend.log_lines[-40:]))
        yield backend
    finally:
        await backend.aclose()
