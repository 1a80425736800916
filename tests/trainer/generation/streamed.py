"""A real HTTP server that streams completions as scripted: tokens in chunks of any size, and every way to end.

with StreamingServer(Stream(chat_events(tokens))) as server: ...
server.gone          # how often a client hung up while the server still held its answer open
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tests.scripted_openai import Act, Asked, ScriptedOpenAI, _perform, _read_request

Token = tuple[int, str, float]
"""An id, its text and its log-probability."""


class End(Enum):
    """How the server ends a stream."""

    PROPERLY = auto()
    CLOSED = auto()
    """The connection closes where chunked coding promises more."""
    RESET = auto()
    HELD = auto()
    """Nothing more comes until the client hangs up."""


@dataclass(frozen=True)
class Stream:
    """Answer 200 with these events, then end."""

    events: Sequence[bytes]
    end: End = End.PROPERLY


def event(body: Any) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def text_events(
    tokens: Iterable[Sequence[Token]], finish: str | None = "stop", *, ids: bool = True, logprobs: bool = True
) -> list[bytes]:
    """One event for each group of tokens, as /v1/completions sends them; the last one holds the finish reason."""
    groups = [list(group) for group in tokens]
    events = []
    for at, group in enumerate(groups, 1):
        choice: dict[str, Any] = {
            "index": 0,
            "text": "".join(text for _, text, _ in group),
            "finish_reason": finish if at == len(groups) else None,
            "logprobs": None,
        }
        if logprobs:
            choice["logprobs"] = {
                "tokens": [f"token_id:{number}" if ids else text for number, text, _ in group],
                "token_logprobs": [logprob for _, _, logprob in group],
            }
        events.append(event({"choices": [choice]}))
    return [*events, DONE] if finish else events


def chat_events(tokens: Iterable[Sequence[Token]], finish: str | None = "stop") -> list[bytes]:
    """The same for /v1/chat/completions: a role first, ids in `token_ids`, usage last."""
    groups = [list(group) for group in tokens]
    events = [event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})]
    for at, group in enumerate(groups, 1):
        entries = [{"token": text, "logprob": logprob, "top_logprobs": []} for _, text, logprob in group]
        choice = {
            "index": 0,
            "delta": {"content": "".join(text for _, text, _ in group)},
            "logprobs": {"content": entries},
            "token_ids": [number for number, _, _ in group],
            "finish_reason": finish if at == len(groups) else None,
        }
        events.append(event({"choices": [choice]}))
    return [*events, event({"choices": [], "usage": {"completion_tokens": 3}}), DONE] if finish else events


class StreamingServer(ScriptedOpenAI):
    """The scripted server, with answers that stream. `script` is one answer or a function of the request."""

    def __init__(self, script: Stream | Act | Callable[[Asked], Stream | Act]) -> None:
        super().__init__()
        self.answer = script if callable(script) else lambda asked: script
        self.gone = 0

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        asked = await _read_request(reader)
        self.asked.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            act = self.answer(asked)
            if not isinstance(act, Stream):
                return await _perform(act, writer)
            return await self._stream(act, reader, writer)
        finally:
            self._at_once -= 1

    async def _stream(self, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in stream.events:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        match stream.end:
            case End.PROPERLY:
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                return True
            case End.RESET:
                await asyncio.sleep(0.05)  # a reset overtakes what has not been read yet
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            case End.HELD:
                with contextlib.suppress(ConnectionError):
                    await reader.read()
                self.gone += 1
            case End.CLOSED:
                pass
        return False
