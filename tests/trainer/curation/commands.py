"""The `touchstone-data` command in a process of its own."""

import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "touchstone-data")
LIMIT_S = 120.0


def touchstone_data(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run([COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=LIMIT_S)
