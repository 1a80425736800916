"""What the service says of itself."""

from fastapi import APIRouter, Response

from app import judge_examples, reward_rules
from app.deps import ServicesDep
from app.readiness import readiness
from grm.judge import PROTOCOLS
from touchstone_client import contract, contract_judge

router = APIRouter(tags=["service"])


@router.get(
    "/v1/tasks",
    summary="The verifiers, judge protocols and reward rules, with their versions",
    responses={200: {"content": {"application/json": {"example": judge_examples.CATALOGUE}}}},
)
async def tasks(services: ServicesDep) -> contract_judge.Catalogue:
    """What `task`, `protocol` and `rule` may be."""
    info = contract.TaskInfo
    return contract_judge.Catalogue(
        tasks=[
            info(name=name, version=verifier.VERSION, description=verifier.DESCRIPTION)
            for name, verifier in sorted(services.verification.verifiers.items())
        ],
        protocols=[
            info(name=name, version=protocol.PROMPT_VERSION, description=protocol.DESCRIPTION)
            for name, protocol in sorted(PROTOCOLS.items())
        ],
        rules=[
            info(name=name, version=reward_rules.VERSION, description=rule.description)
            for name, rule in sorted(reward_rules.RULES.items())
        ],
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
    """Prometheus text format. Several server processes are on one page, whichever answers, each as `server="0"`, …"""
    return Response(await services.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")
