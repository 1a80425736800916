"""A real HTTP server that speaks the contract and misbehaves on demand, and one way to use both drivers."""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from touchstone_client import AsyncClient, Client, RetryPolicy

Act = Callable[["Handler"], bool]
"""Misbehaves on one request; True when it has answered in its own way."""

QUICK = RetryPolicy(first_wait_s=0.01, max_wait_s=0.02)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Service"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.body = b""
        self.answer()

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["content-length"]))
        self.answer()

    def answer(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers), self.body))
            act = self.server.acts.pop(0) if self.server.acts else self.server.always
        if not act(self):
            self.send(200, self.result())

    def result(self) -> bytes:
        match self.path:
            case "/v1/verify":
                results = [verdict(item) for item in json.loads(self.body)["items"]]
                return json.dumps({"results": results, "elapsed_ms": 1.0, "added_later": True}).encode()
            case "/v1/reward":
                rewards = [payment(item) for item in json.loads(self.body)["items"]]
                return json.dumps({"results": rewards, "elapsed_ms": 1.0}).encode()
            case "/v1/tasks":
                return b'{"tasks": [{"name": "math", "version": "1", "description": "numbers"}]}'
            case "/readyz":
                return b'{"ready": true, "version": "1", "components": {}}'
            case _:
                return b"{}"

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def verdict(item: dict[str, Any]) -> dict[str, Any]:
    right = item["response"] == item["reference"]
    return {
        "id": item.get("id"),
        "task": item.get("task", "math"),
        "outcome": "correct" if right else "incorrect",
        "reward": float(right),
        "answer": item["response"],
        "decided_by": {"stage": "rules", "name": "same_text"},
        "reason": "compared",
    }


def payment(item: dict[str, Any]) -> dict[str, Any]:
    fields = {"task": "math", "rule": "verifier", "status": "scored", "reason": "same_text"}
    right = item["response"] == item.get("reference")
    return {"id": item.get("id"), "group": item.get("group"), "reward": float(right), **fields}


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.acts: list[Act] = []
        self.always: Act = lambda handler: False
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of these tests."""


def status(code: int, body: bytes = b"{}", **headers: str) -> Act:
    def act(handler: Handler) -> bool:
        handler.send(code, body, **headers)
        return True

    return act


def reset(handler: Handler) -> bool:
    """Hangs up in the middle of the conversation, with an RST."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The socket closes only when its files have.
    for half in (handler.rfile, handler.wfile, handler.connection):
        half.close()
    handler.close_connection = True
    return True


def truncated(handler: Handler) -> bool:
    """Announces more than it sends."""
    body = handler.result()
    handler.send(200, body[: len(body) // 2], length=str(len(body)))
    handler.close_connection = True
    return True


def hang(seconds: float) -> Act:
    def act(handler: Handler) -> bool:
        time.sleep(seconds)
        return False

    return act


def drip(seconds: float) -> Act:
    """Sends its answer in pieces, each well before any time-out of a single read."""

    def act(handler: Handler) -> bool:
        handler.send(200, b"", length="1000")
        for _ in range(20):
            time.sleep(seconds / 20)
            handler.wfile.write(b" ")
        handler.close_connection = True
        return True

    return act


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


Caller = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Caller:
    """Makes one call with either driver: `call(url, "verify", items, deadline_s=1.0)`."""

    def sync_call(url: str, method: str, *args: Any, client: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        with Client(url, **{"retry": QUICK, **(client or {})}) as opened:
            return getattr(opened, method)(*args, **kwargs)

    def async_call(url: str, method: str, *args: Any, client: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        async def main() -> Any:
            async with AsyncClient(url, **{"retry": QUICK, **(client or {})}) as opened:
                return await getattr(opened, method)(*args, **kwargs)

        return asyncio.run(main())

    return sync_call if request.param == "sync" else async_call


def items(count: int) -> list[dict[str, Any]]:
    """Every third is wrong, and each id tells its place."""
    return [{"id": str(at), "response": str(at if at % 3 else -at - 1), "reference": str(at)} for at in range(count)]


def expected(count: int) -> list[float]:
    return [float(at % 3 != 0) for at in range(count)]
