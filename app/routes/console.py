"""The console at `/console`, and what it asks: `POST /v1/explain`, `GET /v1/stats`, `GET /v1/disagreements`."""

import time
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response

from app import bodies, callers, explaining, requests, to_wire
from app.console import examples, page, shapes
from app.deps import ServicesDep
from app.errors import Unusable
from app.model_stage import Heard
from app.recent import BUCKETS_PER_DOUBLING, MIN_LATENCY_S, SECONDS_KEPT, Disagreement
from app.request_scope import count_items
from touchstone_client import contract

MAX_LISTED = 200

router = APIRouter(tags=["console"])


@router.get("/console", summary="The console", response_class=Response)
async def index() -> Response:
    """A page to try an item, to watch the service, and to see where rules and model disagree."""
    return await file(page.INDEX)


@router.get("/console/", include_in_schema=False)
async def without_slash() -> Response:
    """The page's addresses are relative to `/console`."""
    return Response(status_code=307, headers={"Location": "../console"})


@router.get("/console/{name}", include_in_schema=False)
async def file(name: str) -> Response:
    """A file of the page."""
    if name not in page.FILES:
        raise HTTPException(404)
    content, media_type = page.FILES[name]
    return Response(content, media_type=media_type, headers=page.HEADERS)


@router.post(
    "/v1/explain",
    summary="One verdict, and the way to it",
    response_model=shapes.ExplainResponse,
    responses=examples.EXPLAIN_RESPONSES,
    openapi_extra={"requestBody": examples.EXPLAIN_BODY},
)
async def explain(request: Request, services: ServicesDep) -> shapes.ExplainResponse:
    """Takes what `/v1/verify` takes, with one item. For people and for the console: several times slower."""
    started = time.perf_counter()
    limits = services.settings.limits
    batch = requests.read(await bodies.read_body(request, limits.body_mb << 20), services.verification.verifiers)
    count_items(len(batch.items))
    if len(batch.items) != 1:
        raise Unusable(f"one item at a time is explained, not {len(batch.items)}; send the others to /v1/verify")
    told = await explaining.explain(services, batch, callers.allowed_s(batch.deadline_s, limits.deadline_s))
    return shapes.ExplainResponse(
        result=contract.VerifyResult.model_validate(msgspec.to_builtins(to_wire.result(told.progress))),
        explanation=told.explanation,
        places=told.places,
        heard=[_heard(one) for one in told.heard],
        threshold=services.settings.model.threshold,
        model=services.model.name if services.model else None,
        elapsed_ms=round((time.perf_counter() - started) * 1000, 3),
    )


@router.get("/v1/stats", summary="The last minutes of this server process, by second")
async def stats(
    services: ServicesDep,
    response: Response,
    since: Annotated[int, Query(ge=0, description="Only seconds from this one on; Unix time.")] = 0,
) -> shapes.StatsResponse:
    """Counts for charts. With several server processes each call may reach another one: add up by `process`."""
    recent, pool = services.recent, services.pool.state()
    # Kept open, a connection would stay with one of several server processes.
    response.headers["Connection"] = "close"
    return shapes.StatsResponse(
        process=recent.process,
        now=recent.now(),
        kept_s=SECONDS_KEPT,
        queued=pool.queued_items,
        workers=pool.workers,
        wanted_workers=pool.wanted,
        alarms=services.guard.alarms(),
        latency_min_ms=MIN_LATENCY_S * 1000,
        latency_buckets_per_doubling=BUCKETS_PER_DOUBLING,
        seconds=recent.seconds(since),
    )


@router.get("/v1/disagreements", summary="Answers on which rules and model disagreed lately")
async def disagreements(
    services: ServicesDep,
    task: Annotated[str | None, Query(max_length=contract.MAX_TASK_CHARS, description="Only of this task.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED,
) -> shapes.DisagreementsResponse:
    """From this server process's memory; empty unless `TOUCHSTONE_CONSOLE__DISAGREEMENTS` says how many to keep."""
    recent = services.recent
    return shapes.DisagreementsResponse(
        most=recent.most,
        tasks=recent.disagreeing_tasks(),
        items=[_disagreement(one) for one in recent.disagreements(task, limit)],
    )


def _heard(one: Heard) -> shapes.HeardBody:
    read = one.reading
    return shapes.HeardBody(
        asked=one.asked, reference=one.reference, answer=one.answer,
        accepts=read.accepts, yes=read.yes, label_mass=read.label_mass, reason=read.reason,
    )  # fmt: skip


def _disagreement(one: Disagreement) -> shapes.DisagreementBody:
    report = to_wire.rules_report(one.verdict), to_wire.model_report(one.opinion)
    rules, model = (contract.StageReport.model_validate(msgspec.to_builtins(each)) for each in report)
    return shapes.DisagreementBody(
        id=one.id, at=one.at, kind=one.kind, task=one.task, question=one.question, references=list(one.references),
        response=one.response, shortened=one.shortened, options=dict(one.options), answer=one.verdict.answer,
        outcome=contract.Outcome(one.outcome), rules=rules, model=model, label_mass=one.opinion.label_mass,
        times=one.times,
    )  # fmt: skip
