"""Requests by the thousand, made from our own OpenAPI document, right ones and wrong ones: schemathesis.

    python -m tests.fuzz.openapi --examples 200        # a service of its own, every operation, some minutes

Rule 1: no answer is a server error, none has a status, type or shape that the document does not have.
Rule 2: no answer takes longer than the deadline that a request may ask for. What the process grew by is told; some of
        it is the scripted judge, which keeps all that it was asked.
Rule 3: whether an item is right is ours to say and not the schema's: a wrong one gets a problem of its own, with 200.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.live import LiveService

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SLOWEST_S = 60
SETTINGS = {
    "TOUCHSTONE_POOL__WORKERS": "1",
    # On a busy machine many tests of one program pass the usual limit, which is a 503 as it should be.
    "TOUCHSTONE_CODE__ITEM_WALL_S": "120",
    "TOUCHSTONE_POOL__ITEM_WALL_S": "120",
    "TOUCHSTONE_POOL__ITEM_CPU_S": "60",
    # What is left to grow is not the cache.
    "TOUCHSTONE_CACHE__MEMORY_MB": "4",
    "TOUCHSTONE_CONSOLE__DISAGREEMENTS": "50",
}
GENERATED = re.compile(r"(\d+) generated")


@dataclass(frozen=True)
class Fuzzed:
    """What came of it."""

    status: int
    report: str
    requests: int
    grown_mb: float


def fuzz(service: LiveService, examples: int, phases: str, seed: int) -> Fuzzed:
    """Every operation of a running service."""
    process = psutil.Process(service.process.pid)
    before = process.memory_info().rss
    options = {
        "--phases": phases,
        "--max-examples": examples,
        "--checks": CHECKS,
        "--max-response-time": SLOWEST_S,
        "--request-timeout": 2 * SLOWEST_S,  # its own is 10 s, which thousands of programs in one request may take
        "--seed": seed,
        "--generation-database": "none",
        "--workers": 1,
    }
    words = [str(word) for pair in options.items() for word in pair]
    program = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json", "--no-color"]
    ran = subprocess.run([*program, *words], capture_output=True, text=True, check=False, cwd=service.folder)
    found = GENERATED.search(ran.stdout)
    grown_mb = (process.memory_info().rss - before) / 2**20
    return Fuzzed(ran.returncode, ran.stdout + ran.stderr, int(found[1]) if found else 0, grown_mb)


def main() -> None:
    """Print the report; exit status 1 for a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200, help="for each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = LiveService(Path(folder), SETTINGS, model="judge").wait_ready()
        try:
            fuzzed = fuzz(service, asked.examples, "examples,coverage,fuzzing", asked.seed)
        finally:
            service.stop()
    sys.stdout.write(
        f"{fuzzed.report}\n{fuzzed.requests} requests, exit status {fuzzed.status}, "
        f"the service grew by {fuzzed.grown_mb:.0f} MB\n"
    )
    sys.exit(fuzzed.status)


if __name__ == "__main__":
    main()
