"""What the service and its worker processes say to each other, over one stream socket for each worker.

Rule 1: MessagePack decoded to declared types, never pickle: a worker has run on hostile text, and unpickling
        what it sends would hand it the service.
Rule 2: four bytes of length (little-endian), then the message.
Rule 3: a worker answers each job by itself as soon as it is done, so the service always knows which one is
        running.
Rule 4: an empty list of jobs takes back what the worker has not begun. It answers `Yielded`, and only then
        gets more: a worker that dies in between is never blamed on a job that it had not begun.
"""

import msgspec

from verifiers.hooks import Found, WorkLimits
from verifiers.problem import Problem
from verifiers.verdict import Verdict

LENGTH_BYTES = 4


class Job(msgspec.Struct, frozen=True, array_like=True):
    """One problem for one verifier. `limits` where they are not the pool's own. With `found`, the problem comes without
    its response. `explain` asks for the way to the verdict in its place.
    """

    task: str
    problem: Problem
    limits: WorkLimits | None = None
    found: Found | None = None
    explain: bool = False


class Done(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A verdict, or how the verifier failed to reach one. `by_facts`: it holds for all that has the same facts."""

    verdict: Verdict | None
    seconds: float
    out_of_memory: bool = False
    raised: str = ""
    by_facts: bool = False


class PassedOn(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What the bounded rules made of the running job: sent ahead of the last resort, which may not survive it."""

    verdict: Verdict
    by_facts: bool = False


class Yielded(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The rest of the jobs is handed back unbegun."""


Answer = Done | PassedOn | Yielded

_encoder = msgspec.msgpack.Encoder()
_jobs_decoder = msgspec.msgpack.Decoder(list[Job])
_answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def framed(message: bytes) -> bytes:
    """The message with its length in front."""
    return len(message).to_bytes(LENGTH_BYTES, "little") + message


def encode_jobs(jobs: list[Job]) -> bytes:
    """A frame of jobs."""
    return framed(_encoder.encode(jobs))


def decode_jobs(message: bytes) -> list[Job]:
    """The jobs in one message."""
    return _jobs_decoder.decode(message)


def encode_answer(answer: Answer) -> bytes:
    """A frame with one answer."""
    return framed(_encoder.encode(answer))


def decode_answer(message: bytes) -> Answer:
    """The answer in one message. Raises msgspec.DecodeError."""
    return _answer_decoder.decode(message)


def split(buffer: bytearray) -> list[bytes]:
    """Take the complete messages off the front of the buffer.

    >>> buffer = bytearray(framed(b"one") + framed(b"two")[:5])
    >>> split(buffer), len(buffer)
    ([b'one'], 5)
    """
    messages = []
    at = 0
    while len(buffer) - at >= LENGTH_BYTES:
        end = at + LENGTH_BYTES + int.from_bytes(buffer[at : at + LENGTH_BYTES], "little")
        if len(buffer) < end:
            break
        messages.append(bytes(buffer[at + LENGTH_BYTES : end]))
        at = end
    del buffer[:at]
    return messages
