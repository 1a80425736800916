"""Who was paid what, by whom and why: a line for every verdict and every reward. Opt-in.

Rule 1: no text of a request: an item is known by `digest`, the same for the same task, question, references, response
        and options, and by its request and place in it. Whoever has the texts can find their lines, nobody else.
Rule 2: what `app.line_log` says of full disks holds: a lost line is counted, an answer never waits for one.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from app.line_log import LineLog
from app.request_scope import current_id, current_key
from verifiers.verdict import reward

if TYPE_CHECKING:
    from app.rewarding import Rewarded
    from app.verification import Progress


class Audit:
    """Writes into one log."""

    def __init__(self, log: LineLog) -> None:
        self._log = log

    def verified(self, items: Sequence["Progress"], step: int | None) -> None:
        """Every verdict of a request."""
        request = _request("verdict", step)
        self._log.put(*(request | {"place": place} | _verdict(one) for place, one in enumerate(items)))

    def rewarded(self, items: Sequence["Rewarded"], step: int | None) -> None:
        """Every reward of a request; its verdicts have lines of their own, with the same digests."""
        request = _request("reward", step)
        self._log.put(*(request | {"place": place} | _reward(one) for place, one in enumerate(items)))


def _request(kind: str, step: int | None) -> dict[str, Any]:
    return {"at": time.time(), "kind": kind, "request_id": current_id(), "key": current_key(), "step": step}


def _verdict(one: "Progress") -> dict[str, Any]:
    settled, opinion = one.settled, one.opinion
    assert settled is not None
    return {
        "task": one.item.task,
        "digest": one.key.hex(),
        "outcome": settled.outcome,
        "reward": reward(settled.outcome),
        "stage": settled.stage,
        "by": settled.name,
        "cached": one.cached,
        "model_accepts": opinion.accepts if opinion else None,
        "label_mass": opinion.label_mass if opinion else None,
    }


def _reward(one: "Rewarded") -> dict[str, Any]:
    paid, judgement = one.paid, one.judgement
    assert paid is not None
    if one.progress is not None:
        digest = one.progress.key.hex()
    else:
        digest = hashlib.blake2b(msgspec.json.encode(one.item.case, order="deterministic"), digest_size=16).hexdigest()
    return {
        "task": one.item.task,
        "digest": digest,
        "rule": one.item.rule.name,
        "reward": paid.reward,
        "judged": judgement.status if judgement else None,
        "unscored_for": judgement.reason if judgement else None,
        "agreement": judgement.agreement if judgement else None,
    }
