"""The use case behind `POST /v1/explain`: one item's verdict, and the way to it.

Rule 1: the verdict is that of `/v1/verify`, reached the same way, cache and model included; what is told beside it is
        worked out again, in a worker process under the limits of any item.
Rule 2: what cannot be told is left out, and never changes the verdict.
"""

import asyncio
import time
from dataclasses import dataclass

import msgspec

from app import callers
from app.model_stage import Heard
from app.pool import frames
from app.pool.outcome import Finished
from app.requests import Accepted, Batch
from app.services import Services
from app.verification import Progress
from verifiers import hooks
from verifiers.explanation import Explanation

MAX_PLACED_CHARS = 500
MAX_SEARCHED_CHARS = 100_000
"""Of the response's end. Searching backwards takes their product at worst: 10 ms of the event loop."""
MAX_PARTS_PLACED = 8
MAX_PLACES_TRIED = 1_000
"""Of a short answer, from the end; behind these nobody looks for it."""

Place = tuple[int, int]
"""Where a text begins and ends, in characters."""


@dataclass(frozen=True, slots=True)
class Explained:
    """`places` are the answer's in the response; `heard` is what the model was asked and said."""

    progress: Progress
    explanation: Explanation | None
    places: list[Place]
    heard: list[Heard]


async def explain(services: Services, batch: Batch, deadline_s: float) -> Explained:
    """The verdict on the batch's only item, and the way to it. Raises what `verify` raises."""
    ends = time.monotonic() + deadline_s
    (progress,) = await services.verification.verify(batch, deadline_s)
    assert isinstance(progress, Progress)
    told = await _told(services, progress.item, ends)
    answer = progress.verdict.answer if progress.verdict else None
    heard: list[Heard] = []
    if services.model is not None and progress.opinion is not None and answer is not None:
        heard = await services.model.listen(progress.item.problem, answer, max(0.0, ends - time.monotonic()))
    texts = told.parts[:MAX_PARTS_PLACED] if told and told.parts else [answer] if answer else []
    places = (place_of(text, progress.item.problem.response) for text in texts)
    return Explained(progress, told, [place for place in places if place], heard)


async def _told(services: Services, item: Accepted, ends: float) -> Explanation | None:
    verifier = services.verification.verifiers[item.task]
    if not hooks.explains(verifier):
        return None
    job = frames.Job(item.task, item.problem, hooks.work_limits(verifier, item.problem), explain=True)
    work = services.pool.submit([job], callers.current().name)[0]
    try:
        async with asyncio.timeout(max(0.0, ends - time.monotonic())):
            outcome = await work
    except TimeoutError:  # the queue is long: the verdict alone
        return None
    if not isinstance(outcome, Finished) or outcome.verdict.details is None:
        return None
    return msgspec.convert(outcome.verdict.details, Explanation)


def place_of(answer: str, response: str) -> Place | None:
    r"""Where the answer was taken from: its last box, else the last place where it stands by itself.

    >>> place_of("2", r"so 2, or \boxed{2}, not 12 or 2x")
    (16, 17)
    >>> place_of("7", "7 of 17")
    (0, 1)
    """
    if not answer or len(answer) > MAX_PLACED_CHARS:
        return None
    lowest = max(0, len(response) - MAX_SEARCHED_CHARS)
    boxed = response.rfind(f"boxed{{{answer}}}", lowest)
    if boxed >= 0:
        start = boxed + len("boxed{")
        return start, start + len(answer)
    start = len(response)
    for _ in range(MAX_PLACES_TRIED):
        start = response.rfind(answer, lowest, start + len(answer) - 1)
        if start < 0:
            return None
        end = start + len(answer)
        if not (_joined(response[start - 1 : start], answer[0]) or _joined(answer[-1], response[end : end + 1])):
            return start, end
    return None


def _joined(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum()
