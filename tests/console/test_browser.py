"""The console as a person sees it: in a real browser, by mouse and by keyboard, dark and light, at 200 % zoom."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from selenium.webdriver.common.keys import Keys

from app.keys import digest, new_key
from tests.console.conftest import LAPTOP_AT_200, Page
from tests.live import LiveService

pytestmark = pytest.mark.console

VIEWS = ("try", "live", "disagreements")
PAINTED = {
    "task": "exact_text",
    "question": "Whose hand do scholars agree to see in The Starry Night?",
    "response": "The brushwork settles it.\n\nAnswer: it is by van Gogh",
    "reference": "Vincent van Gogh",
}
MAX_IMAGE_BYTES = 300_000

# Every visible text against the nearest opaque ground behind it, by the formula of WCAG 2.
CONTRASTS = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
const ground = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const found = channels(getComputedStyle(one).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found;
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.body.querySelectorAll("*")) {
  const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
  if (!own || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const [a, b] = [light(channels(element instanceof SVGElement ? style.fill : style.color)), light(ground(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${own.slice(0, 40)}`);
}
return low;
"""


def send(live: LiveService, *items: dict[str, Any]) -> None:
    reply = live.client.post("/v1/verify", json={"items": items})
    assert reply.status_code == 200, reply.text


def traffic(live: LiveService, seconds: float) -> None:
    """Batches like those of training: mostly plain numbers, some trees, some that only the model can tell."""
    chance = random.Random(7)
    names = ["van Gogh", "Vincent", "Vincent Willem van Gogh", "the Dutchman van Gogh", "VAN GOGH, Vincent", "Van Goch"]
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        items: list[dict[str, Any]] = []
        for _ in range(chance.randint(4, 24)):
            number, kind = chance.randint(1, 400), chance.random()
            if kind < 0.7:
                items.append({"response": f"So it is \\boxed{{{number}}}.", "reference": str(number + (kind > 0.45))})
            elif kind < 0.93:
                items.append({"response": f"\\boxed{{\\frac{{{number}}}{{7}}+x}}", "reference": f"x+{number}/7"})
            elif kind < 0.985:
                items.append(PAINTED | {"response": f"Answer: {chance.choice(names)}"})
            else:
                items.append({"task": "exact_text", "response": f"Answer: mumble {number}", "reference": "Monet"})
        send(live, *items)
        time.sleep(chance.random() * 0.1)


# Try


def test_a_sample_shows_every_stage(page: Page, watched: LiveService) -> None:
    """A click on a sample shows the verdict, the answer marked in the response, both trees, the rule and the times."""
    page.open(f"{watched.url}/console")
    page.sample("A point, one off")
    assert page.text("#result .verdict .outcome") == "✗ incorrect"
    assert page.text("#result mark") == "(2, 1, -4)"
    assert [tree.text.splitlines()[-1].strip() for tree in page.all("#result .tree")] == [
        "x: Num num=4",
        "x: Num num=3",
    ]
    assert page.text("#result .decided .rule") == "same_values_in_collection"
    assert "value: -4 and -3 are different" in page.text("#result .steps")
    assert page.text("#result .stage:last-child .legend").count("ms") >= 2
    assert page.text("#said") == "incorrect, reward 0"


@pytest.mark.parametrize("number", range(7))
def test_every_sample_is_shown(page: Page, watched: LiveService, number: int) -> None:
    """Each sample that rules decide gives four stages, and the browser has nothing to complain of."""
    page.open(f"{watched.url}/console")
    name = page.all("#samples button")[number].text
    page.sample(name)
    assert len(page.all("#result .stage")) == 4
    assert page.complaints() == []


def test_the_reads_and_controls_of_the_model_are_shown(page: Page, watched: LiveService) -> None:
    """A rescue shows both reads and the control, each with its probability."""
    page.open(f"{watched.url}/console")
    fill(page, PAINTED)
    rows = [row.text for row in page.all("#result tbody tr")]
    assert page.text("#result .verdict .outcome") == "✓ correct"
    assert [row.split("\n")[0].split(" it is")[0].split(" Vincent")[0] for row in rows][:1] == ["First read"]
    assert ["97.0 %" in rows[0], "97.0 %" in rows[1], "3.0 %" in rows[2]] == [True, True, True]
    assert rows[1].startswith("Sides swapped")
    assert "no: held" in rows[2]


def fill(page: Page, item: dict[str, Any]) -> None:
    """Into the form, and send it with Ctrl+Enter."""
    chosen = f"task.value = {json.dumps(item['task'])}; task.dispatchEvent(new Event('change'))"
    page.script(f"const task = document.getElementById('task'); {chosen}")
    for name in ("question", "response", "reference"):
        page.script(f"document.getElementById('{name}').value = {json.dumps(item.get(name, ''))}")
    page.script("document.getElementById('result').replaceChildren()")
    page.one("#response").send_keys(Keys.CONTROL, Keys.ENTER)
    page.result()


def test_markup_in_a_response_stays_text(page: Page, watched: LiveService) -> None:
    """A response cannot put elements into the page."""
    page.open(f"{watched.url}/console")
    bad = "<img src=x onerror=\"document.title='hit'\"> <b>7</b> \\boxed{<i>7</i>}"
    fill(page, {"task": "math", "question": bad, "response": bad, "reference": "7"})
    assert bad in page.text("#result .response")
    assert page.all("#result img, #result i.x, #result .response b") == []
    assert page.driver.title == "Touchstone console"


def test_a_mistake_in_the_form_says_what_to_fix(page: Page, watched: LiveService) -> None:
    """Options that are no JSON, and options that the task does not take, are told at the place of the result."""
    page.open(f"{watched.url}/console")
    page.one("#options").send_keys("{not json")
    fill(page, {"task": "math", "response": "7", "reference": "7"})
    assert "Options must be a JSON object" in page.text("#result")
    page.script("document.getElementById('options').value = '{\"x\": 1}'")
    fill(page, {"task": "math", "response": "7", "reference": "7"})
    assert "items[0].options" in page.text("#result")


def test_the_judge_shows_scores_and_quotes(page: Page, framework_judge: LiveService) -> None:
    """A judged response shows its reward and every criterion of the rubric with its score."""
    page.open(f"{framework_judge.url}/console")
    page.sample("Judge: an essay")
    assert page.text("#result .verdict .outcome") == "✓ scored"
    assert len(page.all("#result .criteria > li")) >= 1
    assert page.complaints() == []


@pytest.fixture(scope="module")
def framework_judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    settings = {"TOUCHSTONE_POOL__WORKERS": "1", "TOUCHSTONE_JUDGE__EMPTY_CONTROL": "false"}
    live = LiveService(tmp_path_factory.mktemp("judged"), settings, model="judge")
    yield live.wait_ready()
    live.stop()


def test_without_a_judge_it_says_how_to_get_one(page: Page, service: LiveService) -> None:
    """A service with rules alone shows that no model is there, and refuses to judge with the way out."""
    page.open(f"{service.url}/console")
    assert page.text("#health .part.absent").split() == ["model", "none"]
    page.sample("Judge: an essay")
    assert "--judge-model" in page.text("#result") or "--model" in page.text("#result")


# Live


def test_the_charts_move_and_pause(page: Page, watched: LiveService) -> None:
    """Charts show the traffic as it comes; a hidden page asks for nothing, and goes on when it is shown again."""
    page.open(f"{watched.url}/console#live")
    send(watched, *[{"response": f"\\boxed{{{n}}}", "reference": "7"} for n in range(500)])
    page.until(lambda: page.text("#charts figure .legend b") not in ("", "0"), "the throughput has moved")
    assert len(page.all("#charts svg path[d^='M']")) >= 6
    asked = "return performance.getEntriesByType('resource').filter((one) => one.name.includes('v1/stats')).length"
    hide = """
        Object.defineProperty(document, "hidden", {value: %s, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    """
    page.script(hide % "true")
    time.sleep(0.5)  # a call that was under way
    before = page.script(asked)
    time.sleep(2.5)  # longer than a poll's pause
    assert page.script(asked) == before
    page.script(hide % "false")
    page.until(lambda: page.script(asked) != before, "the page asks again")


def test_server_processes_are_added_up(page: Page, start_service: Callable[..., LiveService]) -> None:
    """With two server processes at work behind one port, polls reach both and the page says so."""
    live = start_service({"TOUCHSTONE_POOL__WORKERS": "1"}, workers=2)
    page.open(f"{live.url}/console#live")
    done = threading.Event()

    def work() -> None:
        # Of two idle processes the system may wake the same one every time.
        while not done.is_set():
            items = [{"response": f"it is \\boxed{{{n}}}", "reference": "7"} for n in range(1_000)]
            httpx2.post(f"{live.url}/v1/verify", json={"items": items}, timeout=60)

    with ThreadPoolExecutor(4) as callers:
        for _ in range(4):
            callers.submit(work)
        try:
            page.until(lambda: "2 server processes" in page.text("#live-state"), "both are heard", wait_s=120)
        finally:
            done.set()


def test_a_service_that_is_gone_is_said(page: Page, start_service: Callable[..., LiveService]) -> None:
    """The charts stand still with a reason, and the form tells too."""
    live = start_service({"TOUCHSTONE_POOL__WORKERS": "1"})
    page.open(f"{live.url}/console#live")
    live.kill()
    page.until(lambda: "does not answer" in page.text("#alarms"), "the alarm is shown")
    page.keys("1")
    page.all("#samples button")[0].click()
    page.until(lambda: "does not answer" in page.text("#result"), "the form tells")


# Disagreements


def test_a_disagreement_opens_in_the_form(page: Page, watched: LiveService) -> None:
    """The list shows both words on an answer, filters by task, and opens an item where it can be tried."""
    send(watched, PAINTED | {"response": "Answer: Vincent himself"})
    page.open(f"{watched.url}/console#disagreements")
    page.until(lambda: page.all(".disagreement"), "the list is shown")
    first = page.text(".disagreement")
    assert "rescued" in first
    assert "Vincent himself" in first
    assert "✗ incorrect" in first
    assert "✓ correct" in first
    page.script(
        "const task = document.getElementById('disagreement-task'); task.value = 'exact_text';"
        "task.dispatchEvent(new Event('change'))"
    )
    page.until(lambda: page.all(".disagreement"), "the filtered list is shown")
    page.all(".disagreement button")[0].click()
    page.result()
    assert page.one("#response").get_attribute("value") == "Answer: Vincent himself"
    assert page.text("#result .verdict .outcome") == "✓ correct"


def test_switched_off_it_says_how_to_switch_it_on(page: Page, service: LiveService) -> None:
    """Without the setting the list says why it is empty."""
    page.open(f"{service.url}/console#disagreements")
    page.until(lambda: "TOUCHSTONE_CONSOLE__DISAGREEMENTS" in page.text("#disagreement-list"), "the advice is shown")


# Keys


def test_a_service_with_keys_is_asked_with_the_key(
    page: Page, start_service: Callable[..., LiveService], tmp_path: Path
) -> None:
    """The page loads without a key, asks for one, works with it, keeps it in the tab's session and nowhere else."""
    key = new_key()
    (tmp_path / "keys.json").write_text(json.dumps({"me": {"sha256": [digest(key)]}}))
    live = start_service({"TOUCHSTONE_POOL__WORKERS": "1", "TOUCHSTONE_KEYS__FILE": str(tmp_path / "keys.json")})
    page.driver.get(f"{live.url}/console")
    page.until(lambda: page.one("#key-dialog").is_displayed(), "the key is asked for")
    page.one("#key").send_keys(key, Keys.ENTER)
    page.until(lambda: page.all("#samples button"), "the page works")
    page.sample("A point, one off")
    assert page.text("#result .verdict .outcome") == "✗ incorrect"
    assert page.script("return JSON.stringify(localStorage) + document.cookie") == "{}"
    assert key not in str(page.script("return location.href + document.documentElement.outerHTML"))
    page.one("#key-button").click()
    page.one("#key-forget").click()
    page.all("#samples button")[0].click()
    page.until(lambda: page.one("#key-dialog").is_displayed(), "the key is asked for again")


# Everybody


def test_all_of_it_goes_by_keyboard(page: Page, watched: LiveService) -> None:
    """Tab reaches every control of a view, single keys change views and themes, Escape closes, Ctrl+Enter sends."""
    page.open(f"{watched.url}/console")
    wanted = set(page.script(CONTROLS))
    reached: set[str] = set()
    for _ in range(60):
        page.keys(Keys.TAB)
        reached.add(str(page.script("return document.activeElement.id || document.activeElement.textContent.trim()")))
    assert wanted - reached == set()
    page.script("document.activeElement.blur()")
    page.keys("n")
    page.result()
    page.keys("2")
    page.until(lambda: page.one("#live").is_displayed(), "the charts are shown")
    page.keys("?")
    assert page.one("#help-dialog").is_displayed()
    page.keys(Keys.ESCAPE)
    assert not page.one("#help-dialog").is_displayed()
    page.keys("/")
    page.until(
        lambda: page.driver.switch_to.active_element.get_attribute("id") == "response", "the response has the focus"
    )
    page.keys("3")
    assert str(page.one("#response").get_attribute("value")).endswith("3")


CONTROLS = """
return [...document.querySelectorAll("a[href], button, input, select, textarea")].filter((one) => one.checkVisibility())
  .map((one) => one.id || one.textContent.trim());
"""


def test_the_theme_follows_the_system_until_it_is_chosen(page: Page, watched: LiveService) -> None:
    """Dark where the system is dark; the button changes it and it stays so."""
    ground = "return getComputedStyle(document.body).backgroundColor"
    page.open(f"{watched.url}/console", dark=True)
    dark = page.script(ground)
    page.open(f"{watched.url}/console")
    assert page.script(ground) != dark
    page.one("#theme-button").click()
    assert page.script(ground) == dark
    page.open(f"{watched.url}/console")
    assert page.script(ground) == dark
    page.script("localStorage.clear()")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_is_readable(page: Page, watched: LiveService, dark: bool) -> None:
    """All text of all views has a contrast of 4.5 to 1 at least."""
    send(watched, PAINTED)
    for view in VIEWS:
        page.open(f"{watched.url}/console#{view}", dark=dark)
        if view == "try":
            page.sample("Words")
        page.until(lambda: page.all(".disagreement, #charts text, #result .stage"), "the view is drawn")
        assert page.script(CONTRASTS) == [], view


@pytest.mark.parametrize("view", VIEWS)
def test_at_200_percent_nothing_is_cut_off(page: Page, watched: LiveService, view: str) -> None:
    """At 200 % zoom on a laptop the page needs no scrolling sideways, and a result comes into sight."""
    page.open(f"{watched.url}/console#{view}", size=LAPTOP_AT_200, scale=2)
    if view == "try":
        page.sample("Same set, other form")
        page.until(
            lambda: page.script("return document.querySelector('#result').getBoundingClientRect().top < 300"),
            "in sight",
        )
    assert page.script("return document.documentElement.scrollWidth <= window.innerWidth") is True


def test_the_page_asks_nobody_else(page: Page, watched: LiveService) -> None:
    """Every request of the page goes to the service that it came from."""
    for view in VIEWS:
        page.open(f"{watched.url}/console#{view}")
        loaded = page.script("return performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)")
        assert set(loaded) == {watched.url}
        assert page.complaints() == []


def test_screens(page: Page, watched: LiveService, framework_judge: LiveService, shots: Path) -> None:
    """The pictures of the documents: every view, drawn by a service under traffic, small enough for a repository."""
    traffic(watched, 30)
    for name, view, dark in (
        ("console-try-light", "try", False), ("console-try-dark", "try", True),
        ("console-live-light", "live", False), ("console-live-dark", "live", True),
        ("console-disagreements-light", "disagreements", False),
    ):  # fmt: skip
        page.open(f"{watched.url}/console#{view}", dark=dark)
        if view == "try" and dark:
            fill(page, PAINTED)
        elif view == "try":
            page.sample("A point, one off")
        elif view == "live":
            page.all("#spans button")[0].click()
            traffic(watched, 4)
        page.until(lambda: page.all(".disagreement, #charts path, #result .stage"), "the view is drawn")
        page.driver.save_screenshot(str(shots / f"{name}.png"))
    assert all(path.stat().st_size < MAX_IMAGE_BYTES for path in shots.glob("console-*.png"))
    assert len(list(shots.glob("console-*.png"))) >= 5
