"""One chain of thought made shorter: doubts replaced by confidence, the end found once the model is sure.

The given chain is followed step by step up to its first doubt; behind it the model goes on by itself, from the same
beginning, under the same two rules. That is what generating anew would give for those steps, at no cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from touchstone_trainer.curation.concise.generator import Generator
from touchstone_trainer.curation.concise.settings import ConciseSettings, Wording
from touchstone_trainer.curation.concise.steps import (
    END_THINK,
    SEPARATOR,
    THINK,
    Response,
    first_step,
    reflects,
    states_answer,
)


@dataclass
class Chain:
    """What became of a response. `confidence` is of the last probe, None where none could be read."""

    steps: list[str] = field(default_factory=list)
    tail: str | None = None
    thinking: bool = False
    injected: int = 0
    probes: int = 0
    confidence: float | None = None
    stopped_early: bool = False
    gave_up: bool = False

    @property
    def text(self) -> str:
        """The whole response."""
        return self.begun if self.tail is None else f"{self.begun}\n{END_THINK}\n\n{self.tail}"

    @property
    def begun(self) -> str:
        """The reasoning so far, as the model is to see it."""
        return (f"{THINK}\n" if self.thinking else "") + SEPARATOR.join(self.steps)


class Shortening:
    """Shortens the responses to one question."""

    def __init__(self, generator: Generator, settings: ConciseSettings, wording: Wording, random: Random) -> None:
        self._model, self._settings, self._wording, self._random = generator, settings, wording, random

    def __call__(self, original: Response) -> Chain:
        """The shorter chain; `gave_up` where it did not come to an end."""
        chain = Chain(thinking=original.tail is not None)
        given: list[str] | None = list(original.steps)
        answered = False
        while len(chain.steps) < self._settings.max_steps:
            step = self._next(chain, given)
            if step and reflects(step) and not answered and chain.injected < self._settings.max_injections:
                step, given = self._confident(chain), None
            if not step:
                break
            chain.steps.append(step)
            answered = answered or states_answer(step)
            if answered and self._sure(chain):
                chain.stopped_early = given is None or bool(given)
                break
        else:
            chain.gave_up = True
        if chain.thinking and not chain.gave_up:
            # The given ending is good behind the given reasoning only.
            whole = given is not None and not given
            chain.tail = original.tail if whole else self._ending(chain)
        return chain

    def _next(self, chain: Chain, given: list[str] | None) -> str:
        if given is not None:
            return given.pop(0) if given else ""
        return self._step(chain, chain.begun + SEPARATOR if chain.steps else chain.begun)

    def _confident(self, chain: Chain) -> str:
        """A step that begins with confidence where a doubt would have stood."""
        chain.injected += 1
        phrase = self._random.choice(self._wording.phrases)
        begun = (chain.begun + SEPARATOR if chain.steps else chain.begun) + phrase
        written = self._step(chain, begun)
        space = "" if phrase.endswith(("，", "。", "：")) or not phrase.isascii() else " "
        return f"{phrase}{space}{written}" if written else ""

    def _step(self, chain: Chain, begun: str) -> str:
        stop = (END_THINK,) if chain.thinking else ()
        text = self._model.continue_(begun, (SEPARATOR, *stop), self._settings.step_tokens).text
        if not text.strip():
            # Either the end, or a blank line first, where a chat template cut ours off.
            text = self._model.continue_(begun, stop, self._settings.step_tokens).text
        return first_step(text)

    def _sure(self, chain: Chain) -> bool:
        probs = self._model.next_token_probs(chain.begun + self._wording.probe)
        chain.probes += 1
        chain.confidence = confidence(probs, self._wording)
        return chain.confidence is not None and chain.confidence >= self._settings.threshold

    def _ending(self, chain: Chain) -> str:
        begun = f"{chain.begun}\n{END_THINK}\n\n"
        return self._model.continue_(begun, (), self._settings.answer_tokens).text.strip()


def confidence(probs: Mapping[str, float], wording: Wording) -> float | None:
    """The confident share among next tokens that say anything about confidence; None where none does."""
    sure = unsure = 0.0
    for token, probability in probs.items():
        word = token.replace("Ġ", "").replace("▁", "").strip(" \t\n.,!?。，！").lower()
        sure += probability if word in wording.confident else 0.0
        unsure += probability if word in wording.doubtful else 0.0
    return sure / (sure + unsure) if sure + unsure else None
