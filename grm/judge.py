"""The driver: gate, ask, read, repair once, vote, aggregate. It knows deadlines; protocols know questions.

Rule 1: every candidate gets exactly one Judgement, in order, and nothing a server does raises from here.
Rule 2: what is finished by the deadline is scored, the rest is unscored; one slow call loses only itself.
Rule 3: identical candidates are judged once.
Rule 4: a reply that cannot be read is repaired at most once, from the judge's own text alone. Never a default.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from grm.asking import Ask, JudgeProtocol, Policy, Reading, Unread, Vote
from grm.backend import (
    Backend,
    BackendError,
    Busy,
    Capabilities,
    Completion,
    Message,
    Refused,
    Reply,
    TooSlow,
)
from grm.dialects import Thinking
from grm.gate import gate, suspicions
from grm.judgement import Candidate, Case, Judgement, Reason, Usage, rejected, unscored
from grm.protocols import label, listwise, pairwise, pointwise, process
from grm.repair import can_repair, repair_messages, repair_schema, repaired
from grm.scoring import level, settle
from grm.twins import Twins

Recorder = Callable[[Sequence[Message], Reply], None]
"""Called with every question and its reply, in the order of arrival, so that judgements can be logged and replayed."""

PROTOCOLS: Mapping[str, JudgeProtocol] = {
    "pointwise": pointwise,
    "pairwise": pairwise,
    "listwise": listwise,
    "process": process,
    "label": label,
}
UNCONSTRAINED = "unconstrained"
"""The flag of judgements whose server does not hold the judge to a schema: replies are parsed as they come."""
MARGIN_S = 0.05
"""Kept back from the deadline for reading and adding up."""
_TOO_LONG = ("context length", "maximum context", "too long", "too many tokens", "exceeds the")


async def judge(
    case: Case,
    protocol: str,
    backend: Backend,
    policy: Policy,
    *,
    deadline_s: float,
    recorder: Recorder | None = None,
) -> tuple[Judgement, ...]:
    """One Judgement per candidate, within `deadline_s` seconds. Raises KeyError for an unknown protocol and
    ValueError for a case that the protocol cannot take (too few or too many candidates).
    """
    module = PROTOCOLS[protocol]
    fewest, most = module.CANDIDATES
    if not fewest <= len(case.candidates) <= most:
        raise ValueError(f"{protocol} judges {fewest} to {most} candidates, not {len(case.candidates)}")
    turned_away = {
        index: rejected(candidate, found.reason, found.detail)
        for index, candidate in enumerate(case.candidates)
        if policy.gate and (found := gate(case, candidate)) is not None
    }
    twins = Twins(case, [index for index in range(len(case.candidates)) if index not in turned_away])
    live = replace(case, candidates=twins.distinct)
    judged: Sequence[Judgement] = ()
    if live.candidates:
        judged = await _judge_live(live, module, backend, policy, deadline_s, recorder)
        judged = level(live.candidates, judged, policy)
    bound = () if _is_bound(module, backend.capabilities, policy) else (UNCONSTRAINED,)
    marked = {
        index: _flagged(judgement, case.candidates[index], bound) for index, judgement in twins.spread(judged).items()
    }
    version = f"{protocol}/{module.PROMPT_VERSION}"
    return tuple(
        replace({**turned_away, **marked}[index], protocol=protocol, model=backend.name, prompt_version=version)
        for index in range(len(case.candidates))
    )


async def _judge_live(
    case: Case,
    module: JudgeProtocol,
    backend: Backend,
    policy: Policy,
    deadline_s: float,
    recorder: Recorder | None,
) -> tuple[Judgement, ...]:
    if len(case.candidates) < module.CANDIDATES[0]:
        # The others were rejected or identical: there is nobody left to compare with.
        lack = "no other distinct candidate is left to compare with"
        return tuple(unscored(candidate, Reason.NOTHING_TO_COMPARE, lack) for candidate in case.candidates)
    session = _Session(case, module, backend, policy, asyncio.get_running_loop().time() + deadline_s, recorder)
    readings = await session.run()
    votes = module.combine(case, [reading for reading in readings if reading.votes], policy)
    return tuple(
        replace(
            settle(candidate, votes[index], policy) if votes.get(index) else _failed(candidate, index, readings),
            usage=session.usage.get(index, Usage()),
        )
        for index, candidate in enumerate(case.candidates)
    )


def _is_bound(module: JudgeProtocol, able: Capabilities | None, policy: Policy) -> bool:
    """Whether the protocol's replies are held to their form by the server, or need no such hold."""
    if able is None or module is label:
        return True
    return able.schema_form(policy.thinking) != "none"


def _failed(candidate: Candidate, index: int, readings: Sequence[Reading]) -> Judgement:
    """Unscored, for the first reason that stood in the way."""
    for reading in readings:
        if index in reading.ask.shown and isinstance(reading.result, Unread):
            unread = reading.result
            return replace(unscored(candidate, unread.reason, unread.detail), label_mass=unread.label_mass)
    return unscored(candidate, Reason.TIMEOUT, "no reading was finished in time")


def _flagged(judgement: Judgement, candidate: Candidate, more: Sequence[str]) -> Judgement:
    found = {*judgement.flags, *suspicions(candidate.response), *more}
    return replace(judgement, candidate_id=candidate.id, flags=tuple(sorted(found)))


@dataclass
class _Session:
    """One case on its way through a protocol."""

    case: Case
    module: JudgeProtocol
    backend: Backend
    policy: Policy
    ends_at: float
    recorder: Recorder | None

    def __post_init__(self) -> None:
        self.usage: dict[int, Usage] = {}

    def _left_s(self) -> float:
        return self.ends_at - MARGIN_S - asyncio.get_running_loop().time()

    async def run(self) -> list[Reading]:
        """Ask until the protocol has enough or time is up. Readings are in the order of asking."""
        readings: list[Reading] = []
        while wanted := self.module.asks(self.case, readings, self.policy):
            if self._left_s() <= 0.0:
                if not readings:
                    late = Unread(Reason.TIMEOUT, "the deadline had passed before the first question")
                    readings += [Reading(ask, late) for ask in wanted]
                break
            readings += await asyncio.gather(*(self._answered(ask) for ask in wanted))
        return readings

    async def _answered(self, ask: Ask) -> Reading:
        able = self.backend.capabilities
        if able is None:
            return Reading(ask, Unread(Reason.UNAVAILABLE, "the model server has not passed its start-up probe yet"))
        if ask.choices and not able.logprobs and able.constraint == "none":
            lack = "the server offers neither log-probabilities nor constrained output"
            return Reading(ask, Unread(Reason.UNSUPPORTED, lack))
        reply = await self._reply(ask, completion(ask, able, self.policy))
        if isinstance(reply, Unread):
            return Reading(ask, reply)
        if reply.thinking.strip() and not reply.text.strip():
            return Reading(ask, _only_thought(reply))
        result = self.module.read(self.case, ask, reply, self.policy)
        if isinstance(result, Unread) and self.policy.repair and can_repair(ask, result):
            result = await self._repaired(ask, result, able)
        return Reading(ask, result)

    async def _repaired(self, ask: Ask, unread: Unread, able: Capabilities) -> Mapping[int, Vote] | Unread:
        assert ask.schema is not None
        again = replace(
            ask,
            messages=repair_messages(unread.said, ask.schema),
            schema=repair_schema(ask.schema),
            temperature=0.0,
            top_logprobs=0,
        )
        wanted = replace(completion(again, able, self.policy), thinking=Thinking.OFF)
        reply = await self._reply(ask, wanted)
        if isinstance(reply, Unread):
            return unread
        inner = repaired(reply.text, ask.schema, unread.said)
        if inner is None:
            return unread
        plain = replace(reply, text=inner, top_logprobs=(), tokens=())
        result = self.module.read(self.case, ask, plain, self.policy)
        return unread if isinstance(result, Unread) else result

    async def _reply(self, ask: Ask, wanted: Completion) -> Reply | Unread:
        left_s = self._left_s()
        try:
            async with asyncio.timeout(max(left_s, 0.0)):
                reply = await self.backend.complete(wanted, deadline_s=max(left_s, 0.0))
        except TimeoutError:
            return Unread(Reason.TIMEOUT, "no reply within the deadline")
        except BackendError as error:
            return Unread(_blame(error), str(error))
        spent = Usage(1, reply.prompt_tokens, reply.completion_tokens)
        first = min(ask.shown)
        self.usage[first] = self.usage.get(first, Usage()) + spent
        if self.recorder is not None:
            self.recorder(wanted.messages, reply)
        return reply


def completion(ask: Ask, able: Capabilities, policy: Policy) -> Completion:
    """The question in the forms that the server has: what it lacks is left out, and the reading is strict anyway."""
    thinking = Thinking.OFF if ask.choices else policy.thinking
    # Thinking models loop at temperature 0; the seed still makes the first reading repeat.
    temperature = ask.temperature or (policy.temperature if thinking is Thinking.ON else 0.0)
    extra = {"top_p": policy.top_p} if temperature > 0.0 else None
    if ask.choices and able.logprobs:
        # The label is read from its first token, without a mask that would make every mass 1.
        return Completion(ask.messages, 1, temperature, ask.seed, ask.top_logprobs, extra=extra)
    return Completion(
        ask.messages,
        ask.max_tokens,
        temperature,
        ask.seed,
        ask.top_logprobs if able.logprobs else 0,
        ask.choices,
        ask.schema,
        extra,
        thinking,
        policy.thinking_tokens,
    )


def _only_thought(reply: Reply) -> Unread:
    """What stands in the thinking is not read: judges change their mind in there."""
    if reply.finish_reason == "length":
        return Unread(Reason.TRUNCATED, "the judge was cut short while it was thinking")
    return Unread(Reason.NO_VERDICT, "the judge thought and said nothing")


def _blame(error: BackendError) -> Reason:
    match error:
        case TooSlow():
            return Reason.TIMEOUT
        case Busy():
            return Reason.OVERLOADED
        case Refused():
            said = str(error).casefold()
            return Reason.TOO_LONG if any(words in said for words in _TOO_LONG) else Reason.REFUSED
        case _:
            return Reason.UNAVAILABLE
