"""The Kubernetes manifests without a cluster: rendered by kubectl, held to the published schemas, to themselves, and to
a running service."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.serve import DRAIN_S
from app.settings import Settings
from tests.live import LiveService

FOLDER = Path(__file__).parents[2] / "docker" / "kubernetes"
KUBECTL = Path(sys.executable).with_name("kubectl")
KUBERNETES = ("1.33", "1.37")
"""The oldest that the manifests are made for, and the newest whose schemas we have."""

Manifest = dict[str, Any]


def rendered(overlay: str) -> list[Manifest]:
    """What `kubectl apply -k` would send."""
    found = subprocess.run([KUBECTL, "kustomize", str(FOLDER / overlay)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return list(yaml.safe_load_all(found.stdout))


@pytest.fixture(scope="module", params=["base", "gpu"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Of one overlay."""
    return rendered(request.param)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {name: one["spec"]["template"] for name, one in of_kind(manifests, "Deployment").items()}


def matching(manifests: list[Manifest], selector: dict[str, str]) -> list[str]:
    """The Deployments whose pods carry these labels."""
    templates = pods(manifests).items()
    return [name for name, pod in templates if selector.items() <= pod["metadata"]["labels"].items()]


def environment(pod: Manifest) -> dict[str, str]:
    """The variables of a pod's container."""
    (container,) = pod["spec"]["containers"]
    cpus = container["resources"]["requests"]["cpu"]
    # The only field of the pod that a variable is read from.
    read = {"valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}}
    return {one["name"]: cpus if one.items() >= read.items() else one["value"] for one in container.get("env", [])}


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_manifest_fits_the_schema(manifests: list[Manifest], version: str) -> None:
    """Kubernetes of either version knows every field, and no required one is missing."""
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    """The schemas are strict: the test above can fail."""
    (budget, _) = of_kind(rendered("base"), "PodDisruptionBudget").values()
    budget["spec"]["maxUnavailble"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(budget, KUBERNETES[-1], strict=True)


def test_every_pod_is_locked_down(manifests: list[Manifest]) -> None:
    """No root, no writable root file system, no capability, no token, a seccomp profile, bounded resources."""
    assert set(pods(manifests)) >= {"touchstone", "touchstone-code", "redis"}
    for pod in pods(manifests).values():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert re.search(r":v?\d+\.\d+\.\d+", container["image"])
            for kind in ("requests", "limits"):
                assert {"cpu", "memory"} <= container["resources"][kind].keys()
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_selectors_find_what_they_mean(manifests: list[Manifest]) -> None:
    """Every selector finds exactly the Deployment of its own name, and Services a port that its container opens."""
    for kind in ("Deployment", "PodDisruptionBudget"):
        for name, one in of_kind(manifests, kind).items():
            assert matching(manifests, one["spec"]["selector"]["matchLabels"]) == [name]
    for name, service in of_kind(manifests, "Service").items():
        assert matching(manifests, service["spec"]["selector"]) == [name]
        (container,) = pods(manifests)[name]["spec"]["containers"]
        assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}
    for name in ("touchstone", "touchstone-code"):
        (spread,) = pods(manifests)[name]["spec"]["topologySpreadConstraints"]
        assert matching(manifests, spread["labelSelector"]["matchLabels"]) == [name]
        scaled = of_kind(manifests, "HorizontalPodAutoscaler")[name]["spec"]
        assert scaled["scaleTargetRef"]["name"] == name
        assert scaled["minReplicas"] >= 2, "a budget of one disruption must leave one"


def test_programs_have_no_way_out(manifests: list[Manifest]) -> None:
    """The code lane may reach nothing at all, and nothing in its settings needs it to."""
    walls = of_kind(manifests, "NetworkPolicy")["touchstone-code"]["spec"]
    assert matching(manifests, walls["podSelector"]["matchLabels"]) == ["touchstone-code"]
    assert ("Egress" in walls["policyTypes"], walls.get("egress", [])) == (True, [])
    pod = pods(manifests)["touchstone-code"]
    assert "://" not in str(environment(pod))
    assert pod["spec"]["hostUsers"] is False


@pytest.fixture
def only_given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings."""
    for name in [name for name in os.environ if name.startswith("TOUCHSTONE_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("lane", ["touchstone", "touchstone-code"])
def test_the_settings_are_settings(manifests: list[Manifest], lane: str, only_given: pytest.MonkeyPatch) -> None:
    """The service takes each variable, reaches Services that exist, and has time to drain before it is killed."""
    pod = pods(manifests)[lane]
    (container,) = pod["spec"]["containers"]
    for name, value in environment(pod).items():
        only_given.setenv(name, value)
    settings = Settings()
    assert 0 < settings.pool.workers < float(container["resources"]["limits"]["cpu"])
    assert pod["spec"]["terminationGracePeriodSeconds"] > settings.limits.drain_grace_s + DRAIN_S
    hosts = re.findall(r"://([\w-]+):(\d+)", str(environment(pod)))
    services = of_kind(manifests, "Service")
    assert all(services[host]["spec"]["ports"][0]["port"] == int(port) for host, port in hosts)
    readiness = container["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < settings.limits.drain_grace_s


def test_a_running_service_answers_probes_and_autoscaler(manifests: list[Manifest], service: LiveService) -> None:
    """Each probe gets a 200, and each metric of the autoscaler is made of a series that the service exposes."""
    exposed = service.client.get("/metrics").text
    rules = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    series = {rule["name"]["as"]: rule["seriesQuery"].partition("{")[0] for rule in rules}
    for name in ("touchstone", "touchstone-code"):
        pod = pods(manifests)[name]
        (container,) = pod["spec"]["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert service.client.get(container[probe]["httpGet"]["path"]).status_code == 200
        assert service.client.get(pod["metadata"]["annotations"]["prometheus.io/path"]).text
        for metric in of_kind(manifests, "HorizontalPodAutoscaler")[name]["spec"]["metrics"]:
            assert re.search(rf"^{series[metric['pods']['metric']['name']]} ", exposed, re.M)
