"""A model whose answer is written into the answer that it is asked about."""

import asyncio
import math

from grm.backend import BackendError, Completion, Reply, ScriptedBackend, TooSlow, Unreachable
from grm.controls import EMPTY_RESPONSE

SURE = 0.97


def labels(yes: float, rest: float = 0.0) -> Reply:
    """A reply whose first token is Yes with this probability."""
    shares = {"Yes": yes, "No": 1.0 - yes - rest, "Well": rest}
    top = {word: math.log(share) for word, share in shares.items() if share > 0}
    return Reply("Yes", "scripted", "length", (top,))


def answer(completion: Completion) -> Reply | BackendError:
    """Yes to `agree…`, mumbling to `mumble…`, an error to `offline…` and `late…`, else no."""
    asked = completion.messages[-1].content
    if EMPTY_RESPONSE in asked:
        return labels(1 - SURE)
    if "agree" in asked:
        return labels(SURE)
    if "mumble" in asked:
        return labels(0.01, rest=0.98)
    if "offline" in asked:
        return Unreachable("connection refused")
    if "late" in asked:
        return TooSlow("no reply in time")
    return labels(1 - SURE)


class ScriptedModel(ScriptedBackend):
    """Takes `delay_s` for every reply."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__(answer)
        self._delay_s = delay_s

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        self.asked.append(completion)
        await asyncio.sleep(self._delay_s)
        said = answer(completion)
        if isinstance(said, BackendError):
            raise said
        return said
