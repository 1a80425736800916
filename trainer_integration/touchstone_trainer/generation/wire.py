"""The streamed form of OpenAI-compatible chat and text completions: requests out, chunks in. Pure, no I/O.

Rule 1: token ids are the server's own, never text that was tokenised again. vLLM gives them in two ways, as
        `token_ids` of a chunk (`return_token_ids`) and inside the log-probabilities (`return_tokens_as_token_ids`);
        either is enough.
Rule 2: a chunk may hold any number of tokens (speculative decoding, a loaded server), also none.
Rule 3: what cannot be read is an error. A chunk is never skipped.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchstone_trainer.generation.errors import Broken
from touchstone_trainer.streak import FinishReason

OURS = frozenset({"model", "prompt", "messages", "stream", "n", "max_tokens", "logprobs", "echo", "top_logprobs"})
"""Fields that this client sets itself; a request that names one would change what the answer means."""
MAX_EVENT_BYTES = 16 * 1024 * 1024
"""One event holds a few tokens. A server that sends more without an end is broken, and must not fill our memory."""
TOKEN_ID = "token_id:"  # noqa: S105 - a prefix of vLLM's, no secret
FINISHES = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.STOP,
    "function_call": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "repetition": FinishReason.REPETITION,
}
"""How servers say that a sample is complete. `repetition` is vLLM's own detector of exact patterns."""

Prompt = str | Sequence[int] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one event adds to the sample. `token_ids` None: not given. `finish` None: more will come."""

    text: str
    reasoning: str
    logprobs: tuple[float, ...]
    token_ids: tuple[int, ...] | None
    finish: FinishReason | None


def is_chat(prompt: Prompt) -> bool:
    """Whether the prompt is a list of messages, not text or token ids."""
    return not isinstance(prompt, str) and len(prompt) > 0 and isinstance(prompt[0], Mapping)


def request_body(
    model: str, prompt: Prompt, max_tokens: int, extra: Mapping[str, Any], *, logprobs: bool, token_ids: bool
) -> tuple[str, bytes]:
    """The path below `/v1` and the body. Raises ValueError for a field that is not the caller's."""
    if taken := sorted(OURS & set(extra)):
        raise ValueError(f"the client sets {', '.join(taken)} itself; leave it out of the sampling options")
    chat = is_chat(prompt)
    body: dict[str, Any] = dict(extra)
    body |= {"model": model, "max_tokens": max_tokens, "stream": True}
    body["messages" if chat else "prompt"] = prompt if isinstance(prompt, str) else list(prompt)
    if logprobs:
        # Only the sampled token's: chat asks by a flag, text completions by how many others.
        body["logprobs"] = True if chat else 0
    if token_ids:
        body |= {"return_token_ids": True, "return_tokens_as_token_ids": logprobs}
    return ("chat/completions" if chat else "completions"), json.dumps(body).encode()


class Events:
    """Cuts a byte stream into the data of its server-sent events.

    By newline bytes alone: text may hold separators such as U+2028 that other line splitters take for line ends.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The events that are complete now."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise Broken(f"the server sends an event of more than {MAX_EVENT_BYTES} bytes")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[len(b"data:") :].strip()


def read_chunk(data: bytes) -> Chunk | None:
    """The chunk of one event; None for one that adds nothing, such as usage. Raises Broken."""
    try:
        event = json.loads(data)
        if event.get("error") is not None:
            raise Broken(f"the server failed while it answered: {_said(event['error'])}")
        if not event["choices"]:
            return None
        (choice,) = event["choices"]
        return _read_choice(choice)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Broken(f"an event cannot be read ({error}): {data[:200].decode(errors='replace')!r}") from error


def _read_choice(choice: Mapping[str, Any]) -> Chunk:
    delta = choice.get("delta")
    entries = _entries(choice.get("logprobs"))
    text = choice.get("text", "") if delta is None else delta.get("content")
    reasoning = (delta or {}).get("reasoning") or (delta or {}).get("reasoning_content")
    ids = choice.get("token_ids")
    if ids is None and entries and all(token.startswith(TOKEN_ID) for token, _ in entries):
        ids = [int(token.removeprefix(TOKEN_ID)) for token, _ in entries]
    if ids is not None and entries and len(ids) != len(entries):
        raise ValueError(f"{len(ids)} token ids, {len(entries)} log-probabilities")
    return Chunk(
        text or "",
        reasoning or "",
        tuple(logprob for _, logprob in entries),
        None if ids is None else tuple(map(int, ids)),
        _finish(choice.get("finish_reason")),
    )


def _entries(logprobs: Mapping[str, Any] | None) -> list[tuple[str, float]]:
    """(token, log-probability) of each sampled token. A missing number is NaN: it counts for nothing."""
    if logprobs is None:
        return []
    if "content" in logprobs:
        pairs = [(entry["token"], entry["logprob"]) for entry in logprobs["content"] or ()]
    else:
        pairs = list(zip(logprobs["tokens"] or (), logprobs["token_logprobs"] or (), strict=True))
    return [(str(token), float("nan") if logprob is None else float(logprob)) for token, logprob in pairs]


def _finish(reason: str | None) -> FinishReason | None:
    if reason is None:
        return None
    if reason not in FINISHES:
        raise Broken(f"the server ended the sample as {reason!r}, not as finished")
    return FINISHES[reason]


def _said(error: Any) -> str:
    return str(error.get("message", error)) if isinstance(error, Mapping) else str(error)
