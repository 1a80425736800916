"""The model as ConCISE needs it: it goes on from a beginning, and tells what it would say next.

Two ways to hand over a beginning: as the last, unfinished message of a chat (`continue_final_message`, vLLM and SGLang;
llama.cpp does so by itself), or as plain text in a template of ours, which every server and every model can take.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from touchstone_trainer.curation.model_server import Completion, ModelServer

TOP_TOKENS = 20
"""As many as vLLM gives by default; words that are not among them have no say."""
CHAT = "chat"


class Generator(Protocol):
    """A model that answers one question."""

    def continue_(self, prefix: str, stop: tuple[str, ...], max_tokens: int) -> Completion:
        """What it writes behind `prefix`, up to the first of `stop`."""

    def next_token_probs(self, prefix: str) -> Mapping[str, float]:
        """The likeliest next tokens behind `prefix`, with their probabilities."""

    def tokens(self, text: str) -> int:
        """How many tokens of its own a response is."""


@dataclass(frozen=True)
class ServerGenerator:
    """A question put to a model server. `template` holds `{question}`, or is `chat`."""

    server: ModelServer
    question: str
    template: str = CHAT
    temperature: float = 0.0

    def continue_(self, prefix: str, stop: tuple[str, ...], max_tokens: int) -> Completion:
        """See Generator."""
        settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": self.temperature}
        request = {**self._request(prefix), **settings, **({"stop": list(stop)} if stop else {})}
        return self.server.chat(**request) if self.template == CHAT else self.server.complete(**request)

    def next_token_probs(self, prefix: str) -> Mapping[str, float]:
        """See Generator."""
        found = self.server.next_tokens(self._request(prefix), TOP_TOKENS)
        return {token: math.exp(logprob) for token, logprob in found.items()}

    def tokens(self, text: str) -> int:
        """See Generator."""
        return self.server.prompt_tokens(self._request(text)) - self.server.prompt_tokens(self._request(""))

    def _request(self, prefix: str) -> dict[str, Any]:
        if self.template != CHAT:
            return {"prompt": self.template.replace("{question}", self.question) + prefix}
        asked = {"role": "user", "content": self.question}
        if not prefix:
            return {"messages": [asked]}
        begun = {"role": "assistant", "content": prefix}
        return {"messages": [asked, begun], "add_generation_prompt": False, "continue_final_message": True}
