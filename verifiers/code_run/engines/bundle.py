"""Harnessed Python jobs as one text with one input, for engines that know nothing else."""

import json
from functools import cache
from pathlib import Path

from verifiers.code_run.engines.engine import Job, Way

_INSIDE = Path(__file__).parents[1] / "inside"
_OWN_IMPORT = "from verifiers."


def as_script(job: Job) -> tuple[str, str]:
    """The text to run and its standard input."""
    if job.way is Way.SCRIPT:
        return job.source, job.stdin
    return harness_text(), json.dumps(job.harnessed()) + "\n"


@cache
def harness_text() -> str:
    """The harness and what it builds on, as one module that runs by itself."""
    parts = [(_INSIDE / name).read_text(encoding="utf-8") for name in ("plain_data.py", "harness.py")]
    lines = [line for part in parts for line in part.splitlines() if not line.startswith(_OWN_IMPORT)]
    return "\n".join([*lines, "main()", ""])
