"""open-instruct: call `register()` before its trainer builds its reward functions; rows then name `touchstone` as
their verifier (`dataset` column).

open-instruct has no way to leave a sample out: without a reward it is told 0, which is counted and logged.
"""

from collections.abc import Sequence
from typing import Any

from touchstone_trainer.adapters.hook import OnNoVerdict, hook
from touchstone_trainer.adapters.rows import sample_of
from touchstone_trainer.rewards import Scored

NATIVE = OnNoVerdict.ZERO
NAME = "touchstone"


async def score(prediction: str, label: Any, query: str | None) -> Scored:
    """What became of one prediction."""
    return await hook().scorer.score_one_async(sample_of(prediction, {"label": label}, question=query))


def register() -> type[Any]:
    """Make the verifier: open-instruct finds it as a subclass of its `VerifierFunction`."""
    from open_instruct.ground_truth_utils import VerificationResult, VerifierFunction  # noqa: PLC0415

    class TouchstoneVerifier(VerifierFunction):  # type: ignore[misc, unused-ignore]
        """Scores through the service."""

        def __init__(self, verifier_config: Any = None) -> None:
            super().__init__(NAME, verifier_config=verifier_config, weight=1.0)

        def __call__(
            self, tokenized_prediction: Sequence[int], prediction: str, label: Any, query: str | None = None
        ) -> Any:
            """In a thread of its own."""
            sample = sample_of(prediction, {"label": label}, question=query)
            return self._told(hook().scorer.score_one(sample))

        async def async_call(
            self, tokenized_prediction: Sequence[int], prediction: str, label: Any, query: str | None = None
        ) -> Any:
            """In open-instruct's loop."""
            return self._told(await score(prediction, label, query))

        @staticmethod
        def _told(scored: Scored) -> Any:
            return VerificationResult(score=hook().number(scored, NATIVE), reasoning=scored.reason)

    return TouchstoneVerifier
