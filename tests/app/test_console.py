"""The console's files, and what the page asks the service."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.console import page, shapes
from app.keys import digest
from app.services import REGISTRY
from grm.judge import PROTOCOLS
from tests.app.conftest import StartApp
from tests.app.scripted import ScriptedModel
from tests.live import LiveService

SAMPLES: list[dict[str, Any]] = json.loads(page.FILES["samples.json"][0])
BY_RULE = [sample for sample in SAMPLES if not sample["task"].startswith("judge:")]


def texts() -> dict[str, str]:
    return {name: content.decode() for name, (content, _) in page.FILES.items()}


# The files


def test_the_page_is_served_under_a_strict_policy(service: LiveService) -> None:
    """Page and files come with a policy that allows this origin's files and nothing else, and with their types."""
    for path in ("/console", *(f"/console/{name}" for name in page.FILES)):
        reply = service.client.get(path)
        assert reply.status_code == 200, path
        policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
        assert (policy["frame-ancestors"], policy["form-action"], policy["base-uri"]) == ("'none'", "'none'", "'none'")
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert service.client.get("/console").headers["content-type"] == "text/html; charset=utf-8"
    assert service.client.get("/console/main.js").headers["content-type"] == "text/javascript; charset=utf-8"


def test_only_the_page_s_own_files_are_served(service: LiveService) -> None:
    """Another name, or a path out of the folder, is a 404; a trailing slash leads to the page."""
    for path in ("/console/none.js", "/console/..%2fpage.py", "/console/%2e%2e/__init__.py"):
        assert service.client.get(path).status_code == 404, path
    moved = service.client.get("/console/")
    assert (moved.status_code, moved.headers["location"]) == (307, "../console")


def test_the_files_name_no_other_place() -> None:
    """No file holds an address outside the service; the name space of SVG is a name, not an address."""
    for name, text in texts().items():
        found = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", text)) - {"http://www.w3.org/2000/svg"}
        assert found == set(), name


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.inline += data.strip()


def test_the_page_has_no_inline_script_or_style_and_all_its_files() -> None:
    """Nothing in the page needs a weaker policy, and whatever it or a module loads is there."""
    seen = _Seen()
    seen.feed(texts()["index.html"])
    assert seen.inline == ""
    assert not [
        attributes
        for _, attributes in seen.tags
        if any(name.startswith("on") or name == "style" for name in attributes)
    ]
    loaded = {link for _, one in seen.tags for link in (one.get("src"), one.get("href")) if link and "/" in link}
    assert {link.removeprefix("console/") for link in loaded} <= page.FILES.keys()
    for name, text in texts().items():
        if name.endswith(".js"):
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name
            assert {link.removeprefix("./") for link in re.findall(r'from "([^"]+)"', text)} <= page.FILES.keys()


def test_the_console_is_small() -> None:
    """All files together stay below 100 kB: a page that loads over a bad tunnel to a cluster."""
    assert sum(len(content) for content, _ in page.FILES.values()) < 100_000


def test_the_page_offers_protocols_that_there_are() -> None:
    """The judge's protocols in the form are the service's."""
    (table,) = re.findall(r"const PROTOCOLS = \{(.*?)\};", texts()["try.js"], re.S)
    assert set(re.findall(r"^\s*(\w+):", table, re.M)) <= PROTOCOLS.keys()


async def test_the_page_needs_no_key_but_its_calls_do(start_app: StartApp, tmp_path: Path) -> None:
    """In a service with keys the files load, so that the page can ask for one; what it asks for is refused without."""
    (tmp_path / "keys.json").write_text(json.dumps({"me": {"sha256": [digest("sesame")]}}))
    async with start_app(groups={"keys": {"file": tmp_path / "keys.json"}}) as running:
        for path in ("/console", "/console/main.js"):
            assert (await running.http.get(path)).status_code == 200
        for path in ("/v1/stats", "/v1/disagreements", "/v1/tasks", "/consoles"):
            assert (await running.http.get(path)).status_code == 401
            let_in = await running.http.get(path, headers={"Authorization": "Bearer sesame"})
            assert let_in.status_code == (404 if path == "/consoles" else 200)
        assert (await running.http.post("/v1/explain", json={})).status_code == 401


# POST /v1/explain


def explained(service: LiveService, **item: Any) -> shapes.ExplainResponse:
    reply = service.client.post("/v1/explain", json={"items": [item]})
    assert reply.status_code == 200, reply.text
    return shapes.ExplainResponse.model_validate_json(reply.content)


@pytest.mark.parametrize("sample", BY_RULE, ids=lambda sample: sample["name"])
def test_a_sample_of_the_page_gets_its_outcome(service: LiveService, sample: dict[str, Any]) -> None:
    """Each sample is decided as it says, and its answer is found again in the response."""
    fields = {name: sample[name] for name in ("task", "question", "response", "reference")}
    told = explained(service, **fields)
    assert told.result.outcome == sample["outcome"]
    if told.result.answer is not None:
        begin, end = told.places[0]
        assert sample["response"][begin:end] == told.result.answer


def test_the_way_to_a_verdict_is_told(service: LiveService) -> None:
    """Extraction, both sides as trees, the rules that passed, every decision and the one that settled it."""
    told = explained(
        service, response="It is $(1, \\frac{2}{4})$, or \\boxed{(1, \\frac{2}{4})}.", reference="(1, 0.5)"
    )
    assert told.explanation is not None
    (one,) = told.explanation.compared
    assert (told.explanation.how, told.explanation.answer) == ("box", "(1, \\frac{2}{4})")
    assert told.places == [(36, 52)]
    assert (one.same, one.rule) == (True, told.result.decided_by.name)
    assert one.answer_read is not None
    assert one.answer_read.tree.splitlines() == [
        "Group left='(' right=')'",
        "  items[0]: Num num=1",
        "  items[1]: Div",
        "    top: Num num=2",
        "    bottom: Num num=4",
    ]
    assert one.reference_read is not None
    assert "Num num=5 den=10 decimals=1" in one.reference_read.tree
    assert "words" in one.passed
    assert one.rule not in one.passed
    assert one.steps[-1].startswith(f"{one.rule}: ")


def test_every_reference_up_to_the_one_that_fits_is_told(service: LiveService) -> None:
    """With several references, each that was compared has its own account; those behind a "yes" have none."""
    told = explained(service, response="\\boxed{x^2}", reference=["y", "x^2", "z"])
    assert told.explanation is not None
    assert [(one.reference, one.same) for one in told.explanation.compared] == [("y", False), ("x^2", True)]


def test_a_response_without_an_answer_says_why(service: LiveService) -> None:
    """The refusal is told, and nothing is compared."""
    told = explained(service, response="I cannot answer this. The answer is", reference="4")
    assert told.result.outcome == "unreadable"
    assert told.explanation is not None
    assert told.explanation.refusal
    assert told.explanation.compared == ()
    assert told.places == []


def test_places_count_characters_not_bytes(service: LiveService) -> None:
    """A place is right behind characters outside the basic plane."""
    told = explained(service, response="🎉 答案 \\boxed{7x+1}", reference="1+7x")
    assert told.places == [(12, 16)]


def test_auto_tells_what_the_chosen_task_tells(service: LiveService) -> None:
    """Where `auto` chose mathematics, its trees are shown; where it chose another task, its details are."""
    chosen = explained(service, task="auto", response="\\boxed{x+1}", reference="1+x").explanation
    assert chosen is not None
    assert chosen.task == "math"
    told = explained(service, task="auto", response='{"a": 1}', reference='{"a": 2}')
    assert told.explanation is None
    assert told.result.details is not None
    assert told.result.details["task"] == "json"


def test_an_explanation_is_bounded(service: LiveService) -> None:
    """A list of thousands comes back cut, not whole."""
    numbers = ", ".join(f"x_{n}" for n in range(4_000))
    reply = service.client.post("/v1/explain", json={"items": [{"response": numbers, "reference": "7"}]})
    assert reply.status_code == 200
    told = shapes.ExplainResponse.model_validate_json(reply.content)
    assert len(json.dumps(reply.json()["explanation"])) < 40_000
    assert told.result.outcome in ("incorrect", "unreadable", "undecidable")


def test_one_item_at_a_time(service: LiveService) -> None:
    """Two items are refused with where to send them; a bad item with what to fix."""
    item = {"response": "7", "reference": "7"}
    two = service.client.post("/v1/explain", json={"items": [item, item]})
    assert two.status_code == 422
    assert "/v1/verify" in two.json()["detail"]
    bad = service.client.post("/v1/explain", json={"items": [{"response": "7"}]})
    assert bad.json()["errors"][0]["field"] == "items[0].reference"


@pytest.mark.parametrize("task", ["spins", "dies", "raises"])
async def test_a_bad_explanation_costs_no_verdict(start_app: StartApp, task: str) -> None:
    """An explanation that hangs, kills its worker or raises is left out; verdict and service are as ever."""
    async with start_app(registry="tests.app.explaining_verifiers:VERIFIERS", pool={"workers": 1}) as running:
        item = {"task": task, "response": "7", "reference": "7"}
        reply = await running.http.post("/v1/explain", json={"items": [item]})
        assert reply.json()["result"]["outcome"] == "correct"
        assert reply.json()["explanation"] is None
        assert "secret" not in reply.text
        again = await running.http.post("/v1/verify", json={"items": [item]})
        assert again.json()["results"][0]["reward"] == 1.0


async def test_a_long_queue_costs_the_explanation_not_the_verdict(start_app: StartApp) -> None:
    """At the request's deadline the verdict is given without the way to it."""
    pool = {"workers": 1, "item_cpu_s": 600.0, "item_wall_s": 600.0}
    async with start_app(registry="tests.app.explaining_verifiers:VERIFIERS", pool=pool) as running:
        item = {"task": "spins", "response": "7", "reference": "7"}
        reply = await running.http.post("/v1/explain", json={"items": [item], "deadline_s": 0.5})
    assert (reply.json()["result"]["outcome"], reply.json()["explanation"]) == ("correct", None)


async def test_both_reads_and_the_controls_of_the_model_are_told(start_app: StartApp) -> None:
    """Every question behind a rescue with its probability, though the opinion itself came from the cache."""
    item = {"task": "exact_text", "question": "Do they agree?", "response": "a fox", "reference": "the fox, red"}
    async with start_app(served=ScriptedModel(), registry=REGISTRY, model={"wrong_control_share": 1.0}) as running:
        await running.http.post("/v1/explain", json={"items": [item]})
        told = (await running.http.post("/v1/explain", json={"items": [item]})).json()
    assert (told["result"]["cached"], told["model"], told["threshold"]) == (True, "scripted", 0.8)
    heard = {one["asked"]: one for one in told["heard"]}
    assert list(heard) == ["first", "swapped", "empty_response"]
    assert [heard[name]["accepts"] for name in heard] == [True, True, False]
    assert (heard["first"]["answer"], heard["swapped"]["answer"]) == ("a fox", "the fox, red")
    assert heard["first"]["yes"] == pytest.approx(0.97)
    assert heard["empty_response"]["yes"] == pytest.approx(0.03)


async def test_a_model_that_fails_leaves_what_was_heard(start_app: StartApp) -> None:
    """The verdict says that the model failed; the explanation has no read to show."""
    item = {"task": "exact_text", "response": "offline", "reference": "the fox"}
    async with start_app(served=ScriptedModel(), registry=REGISTRY) as running:
        told = (await running.http.post("/v1/explain", json={"items": [item]})).json()
    assert told["result"]["outcome"] == "undecidable"
    assert told["heard"] == []


def test_the_documented_explanations_are_what_is_sent(service: LiveService) -> None:
    """Each example in the documents gets the answer in the documents, times apart."""
    call = service.client.get("/openapi.json").json()["paths"]["/v1/explain"]["post"]
    requests = call["requestBody"]["content"]["application/json"]["examples"]
    answers = {
        name: example["value"]
        for response in call["responses"].values()
        for content in response["content"].values()
        for name, example in content.get("examples", {}).items()
    }
    for name, example in requests.items():
        sent = service.client.post("/v1/explain", json=example["value"]).json()
        for answer in (sent, answers[name]):
            if "result" in answer:
                answer["elapsed_ms"] = answer["result"]["timings_ms"] = answer["result"]["cached"] = None
        assert sent == answers[name]


# GET /v1/stats and GET /v1/disagreements


async def test_seconds_say_what_was_answered(start_app: StartApp) -> None:
    """Items by who decided, undecided, rescued, cached and judged, and one latency for each request."""
    rescued = {"task": "exact_text", "question": "agree?", "response": "a fox", "reference": "the fox, red"}
    lost = {"task": "exact_text", "response": "mumble", "reference": "the fox"}
    plain = {"response": "7", "reference": "7"}
    async with start_app(served=ScriptedModel(), registry=REGISTRY, model={"wrong_control_share": 0}) as running:
        for items in ([rescued, lost, plain], [rescued], [{"response": "7"}, plain]):
            await running.http.post("/v1/verify", json={"items": items})
        stats = shapes.StatsResponse.model_validate_json((await running.http.get("/v1/stats")).content)
        later = (await running.http.get(f"/v1/stats?since={stats.now + 60}")).json()
    assert later["seconds"] == []

    def total(name: str) -> int:
        return sum(getattr(second, name) for second in stats.seconds)

    assert (total("requests"), total("items")) == (3, 6)
    assert (total("rescued"), total("undecided"), total("cached")) == (2, 2, 2)
    stages = sum((second.stages for second in stats.seconds), start=type(stats.seconds[0].stages)())
    assert stages == {"rules": 2, "model": 3, "service": 1}
    assert sum(sum(second.latency.values()) for second in stats.seconds) == 3
    assert (stats.workers, stats.wanted_workers) == (2, 2)


def test_a_stats_connection_is_not_kept(service: LiveService) -> None:
    """Each poll may reach another of several server processes."""
    assert service.client.get("/v1/stats").headers["connection"] == "close"


async def test_disagreements_are_kept_only_where_asked_for(start_app: StartApp) -> None:
    """By default no text is kept."""
    item = {"task": "exact_text", "question": "agree?", "response": "a fox", "reference": "the fox, red"}
    async with start_app(served=ScriptedModel(), registry=REGISTRY) as running:
        await running.http.post("/v1/verify", json={"items": [item]})
        page_ = (await running.http.get("/v1/disagreements")).json()
    assert page_ == {"most": 0, "tasks": [], "items": []}


async def test_disagreements_come_latest_first_and_by_task(start_app: StartApp) -> None:
    """A rescue and a model that refuses what the rules accept are listed with both words; agreement is not."""
    rescued = {"task": "exact_text", "question": "agree?", "response": "a fox", "reference": "the fox, red"}
    refused = {"response": "7x", "reference": "7x"}
    agreed = {"task": "exact_text", "response": "a dog", "reference": "the fox"}
    kept = {"groups": {"console": {"disagreements": 5}}, "model": {"wrong_control_share": 0}}
    async with start_app(served=ScriptedModel(), registry=REGISTRY, **kept) as running:
        await running.http.post("/v1/verify", json={"items": [rescued, rescued, refused, agreed], "opinions": True})
        everything = (await running.http.get("/v1/disagreements")).json()
        one_task = (await running.http.get("/v1/disagreements?task=math")).json()
    assert [(one["kind"], one["task"], one["times"]) for one in everything["items"]] == [
        ("refused", "math", 1),
        ("rescued", "exact_text", 2),
    ]
    assert everything["tasks"] == ["exact_text", "math"]
    assert [one["task"] for one in one_task["items"]] == ["math"]
    found = everything["items"][1]
    assert (found["answer"], found["references"], found["outcome"]) == ("a fox", ["the fox, red"], "correct")
    assert (found["rules"]["outcome"], found["model"]["outcome"]) == ("incorrect", "correct")
