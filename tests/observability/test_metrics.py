"""What Prometheus sees: several server processes as one, and every name in the dashboard and the alerts a real one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.cli.bench import said_by_service
from tests.live import LiveService
from tests.processes import until

DOCKER = Path(__file__).parents[2] / "docker"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "touchstone.json"
ALERTS = DOCKER / "prometheus" / "alerts.yaml"
PROMETHEUS_OWN = {"up"}
ITEMS_EACH = 7
GIVEN_BY_PROMETHEUS = {"instance", "job", "le"}


def total(page: str, name: str) -> float:
    """The sum of a metric's samples over all labels."""
    families = text_string_to_metric_families(page)
    return sum(one.value for family in families for one in family.samples if one.name == name)


async def test_several_server_processes_are_one_page(start_service: Any) -> None:
    """With three server processes the items of all are on any page, each process with its own series, and the sum
    stays true for what comes after; `touchstone bench` counts all three.
    """
    live: LiveService = start_service({"TOUCHSTONE_POOL__WORKERS": "1"}, workers=3)

    def page() -> str:
        # A connection of its own: it may reach any of them.
        with httpx2.Client(base_url=live.url, timeout=60) as client:
            return client.get("/metrics").text

    await until(lambda: total(page(), "touchstone_servers") == 3, limit_s=60)
    items = [{"response": "\\boxed{4}", "reference": "4"}] * ITEMS_EACH
    for batches in (9, 18):
        for _ in range(9):
            with httpx2.Client(base_url=live.url, timeout=60) as client:
                assert client.post("/v1/verify", json={"items": items}).status_code == 200
        for _ in range(3):
            assert total(page(), "touchstone_items_total") == batches * ITEMS_EACH
    assert total(page(), "touchstone_pool_workers") == 3
    assert {f'touchstone_pool_workers{{server="{number}"}} 1.0' for number in range(3)} <= set(page().splitlines())
    said = said_by_service(live.url)
    families = text_string_to_metric_families(page())
    spent = [
        one.value for family in families for one in family.samples if one.name.startswith("touchstone_process_cpu")
    ]
    assert said["servers"] == len(spent) == 3
    assert max(spent) < said["service_cpu_s"] <= sum(spent)


# The dashboard and the alerts


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """Every sample's name with the labels that it may have, from a real service with a model and a judge."""
    settings = {"TOUCHSTONE_POOL__WORKERS": "1", "TOUCHSTONE_MODEL__EMPTY_CONTROL": "true"}
    live = LiveService(tmp_path_factory.mktemp("observed"), settings, model="0")
    try:
        live.wait_ready()
        item = {"response": "\\boxed{x + 1}", "reference": "some text", "question": "?"}
        live.client.post("/v1/verify", json={"items": [item, {"response": "\\boxed{4}", "reference": "4"}]})
        yield samples(live.client.get("/metrics").text)
    finally:
        live.stop()


def samples(page: str) -> dict[str, set[str]]:
    """What the page has, and what it will have: a counter that nothing was counted in yet has a name and no sample."""
    from app.metrics import Metrics

    declared = {
        metric._name: set(metric._labelnames) for metric in vars(Metrics()).values() if hasattr(metric, "_labelnames")
    }
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        for end in ends:
            found[family.name + end] = declared.get(family.name, set()) | GIVEN_BY_PROMETHEUS
    return found


def expressions() -> list[tuple[str, str]]:
    """Every query with where it stands; Grafana's own variables filled in."""
    board = json.loads(DASHBOARD.read_text())
    queries = [
        (panel["title"], one["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*"))
        for panel in board["panels"]
        for one in panel["targets"]
    ]
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    return queries + [(rule["alert"], rule["expr"]) for rule in rules]


def selectors(node: Any) -> Iterator[Any]:
    """The series that a query asks for, from every part of it."""
    if isinstance(node, promql.VectorSelector):
        yield node
    for name in ("lhs", "rhs", "expr", "vs", "vector_selector", "param"):
        if (part := getattr(node, name, None)) is not None:
            yield from selectors(part)
    for part in getattr(node, "args", None) or ():
        yield from selectors(part)


@pytest.mark.parametrize(("place", "query"), expressions())
def test_every_query_asks_for_what_there_is(known: dict[str, set[str]], place: str, query: str) -> None:
    """Each query parses, and each name and label in it is one that a running service has."""
    asked = list(selectors(promql.parse(query)))
    assert asked, "the walk found no series"
    assert query.count("touchstone_") == sum(one.name.startswith("touchstone_") for one in asked)
    for one in asked:
        assert one.name in known.keys() | PROMETHEUS_OWN
        assert {matcher.name for matcher in one.matchers.matchers} <= known.get(one.name, GIVEN_BY_PROMETHEUS)


def test_every_metric_is_shown_or_guarded(known: dict[str, set[str]]) -> None:
    """No metric is left for nobody to look at, sums for guard-rails of several processes and process counts apart."""
    asked = {one.name for _, query in expressions() for one in selectors(promql.parse(query))}
    unseen = {
        name for name in known if name.startswith("touchstone_") and not name.endswith(("_sum", "_count"))
    } - asked
    assert unseen <= {"touchstone_guard_sums_total"}


def test_every_alert_is_explained() -> None:
    """The page for operators says of each alert what it means and what to do."""
    explained = (DOCKER.parent / "docs" / "observability.md").read_text()
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert all(f"`{rule['alert']}`" in explained for rule in rules)
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in ("page", "warn") for rule in rules)
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_names_and_units(known: dict[str, set[str]]) -> None:
    """Every metric is ours by prefix; times are in seconds and sizes in bytes."""
    assert all(name.startswith("touchstone_") for name in known)
    assert not [name for name in known if name.endswith(("_ms", "_mb", "_kb", "_minutes"))]
