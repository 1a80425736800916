"""What the service and its worker processes say to each other, over one stream socket for each worker.

Rule 1: MessagePack decoded to declared types, never pickle: a worker has run on hostile text, and unpickling what
        it sends would hand it the service.
Rule 2: four bytes of length (little-endian), then the message. A worker answers each job by itself as soon as it
        is done, so that the service always knows which one is running.
"""

import msgspec

from verifiers.problem import Problem
from verifiers.verdict import Verdict

LENGTH_BYTES = 4


class Job(msgspec.Struct, frozen=True, array_like=True):
    """One problem for one verifier."""

    task: str
    problem: Problem


class Done(msgspec.Struct, frozen=True, array_like=True):
    """A verdict, or how the worker failed to reach one: `out_of_memory`, or the name of what was raised."""

    verdict: Verdict | None
    seconds: float
    out_of_memory: bool = False
    raised: str = ""


_encoder = msgspec.msgpack.Encoder()
_jobs_decoder = msgspec.msgpack.Decoder(list[Job])
_done_decoder = msgspec.msgpack.Decoder(Done)


def framed(message: bytes) -> bytes:
    """The message with its length in front."""
    return len(message).to_bytes(LENGTH_BYTES, "little") + message


def encode_jobs(jobs: list[Job]) -> bytes:
    """A frame of jobs."""
    return framed(_encoder.encode(jobs))


def decode_jobs(message: bytes) -> list[Job]:
    """The jobs in one message."""
    return _jobs_decoder.decode(message)


def encode_done(done: Done) -> bytes:
    """A frame with one result."""
    return framed(_encoder.encode(done))


def decode_done(message: bytes) -> Done:
    """The result in one message. Raises msgspec.DecodeError."""
    return _done_decoder.decode(message)


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
