"""What an operator may write for a model, and what is said about the rest."""

import pytest

from grm.connect import ConnectOptions, model_from_spec
from grm.remote_model import RemoteModel
from grm.vllm_command import VllmOptions
from grm.vllm_server import SupervisedBackend


@pytest.mark.parametrize(
    "source",
    ["http://127.0.0.1:8000", "http://host:8000/v1", "https://gateway/models/v1/", " http://[::1]:80 "],
)
def test_an_address_is_a_running_server(source: str) -> None:
    """HTTP and HTTPS, with or without `/v1`, IPv6 too."""
    model = model_from_spec(source, ConnectOptions(name="judge", api_key="k"))
    assert isinstance(model, RemoteModel)
    assert model.name == "judge"


@pytest.mark.parametrize("name", ["Qwen/Qwen3-4B", "/models/tiny", "./tiny", "C:odd"])
def test_vllm_and_a_name_is_a_server_of_our_own(name: str) -> None:
    """Hub names and folders are taken as they are; nothing is started yet."""
    model = model_from_spec(f"vllm:{name}", ConnectOptions(vllm=VllmOptions("/env/bin/python")))
    assert isinstance(model, SupervisedBackend)
    assert model.name == name
    assert model.state.detail == "not started yet"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "names no model server"),
        ("Qwen/Qwen3-4B", "write `http://host:8000/v1`"),
        ("localhost:8000", "names no model server"),
        ("ftp://host/", "names no model server"),
        ("vllm:", "needs a model's name"),
        ("vllm:--trust-remote-code", "needs a model's name"),
        ("vllm://host:8000", "needs a model's name"),
        ("vllm:a model", "needs a model's name"),
        ("http://", "has no host"),
        ("http:///v1", "has no host"),
        ("http://host:0", "has no host"),
        ("http://host:99999", "unusable port"),
        ("http://host:port", "unusable port"),
        ("http://host/v1?model=x", "without ? and #"),
        ("http://host/v1#x", "without ? and #"),
    ],
)
def test_a_source_that_cannot_be_used_is_explained(source: str, says: str) -> None:
    """The error says what to write instead, before anything is started."""
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        model_from_spec(source)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """Addresses end up in logs and on readiness pages."""
    with pytest.raises(ValueError, match="set the API key instead") as caught:
        model_from_spec("http://user:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)


def test_options_that_would_be_ignored_are_refused() -> None:
    """A key given for a server of our own is a misunderstanding worth telling."""
    with pytest.raises(ValueError, match="for running servers"):
        model_from_spec("vllm:m", ConnectOptions(api_key="k"))


def test_the_key_is_not_in_a_repr() -> None:
    """Settings are printed in logs and tracebacks."""
    assert "sesame" not in repr(ConnectOptions(api_key="sesame"))
