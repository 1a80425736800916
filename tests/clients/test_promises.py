"""Promises that people forget: exports, matching drivers, imports, examples that run."""

import doctest
import inspect
import subprocess
import sys

import pytest

import touchstone_client
from touchstone_client import AsyncClient, Client, _exchange, async_client, client
from touchstone_client.testing import canned


def public(kind: type) -> dict[str, inspect.Signature]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {name: inspect.signature(method) for name, method in methods if not name.startswith("_")}


def test_both_clients_offer_the_same_calls() -> None:
    """`Client` and `AsyncClient` have the same methods with the same parameters and defaults."""
    assert public(Client) == public(AsyncClient)
    blocking, awaited = inspect.signature(Client).parameters, inspect.signature(AsyncClient).parameters
    assert list(blocking) == list(awaited)
    assert [p.default for p in blocking.values()] == [p.default for p in awaited.values()]


def test_both_clients_explain_themselves_alike() -> None:
    """A call's documentation does not depend on the driver."""
    for name in public(Client):
        if name != "close":  # a process's connections, or an event loop's
            assert getattr(Client, name).__doc__ == getattr(AsyncClient, name).__doc__


def test_exports_are_sorted_and_real() -> None:
    """`__all__` is in order, without doubles, and every name exists."""
    names = touchstone_client.__all__
    assert names == sorted(set(names))
    assert all(hasattr(touchstone_client, name) for name in names)


@pytest.mark.parametrize("package", ["touchstone_client", "touchstone_client.testing"])
def test_client_imports_nothing_of_the_service(package: str) -> None:
    """A trainer that imports the client loads no web framework, no algebra system and none of the service."""
    unwanted = {"app", "fastapi", "grm", "redis", "starlette", "sympy", "touchstone_trainer", "verifiers"}
    code = f"import sys, {package}; print(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [_exchange, client, async_client])
def test_examples_run(module: object) -> None:
    """The examples in the docstrings give what they say."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_canned_transport_lets_user_code_be_tested() -> None:
    """Code that calls the service can be tested without one, down to every call the client has."""
    seen: list[str] = []

    def judge(item: object) -> float | None:
        assert isinstance(item, dict)
        seen.append(item["response"])
        return {"4": 1.0, "5": 0.0}.get(item["response"])

    with Client(transport=canned(judge)) as tested:
        results = tested.verify([{"id": text, "response": text, "reference": "4"} for text in ("4", "5", "?")])
        assert [(result.id, result.reward) for result in results] == [("4", 1.0), ("5", 0.0), ("?", None)]
        assert tested.ready().ready
        assert tested.healthy()
        assert tested.tasks()[0].version == "canned"
    assert seen == ["4", "5", "?"]
