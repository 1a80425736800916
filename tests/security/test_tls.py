"""HTTPS with a real certificate authority, through our client and without it."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import trustme

from app.settings import Settings, TlsSettings
from tests.live import LiveService
from touchstone_client import AsyncClient, Client, Unreachable

ITEM = {"response": "\\boxed{4}", "reference": "4"}


class Authority:
    """A certificate authority, and files of what it has issued."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, name: str) -> str:
        file = str(self._folder / f"{name}.pem")
        self._ca.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(file)
        return file


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture(scope="module")
def secured(ours: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that speaks HTTPS only, with callers that show a certificate of ours."""
    settings = {
        "TOUCHSTONE_POOL__WORKERS": "1",
        "TOUCHSTONE_TLS__CERTIFICATE": ours.issue("127.0.0.1"),
        "TOUCHSTONE_TLS__CLIENT_CA": ours.file,
    }
    live = LiveService(tmp_path_factory.mktemp("secured"), settings)
    context = ssl.create_default_context(cafile=ours.file)
    context.load_cert_chain(ours.issue("probe.test"))
    live.client = httpx2.Client(base_url=live.url.replace("http:", "https:"), verify=context, timeout=60)
    yield str(live.wait_ready().client.base_url).rstrip("/")
    live.stop()


async def test_our_clients_speak_https(secured: str, ours: Authority) -> None:
    """Both clients verify over HTTPS with the service's authority and a certificate of their own."""
    mine = ours.issue("trainer.test")
    with Client(secured, ca_file=ours.file, certificate=mine) as client:
        assert client.verify_one(ITEM).reward == 1.0
        async with AsyncClient.like(client) as same:
            assert (await same.verify_one(ITEM)).reward == 1.0


def test_a_caller_without_a_certificate_is_not_let_in(secured: str, ours: Authority) -> None:
    """Where callers must show a certificate, one without gets no answer."""
    with Client(secured, ca_file=ours.file, deadline_s=5) as client, pytest.raises(Unreachable):
        client.verify_one(ITEM)


def test_a_strangers_certificate_is_not_let_in(secured: str, ours: Authority, tmp_path: Path) -> None:
    """Nor does one that another authority has issued."""
    stranger = Authority(tmp_path / "theirs").issue("trainer.test")
    client = Client(secured, ca_file=ours.file, certificate=stranger, deadline_s=5)
    with client, pytest.raises(Unreachable):
        client.verify_one(ITEM)


def test_a_client_does_not_trust_a_stranger(secured: str, ours: Authority, tmp_path: Path) -> None:
    """A service whose certificate another authority has issued is not talked to: the key would be sent there."""
    theirs = Authority(tmp_path / "theirs").file
    client = Client(secured, api_key="k", ca_file=theirs, certificate=ours.issue("me.test"), deadline_s=5)
    with client, pytest.raises(Unreachable, match=r"(?i)certificate"):
        client.verify_one(ITEM)


def test_plain_http_gets_no_answer(secured: str) -> None:
    """The port of HTTPS says nothing to those who do not encrypt."""
    with pytest.raises(httpx2.TransportError):
        httpx2.get(secured.replace("https:", "http:") + "/healthz")


def test_files_that_do_not_fit_are_said_at_once(tmp_path: Path) -> None:
    """A client with a file that is no certificate, and settings with half of a pair, say so before anything is sent."""
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ValueError, match=r"ca\.pem"):
        Client("https://localhost", ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(ValueError, match="needs a certificate"):
        Settings(tls=TlsSettings(client_ca=tmp_path / "ca.pem"))
