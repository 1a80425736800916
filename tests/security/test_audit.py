"""The dependency audit: a vulnerability fails, and what was not looked up is not called clean."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLEAN: dict[str, Any] = {"name": "anyio", "version": "4.16.0", "vulns": []}
UNKNOWN: dict[str, Any] = {"name": "click", "skip_reason": "Dependency not found on PyPI and could not be audited"}
HOLE: dict[str, Any] = {
    "name": "h11",
    "version": "0.14.0",
    "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["0.16.0"], "aliases": [], "description": "…"}],
}
UNREACHED = "Traceback …\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='pypi.org', port=443)"


@pytest.mark.parametrize(
    ("packages", "complaint", "status", "says"),
    [
        ([CLEAN], "", 0, "no known vulnerability in 1 packages"),
        ([CLEAN, UNKNOWN], "", 0, "not looked up: 1"),
        ([CLEAN, UNKNOWN, HOLE], "", 1, "h11 0.14.0: PYSEC-2025-1, mended in 0.16.0"),
        ([UNKNOWN], "", 0, "audit SKIPPED"),
        (None, UNREACHED, 0, "audit SKIPPED: the advisory service was not reached"),
        (None, "ERROR: invalid requirement on line 3", 1, "audit failed:\nERROR: invalid requirement"),
    ],
    ids=["clean", "partly", "hole", "mirror", "offline", "ours"],
)
def test_audit(packages: list[dict[str, Any]] | None, complaint: str, status: int, says: str, tmp_path: Path) -> None:
    """The verdict on what pip-audit prints, as its 2.10 prints it."""
    tool = tmp_path / "pip-audit"
    printed = "" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
    tool.write_text(f"#!{sys.executable}\nimport sys\nprint({printed!r})\nsys.exit({complaint!r})\n")
    tool.chmod(0o755)
    command = [sys.executable, "-m", "tests.security.audit", str(tool)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert (ran.returncode, says in ran.stdout + ran.stderr) == (status, True), ran
