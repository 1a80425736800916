"""`POST /v1/verify`. The body is read by hand for speed and item by item; the documents come from the
contract.
"""

import time

from fastapi import APIRouter, Request, Response

from app import bodies, callers, examples, requests, to_wire, tracing, wire
from app.deps import services_of
from app.request_scope import count_items
from touchstone_client import contract

router = APIRouter(prefix="/v1", tags=["verify"])


@router.post(
    "/verify",
    summary="Verify a batch of responses",
    response_model=contract.VerifyResponse,
    responses=examples.VERIFY_RESPONSES,
    openapi_extra={"requestBody": examples.VERIFY_BODY},
)
async def verify(request: Request) -> Response:
    """One verdict for each item, in order. A bad item gets a `problem` and never fails its batch."""
    started = time.perf_counter()
    services = services_of(request)
    limits = services.settings.limits
    verification = services.verification
    body = await bodies.read_body(request, limits.body_mb << 20)
    with tracing.stage("parse"):
        batch = requests.read(body, verification.verifiers)
    count_items(len(batch.items))
    answered = await verification.verify(batch, callers.allowed_s(batch.deadline_s, limits.deadline_s))
    with tracing.stage("encode"):
        response = wire.VerifyResponse(
            results=[to_wire.result(entry) for entry in answered],
            model=services.model.name if services.model else None,
            alarms=services.guard.alarms(),
            elapsed_ms=round((time.perf_counter() - started) * 1000, 3),
        )
        return Response(wire.encode(response), media_type="application/json")
