"""Samples from an OpenAI-compatible server (vLLM, SGLang) and cuts a sample that repeats itself.

Rule 1: cutting is closing the connection; the server then aborts the request and frees its place.
Rule 2: only a finish reason ends a sample. A stream that just stops is `Broken`, whatever it has sent.
Rule 3: one deadline covers a sample: waiting for a slot, connecting, retries, every token.
Rule 4: the key appears in one header and nowhere else: not in a repr, an error or a log line.
Rule 5: requests go straight to the server: no proxy, no redirect, no netrc.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

from touchstone_client import RetryPolicy
from touchstone_trainer.generation.errors import Broken, Busy, GenerationError, NoLogprobs, Refused, TooSlow, Unreached
from touchstone_trainer.generation.wire import Chunk, Events, Prompt, read_chunk, request_body
from touchstone_trainer.streak import FinishReason, StreakCounter, StreakRule

MAX_CONCURRENT = 256
"""Samples asked for at once by one client. vLLM batches as many by default; more only wait there, where we cannot."""
DEADLINE_S = 3_600.0
"""For one sample: 32,000 tokens at 10 a second, the pace of a full batch."""
CONNECT_LIMIT_S = 5.0
"""A live server accepts at once; past this the attempt is given up, and the deadline may hold another."""
KEEPALIVE_S = 2.0
"""vLLM closes idle connections after 5 s; reusing one at that moment would lose a request."""
MAX_ERROR_BYTES = 64 * 1024
SNIPPET_CHARS = 300


@dataclass(frozen=True, slots=True)
class Generated:
    """One sample. `token_ids` and `logprobs` are those of the kept tokens; None where the server gave none.

    Train on `token_ids`: after a cut, `text` may run on to the end of the chunk that held the last kept token.
    `reasoning` is what the server separated from the text. `tokens_saved_at_most` counts a cut sample's tokens that
    were not sampled, an upper bound: it might have ended by itself.
    """

    text: str
    reasoning: str
    token_ids: tuple[int, ...] | None
    logprobs: tuple[float, ...] | None
    finish_reason: FinishReason
    longest_streak: int
    tokens_saved_at_most: int


class StreamingClient:
    """Samples from the server at `url` (with or without `/v1`), at most `concurrency` at once.

    `rule` None samples without counting and asks for log-probabilities all the same. `token_ids` False leaves vLLM's
    own fields out, for servers that refuse what they do not know. Use it within one event loop, in `async with`.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        rule: StreakRule | None = StreakRule(),  # noqa: B008 - frozen
        api_key: str | None = None,
        concurrency: int = MAX_CONCURRENT,
        token_ids: bool = True,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        self.url = url.rstrip("/").removesuffix("/v1").rstrip("/")
        self.model = model
        self._rule = rule
        self._token_ids = token_ids
        self._retry = retry
        self._slots = asyncio.Semaphore(concurrency)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._http = httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            # The deadline around the whole sample is the one that counts.
            timeout=httpx2.Timeout(None, connect=CONNECT_LIMIT_S),
            limits=httpx2.Limits(
                max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=KEEPALIVE_S
            ),
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"StreamingClient({self.url!r}, {self.model!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        deadline_s: float = DEADLINE_S,
        sampling: Mapping[str, Any] | None = None,
    ) -> Generated:
        """One sample. A prompt is text or token ids (`/v1/completions`) or messages (`/v1/chat/completions`).

        `sampling` goes to the server as it is (`temperature`, `top_p`, `seed`, `stop`, …). Raises GenerationError.
        """
        path, body = request_body(
            self.model, prompt, max_tokens, sampling or {}, logprobs=True, token_ids=self._token_ids
        )
        sample = _Sample(self._rule, max_tokens)
        ends_at = asyncio.get_running_loop().time() + deadline_s
        try:
            async with asyncio.timeout_at(ends_at), self._slots:
                answer = await self._answer(f"/v1/{path}", body, ends_at)
                try:
                    return await sample.read(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise TooSlow(f"{self.url} did not finish in {deadline_s:g} s; {sample.tokens} tokens came") from None

    async def _answer(self, path: str, body: bytes, ends_at: float) -> httpx2.Response:
        """The open answer, a 200."""
        retries = 0
        while True:
            try:
                return await self._attempt(path, body)
            except (Unreached, Busy) as error:
                asked_s = error.retry_after_s if isinstance(error, Busy) else 0.0
                wait_s = asked_s + self._retry.wait_s(retries, random.uniform)
                # This error says more than that the deadline passed while waiting.
                if retries >= self._retry.max_retries or asyncio.get_running_loop().time() + wait_s >= ends_at:
                    raise
            await asyncio.sleep(wait_s)
            retries += 1

    async def _attempt(self, path: str, body: bytes) -> httpx2.Response:
        try:
            response = await self._http.send(self._http.build_request("POST", path, content=body), stream=True)
        except httpx2.TransportError as error:
            # Nothing of a sample has come, and sampling changes nothing there: it can be asked for again.
            raise Unreached(f"{self.url} gave no answer ({type(error).__name__}); is the server running?") from error
        if response.status_code == 200:
            return response
        try:
            raise await self._error(response)
        finally:
            await response.aclose()

    async def _error(self, response: httpx2.Response) -> GenerationError:
        said = await _beginning(response)
        match response.status_code:
            case 429 | 503:
                wait = response.headers.get("Retry-After", "")
                return Busy(f"{self.url} sheds load: {said}", retry_after_s=float(wait) if wait.isdecimal() else 0.0)
            case 502 | 504:
                return Unreached(f"a gateway before {self.url} got no answer: {said}")
            case status if status >= 500:
                return Broken(f"{self.url} fails with {status}: {said}")
            case status:
                return Refused(f"{self.url} answers {status}: {said}")


class _Sample:
    """One sample as it comes in."""

    def __init__(self, rule: StreakRule | None, max_tokens: int) -> None:
        self._counter = StreakCounter(rule) if rule is not None else None
        self._max_tokens = max_tokens
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[float] = []
        self._ids: list[int] | None = None

    @property
    def tokens(self) -> int:
        """Tokens received so far, as far as the server told them apart."""
        return max(len(self._logprobs), len(self._ids or ()))

    async def read(self, answer: httpx2.Response) -> Generated:
        """Everything up to the finish reason, or up to the streak's last token."""
        events = Events()
        try:
            async for received in answer.aiter_bytes():
                for data in events.feed(received):
                    if data == b"[DONE]":
                        raise Broken("the server ended the stream without a finish reason")
                    chunk = read_chunk(data)
                    if chunk is not None and (finish := self._take(chunk)) is not None:
                        return self._made(finish)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            told = f"the server broke off ({type(error).__name__}) after {self.tokens} tokens"
            raise Broken(told, tokens=self.tokens) from error
        except Broken as error:
            error.tokens = self.tokens
            raise
        raise Broken(f"the server stopped in the middle, after {self.tokens} tokens", tokens=self.tokens)

    def _take(self, chunk: Chunk) -> FinishReason | None:
        self._text.append(chunk.text)
        self._reasoning.append(chunk.reasoning)
        self._logprobs += chunk.logprobs
        if chunk.token_ids is not None:
            self._ids = [*(self._ids or ()), *chunk.token_ids]
        if self._counter is None:
            return chunk.finish
        if not self._logprobs and (chunk.text or chunk.reasoning or chunk.token_ids):
            raise NoLogprobs("the server sends no log-probabilities, so a streak cannot be counted")
        for left, logprob in zip(reversed(range(len(chunk.logprobs))), chunk.logprobs, strict=True):
            ended_by_itself = chunk.finish is not None and left == 0
            if self._counter.add(logprob) and not ended_by_itself:
                return FinishReason.REPETITION
        return chunk.finish

    def _made(self, finish: FinishReason) -> Generated:
        if self._ids is not None and self._logprobs and len(self._ids) != len(self._logprobs):
            raise Broken(f"the server gives {len(self._ids)} token ids and {len(self._logprobs)} log-probabilities")
        cut = finish is FinishReason.REPETITION
        kept = self._counter.stop_after if cut and self._counter is not None else None
        saved = self._max_tokens - (self.tokens if kept is None else kept) if cut else 0
        return Generated(
            "".join(self._text),
            "".join(self._reasoning),
            None if self._ids is None else tuple(self._ids[:kept]),
            tuple(self._logprobs[:kept]) if self._logprobs else None,
            finish,
            self._counter.longest if self._counter is not None else 0,
            saved,
        )


async def _beginning(response: httpx2.Response) -> str:
    received = bytearray()
    try:
        async for part in response.aiter_bytes():
            received += part
            if len(received) > MAX_ERROR_BYTES:
                break
    except (httpx2.TransportError, httpx2.DecodingError):
        pass
    return received[:SNIPPET_CHARS].decode(errors="replace")
