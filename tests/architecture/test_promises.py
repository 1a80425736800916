"""Promises about the code that people forget, kept by reading the code."""

import re
import subprocess
import sys
from pathlib import Path

from touchstone_client import contract
from verifiers import hybrid, verdict
from verifiers.registry import VERIFIERS

ROOT = Path(__file__).parents[2]
MAX_LINES = 500
"""Aimed at 400; past this a module holds two subjects."""
SOURCES = ("app", "verifiers", "grm", "clients", "trainer_integration", "benchmarks")


def sources() -> list[Path]:
    """Every module of ours."""
    return [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py") if "build" not in path.parts]


def test_wire_and_domain_agree_on_outcomes() -> None:
    """The four outcomes and the three recalls are spelt alike on the wire and in the domain."""
    assert {o.value for o in contract.Outcome} == {o.value for o in verdict.Outcome}
    assert {r.value for r in contract.Recall} == {r.value for r in hybrid.Recall}


def test_verifier_modules_meet_their_protocol() -> None:
    """Every registered verifier has a version and a description to show."""
    for name, module in VERIFIERS.items():
        assert re.fullmatch(r"[\w.]+", module.VERSION), name
        assert module.DESCRIPTION.endswith("."), name


def test_modules_stay_small() -> None:
    """No module outgrows what a reader can hold."""
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert long == {}


def test_no_module_is_a_drawer() -> None:
    """Modules are named by what is in them."""
    drawers = {"utils", "util", "helpers", "helper", "base", "manager", "misc", "common"}
    assert [str(p) for p in sources() if p.stem in drawers] == []


def test_the_math_verifier_loads_no_algebra_system() -> None:
    """Importing the rules in a service or a trainer costs no sympy."""
    heavy = "sympy", "httpx2", "fastapi"
    code = f"import sys; from verifiers.math_answer import verify; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_imports_obey_the_layers() -> None:
    """import-linter's contracts hold."""
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.returncode == 0, found.stdout
