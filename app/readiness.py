"""Whether the service can take work. Pure: from the states of the parts to the page.

Rule 1: a part is required when, without it, items that could have been decided are not.
"""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from app.services import Services
from grm.backend import Capabilities
from touchstone_client.contract import ComponentState, Readiness
from verifiers.hybrid import OnModelFailure


def readiness(services: Services) -> Readiness:
    """How each part is, and whether the required ones are well."""
    components = {
        "service": _service(services),
        "pool": _pool(services),
        "cache": _cache(services),
        "model": _model(services),
        "judge": _judge(services),
    }
    ready = all(part.ok for part in components.values() if part.required)
    return Readiness(ready=ready, version=version("touchstone"), components=components)


def _service(services: Services) -> ComponentState:
    leaving = services.drain.leaving
    detail = "leaving: send requests elsewhere" if leaving else "takes requests"
    return ComponentState(ok=not leaving, required=True, detail=detail)


def _pool(services: Services) -> ComponentState:
    state = services.pool.state()
    detail = f"{state.workers} of {state.wanted} workers, {state.queued_items} items waiting"
    return ComponentState(ok=state.workers > 0, required=True, detail=detail)


def _cache(services: Services) -> ComponentState:
    state = services.cache.state()
    return ComponentState(ok=state.ok, required=False, detail=state.detail)


def _model(services: Services) -> ComponentState:
    if services.model is None:
        return ComponentState(ok=True, required=False, detail="none configured: rules alone")
    # Where the policy keeps the rules' verdict, every item is decided without the model.
    required = services.model.on_failure is OnModelFailure.UNDECIDABLE
    state = services.model.state
    detail = f"{state.phase}: {state.detail}"
    return ComponentState(
        ok=state.ready, required=required, detail=detail, capabilities=_seen(services.model.capabilities)
    )


def _judge(services: Services) -> ComponentState:
    if services.judging is None:
        return ComponentState(ok=True, required=False, detail="none configured: nothing can be judged")
    # Not required: verification goes on without it. Whoever sends judged items sees them unscored.
    state = services.judging.state
    detail = f"{state.phase}: {state.detail}"
    return ComponentState(
        ok=state.ready, required=False, detail=detail, capabilities=_seen(services.judging.capabilities)
    )


def _seen(found: Capabilities | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
