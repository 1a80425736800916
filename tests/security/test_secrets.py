"""What must never be read again: secrets of the settings, and texts of callers, in all that a served process says."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.keys import digest
from app.logs import Form, JsonLines, LeastLevel, TextLines, configuration
from app.settings import Settings
from tests.live import LiveService

MARK = "XyZZy"
"""In every secret here, and in nothing else."""
TEXT = "PlUgH"
"""In every text of a caller here."""


def secrets(folder: Path) -> dict[str, str]:
    """A value for every setting that is a secret."""
    # Nothing listens at these addresses: what goes wrong there is said, and must not say the secret.
    return {
        "TOUCHSTONE_CACHE__REDIS_URL": f"redis://user:{MARK}-redis@127.0.0.1:9/0",
        "TOUCHSTONE_MODEL__SOURCE": "http://127.0.0.1:9/v1",
        "TOUCHSTONE_MODEL__API_KEY": f"{MARK}-model",
        "TOUCHSTONE_JUDGE__SOURCE": "http://127.0.0.1:9/v1",
        "TOUCHSTONE_JUDGE__API_KEY": f"{MARK}-judge",
        "TOUCHSTONE_TRACING__ENDPOINT": "http://127.0.0.1:9/v1/traces",
        "TOUCHSTONE_TRACING__HEADERS": json.dumps({"authorization": f"{MARK}-tracing"}),
        "TOUCHSTONE_TLS__PRIVATE_KEY_PASSWORD": f"{MARK}-tls",
        "TOUCHSTONE_PROFILES": json.dumps({"closed": {"task": "math", "key": f"{MARK}-profile"}}),
    }


def secret_fields(model: Any, path: str = "") -> set[str]:
    """Every setting whose type hides its value."""
    found = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if "SecretStr" in str(kind):
            found.add(f"{path}{name}")
        elif isinstance(kind, type) and hasattr(kind, "model_fields"):
            found |= secret_fields(kind, f"{path}{name}__")
    return found


def test_every_secret_setting_is_tried_here(tmp_path: Path) -> None:
    """A secret that is added to the settings must be added to these tests."""
    tried = {name.removeprefix("TOUCHSTONE_").lower() for name, value in secrets(tmp_path).items() if MARK in value}
    assert secret_fields(Settings) | {"profiles"} == tried


def hostile(live: LiveService, key: str) -> str:
    """Requests with a text of the caller's in every place that there is; returns all that was answered about them."""
    client = live.client
    client.headers["x-api-key"] = key
    item = {"id": TEXT, "task": "math", "response": f"{TEXT} \\boxed{{1}}", "reference": "2", "question": TEXT}
    verify: list[Any] = [
        {"items": [item]},
        {"items": [item | {"task": TEXT}, item, item | {"options": {TEXT: TEXT}}]},
        {"items": [item | {"reference": TEXT}], "step": 7},
        {"items": [item], TEXT: 1},
        {"items": [item], "recall": TEXT},
        {"items": [item], "step": TEXT},
    ]
    told = [client.post("/v1/verify", json=body, headers={"x-request-id": f"{TEXT} {TEXT}"}).headers for body in verify]
    case = {"question": TEXT, "protocol": TEXT, "candidates": [{"id": TEXT, "response": TEXT}]}
    client.post("/v1/judge", json={"cases": [case, case | {"protocol": "rubric"}]})
    client.post("/v1/reward", json={"items": [item | {"rule": TEXT}, item | {"group": TEXT}], "recall": "never"})
    for path in (f"/{TEXT}", f"/p/{TEXT}/rm", f"/console/{TEXT}", f"/v1/stats?since={TEXT}", f"/k/{TEXT}/x"):
        client.get(path)
        client.post(path, json={TEXT: TEXT})
    client.post("/rm", json={"response": TEXT, "label": {"task": TEXT, "reference": TEXT}})
    client.post(f"/get_reward?task={TEXT}&key={TEXT}", json={"query": [TEXT], "prompts": [TEXT], "labels": [TEXT]})
    client.post("/verify", json={"response": {"output": TEXT}, "verifier_metadata": {"task": TEXT}})
    client.post("/run_code", json={"code": f"raise SystemExit({TEXT!r})", "language": TEXT})
    for header in ("x-run-id", "traceparent", "authorization", "user-agent", "x-request-deadline"):
        client.post("/v1/verify", json={"items": [item]}, headers={header: TEXT})
    client.post("/v1/verify", content=f"{TEXT} is no JSON".encode())
    assert all(TEXT not in headers["x-request-id"] for headers in told)
    return client.get("/metrics").text


@pytest.mark.parametrize("form", list(Form))
def test_nothing_a_served_process_says_holds_a_secret_or_a_text(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], form: Form
) -> None:
    """With secrets in every setting and hostile requests, at debug level: neither log, metrics, readiness, audit log
    nor process title has any of it; metrics have no label of a caller's making.
    """
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"team": {"sha256": [digest(f"{MARK}-caller")]}}))
    settings = secrets(tmp_path) | {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_KEYS__FILE": str(keys),
        "TOUCHSTONE_MODEL__ON_FAILURE": "keep_rules",
        "TOUCHSTONE_MODEL__CALL_TIMEOUT_S": "1",
        "TOUCHSTONE_JUDGE__TIMEOUT_S": "1",
        "TOUCHSTONE_LOG__FORM": form,
        "TOUCHSTONE_LOG__LEVEL": "debug",
        "TOUCHSTONE_LOG__REQUESTS": "true",
        "TOUCHSTONE_AUDIT__FILE": str(tmp_path / "audit.jsonl"),
    }
    live = LiveService(tmp_path, settings)
    try:
        page = hostile(live.wait_ready(), f"{MARK}-caller")
        ready = live.client.get("/readyz").text
        refused = live.client.post("/p/closed/rm", json={"response": "1", "label": "1"}).text
    finally:
        live.stop()
    said = "".join(capfd.readouterr())
    audit = (tmp_path / "audit.jsonl").read_text()
    assert said.count("answered") > 30
    assert "digest" in audit
    for name, text in {
        "log": said,
        "metrics": page,
        "readiness": ready,
        "refusal": refused,
        "audit log": audit,
    }.items():
        assert MARK not in text, name
        assert TEXT not in text, name
    labels = {value for line in page.splitlines() for value in re.findall(r'="([^"]*)"', line)}
    assert "/v1/verify" in labels
    assert all(re.fullmatch(r"[\w.+/{}-]{1,40}", value) for value in labels), labels
    if form is Form.JSON:
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert {"answered"} <= {line["message"] for line in lines}
        assert len(lines) == len(said.splitlines())


def test_settings_hide_their_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `repr` nor `str` nor the complaint about a wrong neighbour shows one."""
    for name, value in secrets(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert MARK not in f"{settings!r} {settings} {settings.model_dump_json()}"
    monkeypatch.setenv("TOUCHSTONE_CACHE__TTL_S", "soon")
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", "1"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "ttl_s" in failed.stderr
    assert MARK not in failed.stderr + failed.stdout


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
def test_an_exception_is_logged_without_its_words(formatter: logging.Formatter) -> None:
    """Type and place of an error and of what caused it are in the log; what it says, which may quote a text, is not."""
    try:
        try:
            int(TEXT)
        except ValueError as error:
            raise KeyError(TEXT) from error
    except KeyError:
        record = logging.LogRecord("touchstone", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())
        line = formatter.format(record)
        assert TEXT not in line
        assert "builtins.ValueError" in line
        assert "builtins.KeyError" in line
        assert "test_an_exception_is_logged_without_its_words" in line


def test_a_line_of_the_log_stays_one_line() -> None:
    """A line break in a message does not begin a line that looks like another."""
    record = logging.LogRecord("touchstone", logging.WARNING, __file__, 1, "one\ntwo", (), None)
    assert "\n" not in JsonLines().format(record)


def test_the_configuration_of_the_log_is_one_for_all() -> None:
    """The service's own loggers and the server's write in the form and from the level of the settings."""
    said = configuration(Form.JSON, LeastLevel.ERROR)
    assert {one["level"] for one in said["loggers"].values()} == {"ERROR"}
    assert said["formatters"]["line"]["()"] is JsonLines
