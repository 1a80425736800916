"""What the documents show is what happens."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import LiveService

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
BLOCK = re.compile(r"^```(\w+)( norun)?\n(.*?)^```", re.M | re.S)


def blocks(language: str) -> list[tuple[str, str]]:
    """("document:number", code) for every fenced block of a language that is not marked `norun`."""
    return [
        (f"{path.relative_to(ROOT)}:{number}", code)
        for path in DOCUMENTS
        for number, (kind, skipped, code) in enumerate(BLOCK.findall(path.read_text()), 1)
        if kind == language and not skipped
    ]


def test_the_readme_request_is_answered(service: LiveService) -> None:
    """The README's curl example earns its reward from a running service."""
    (code,) = [code for name, code in blocks("bash") if name.startswith("README.md:") and code.startswith("curl")]
    arguments = shlex.split(code.replace("http://127.0.0.1:8080", service.url))
    answer = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    (result,) = json.loads(answer)["results"]
    assert (result["outcome"], result["reward"]) == ("correct", 1.0)


PYTHON = dict(blocks("python"))


@pytest.mark.parametrize("document", PYTHON)
def test_python_examples_run(document: str, service: LiveService) -> None:
    """Every Python example runs as it stands, against a running service where it names one."""
    code = PYTHON[document].replace("http://127.0.0.1:8080", service.url)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, f"{document}:\n{ran.stderr}"


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link points at a file that exists."""
    broken = [
        f"{path.name}: {target}"
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []
