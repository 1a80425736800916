"""Known vulnerabilities of the packages in the image: `python -m tests.security.audit PIP_AUDIT`.

Rule 1: a vulnerability fails, and so does an audit that cannot be carried out for a reason of ours.
Rule 2: a machine that does not reach the advisory service, or reaches a mirror without advisories, says so and passes:
        what has not been looked up is never called clean.
"""

import json
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "docker" / "constraints.txt"
UNREACHED = ("requests.exceptions.", "Could not connect")
"""What pip-audit's complaint holds when it is the network's fault."""
SHOWN_CHARS = 160


def verdict(printed: str, complaint: str) -> tuple[bool, list[str]]:
    """Whether pip-audit's words let the change pass, and the lines that say why."""
    try:
        packages = json.loads(printed)["dependencies"]
    except ValueError:
        if not any(word in complaint for word in UNREACHED):
            return False, ["audit failed:", complaint]
        return True, [
            f"audit SKIPPED: the advisory service was not reached: {complaint.splitlines()[-1][:SHOWN_CHARS]}"
        ]
    known = [package for package in packages if "vulns" in package]
    found = [
        f"{package['name']} {package['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'none yet'}"
        for package in known
        for one in package["vulns"]
    ]
    if found:
        return False, [*found, f"audit: {len(found)} known vulnerabilities"]
    if not known:
        return True, [f"audit SKIPPED: the package index that was asked knows none of {len(packages)} packages"]
    unknown = f"; not looked up: {len(packages) - len(known)}" if len(known) < len(packages) else ""
    return True, [f"audit: no known vulnerability in {len(known)} packages{unknown}"]


def main() -> None:
    """Exit status 1 where the change must not pass."""
    options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    command = [sys.argv[1], "--requirement", str(CONSTRAINTS), *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # its status is read from what it says
    passes, lines = verdict(ran.stdout, ran.stderr)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(not passes)


if __name__ == "__main__":
    main()
