"""Chat completions from any OpenAI-compatible server (vLLM, SGLang, llama.cpp). The one file with HTTP.

Rule 1: one deadline covers everything: waiting for a slot, connecting, retries, the whole body.
Rule 2: asked again are only 429, 503 and connections that were never made (`retry.py` decides).
Rule 3: the key appears in one header and nowhere else: not in a repr, an error or a log line.
Rule 4: requests go straight to the server: no proxy, no redirect, no netrc.
"""

import asyncio
import random
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from grm.backend import (
    BackendError,
    BadReply,
    Busy,
    Capabilities,
    Completion,
    Refused,
    Reply,
    TooSlow,
    Unreachable,
)
from grm.dialects import Dialect, Thinking
from grm.openai_wire import MAX_REPLY_BYTES, read_error, read_models, read_reply, request_body
from grm.retry import RetryPolicy, next_wait_s, retry_after_s

KEEPALIVE_S = 2.0
"""vLLM closes idle connections after 5 s; reusing one at that moment would lose a request."""
CONNECT_LIMIT_S = 5.0
"""A live server accepts at once; past this the attempt is given up, and the deadline may hold another."""
MAX_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Lane:
    """What belongs to one event loop: connections and the slots that bound concurrency."""

    client: httpx2.AsyncClient
    slots: asyncio.Semaphore


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after_s: float | None


class _NoConnectionError(Exception):
    """The connection was never made: the server has seen nothing."""


class OpenAIBackend:
    """A running server at `url` (with or without a trailing `/v1`).

    Without a `model` the probe takes the only one there is; `learn` takes over what the probe found.
    `concurrency` bounds the requests in flight on each event loop. `thinking` is what the probe tries beside OFF;
    without a `dialect` the server's model list says which it is. `call_headers()` is asked for every request.
    """

    def __init__(  # noqa: PLR0913 - all by name but the address
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        concurrency: int = 64,
        thinking: Thinking = Thinking.OFF,
        dialect: Dialect | None = None,
        retries: RetryPolicy | None = None,
        call_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        self.root = url.rstrip("/").removesuffix("/v1").rstrip("/")
        self.wanted_model = model
        self.thinking = thinking
        self.dialect = dialect
        self._api_key = api_key
        self._concurrency = concurrency
        self._retries = retries or RetryPolicy()
        self._call_headers = call_headers
        self._capabilities: Capabilities | None = None
        self._lanes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Lane] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"OpenAIBackend({self.root!r}, model={self.wanted_model!r})"

    @property
    def name(self) -> str:
        """The model's name; the server's address while no model is known."""
        found = self._capabilities.model if self._capabilities else None
        return found or self.wanted_model or urlsplit(self.root).netloc

    @property
    def capabilities(self) -> Capabilities | None:
        """What the probe proved; None before it has passed."""
        return self._capabilities

    def learn(self, capabilities: Capabilities) -> None:
        """Take over what a probe found: the model's name and the forms that work."""
        self._capabilities = capabilities

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """One completion within `deadline_s` seconds. Raises BackendError."""
        able = self._capabilities
        if able is None:
            raise Unreachable("the model server has not passed its start-up probe yet")
        return await self.ask(completion, able, deadline_s=deadline_s)

    async def ask(self, completion: Completion, able: Capabilities, *, deadline_s: float) -> Reply:
        """One completion of a server that is taken to be so able: how the probe tries out. Raises BackendError."""
        raw = await self._send("POST", "/v1/chat/completions", request_body(completion, able), deadline_s)
        return read_reply(raw, completion, able.constraint)

    async def list_models(self, *, deadline_s: float) -> dict[str, str]:
        """The names that the server offers, each with its owner. Raises BackendError."""
        return read_models(await self._send("GET", "/v1/models", None, deadline_s))

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        lane = self._lanes.pop(asyncio.get_running_loop(), None)
        if lane is not None:
            await lane.client.aclose()

    async def _send(self, method: str, path: str, body: bytes | None, deadline_s: float) -> bytes:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + deadline_s
        lane = self._lane(loop)
        try:
            async with asyncio.timeout_at(ends_at), lane.slots:
                failed = 0
                while True:
                    trouble, wanted_s = await self._attempt(lane.client, method, path, body)
                    if isinstance(trouble, bytes):
                        return trouble
                    failed += 1
                    wait_s = next_wait_s(
                        self._retries,
                        failed=failed,
                        left_s=ends_at - loop.time(),
                        retry_after_s=wanted_s,
                        draw=random.random(),
                    )
                    if wait_s is None:
                        raise trouble
                    await asyncio.sleep(wait_s)
        except TimeoutError:
            raise TooSlow(f"no reply within {deadline_s:g} s") from None

    async def _attempt(
        self, client: httpx2.AsyncClient, method: str, path: str, body: bytes | None
    ) -> tuple[bytes | BackendError, float | None]:
        """The body of a 200, or an error worth another attempt and the wait asked for. Raises all others."""
        try:
            answer = await _exchange(client, method, path, body)
        except _NoConnectionError as error:
            return Unreachable(f"cannot connect ({error})"), None
        if answer.status == 200:
            return answer.body, None
        said = read_error(answer.body, self._api_key)
        if answer.status in (429, 503):
            return Busy(f"the server answers {answer.status}: {said}"), answer.retry_after_s
        if answer.status >= 500:
            raise BadReply(f"the server fails with {answer.status}: {said}")
        raise Refused(f"the server answers {answer.status}: {said}")

    async def _add_headers(self, request: httpx2.Request) -> None:
        request.headers.update(self._call_headers())

    def _lane(self, loop: asyncio.AbstractEventLoop) -> _Lane:
        lane = self._lanes.get(loop)
        if lane is None:
            headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            if self._api_key:
                headers["Authorization"] = f"Bearer {self._api_key}"
            client = httpx2.AsyncClient(
                base_url=self.root,
                headers=headers,
                # The deadline around the whole call is the one that counts.
                timeout=httpx2.Timeout(None, connect=CONNECT_LIMIT_S),
                limits=httpx2.Limits(
                    max_connections=self._concurrency,
                    max_keepalive_connections=self._concurrency,
                    keepalive_expiry=KEEPALIVE_S,
                ),
                trust_env=False,
                event_hooks={"request": [self._add_headers]},
            )
            lane = self._lanes[loop] = _Lane(client, asyncio.Semaphore(self._concurrency))
        return lane


async def _exchange(client: httpx2.AsyncClient, method: str, path: str, body: bytes | None) -> _Answer:
    """One request and its whole bounded answer."""
    async with _opened(client, method, path, body) as response:
        limit = MAX_REPLY_BYTES if response.status_code == 200 else MAX_ERROR_BYTES
        received = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > limit:
                    break
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise BadReply(f"the reply was cut short ({type(error).__name__})") from error
        if len(received) > limit and response.status_code == 200:
            raise BadReply(f"the reply is larger than {limit} bytes")
        wanted_s = retry_after_s(response.headers.get("Retry-After"))
        return _Answer(response.status_code, bytes(received[:limit]), wanted_s)


@asynccontextmanager
async def _opened(
    client: httpx2.AsyncClient, method: str, path: str, body: bytes | None
) -> AsyncIterator[httpx2.Response]:
    request = client.build_request(method, path, content=body)
    try:
        response = await client.send(request, stream=True)
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise _NoConnectionError(type(error).__name__) from error
    except httpx2.TransportError as error:
        # It may have begun to work on the request: not asked again.
        raise Unreachable(f"the connection broke before a reply ({type(error).__name__})") from error
    try:
        yield response
    finally:
        await response.aclose()
