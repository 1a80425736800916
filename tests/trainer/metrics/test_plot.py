"""The pictures of a run, opened and looked at."""

import base64
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from tests.trainer.metrics.runs import SWITCH, full_step, step
from touchstone_trainer.metrics import JsonlSink, StepRecord
from touchstone_trainer.metrics.curves import MAX_POINTS, PANELS, charts, smoothed, spans
from touchstone_trainer.metrics.jsonl import RecordError
from touchstone_trainer.metrics.plot import COLUMNS, Plots, plot


class Page(HTMLParser):
    """What a browser would fetch, and the text it would show."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.titles: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "srcset", "href")]
        self.titles += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data: str) -> None:
        self.text += data

    def drawings(self) -> list[str]:
        """The text in each drawing."""
        svgs = [base64.b64decode(address.partition(",")[2]) for address in self.addresses]
        return [" ".join(ElementTree.fromstring(svg).itertext()) for svg in svgs]


def written(run_dir: Path, records: Sequence[StepRecord]) -> Path:
    with JsonlSink(run_dir) as sink:
        for record in records:
            sink.write(record)
    return run_dir


@pytest.fixture(scope="module")
def plots(tmp_path_factory: pytest.TempPathFactory) -> Plots:
    run_dir = tmp_path_factory.mktemp("runs") / "my <run>"
    return plot(written(run_dir, [full_step(number) for number in range(1, 101)]))


def test_the_picture_has_a_drawing_in_every_place(plots: Plots) -> None:
    """Sixteen panels, each with ink in it."""
    picture = imread(plots.png)[:, :, :3]
    height, width = picture.shape[0] // (len(PANELS) // COLUMNS), picture.shape[1] // COLUMNS
    for top in range(0, height * (len(PANELS) // COLUMNS), height):
        for left in range(0, width * COLUMNS, width):
            panel = picture[top : top + height, left : left + width]
            coloured = (panel.max(axis=2) - panel.min(axis=2)) > 0.2
            assert coloured.mean() > 0.001


def test_the_page_asks_for_nothing(plots: Plots) -> None:
    """No script, no address that is not in the page itself; the drawings refer to nothing outside either."""
    page = Page(plots.page)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert "@import" not in plots.page.read_text(encoding="utf-8")
    for address in page.addresses:
        svg = base64.b64decode(address.partition(",")[2]).decode()
        assert not re.search(r'href="(?!#)', svg)
        assert not re.search(r"url\((?!#)", svg)


def test_the_page_draws_each_panel_for_light_and_for_dark(plots: Plots) -> None:
    """Two drawings a panel; each names its unit and where the second phase begins."""
    page = Page(plots.page)
    assert page.titles == [panel.title for panel in PANELS]
    drawings = page.drawings()
    assert len(drawings) == 2 * len(PANELS)
    for panel, dark, light in zip(PANELS, drawings[::2], drawings[1::2], strict=True):
        for text in (dark, light):
            assert panel.title in text
            assert panel.unit in text
            assert "mixed" in text
    assert "#14181d" in base64.b64decode(page.addresses[0].partition(",")[2]).decode()
    assert "prefers-color-scheme: dark" in plots.page.read_text(encoding="utf-8")


def test_the_page_sums_the_run_up(plots: Plots) -> None:
    """Phases, shares and first and last rewards, by hand; the folder's name is text and not markup."""
    text = Page(plots.page).text
    assert "my <run>" in text
    assert "phase math: steps 1 to 60 · phase mixed: steps 61 to 100" in text
    assert "7,200 responses, 1,600,000 tokens · undecided 5.00% · 1,500 tokens saved" in text
    assert "1,000 s: generating 60%, rewards 10%, training 30%" in text
    assert "math0.1550.900100" in text.replace("\n", "")  # mean of 0.11 to 0.20; 0.9 from step 80 on; 100 steps


def test_a_short_run_is_drawn_too(tmp_path: Path) -> None:
    """One step, hardly anything measured: panels without a figure are left out."""
    plots = plot(written(tmp_path, [step(1)]), tmp_path / "elsewhere")
    assert plots.png.parent == tmp_path / "elsewhere"
    assert imread(plots.png).std() > 0.01
    titles = Page(plots.page).titles
    assert "Reward by domain" in titles
    assert "Entropy" not in titles


def test_a_run_without_steps_says_so(tmp_path: Path) -> None:
    """An empty picture would look like a run that learned nothing."""
    JsonlSink(tmp_path / "new").close()
    with pytest.raises(ValueError, match="has no steps yet"):
        plot(tmp_path / "new")
    with pytest.raises(RecordError, match="is missing"):
        plot(tmp_path / "none")


def test_a_gap_stays_a_gap_and_an_unnamed_cause_is_zero() -> None:
    """Entropy was not measured in step 2; nobody was masked in step 2."""
    records = [step(1, entropy=1.0, masked_sequences={"streak": 4}), step(2), step(3, entropy=3.0)]
    curves = {chart.panel.title: chart.curves for chart in charts(records)}
    assert [str(value) for value in curves["Entropy"]["entropy"]] == ["1.0", "nan", "3.0"]
    assert curves["Sequences masked"]["streak"] == [50.0, 0.0, 0.0]


def test_a_long_run_is_thinned_by_means() -> None:
    """Two steps a point: their mean, at the mean of their steps."""
    records = [step(number, entropy=float(number % 2)) for number in range(1, 2 * MAX_POINTS + 1)]
    chart = next(chart for chart in charts(records) if chart.panel.title == "Entropy")
    assert len(chart.steps) == MAX_POINTS
    assert chart.steps[0] == 1.5
    assert set(chart.curves["entropy"]) == {0.5}


def test_phases_are_not_smoothed_into_each_other() -> None:
    """A step from 0 to 1 at the switch stays a step."""
    values, phases = [0.0] * 200 + [1.0] * 200, ["math"] * 200 + ["mixed"] * 200
    assert smoothed(values, phases) == values
    assert 0.0 < smoothed(values, ["math"] * 400)[200] < 1.0


def test_phases_are_found_with_their_steps() -> None:
    """First and last step of each."""
    found = spans([full_step(number) for number in (1, SWITCH, SWITCH + 1, SWITCH + 5)])
    assert [(span.phase, span.first, span.last) for span in found] == [("math", 1, 60), ("mixed", 61, 65)]
