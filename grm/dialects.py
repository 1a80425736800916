"""What only one kind of server understands, beside the subset that all share. Pure.

  vllm       `chat_template_kwargs`; `thinking_token_budget`, a 400 without --reasoning-parser
  sglang     `chat_template_kwargs`; `separate_reasoning`; no limit of the thinking alone
  llama_cpp  `chat_template_kwargs`; `thinking_budget_tokens`; `cache_prompt`, which must be off for replies that
             repeat to the last bit
  openai     the shared subset and nothing else

Rule 1: a server says which it is by `owned_by` in its model list; one that says nothing known is `openai`.
Rule 2: a dialect adds fields and proves nothing: what bites is found by the probe.
"""

from enum import StrEnum
from typing import Any


class Dialect(StrEnum):
    """Which kind of server it is."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama_cpp"
    OPENAI = "openai"


class Thinking(StrEnum):
    """Whether a model shall think before it answers. SERVER: nothing is said of it, the server's default holds."""

    OFF = "off"
    ON = "on"
    SERVER = "server"


_OWNERS = {"vllm": Dialect.VLLM, "sglang": Dialect.SGLANG, "llamacpp": Dialect.LLAMA_CPP}
_BUDGET = {Dialect.VLLM: "thinking_token_budget", Dialect.LLAMA_CPP: "thinking_budget_tokens"}


def spoken_by(owner: str) -> Dialect:
    """The dialect of a server whose models have this owner.

    >>> spoken_by("sglang"), spoken_by("somebody")
    (<Dialect.SGLANG: 'sglang'>, <Dialect.OPENAI: 'openai'>)
    """
    return _OWNERS.get(owner.casefold(), Dialect.OPENAI)


def own_fields(dialect: Dialect) -> dict[str, Any]:
    """Fields that every request to such a server carries."""
    match dialect:
        case Dialect.SGLANG:
            return {"separate_reasoning": True}
        case Dialect.LLAMA_CPP:
            return {"cache_prompt": False}
        case Dialect.VLLM | Dialect.OPENAI:
            return {}


def switch_fields(thinking: Thinking) -> dict[str, Any]:
    """Fields that turn thinking on or off. Templates know it by one name or the other, and pass over the rest.

    >>> switch_fields(Thinking.SERVER)
    {}
    """
    if thinking is Thinking.SERVER:
        return {}
    on = thinking is Thinking.ON
    return {"chat_template_kwargs": {"enable_thinking": on, "thinking": on}}


def budget_fields(dialect: Dialect, tokens: int) -> dict[str, Any]:
    """Fields that end the thinking after so many tokens; none where the server has no such limit.

    >>> budget_fields(Dialect.SGLANG, 100)
    {}
    """
    return {_BUDGET[dialect]: tokens} if dialect in _BUDGET else {}
