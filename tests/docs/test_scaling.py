"""The scaling sheet in the documents is what the script makes of the figures beside it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_sheet_follows_from_its_figures(tmp_path: Path) -> None:
    """docs/scaling.md shows the script's own output for the figures that it quotes."""
    page = (ROOT / "docs" / "scaling.md").read_text()
    (figures,) = re.findall(r"```json\n(.*?)```", page, re.S)
    (tmp_path / "bench.json").write_text(figures)
    script = ROOT / "benchmarks" / "scaling.py"
    ran = subprocess.run([sys.executable, script, tmp_path / "bench.json"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() in page


def test_a_line_of_the_sheet_worked_by_hand(tmp_path: Path) -> None:
    """0.6 s of CPU for 1,000 items are 0.6 ms each; 1,000 a second take 0.6 cores, or one that is used at 60 %."""
    (tmp_path / "bench.json").write_text(
        '{"items": 1000, "megabytes": 2, "client_cpu_s": 0.06, "service_cpu_s": 0.6, "workers_cpu_s": 1.2,'
        ' "cached_share": 0.5, "joined_share": 0.5}'
    )
    script = ROOT / "benchmarks" / "scaling.py"
    options = [str(tmp_path / "bench.json"), "--rewards-per-minute", "60000", "--use", "0.6", "--looked-at", "0"]
    ran = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, check=True)
    assert "| server processes, one core each | 1.00 | 1 | 60,000 | measured |" in ran.stdout
    assert "| cores for workers | 2.00 | 2 | 30,000 | measured |" in ran.stdout
    assert "GPU" not in ran.stdout.partition("- ")[0]
