"""Samples of other wire formats through the use case of `/v1/reward`, and what their callers are told.

Rule 1: the verdict is the same as on `/v1`: same cache, pool, judge and deadline.
Rule 2: no verdict is said in the framework's own words where it has some. Where it has none the caller chooses what
        number stands for it; unasked it is an error, never a 0.
Rule 3: complaints name the caller's own fields (`labels[0].task`), not those of the item made of them.
"""

import asyncio
import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from app import bodies, callers, judge_requests, judge_to_wire, wire
from app.errors import NoVerdict, UnknownProfile, WrongKey, invalid_item
from app.judge_requests import Entries, Refused
from app.keys import key_of
from app.profiles import OnNoVerdict, Profile
from app.request_scope import count_items
from app.services import Services
from touchstone_client.contract_judge import JudgeStatus
from touchstone_client.framework_samples import from_label

Model = TypeVar("Model", bound=BaseModel)
NO_RESPONSE = "response_not_found"
_ITEM = re.compile(r"^items\[\d+\]\.?(\w*)")


@dataclass(frozen=True, slots=True)
class Sample:
    """The fields of one item and where the caller finds each. `lost` says why there is no response to score."""

    fields: Mapping[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)
    lost: str | None = None


async def read(request: Request, services: Services, model: type[Model]) -> tuple[Any, Model]:
    """The body as it came, and read. Raises Malformed, TooLarge and Unusable."""
    raw = bodies.parse(await bodies.read_body(request, services.settings.limits.body_mb << 20))
    return raw, bodies.read_envelope(raw, model, model)


def asked(request: Request, services: Services, *others: str) -> Profile:
    """What the URL asks for. `others` are parameters of the route's own. Raises UnknownProfile, WrongKey, Unusable."""
    name = request.path_params.get("profile")
    known = services.settings.profiles
    if name is not None and name not in known:
        names = ", ".join(f"`{one}`" for one in sorted(known)) or "none; set TOUCHSTONE_PROFILES"
        raise UnknownProfile(f"there is no profile {name[:64]!r}; the known ones: {names}")
    profile = known[name] if name is not None else Profile()
    if profile.key is not None:
        key = profile.key.get_secret_value()
        if not secrets.compare_digest((key_of(request) or "").encode(), key.encode()):
            raise WrongKey(f"the profile {name!r} needs its key: add `?key=…` to the URL")
    url = {one: text for one, text in request.query_params.items() if one not in ("key", *others)}
    if not url:
        return profile
    # Options are a task's own.
    fields = profile.model_dump(exclude={"options"} if url.get("task", profile.task) != profile.task else None)
    return bodies.read_envelope(fields | url, Profile, Profile)


def sample(profile: Profile, label: Any, response: str, question: str | None, places: Mapping[str, str]) -> Sample:
    """One sample as an item: what its label says, then what the URL says. `places` names the caller's fields."""
    own = from_label(label)
    fields = {"question": question, "rule": profile.rule} | own
    if "task" not in own:
        fields["task"] = profile.task
        fields.setdefault("options", profile.options)
    if own.keys() <= {"reference"}:
        where = {"reference": places["label"]}
    else:
        where = {name: f"{places['label']}.{name}" for name in own}
    given = {name: value for name, value in fields.items() if value is not None}
    return Sample(given | {"response": response}, where | dict(places))


async def pay(services: Services, profile: Profile, samples: Sequence[Sample]) -> list[wire.RewardResult]:
    """A result for each sample, in order. Raises Unusable when no sample can be worked on."""
    count_items(len(samples))
    whole = [one for one in samples if one.lost is None]
    verifiers, rules = services.verification.verifiers, services.settings.reward.rules
    read = await asyncio.to_thread(judge_requests.read_items, [dict(one.fields) for one in whole], verifiers, rules)
    entries = [_renamed(entry, one.places) for entry, one in zip(read, whole, strict=True)]
    if entries:
        judge_requests.refuse_if_none(entries)
    request = Entries(entries, profile.deadline_s, None, profile.recall)
    deadline_s = callers.allowed_s(profile.deadline_s, services.settings.limits.deadline_s)
    answered = await services.rewarding.reward(request, deadline_s)
    results = iter([judge_to_wire.rewarded(one) for one in answered])
    return [next(results) if one.lost is None else _lost(one.lost) for one in samples]


def number(
    services: Services, profile: Profile, result: wire.RewardResult, framework: str, default: OnNoVerdict
) -> float:
    """The reward, or what stands for none. Raises NoVerdict where that is an error."""
    if result.reward is not None:
        return result.reward
    told = profile.on_no_verdict or default
    services.metrics.no_verdicts.labels(framework, told).inc()
    match told:
        case OnNoVerdict.NAN:
            return math.nan
        case OnNoVerdict.ZERO:
            return 0.0
        case OnNoVerdict.VALUE:
            assert profile.value is not None
            return profile.value
        case OnNoVerdict.ERROR:
            raise NoVerdict(
                f"no reward could be decided ({result.reason}: {result.detail}); to go on without one, add "
                "`?on_no_verdict=nan`, `zero` or `value` to the URL"
            )


def numbers(result: wire.RewardResult) -> dict[str, float]:
    """What the reward was made of."""
    verdict, judged = result.components.verifier, result.components.judge
    parts = {
        "verifier": verdict.reward if verdict else None,
        "judge": judged.reward if judged else None,
        "outcome": judged.outcome if judged else None,
        "process": judged.process if judged else None,
    }
    return {name: part for name, part in parts.items() if part is not None}


def answer(body: Any) -> Response:
    """JSON in which NaN may stand: the clients of these formats are written in Python and read it."""
    return Response(json.dumps(body), media_type="application/json")


def _renamed(
    entry: "judge_requests.ToReward | Refused", places: Mapping[str, str]
) -> "judge_requests.ToReward | Refused":
    if not isinstance(entry, Refused):
        return entry

    def place(found: re.Match[str]) -> str:
        return places.get(found[1], found[1])

    errors = [wire.FieldProblem(_ITEM.sub(place, one.field), one.message) for one in entry.problem.errors]
    return Refused(entry.id, invalid_item(bodies.summary(errors), errors), entry.group, entry.task)


def _lost(why: str) -> wire.RewardResult:
    return wire.RewardResult("", "", None, JudgeStatus.UNSCORED, NO_RESPONSE, detail=why)
