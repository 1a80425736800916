"""Who is let in, and how often: the keyring by a clock of the test's own, and through a running service."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.keys import Grant, Keyring, Refusal, Unreadable, digest, new_key, read_grants
from tests.cli.test_verify import touchstone
from tests.live import LiveService
from tests.processes import until
from touchstone_client import Client, RequestRejected

ITEM = {"response": "\\boxed{4}", "reference": "4"}
TEAM, FEW, PROFILE_KEY = "team-key-1", "few-key-1", "open sesame"


def write(file: Path, **grants: dict[str, Any]) -> Path:
    file.write_text(json.dumps(grants))
    return file


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keyring(tmp_path: Path, clock: Clock, **limits: float) -> Keyring:
    opened = Keyring(write(tmp_path / "keys.json", team={"sha256": [digest(TEAM)], **limits}), clock)
    opened.open()
    return opened


def refused(ring: Keyring, limit: str) -> int:
    account = ring.account(TEAM)
    assert account is not None
    with pytest.raises(Refusal) as refusal:
        account.enter(ring.clock())
    assert refusal.value.limit == limit
    return refusal.value.retry_after_s


def test_a_minute_holds_so_many_requests(tmp_path: Path, clock: Clock) -> None:
    """Sixty a minute: sixty at once, the next after a second."""
    ring = keyring(tmp_path, clock, requests_per_minute=60)
    account = ring.account(TEAM)
    assert account is not None
    for _ in range(60):
        account.enter(clock.now)
        account.leave()
    assert refused(ring, "requests_per_minute") == 1
    clock.now += 1.1
    account.enter(clock.now)


def test_a_batch_larger_than_the_limit_is_paid_afterwards(tmp_path: Path, clock: Clock) -> None:
    """A batch of three minutes' items goes through, and the next waits for two minutes."""
    ring = keyring(tmp_path, clock, items_per_minute=100)
    account = ring.account(TEAM)
    assert account is not None
    account.enter(clock.now)
    account.pay("items_per_minute", 300)
    assert refused(ring, "items_per_minute") == 121  # 200 are owed, 100 come back each minute
    clock.now += 121
    account.enter(clock.now)


def test_requests_at_once_are_bounded(tmp_path: Path, clock: Clock) -> None:
    """A second request waits until the first has ended."""
    ring = keyring(tmp_path, clock, concurrent_requests=1)
    account = ring.account(TEAM)
    assert account is not None
    account.enter(clock.now)
    assert refused(ring, "concurrent_requests") == 1
    account.leave()
    account.enter(clock.now)


def test_the_file_is_read_again(tmp_path: Path, clock: Clock) -> None:
    """A new key works and an old one does not once the file has changed; what was used stays used."""
    ring = keyring(tmp_path, clock, requests_per_minute=1)
    first = ring.account(TEAM)
    assert first is not None
    first.enter(clock.now)
    write(ring.file, team={"sha256": [digest("team-key-2")], "requests_per_minute": 1})
    clock.now += 2
    assert ring.account(TEAM) is None
    assert ring.account("team-key-2") is first


def test_a_broken_file_changes_nothing(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Half a file, as an editor may leave it, keeps the keys that there were, and is not quoted."""
    ring = keyring(tmp_path, clock)
    ring.file.write_text('{"team": {"sha256": ["TOPSECRET')
    clock.now += 2
    assert ring.account(TEAM) is not None
    assert "stay as they were" in caplog.text
    assert "TOPSECRET" not in caplog.text


@pytest.mark.parametrize("text", ["[]", '{"a b": {"sha256": []}}', '{"a": {"sha256": ["plain-key"]}}', "\xff", ""])
def test_an_unusable_file_is_said_without_quoting_it(tmp_path: Path, text: str) -> None:
    """The complaint names the place, never a value: it may be a key that somebody forgot to hash."""
    file = tmp_path / "keys.json"
    file.write_text(text)
    with pytest.raises(Unreadable) as error:
        read_grants(file)
    assert "plain-key" not in str(error.value)


def test_limits_must_be_known_words(tmp_path: Path) -> None:
    """A misspelt limit would be no limit."""
    with pytest.raises(Unreadable, match="request_per_minute"):
        read_grants(write(tmp_path / "keys.json", a={"sha256": [digest("k")], "request_per_minute": 5}))


def test_make_key_writes_a_hash_and_shows_the_key_once(tmp_path: Path) -> None:
    """What the command prints opens the service, what it writes does not; a second key stands beside the first."""
    file = tmp_path / "keys.json"
    first = touchstone("make-key", "team", "--file", str(file), "--items-per-minute", "1000").stdout.strip()
    second = touchstone("make-key", "team", "--file", str(file)).stdout.strip()
    assert file.stat().st_mode & 0o077 == 0
    assert first not in file.read_text()
    assert read_grants(file) == {"team": Grant(sha256=[digest(first), digest(second)], items_per_minute=1000)}
    assert touchstone("make-key", "a team", "--file", str(file)).returncode == 2
    assert len(new_key()) >= 43


# Through a running service


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service with keys, one of them with few requests, and a profile with a key of its own."""
    folder = tmp_path_factory.mktemp("guarded")
    file = write(
        folder / "keys.json",
        team={"sha256": [digest(TEAM)]},
        few={"sha256": [digest(FEW)], "requests_per_minute": 0.1},
    )
    settings = {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_KEYS__FILE": str(file),
        "TOUCHSTONE_PROFILES": json.dumps({"closed": {"task": "math", "key": PROFILE_KEY}, "math": {"task": "math"}}),
    }
    live = LiveService(folder, settings)
    yield live.wait_ready()
    live.stop()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/verify", {"authorization": f"Bearer {TEAM}"}, 200),
        ("/v1/verify", {"x-api-key": TEAM}, 200),
        (f"/v1/verify?key={TEAM}", {}, 200),
        (f"/k/{TEAM}/v1/verify", {}, 200),
        ("/v1/verify", {}, 401),
        ("/v1/verify", {"authorization": "Bearer wrong"}, 401),
        ("/v1/verify", {"authorization": f"Bearer {digest(TEAM)}"}, 401),
        ("/v1/verify", {"x-api-key": ""}, 401),
        ("/k/wrong/v1/verify", {}, 401),
        (f"/k/{TEAM}", {}, 401),
        ("//v1/verify", {}, 401),
        ("/healthz/../v1/verify", {}, 401),
    ],
)
def test_a_key_opens_the_service(guarded: LiveService, path: str, headers: dict[str, str], status: int) -> None:
    """From either header, from the query or before the path; nothing else opens it, the hash of a key least of all."""
    reply = guarded.client.post(path, json={"items": [ITEM]}, headers=headers)
    assert reply.status_code == status, reply.text
    if status == 401:
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.json()["type"] == "wrong_key"
        assert TEAM not in reply.text


@pytest.mark.parametrize(
    "path", ["/metrics", "/docs", "/openapi.json", "/v1/tasks", "/v1/stats", "/v1/disagreements", "/nope"]
)
def test_without_a_key_only_probes_are_open(guarded: LiveService, path: str) -> None:
    """Liveness and readiness answer everybody; nothing that holds anything else does."""
    assert guarded.client.get("/healthz").status_code == 200
    assert guarded.client.get("/readyz").status_code == 200
    assert guarded.client.get(path).status_code == 401


def test_a_body_is_not_read_before_the_key_is_known(guarded: LiveService) -> None:
    """A caller without a key is refused though it announces more than anybody may send."""
    reply = guarded.client.post("/v1/verify", content=b"x" * 1000, headers={"content-length": "1000"})
    assert reply.status_code == 401


def test_a_profile_with_its_own_key_needs_no_other(guarded: LiveService) -> None:
    """The profile's key opens the profile, and only that; a profile without one needs the service's."""
    body = {"response": "\\boxed{4}", "label": "4"}
    assert guarded.client.post(f"/p/closed/rm?key={PROFILE_KEY}", json=body).json() == 1.0
    assert guarded.client.post("/p/closed/rm", json=body).status_code == 401
    assert guarded.client.post(f"/p/math/rm?key={PROFILE_KEY}", json=body).status_code == 401
    assert guarded.client.post(f"/k/{TEAM}/p/math/rm", json=body).json() == 1.0


def test_over_its_limit_a_caller_is_told_when_to_come_back(guarded: LiveService) -> None:
    """One request in ten minutes: the second is a 429 with Retry-After; other callers go on, and metrics count it."""
    statuses = [guarded.client.post("/v1/verify", json={"items": [ITEM]}, headers={"x-api-key": FEW}) for _ in range(2)]
    assert [one.status_code for one in statuses] == [200, 429]
    assert 500 <= int(statuses[1].headers["retry-after"]) <= 541
    assert statuses[1].json()["type"] == "limited"
    page = guarded.client.get("/metrics", headers={"x-api-key": TEAM})
    assert 'touchstone_limited_total{key="few",limit="requests_per_minute"} 1.0' in page.text


def test_the_client_sends_its_key_and_says_when_it_is_wrong(guarded: LiveService) -> None:
    """Our client's `api_key` is such a key; a wrong one is the caller's to fix, and is not repeated in the error."""
    with Client(guarded.url, api_key=TEAM) as client:
        assert client.verify_one(ITEM).reward == 1.0
    with Client(guarded.url, api_key="nobody-knows") as client, pytest.raises(RequestRejected) as error:
        client.verify_one(ITEM)
    assert "Authorization: Bearer" in str(error.value)
    assert "nobody-knows" not in str(error.value)


async def test_keys_change_without_a_restart(guarded: LiveService) -> None:
    """A key written into the file of a running service opens it soon."""
    file = guarded.folder / "keys.json"
    grants = json.loads(file.read_text())
    write(file, **grants, late={"sha256": [digest("late-key")]})

    def opened() -> bool:
        return httpx2.get(f"{guarded.url}/v1/tasks", headers={"x-api-key": "late-key"}).status_code == 200

    await until(opened)
