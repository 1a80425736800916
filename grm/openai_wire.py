"""The OpenAI-compatible wire, as vLLM, SGLang and llama.cpp share it: request bodies out, replies in. Pure.

Rule 1: only the portable subset is sent. Servers drop unknown fields without a word, so a constraint goes
        out in the one form that the probe saw working.
Rule 2: a reply is believed in its shape only: a wrong type anywhere is BadReply, never a guess.
Rule 3: thinking is told apart from what was said, wherever the server puts it: `message.reasoning` (vLLM),
        `message.reasoning_content` (SGLang, llama.cpp, older vLLM), or marked in the text itself.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from grm.backend import BadReply, Capabilities, Completion, Constraint, Reply, SchemaForm
from grm.dialects import Thinking, budget_fields, own_fields, switch_fields
from grm.replies.thinking import split_thinking

T = TypeVar("T")

MAX_REPLY_BYTES = 4 * 1024 * 1024
"""A one-token reply with 20 candidates is 2 kB; a long judgement some 100 kB."""
MAX_ERROR_CHARS = 300
"""Enough for "maximum context length is …", too little for an echoed prompt."""


def request_body(completion: Completion, able: Capabilities) -> bytes:
    """The JSON body of one `/v1/chat/completions` call, in the forms that the server was seen to take."""
    may_think = completion.thinking is not Thinking.OFF
    body: dict[str, Any] = {
        "model": able.model,
        "messages": [{"role": message.role, "content": message.content} for message in completion.messages],
        "max_tokens": completion.max_tokens + (completion.thinking_tokens if may_think else 0),
        "temperature": completion.temperature,
        # Servers differ in their defaults and may take them from the model's folder.
        "top_p": 1.0,
        "stream": False,
    }
    if completion.seed is not None:
        body["seed"] = completion.seed
    if completion.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": completion.top_logprobs}
    body |= own_fields(able.dialect)
    if able.thinking_switch:
        body |= switch_fields(completion.thinking)
    if may_think and able.thinking_budget:
        body |= budget_fields(able.dialect, completion.thinking_tokens)
    if completion.choices:
        body |= _constraint_fields(completion.choices, able.constraint)
    if completion.schema is not None:
        body |= _schema_fields(completion.schema, able.schema_form(completion.thinking))
    body |= completion.extra or {}
    return json.dumps(body, ensure_ascii=True, allow_nan=False).encode()


def _constraint_fields(choices: tuple[str, ...], constraint: Constraint) -> dict[str, Any]:
    match constraint:
        case "structured_outputs":
            return {"structured_outputs": {"choice": list(choices)}}
        case "json_schema":
            schema = {
                "type": "object",
                "properties": {"label": {"type": "string", "enum": list(choices)}},
                "required": ["label"],
                "additionalProperties": False,
            }
            form = {"name": "label", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": form}}
        case "grammar":
            # A JSON string is a valid GBNF literal for the characters that labels are made of.
            return {"grammar": "root ::= " + " | ".join(json.dumps(choice) for choice in choices)}
        case "none":
            return {}


def _schema_fields(schema: Mapping[str, Any], form: SchemaForm) -> dict[str, Any]:
    match form:
        case "structured_outputs":
            return {"structured_outputs": {"json": schema}}
        case "json_schema":
            named = {"name": "reply", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case "json_object":
            # llama.cpp's older form, and the only one of llama-cpp-python's server.
            return {"response_format": {"type": "json_object", "schema": schema}}
        case "none":
            return {}


def read_reply(raw: bytes, completion: Completion, constraint: Constraint) -> Reply:
    """The completion in a 200 body. Raises BadReply."""
    body = _json(raw)
    try:
        choice = body["choices"][0]
        usage = body.get("usage") or {}
        message = choice["message"]
        marked, text = split_thinking(_typed(message.get("content") or "", str))
        apart = _typed(message.get("reasoning") or message.get("reasoning_content") or "", str)
        if completion.choices and constraint == "json_schema":
            text = _label(text)
        return Reply(
            text=text,
            model=_typed(body.get("model") or "", str),
            finish_reason=_typed(choice.get("finish_reason") or "", str),
            top_logprobs=_top_logprobs(choice.get("logprobs")),
            prompt_tokens=_typed(usage.get("prompt_tokens") or 0, int),
            completion_tokens=_typed(usage.get("completion_tokens") or 0, int),
            tokens=_tokens(choice.get("logprobs")),
            thinking="\n".join(part for part in (apart, marked) if part.strip()),
        )
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise BadReply(f"the reply is not a chat completion ({type(error).__name__}: {error})") from error


def read_models(raw: bytes) -> dict[str, str]:
    """The names in a `/v1/models` body, each with its owner ("" where none is given). Raises BadReply."""
    body = _json(raw)
    try:
        return {_typed(entry["id"], str): str(entry.get("owned_by") or "") for entry in body["data"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadReply(f"the reply is not a model list ({type(error).__name__}: {error})") from error


def read_error(raw: bytes, secret: str | None) -> str:
    """What the server says about an error: one bounded line, without our key should it be echoed."""
    try:
        body = json.loads(raw)
        inner = body.get("error", body)
        said = inner.get("message", "") if isinstance(inner, dict) else inner
        text = said if isinstance(said, str) else json.dumps(said)
    except (ValueError, RecursionError, AttributeError):
        text = raw.decode(errors="replace")
    if secret:
        text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:MAX_ERROR_CHARS]


def _json(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadReply("the reply is not JSON") from error
    if not isinstance(body, dict):
        raise BadReply("the reply is not a JSON object")
    return body


def _label(text: str) -> str:
    """The label in a constrained reply, or the text itself when the server ignored the constraint."""
    try:
        return str(json.loads(text)["label"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return text


def _typed(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value


def _top_logprobs(logprobs: Any) -> tuple[Mapping[str, float], ...]:
    if logprobs is None or logprobs.get("content") is None:
        return ()
    return tuple(_candidates(position.get("top_logprobs") or []) for position in logprobs["content"])


def _tokens(logprobs: Any) -> tuple[str, ...]:
    if logprobs is None or logprobs.get("content") is None:
        return ()
    return tuple(_typed(position["token"], str) for position in logprobs["content"])


def _candidates(entries: list[dict[str, Any]]) -> dict[str, float]:
    """Token to log-probability. Two tokens that print alike (▁Yes and Yes, in many servers) are added up."""
    table: dict[str, float] = {}
    for entry in entries:
        token, logprob = _typed(entry["token"], str), entry.get("logprob")
        number = float(logprob) if isinstance(logprob, int | float) else math.nan
        table[token] = _log_sum(table[token], number) if token in table else number
    return table


def _log_sum(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    if math.isnan(one) or math.isnan(other) or math.isinf(high):
        return math.nan if math.isnan(one) or math.isnan(other) else high
    return high + math.log1p(math.exp(low - high))
