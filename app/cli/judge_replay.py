"""`touchstone judge --replay`: recorded replies through today's reading code, without a model.

Two kinds of lines, which may be mixed:
  our own log (TOUCHSTONE_JUDGE__LOG_FILE)   has `exchanges`: the case is judged again from its own replies, and
                                             the rewards are compared with the logged ones
  a transcript from elsewhere                {"reply": text, "kind": choice | preference | score | scores | label} with
                                             optional names, low, high, exact, finish_reason, shown, id, category
                                             and expected (what it should be read as; null: it should be unread)

Rule 1: a line that cannot be replayed is named with what is wrong, and costs only itself.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec
from rich.table import Table

from grm.asking import Policy, Unread
from grm.backend import Capabilities, Message, Reply
from grm.judge import PROTOCOLS, judge
from grm.judgement import Aspect, Case, Judgement
from grm.replay import ReplayBackend
from grm.replies import Expected, ReplyKind, read_reply

REPLAY_S = 60.0
"""Nothing is waited for; the limit only ends a protocol that would not stop asking."""
SAME = 1e-9


class _Exchange(msgspec.Struct):
    messages: list[Message]
    reply: Reply


class _Logged(msgspec.Struct):
    """One line of the log, as far as it is read again."""

    model: str
    protocol: str
    policy: Policy
    case: Case
    aspects: list[Aspect]
    exchanges: list[_Exchange]
    judgements: list[Judgement]
    capabilities: Capabilities | None = None
    control: str | None = None


class _Transcript(msgspec.Struct):
    """One recorded reply from elsewhere."""

    reply: str
    kind: ReplyKind
    id: str | int | None = None
    category: str = "other"
    names: tuple[str, ...] = ("A", "B")
    low: float = 0.0
    high: float = 10.0
    exact: bool = False
    finish_reason: str = "stop"
    shown: list[str] = []
    expected: Any = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Replayed:
    """One line. `agrees` is None where the line says nothing to agree with; `problem` is what to fix in it."""

    line: int
    id: str
    category: str
    agrees: bool | None
    read: bool
    result: Any
    problem: str = ""


def replay(lines: Iterable[bytes]) -> list[Replayed]:
    """Every line in order; blank ones are none."""
    return asyncio.run(_replay([(at, line) for at, line in enumerate(lines, 1) if line.strip()]))


async def _replay(lines: list[tuple[int, bytes]]) -> list[Replayed]:
    return [await _one(at, line) for at, line in lines]


async def _one(at: int, line: bytes) -> Replayed:
    try:
        fields = json.loads(line)
        if "exchanges" in fields:
            return await _judged_again(at, msgspec.convert(fields, _Logged))
        return _read_again(at, msgspec.convert(fields, _Transcript))
    except (ValueError, TypeError, KeyError, RecursionError) as error:  # msgspec's are ValueErrors
        return Replayed(at, str(at), "other", None, read=False, result=None, problem=f"{type(error).__name__}: {error}")


async def _judged_again(at: int, logged: _Logged) -> Replayed:
    case = replace(logged.case, aspects=frozenset(logged.aspects))
    if logged.protocol not in PROTOCOLS:
        raise ValueError(f"no such protocol: {logged.protocol}")
    backend = ReplayBackend(
        [(one.messages, one.reply) for one in logged.exchanges],
        name=logged.model,
        capabilities=logged.capabilities or Capabilities(logged.model, logprobs=True, constraint="none"),
    )
    judgements = await judge(case, logged.protocol, backend, logged.policy, deadline_s=REPLAY_S)
    if backend.missing:
        raise ValueError(f"{backend.missing} questions were not recorded: prompts have changed since")
    agrees = all(
        # A control is no part of the recording: what it took away is compared by the judge's own word.
        old.reason == "control_failed" or _same(old.reward, new.reward)
        for old, new in zip(logged.judgements, judgements, strict=True)
    )
    rewards = [one.reward for one in judgements]
    read = all(reward is not None for reward in rewards)
    result = {"rewards": rewards, "logged": [one.reward for one in logged.judgements]}
    category = f"{logged.protocol}, {logged.control} control" if logged.control else logged.protocol
    return Replayed(at, str(at), category, agrees, read, result)


def _read_again(at: int, recorded: _Transcript) -> Replayed:
    wanted = Expected(recorded.kind, recorded.names, recorded.low, recorded.high, recorded.exact)
    value = read_reply(recorded.reply, wanted, finish_reason=recorded.finish_reason, shown=recorded.shown)
    name = str(recorded.id if recorded.id is not None else at)
    agrees = None
    if isinstance(value, Unread):
        if recorded.expected is not msgspec.UNSET:
            agrees = recorded.expected is None
        return Replayed(
            at, name, recorded.category, agrees, read=False, result={"unread": value.reason, "detail": value.detail}
        )
    if recorded.expected is not msgspec.UNSET:
        agrees = _alike(value, recorded.expected)
    return Replayed(at, name, recorded.category, agrees, read=True, result={"value": value})


def _alike(value: Any, expected: Any) -> bool:
    if isinstance(value, bool) or isinstance(expected, bool):
        return bool(value is expected)
    if isinstance(value, (int, float)) and isinstance(expected, (int, float)):
        return _same(value, expected)
    if isinstance(value, (tuple, list)) and isinstance(expected, (tuple, list)):
        return len(value) == len(expected) and all(map(_alike, value, expected))
    return bool(value == expected)


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) < SAME


def line_of(replayed: Replayed) -> dict[str, Any]:
    """For `--out`."""
    return asdict(replayed)


def replay_table(replayed: list[Replayed]) -> Table:
    """Read and agreeing shares by category."""
    groups: defaultdict[str, list[Replayed]] = defaultdict(list)
    for one in replayed:
        groups[one.category].append(one)
    table = Table(title=f"{len(replayed)} lines replayed", title_justify="left")
    for heading in ("category", "lines", "read", "agreeing"):
        table.add_column(heading, justify="left" if heading == "category" else "right")
    named = sorted(groups.items()) if len(groups) > 1 else []
    for name, members in [*named, ("all", replayed)]:
        told = [one.agrees for one in members if one.agrees is not None]
        read = sum(one.read for one in members)
        agreeing = f"{sum(told) / len(told):.1%} ({sum(told)}/{len(told)})" if told else "-"
        table.add_row(name, str(len(members)), f"{read / len(members):.1%}", agreeing)
    return table
