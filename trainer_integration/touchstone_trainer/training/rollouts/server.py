"""Rollouts from an OpenAI-compatible server that holds the policy's weights, such as vLLM.

Rule 1: token ids and log-probabilities are the server's. One that does not give both cannot be trained on.
Rule 2: before the run the server's log-probabilities are compared with the policy's own: other weights, or
        log-probabilities before the temperature, would pass as off-policy noise and spoil every correction.
Rule 3: a stream that breaks is asked for again, with the same seed. Drawn anew, long responses, which break more often,
        would be sampled less often than the policy writes them.
Rule 4: getting fresh weights into the server is the operator's: `reload_command`, after each step.
"""

import asyncio
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import torch

from touchstone_trainer.generation.errors import Broken
from touchstone_trainer.generation.streaming import Generated, StreamingClient
from touchstone_trainer.training.config import ConfigError, RolloutConfig, ServerConfig
from touchstone_trainer.training.policy import Policy, model_logprobs
from touchstone_trainer.training.rollouts.completion import Completion, Request

T = TypeVar("T")

MAX_GAP = 0.2
"""Nats a token, mean: bfloat16 kernels differ by some hundredths, other weights by whole nats."""
PROBE_TOKENS = 32


class ServerRollouts:
    """Samples from a server. `publish` writes the policy's weights and says where; every process calls it."""

    def __init__(
        self, policy: Policy, config: RolloutConfig, server: ServerConfig, publish: Callable[[], Path], *, first: bool
    ) -> None:
        self._policy = policy
        self._config = config
        self._server = server
        self._publish = publish
        self._first = first
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rollouts", daemon=True)
        self._thread.start()
        self._client = StreamingClient(
            server.url,
            server.model,
            rule=config.streak or None,
            api_key=server.api_key,
            concurrency=server.concurrency,
        )

    def generate(self, requests: Sequence[Request], *, greedy: bool = False) -> Iterator[Completion]:
        """All are asked for at once, as many together as the configuration allows."""
        asked = [self._start(self._sample(request, greedy=greedy)) for request in requests]
        try:
            for one in asked:
                yield one.result()
        finally:
            for one in asked:
                one.cancel()

    def policy_changed(self) -> None:
        """Writes the weights and has the server load them. Raises CalledProcessError where the command fails."""
        folder = self._publish()
        if self._first:
            subprocess.run([*self._server.reload_command, str(folder)], check=True)  # noqa: S603 - the operator's own

    def check(self, prompt_ids: Sequence[int]) -> None:
        """Whether the server samples from the policy, and reports what it samples from.

        Raises:
            ConfigError: it does not.
            GenerationError: it cannot be reached, or refuses.

        """
        completion = self._start(self._sample(Request(tuple(prompt_ids), 0), limit=PROBE_TOKENS)).result()
        batch = self._policy.batch([prompt_ids], [completion.token_ids])
        said = torch.tensor([completion.logprobs], device=batch.mask.device)

        def gap(temperature: float) -> float:
            with torch.no_grad():
                own = model_logprobs(self._policy.model, batch, temperature).logprobs
            return float((own - said).abs().mean())

        far, raw = gap(self._config.temperature), gap(1.0)
        if raw < far:
            raise ConfigError(
                f"rollouts.server: {self._server.url} reports log-probabilities before the temperature; "
                "start vLLM with --logprobs-mode processed_logprobs"
            )
        if not far <= MAX_GAP:
            raise ConfigError(
                f"rollouts.server: {self._server.url} gives its tokens other log-probabilities than the policy, "
                f"{far:.2f} nats apart: serve the weights of policy.path under the name {self._server.model!r}"
            )

    def close(self) -> None:
        """Ends the connections and their thread."""
        self._start(self._client.__aexit__(None, None, None)).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _sample(self, request: Request, *, greedy: bool = False, limit: int | None = None) -> Completion:
        # The defaults of a served model's own generation settings would bend the distribution: all are named.
        sampling = {
            "temperature": 0.0 if greedy else self._config.temperature,
            "top_p": 1.0,
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": request.seed,
        }
        limit = limit or self._config.max_new_tokens
        made = await self._insist(request.prompt_ids, sampling, limit)
        if made.token_ids is None or made.logprobs is None:
            raise ConfigError(f"rollouts.server: {self._server.url} gives no token ids: only vLLM's own server does")
        text = self._policy.decode(made.token_ids)
        return Completion(made.token_ids, made.logprobs, made.finish_reason, text, made.tokens_saved_at_most)

    async def _insist(self, prompt_ids: Sequence[int], sampling: Mapping[str, Any], limit: int) -> Generated:
        tries_left = self._server.tries
        while True:
            try:
                return await self._client.generate(
                    prompt_ids, max_tokens=limit, deadline_s=self._server.deadline_s, sampling=sampling
                )
            except Broken:
                tries_left -= 1
                if not tries_left:
                    raise
