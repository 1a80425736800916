"""A real HTTP server that speaks the OpenAI-compatible API and does what a test scripts: well or badly.

    with ScriptedOpenAI() as server:                          # polite: models, labels, constraints that bite
    with ScriptedOpenAI(polite(Manners(honours=()))) as server:   # ignores every constraint, with a 200
    with ScriptedOpenAI(in_turn(Json({}, 503), Reset(), polite())) as server:
        OpenAIBackend(server.url); server.asked

It runs on its own thread and loop, on a free loopback port, so processes and tests of any kind can reach it.
"""

import asyncio
import contextlib
import json
import math
import socket
import struct
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.grm.judges import filled

FREEZE_S = 3_600.0


@dataclass(frozen=True)
class Asked:
    """One request as it arrived. `body` is the decoded JSON, {} for a GET."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Json:
    """Answer with this JSON, after `delay_s`."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass(frozen=True)
class Raw:
    """Answer 200 with these bytes; with `promised` larger than they are, the body is cut short."""

    body: bytes
    promised: int | None = None


@dataclass(frozen=True)
class Reset:
    """Tear the connection down with a TCP reset, without an answer."""


@dataclass(frozen=True)
class Freeze:
    """Never answer."""


Act = Json | Raw | Reset | Freeze
Script = Callable[[Asked], Act]


@dataclass(frozen=True)
class Manners:
    """How a polite server behaves. `honours` are the constraint forms that bite; other forms are dropped with
    a 200, as real servers do; `schemas` the same for JSON of a schema, by default those of `honours`. `refuses` are
    body fields answered 400. `first_token` overrides yes and no. `thinking` is what it thinks when it may, put where
    `thinks_in` says: a field of the message, `inline`, or `inline_end` where the template has opened the block. A
    schema keeps it from thinking unless `thinks_first`.
    """

    models: Sequence[str] = ("scripted",)
    yes: float = 0.9
    no: float = 0.05
    text: str = "Yes"
    logprobs: bool = True
    honours: Collection[str] = ("structured_outputs",)
    refuses: Collection[str] = ()
    first_token: Mapping[str, float] | None = None
    delay_s: float = 0.0
    schemas: Collection[str] | None = None
    owner: str = "somebody"
    thinking: str = ""
    thinks_in: str = "reasoning"
    thinks_first: bool = True
    switch: bool = True


def completion(
    text: str | None,
    first_token: Mapping[str, float] | None = None,
    *,
    finish_reason: str = "stop",
    **message: str,
) -> dict[str, Any]:
    """A chat completion body; `first_token` maps the candidates of the first token to probabilities."""
    logprobs = None
    if first_token is not None:
        candidates = [
            {"token": token, "logprob": math.log(p) if p > 0 else -9999.0} for token, p in first_token.items()
        ]
        logprobs = {"content": [{"token": text or "", "logprob": -0.1, "top_logprobs": candidates}]}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish_reason,
        "logprobs": logprobs,
    }
    return {"model": "scripted", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}


def polite(manners: Manners | None = None) -> Script:
    """A server that does what it is asked, within its manners."""
    how = manners or Manners()

    def act(asked: Asked) -> Act:
        if asked.path == "/v1/models":
            return Json({"object": "list", "data": [{"id": name, "owned_by": how.owner} for name in how.models]})
        if asked.path != "/v1/chat/completions":
            return Json({"error": {"message": "no such route"}}, 404)
        for name in how.refuses:
            if name in asked.body:
                return Json({"error": {"message": f"unknown field {name}"}}, 400)
        forced = _forced(asked.body, how)
        table = None
        if asked.body.get("logprobs") and how.logprobs:
            table = how.first_token or {"Yes": how.yes, "No": how.no}
        told = asked.body.get("chat_template_kwargs", {}).get("enable_thinking", True) or not how.switch
        thought = how.thinking if told and (forced is None or how.thinks_first) else ""
        text = how.text if forced is None else forced
        return Json(_thinking_body(text, thought, how.thinks_in, table), delay_s=how.delay_s)

    return act


def _thinking_body(text: str, thought: str, where: str, table: Mapping[str, float] | None) -> dict[str, Any]:
    match where:
        case _ if not thought:
            return completion(text, table)
        case "inline":
            return completion(f"<think>{thought}</think>\n\n{text}", table)
        case "inline_end":
            return completion(f"{thought}</think>\n\n{text}", table)
        case _:
            return completion(text, table, **{where: thought})


def _forced(body: Mapping[str, Any], how: Manners) -> str | None:
    """The text that a constraint forces: its first choice, or an empty value of its schema."""
    schemas = how.honours if how.schemas is None else how.schemas
    outputs, form = body.get("structured_outputs", {}), body.get("response_format", {})
    if "choice" in outputs and "structured_outputs" in how.honours:
        return str(outputs["choice"][0])
    if "json" in outputs and "structured_outputs" in schemas:
        return json.dumps(filled(outputs["json"]))
    if form.get("type") == "json_schema":
        schema = form["json_schema"]["schema"]
        honoured = how.honours if "label" in schema["properties"] else schemas
        return json.dumps(filled(schema)) if "json_schema" in honoured else None
    if form.get("type") == "json_object" and "json_object" in schemas:
        return json.dumps(filled(form["schema"]))
    if "grammar" in how.honours and "grammar" in body:
        return str(json.loads(body["grammar"].removeprefix("root ::= ").split(" | ")[0]))
    return None


def in_turn(*steps: Act | Script) -> Script:
    """One step per request; the last one stays."""
    left = list(steps)

    def act(asked: Asked) -> Act:
        step = left.pop(0) if len(left) > 1 else left[0]
        return step(asked) if callable(step) else step

    return act


class ScriptedOpenAI:
    """The server, for a `with` block. `script` may be replaced while it runs; `asked` keeps every request."""

    def __init__(self, script: Script | None = None, port: int = 0) -> None:
        self.script = script or polite()
        self.asked: list[Asked] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="scripted-openai", daemon=True)
        self._started = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", self._port))
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        asked = await _read_request(reader)
        self.asked.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await _perform(self.script(asked), writer)
        finally:
            self._at_once -= 1


async def _read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, json.loads(raw) if raw else {})


async def _perform(act: Act, writer: asyncio.StreamWriter) -> bool:
    """Carry out an act; returns whether the connection can serve another request."""
    match act:
        case Freeze():
            await asyncio.sleep(FREEZE_S)
            return False
        case Reset():
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return False
        case Raw(body, promised):
            length = len(body) if promised is None else promised
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + body)
            await writer.drain()
            return promised is None
        case Json(body, status, headers, delay_s):
            await asyncio.sleep(delay_s)
            payload = json.dumps(body).encode()
            lines = [f"HTTP/1.1 {status} Scripted", "Content-Type: application/json"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(payload)}", "", ""]
            writer.write("\r\n".join(lines).encode("latin-1") + payload)
            await writer.drain()
            return True
