"""A model behind an OpenAI-compatible server (vLLM, SGLang, llama.cpp), asked by threads.

Rule 1: what may pass by itself is tried again (no connection, 429, 502, 503, 504); what the server refuses never is,
        and costs one row where it is about the row.
Rule 2: a reply that lacks what was asked for is an error, never an empty text.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from touchstone_trainer.curation.problems import BadInput, CurationError, NoService, Refused

TRIES = 5
FIRST_WAIT_S = 0.5
BUSY = frozenset({429, 502, 503, 504})
OF_THE_ROW = frozenset({400, 413, 422})
"""What a server answers to a request that is too long or otherwise not for it; 401 and 404 are about the call."""
SNIPPET_CHARS = 300

T = TypeVar("T")
R = TypeVar("R")
Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote. `stopped`: it came to its own end or to a stop text, not to the limit of tokens."""

    text: str
    tokens: int
    stopped: bool


class ModelServer:
    """A running server at `url` (with or without a trailing `/v1`). Without a `model` the only one it has is taken."""

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        concurrency: int = 8,
        timeout_s: float = 300.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise BadInput(f"a model server's address begins with http:// or https://, not {url!r}")
        self._root = url.rstrip("/").removesuffix("/v1").rstrip("/")
        self._concurrency, self._wait = concurrency, wait
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx2.Timeout(timeout_s, connect=10.0),
            limits=httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            trust_env=False,
        )
        self.model = model or self._only_model()

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def map(self, ask: Callable[[T], R], things: Iterable[T]) -> list[R | Refused]:
        """The answers in order, several at a time; what the server refuses stands in its place, other errors end it."""

        def answered(thing: T) -> R | Refused:
            try:
                return ask(thing)
            except Refused as error:
                return error

        with ThreadPoolExecutor(self._concurrency, "touchstone-model") as threads:
            return list(threads.map(answered, things))

    def chat(self, messages: Sequence[Message], **settings: Any) -> Completion:
        """A chat completion; `settings` are fields of the request."""
        reply = self._post("/v1/chat/completions", {"messages": list(messages), **settings})
        return _completion(reply, lambda choice: choice["message"]["content"])

    def complete(self, prompt: str, **settings: Any) -> Completion:
        """A plain completion of a text."""
        return _completion(self._post("/v1/completions", {"prompt": prompt, **settings}), lambda choice: choice["text"])

    def next_tokens(self, request: Mapping[str, Any], top: int) -> dict[str, float]:
        """Log-probabilities of the likeliest next tokens of a `prompt` or of `messages`."""
        asked = {**request, "max_tokens": 1, "temperature": 0.0}
        if "messages" in request:
            reply = self._post("/v1/chat/completions", {**asked, "logprobs": True, "top_logprobs": top})
        else:
            reply = self._post("/v1/completions", {**asked, "logprobs": top})
        return _read(reply, _top_logprobs)

    def prompt_tokens(self, request: Mapping[str, Any]) -> int:
        """How many tokens a `prompt` or `messages` are, as this server counts them."""
        path = "/v1/chat/completions" if "messages" in request else "/v1/completions"
        reply = self._post(path, {**request, "max_tokens": 1, "temperature": 0.0})
        return int(_read(reply, lambda body: body["usage"]["prompt_tokens"]))

    def _only_model(self) -> str:
        names = [str(entry["id"]) for entry in _read(self._send("GET", "/v1/models", None), lambda body: body["data"])]
        if len(names) != 1:
            raise BadInput(f"the server has {len(names)} models ({', '.join(names)}): name one")
        return names[0]

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._send("POST", path, {"model": self.model, **body})

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        trouble = ""
        for failed in range(TRIES):
            if failed:
                self._wait(FIRST_WAIT_S * 2 ** (failed - 1))
            try:
                answer = self._http.request(method, self._root + path, json=body)
            except httpx2.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code == 200:
                return _read(answer, lambda reply: reply.json())
            trouble = f"{answer.status_code}: {answer.text[:SNIPPET_CHARS]}"
            if answer.status_code not in BUSY:
                raise _error(answer.status_code)(f"the model server at {self._root} answers {path} with {trouble}")
        raise NoService(f"the model server at {self._root} does not answer {path} ({trouble})")


def _error(status: int) -> type[CurationError]:
    if status >= 500:
        return NoService
    return Refused if status in OF_THE_ROW else BadInput


def _completion(reply: Any, text_of: Callable[[Any], Any]) -> Completion:
    def read(body: Any) -> Completion:
        choice = body["choices"][0]
        return Completion(
            str(text_of(choice) or ""), int(body["usage"]["completion_tokens"]), choice["finish_reason"] != "length"
        )

    return _read(reply, read)


def _top_logprobs(body: Any) -> dict[str, float]:
    found = body["choices"][0]["logprobs"]
    if "content" in found:
        return {entry["token"]: float(entry["logprob"]) for entry in found["content"][0]["top_logprobs"]}
    return {token: float(logprob) for token, logprob in found["top_logprobs"][0].items()}


def _read(reply: Any, read: Callable[[Any], R]) -> R:
    try:
        return read(reply)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        shown = reply.text if isinstance(reply, httpx2.Response) else str(reply)
        raise NoService(
            f"the model server's reply lacks what was asked for ({error!r}): {shown[:SNIPPET_CHARS]}"
        ) from error
