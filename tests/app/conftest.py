"""The application in this process, with misbehaving verifiers and a scripted model."""

import functools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.main import create_app
from app.services import Services, open_services
from app.settings import CacheSettings, JudgeSettings, ModelSettings, PoolSettings, Settings
from grm.backend import ServedModel
from tests.live import LiveService

FAULTS = "tests.app.fault_verifiers:VERIFIERS"


@dataclass
class Running:
    """An application that takes requests."""

    services: Services
    http: httpx2.AsyncClient

    async def verify(self, *responses: str, reference: str | list[str] = "7", **envelope: Any) -> list[dict[str, Any]]:
        """The results for these responses."""
        items = [{"task": "faulty", "response": response, "reference": reference} for response in responses]
        reply = await self.http.post("/v1/verify", json={"items": items, **envelope})
        assert reply.status_code == 200, reply.text
        results: list[dict[str, Any]] = reply.json()["results"]
        return results

    async def judge(self, *cases: dict[str, Any], **envelope: Any) -> list[dict[str, Any]]:
        """The results for these cases."""
        reply = await self.http.post("/v1/judge", json={"cases": cases, **envelope})
        assert reply.status_code == 200, reply.text
        results: list[dict[str, Any]] = reply.json()["results"]
        return results

    async def reward(self, *items: dict[str, Any], **envelope: Any) -> list[dict[str, Any]]:
        """The results for these items."""
        reply = await self.http.post("/v1/reward", json={"items": items, **envelope})
        assert reply.status_code == 200, reply.text
        results: list[dict[str, Any]] = reply.json()["results"]
        return results


StartApp = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start_app(tmp_path: Path) -> StartApp:
    """`async with start_app(pool={…}, cache={…}, model={…}, served=…) as running`."""

    @asynccontextmanager
    async def start(
        *,
        pool: dict[str, Any] | None = None,
        cache: dict[str, Any] | None = None,
        model: dict[str, Any] | None = None,
        served: ServedModel | None = None,
        judge: ServedModel | None = None,
        judging: dict[str, Any] | None = None,
        groups: dict[str, Any] | None = None,
        registry: str = FAULTS,
    ) -> AsyncIterator[Running]:
        settings = Settings(
            pool=PoolSettings(
                **{"workers": 2, "item_cpu_s": 0.3, "item_wall_s": 4.0, "item_memory_mb": 128, **(pool or {})}
            ),
            cache=CacheSettings(**{"file": tmp_path / "cache.sqlite3", **(cache or {})}),
            model=ModelSettings(**(model or {})),
            judge=JudgeSettings(**(judging or {})),
            **(groups or {}),
        )
        app = create_app(settings, functools.partial(open_services, registry=registry, served=served, judge=judge))
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test", timeout=60) as http:
                yield Running(app.state.services, http)

    return start


@pytest.fixture(scope="session")
def faulty_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A real service with misbehaving verifiers, small limits and no model; shared, so count nothing in it."""
    settings = {
        "TOUCHSTONE_LIMITS__BODY_MB": "1",
        "TOUCHSTONE_POOL__WORKERS": "2",
        "TOUCHSTONE_POOL__ITEM_CPU_S": "0.3",
        "TOUCHSTONE_POOL__ITEM_WALL_S": "4",
        "TOUCHSTONE_POOL__ITEM_MEMORY_MB": "128",
    }
    live = LiveService(tmp_path_factory.mktemp("faulty"), settings, registry=FAULTS)
    yield live.wait_ready()
    live.stop()


PROFILES = {
    "math": {"task": "math", "recall": "never", "on_no_verdict": "nan"},
    "code": {"task": "code", "options": {"reward": "fraction"}, "on_no_verdict": "value", "value": 0.25},
    "closed": {"task": "math", "key": "sesame"},
    "poems": {"task": "open", "deadline_s": 20},
}


@pytest.fixture(scope="session")
def framework_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A real service with the real verifiers, a scripted judge (`quality=7` in a text is its score) and PROFILES."""
    settings = {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_PROFILES": json.dumps(PROFILES),
        "TOUCHSTONE_JUDGE__EMPTY_CONTROL": "false",
        "TOUCHSTONE_JUDGE__WRONG_CONTROL_SHARE": "0",
        "TOUCHSTONE_JUDGE__VOTES": "1",
        "TOUCHSTONE_JUDGE__MAX_VOTES": "1",
    }
    live = LiveService(tmp_path_factory.mktemp("frameworks"), settings, model="judge")
    yield live.wait_ready()
    live.stop()
