"""The command line itself: what it shows, and what it says where something is missing."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.trainer.curation.commands import COMMAND, touchstone_data
from touchstone_trainer.curation.commands import COMMANDS


def test_every_command_has_help(tmp_path: Path) -> None:
    """Each is listed with a line of its own, and the exit status with them."""
    shown = touchstone_data("--help", cwd=tmp_path).stdout
    assert "Exit status: 0 all done" in shown.replace("\n", " ")
    for name in COMMANDS:
        assert name in shown
        assert touchstone_data(name, "--help", cwd=tmp_path).returncode == 0


def test_a_missing_extra_is_said(tmp_path: Path) -> None:
    """Without the extra's packages the command names what to install, and no traceback."""
    (tmp_path / "in.jsonl").write_text('{"question": "q"}\n')
    for module, arguments in (("typer", []), ("pyarrow", ["convert", "in.jsonl", "-o", "out.parquet"])):
        code = f"import sys; sys.modules[{module!r}] = None; from touchstone_trainer.curation.cli import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 2
        assert f"needs {module}: pip install 'touchstone-trainer[data]'" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_the_modules_load_no_torch() -> None:
    """Importing all commands costs no torch, no datasets, no pyarrow."""
    heavy = ("torch", "transformers", "datasets", "pyarrow", "sklearn", "matplotlib")
    code = f"import sys, touchstone_trainer.curation.commands; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_terminal_gets_a_bar_and_a_log_gets_lines(tmp_path: Path) -> None:
    """On a terminal progress is a bar on stderr; elsewhere it is plain lines."""
    (tmp_path / "in.jsonl").write_text('{"question": "q"}\n' * 300)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [COMMAND, "convert", "in.jsonl", "-o", "bar.jsonl"], cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL
    ) as process:
        assert process.wait(60) == 0
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "━" in shown
    assert "300" in shown
    plain = touchstone_data("convert", "in.jsonl", "-o", "plain.jsonl", cwd=tmp_path).stderr
    assert plain.startswith("convert: 300 rows, ")
    assert "\x1b" not in plain


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file where a folder should be ends the command with what the system says, not with a traceback."""
    (tmp_path / "in.jsonl").write_text('{"question": "q"}\n')
    ran = touchstone_data("convert", "in.jsonl", "-o", "in.jsonl/out.jsonl", cwd=tmp_path)
    assert ran.returncode == 2
    assert "in.jsonl" in ran.stderr
    assert "Traceback" not in ran.stderr
