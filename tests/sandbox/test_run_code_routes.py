"""The wire formats of SandboxFusion and open-instruct, answered by real worker processes with real sandboxes."""

import asyncio
import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from app.main import create_app
from app.routes import run_code
from app.services import Services, open_services
from app.settings import CacheSettings, PoolSettings, Settings
from tests.sandbox.conftest import open_engine
from verifiers.code_run.inside.confine import ROOT, USER


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[tuple[Services, httpx2.AsyncClient]]:
    """A service with one worker, and a client."""
    try:
        open_engine(ROOT).close()
    except pytest.skip.Exception:
        open_engine(USER).close()
    settings = Settings(
        pool=PoolSettings(workers=1, item_wall_s=8.0), cache=CacheSettings(file=tmp_path / "cache.sqlite3")
    )
    app = create_app(settings, functools.partial(open_services, registry="tests.sandbox.registry:VERIFIERS"))
    if not any(getattr(route, "path", "") == "/run_code" for route in app.routes):
        app.include_router(run_code.router)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://service", timeout=60) as http:
            yield app.state.services, http


async def post(http: httpx2.AsyncClient, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    reply = await http.post(path, json=body)
    assert reply.status_code == status, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


async def test_run_code_speaks_sandbox_fusion(services: tuple[Services, httpx2.AsyncClient]) -> None:
    """Exactly what verl sends is answered with exactly the fields that it reads."""
    _, http = services
    body = {
        "compile_timeout": 10, "run_timeout": 2, "code": "import sys\nprint(input())\nprint('e', file=sys.stderr)",
        "stdin": "hello", "memory_limit_MB": 1024, "language": "python", "files": {}, "fetch_files": [],
    }  # fmt: skip
    ran = await post(http, "/run_code", body)
    assert (ran["status"], ran["compile_result"], ran["files"]) == ("Success", None, {})
    result = ran["run_result"]
    assert (result["status"], result["return_code"], result["stdout"], result["stderr"]) == (
        "Finished", 0, "hello\n", "e\n",
    )  # fmt: skip
    failed = await post(http, "/run_code", {**body, "code": "1 / 0"})
    assert (failed["status"], failed["run_result"]["return_code"]) == ("Failed", 1)
    assert "ZeroDivisionError" in failed["run_result"]["stderr"]
    slow = await post(http, "/run_code", {**body, "code": "while True: pass", "run_timeout": 0.3})
    assert (slow["status"], slow["run_result"]["status"]) == ("Failed", "TimeLimitExceeded")
    unknown = await post(http, "/run_code", {**body, "language": "cobol"})
    assert unknown["status"] == "SandboxError"
    assert "cobol" in unknown["message"]


async def test_test_program_speaks_open_instruct(services: tuple[Services, httpx2.AsyncClient]) -> None:
    """One result and one run time for each test, by asserts and by input and output."""
    _, http = services
    program = "def add(a, b): return a + b\nif __name__ == '__main__': print(add(*map(int, input().split())))"
    asserts = ["assert add(1, 2) == 3", "assert add(-1, 1) == 0", "assert add(0, 0) == 1"]
    tested = await post(http, "/test_program", {"program": program, "tests": asserts, "max_execution_time": 1.0})
    assert tested["results"] == [1, 1, 0]
    assert len(tested["runtimes"]) == 3
    pairs = [{"input": "1 2", "output": "3"}, {"input": "1 2", "output": "4"}]
    tested = await post(http, "/test_program_stdio", {"program": program, "tests": pairs})
    assert tested["results"] == [1, 0]


async def test_slow_program_costs_no_worker(services: tuple[Services, httpx2.AsyncClient]) -> None:
    """A program that hangs is stopped by the sandbox: incorrect, and the worker that waited for it lives on."""
    held, http = services
    before = held.pool.worker_pids()
    item = {
        "task": "code", "reference": "", "response": "```python\nimport time\ntime.sleep(100)\n```",
        "options": {"tests": [{"stdin": "", "stdout": "1"}], "timeout_s": 60},
    }  # fmt: skip
    answer = await post(http, "/v1/verify", {"items": [item]})
    assert answer["results"][0]["outcome"] == "incorrect"
    assert held.pool.worker_pids() == before


async def test_sandboxes_end_with_the_service(services: tuple[Services, httpx2.AsyncClient]) -> None:
    """Killing a worker outright ends its slot, and the next item is answered by a new one."""
    held, http = services
    await post(http, "/run_code", {"code": "print(1)"})
    worker = psutil.Process(held.pool.worker_pids()[0])
    family = worker.children(recursive=True)
    assert len(family) == 2
    worker.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    # What is sent to the worker before its end is seen would be lost with it.
    while worker.pid in held.pool.worker_pids():  # noqa: ASYNC110 - the pool announces no end
        await asyncio.sleep(0.01)
    again = await post(http, "/run_code", {"code": "print(2)"})
    assert again["run_result"]["stdout"] == "2\n"
