"""What the service is measured against, each as a process of its own: routes that decide nothing, and Math-Verify.

    python benchmarks/peers_service.py noop PORT          two no-op routes under uvicorn: the ceilings
    .venv-peers/bin/python benchmarks/peers_service.py math-verify WORKERS   items as JSON lines on standard input

Rule 1: a no-op route reads the same body and writes an answer of the same size; only the deciding is left out.
Rule 2: Math-Verify runs as its documentation advises for many items: in processes, warm before the clock starts.
"""

import json
import resource
import sys
import time


def noop(port: int) -> None:
    """`/msgspec` and `/pydantic`: the batch in, a verdict for each item out."""
    import uvicorn  # noqa: PLC0415 - the other peer runs where these are not installed
    from fastapi import FastAPI, Request, Response  # noqa: PLC0415

    from app import wire  # noqa: PLC0415
    from touchstone_client import contract  # noqa: PLC0415

    app = FastAPI()
    accepted = contract.StageReport(outcome=contract.Outcome.CORRECT, name="same_number", reason="12345 is 12345")
    report = wire.StageReport(contract.Outcome.CORRECT, "same_number", "12345 is 12345")
    decided_by = wire.DecidedBy("rules", "same_number")

    async def msgspec(request: Request) -> Response:
        asked = wire.decode_request(await request.body())
        results = [
            wire.VerifyResult(
                item.task,
                contract.Outcome.CORRECT,
                1.0,
                decided_by,
                "12345 is 12345",
                id=item.id,
                answer="12345",
                timings_ms={"quick": 0.011},
                rules=report,
            )
            for item in asked.items
        ]
        return Response(wire.encode(wire.VerifyResponse(results, 1.0)), media_type="application/json")

    async def pydantic(asked: contract.VerifyRequest) -> contract.VerifyResponse:
        results = [
            contract.VerifyResult(
                id=item.id,
                task=item.task,
                outcome=contract.Outcome.CORRECT,
                reward=1.0,
                decided_by=contract.DecidedBy(stage="rules", name="same_number"),
                reason="12345 is 12345",
                answer="12345",
                timings_ms={"quick": 0.011},
                rules=accepted,
            )
            for item in asked.items
        ]
        return contract.VerifyResponse(results=results, elapsed_ms=1.0)

    app.post("/msgspec")(msgspec)
    app.post("/pydantic")(pydantic)
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def check(pair: tuple[str, str]) -> bool:
    """One item by Math-Verify."""
    from math_verify import parse, verify  # noqa: PLC0415

    return bool(verify(parse(f"${pair[0]}$"), parse(pair[1])))


def math_verify(workers: int) -> None:
    """Decide all items in a pool; one line: seconds, CPU seconds of the workers, how many were accepted."""
    from multiprocessing import get_context  # noqa: PLC0415

    pairs = [(item["reference"], item["response"]) for item in map(json.loads, sys.stdin)]
    with get_context("fork").Pool(workers) as pool:
        pool.map(check, [("\\frac{1}{2}", "so $\\boxed{0.5}$")] * 8 * workers, chunksize=4)
        started = time.perf_counter()
        accepted = sum(pool.map(check, pairs, chunksize=16))
        seconds = time.perf_counter() - started
        pool.close()
        pool.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"seconds": seconds, "cpu_s": used.ru_utime + used.ru_stime, "accepted": accepted}))


if __name__ == "__main__":
    if sys.argv[1] == "noop":
        noop(int(sys.argv[2]))
    else:
        math_verify(int(sys.argv[2]))
