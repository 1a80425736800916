"""What makes two pieces of work the same: the names under which they are kept.

Rule 1: a key holds every input of the value and nothing else. A rule verdict knows no model, so a verdict
        reached without one can be used by any later configuration; a model's opinion knows the model, its
        threshold and the wording of its question, and the answer that it saw, not the response around it.
Rule 2: the lengths of all parts go first, so no two different inputs spell the same bytes.
Rule 3: SHA-256: rewards must not be had by crafting a collision.
"""

import hashlib
import struct
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from grm.asking import Policy
from grm.judgement import Case
from verifiers.problem import Problem

FORMAT = b"touchstone-4"
"""Raised whenever the meaning of a stored value changes."""
MAX_ASKED = 16
"""Beginnings of keys that are kept: the groups of a batch. Each may be as long as an item's references may."""
_TASK_FORMAT = FORMAT.decode()
_options_encoder = msgspec.json.Encoder(order="sorted")


def _digest(*parts: bytes) -> bytes:
    # The lengths first and all in one piece: many small updates cost more than the hash of 2 kB.
    lengths = struct.pack(f"<{len(parts)}Q", *map(len, parts))
    return hashlib.sha256(b"".join((FORMAT, lengths, *parts))).digest()


def _optional(text: str | None) -> bytes:
    return b"" if text is None else b"=" + text.encode()


def _references(references: tuple[str, ...]) -> bytes:
    # One level deeper, each with its own length: ("ab",) is not ("a", "b").
    return references[0].encode() if len(references) == 1 else _digest(*(r.encode() for r in references))


def _options(options: Mapping[str, object]) -> bytes:
    return _options_encoder.encode(options) if options else b""


@lru_cache(MAX_ASKED)
def _asked(
    kind: str, task: str, version: str, question: str | None, options: str, references: tuple[str, ...], answers: int
) -> tuple[str, str]:
    """What the keys of a group have in common: how they begin, and the text before the answer."""
    parts = (kind, task, version, question or "", options, *references)
    # Without the numbers, a reference could stand for a fact.
    return f"{_TASK_FORMAT}{(question is None, answers, *map(len, parts))!r}"[:-1], "".join(parts)


def _task_key(kind: str, task: str, version: str, problem: Problem, answer: tuple[str, ...]) -> bytes:
    """Every verified item has one or two of these made: as text in one piece, which is encoded and hashed once."""
    options = _options(problem.options).decode() if problem.options else ""
    begin, asked = _asked(kind, task, version, problem.question, options, problem.references, len(answer))
    lengths = ", ".join(map(str, map(len, answer)))
    return hashlib.sha256(f"{begin}, {lengths}){asked}{''.join(answer)}".encode()).digest()


def rules_key(task: str, version: str, problem: Problem) -> bytes:
    """Under which the rules' verdict on one response is kept."""
    return _task_key("rules", task, version, problem, (problem.response,))


def facts_key(task: str, version: str, problem: Problem, facts: tuple[str, ...]) -> bytes:
    """Under which a verdict is kept that holds for every response in which the verifier found these facts."""
    return _task_key("facts", task, version, problem, facts)


def opinion_key(model: str, problem: Problem, answer: str) -> bytes:
    """Under which a model's opinion of one answer is kept; `model` names all that can change it."""
    return _digest(
        b"opinion",
        model.encode(),
        _optional(problem.question),
        b"%d" % len(problem.references),
        _references(problem.references),
        answer.encode(),
    )


def judgement_key(judge: str, policy: Policy, case: Case) -> bytes:
    """Under which the judgements on one case are kept; `judge` names the model, the protocol and its wording."""
    shown = (case.question, case.candidates, case.references, case.rubric, case.task, sorted(case.aspects))
    return _digest(b"judgement", judge.encode(), msgspec.msgpack.encode(policy), msgspec.msgpack.encode(shown))


def control_key(judge: str, kind: str, question: str | None, reference: str | None) -> bytes:
    """Under which it is kept whether a model passed a control."""
    return _digest(b"control", judge.encode(), kind.encode(), _optional(question), _optional(reference))
