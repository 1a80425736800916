"""A SandboxFusion server as the engine, over its `POST /run_code`. How well programs are confined is its business.

Rule 1: a program and its input are all that its wire knows: calls of functions go through the harness, whose text is
        sent in front; an examiner with a program beside it cannot be had.
"""

import http.client
import json
import math
import socket
import urllib.parse
from typing import Any, Final

from verifiers.code_run.engines.bundle import as_script
from verifiers.code_run.engines.engine import (
    MAX_OUTPUT_BYTES,
    EngineFailure,
    Execution,
    Job,
    Language,
    Limits,
    Status,
    Unavailable,
    status_of,
)

_LANGUAGES: Final = {Language.PYTHON: "python", Language.CPP: "cpp", Language.JAVASCRIPT: "nodejs"}
_GRACE_S: Final = 5.0
"""For the server's own queue and the network, beyond the program's time."""
_MAX_ANSWER_BYTES: Final = 8 * MAX_OUTPUT_BYTES


class FusionEngine:
    """Calls one server."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.hostname is None:
            raise ValueError(f"no host in {url!r}")
        self._url = parts
        self.name = f"SandboxFusion at {parts.netloc}"

    def run(self, job: Job, limits: Limits) -> Execution:
        source, stdin = as_script(job)
        answer = self._post(
            {
                "code": source,
                "stdin": stdin,
                "language": _LANGUAGES[job.language],
                "compile_timeout": math.ceil(limits.build_s),
                "run_timeout": limits.wall_s,
                "memory_limit_MB": limits.memory_mb,
                "files": {},
                "fetch_files": [],
            },
            limits.wall_s + limits.build_s + _GRACE_S,
        )
        return _read(answer)

    def converse(self, program: Job, examiner: Job, limits: Limits) -> tuple[Execution, Execution]:
        raise Unavailable(
            "assert tests run beside the program on a SandboxFusion server, where it could forge them; use the "
            "embedded or a container engine, or give the tests as entry_point, args and expected"
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _post(self, body: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=timeout_s)
        path = self._url.path.rstrip("/")
        try:
            connection.request(
                "POST",
                path if path.endswith("/run_code") else f"{path}/run_code",
                json.dumps(body),
                {"content-type": "application/json"},
            )
            response = connection.getresponse()
            text = response.read(_MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException, socket.gaierror) as error:
            raise EngineFailure(f"{self.name} cannot be reached: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise EngineFailure(f"{self.name} answered with status {response.status}")
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise EngineFailure(f"{self.name} answered with something that is not JSON") from error
        if not isinstance(answer, dict):
            raise EngineFailure(f"{self.name} answered with something else than a result")
        return answer


def _read(answer: dict[str, Any]) -> Execution:
    if answer.get("status") == "SandboxError":
        raise EngineFailure(f"the server could not run the program: {str(answer.get('message'))[:200]}")
    built, ran = answer.get("compile_result"), answer.get("run_result")
    if isinstance(built, dict) and (built.get("status") != "Finished" or built.get("return_code")):
        return Execution(Status.UNBUILT, 1, "", "", build_log=str(built.get("stderr") or ""))
    if not isinstance(ran, dict):
        raise EngineFailure("the server's answer has no run_result")
    stderr, stdout = str(ran.get("stderr") or ""), str(ran.get("stdout") or "")
    wall_s = float(ran.get("execution_time") or 0.0)
    if ran.get("status") == "TimeLimitExceeded":
        return Execution(Status.TIMEOUT, -9, stdout, stderr, 0.0, wall_s)
    exit_code = ran.get("return_code")
    code = int(exit_code) if exit_code is not None else int(ran.get("status") != "Finished")
    return Execution(status_of(None, code, stderr), code, stdout[:MAX_OUTPUT_BYTES], stderr, 0.0, wall_s)
