"""What the service says of itself."""

from fastapi import APIRouter, Response

from app.deps import ServicesDep
from app.readiness import readiness
from touchstone_client import contract

router = APIRouter(tags=["service"])


@router.get("/v1/tasks", summary="The verifiers and their versions")
async def tasks(services: ServicesDep) -> contract.TasksResponse:
    """What `task` may be."""
    known = sorted(services.verification.verifiers.items())
    return contract.TasksResponse(
        tasks=[
            contract.TaskInfo(name=name, version=verifier.VERSION, description=verifier.DESCRIPTION)
            for name, verifier in known
        ]
    )


@router.get("/healthz", summary="Whether the process is alive")
async def healthz() -> dict[str, str]:
    """Answers while the event loop turns; looks at nothing else."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Whether the service can take work",
    responses={503: {"model": contract.Readiness, "description": "A required part is not well."}},
)
async def readyz(services: ServicesDep, response: Response) -> contract.Readiness:
    """How each part is."""
    page = readiness(services)
    response.status_code = 200 if page.ready else 503
    return page


@router.get("/metrics", summary="For Prometheus", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Prometheus text format. With several server processes, each answers for itself."""
    return Response(services.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
