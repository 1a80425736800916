"""seccomp filters, written out as BPF: one for the slot and all below it, a tighter one for each program on top.

Rule 1: an allowlist; what it does not name does not exist (ENOSYS), so that libraries fall back as on old kernels.
Rule 2: another architecture's calls (32-bit on 64) end the process: their numbers mean other things.
Rule 3: filters stack and the strictest answer wins; a program cannot take one off.
"""

import ctypes
import errno
import struct
from functools import cache
from typing import Final

from verifiers.code_run.inside import kernel, syscalls

_LOAD, _JUMP_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_MODE_FILTER: Final = 2
_CLONE_THREAD: Final = 0x00010000
_HARMLESS_IOCTLS: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Is it a terminal, its size, bytes waiting, (non-)blocking, close on exec."""

Filter = list[bytes]
_NO_PID: Final = 0x7FFF_FFFF
"""Beyond any process id."""


def _step(code: int, value: int, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, on_true, on_false, value)


_ANY_PID: Final = _step(_JUMP_EQUAL, _NO_PID, 0, 1)


def _answer(number: int, answer: int) -> Filter:
    return [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, answer)]


def _answer_by_argument(number: int, argument: int, wanted: tuple[int, ...], refused: int) -> Filter:
    """Allow where the low half of an argument is one of `wanted`. Pids, options and requests are 32 bits wide."""
    body = [_step(_LOAD, _ARGUMENTS_AT + 8 * argument)]
    for value in wanted:
        body += _answer(value, _ALLOW)
    body.append(_step(_RETURN, _ERRNO | refused))
    return [_step(_JUMP_EQUAL, number, 0, len(body)), *body]


def _answer_by_bits(number: int, argument: int, bits: int, if_set: int, if_clear: int) -> Filter:
    body = [_step(_LOAD, _ARGUMENTS_AT + 8 * argument), _step(_JUMP_BITS, bits, 0, 1)]
    body += [_step(_RETURN, if_set), _step(_RETURN, if_clear)]
    return [_step(_JUMP_EQUAL, number, 0, len(body)), *body]


def _framed(body: Filter, otherwise: int) -> Filter:
    machine = kernel.MACHINE
    head = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_JUMP_EQUAL, syscalls.AUDIT_ARCHITECTURE[machine], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
    ]
    return [*head, *body, _step(_RETURN, otherwise)]


def slot_filter(*, file_state: bool) -> Filter:
    """For the slot and everything it will ever run."""
    numbers = syscalls.allowed(kernel.MACHINE, file_state=file_state)
    body = _answer_by_bits(numbers.pop("clone"), 0, kernel.CLONE_NAMESPACES, _ERRNO | errno.EPERM, _ALLOW)
    body += _answer(syscalls.SOCKET[kernel.MACHINE], _ERRNO | errno.EACCES)
    for number in numbers.values():
        body += _answer(number, _ALLOW)
    return _framed(body, _ERRNO | errno.ENOSYS)


def program_filter(pid: int, *, forks: bool, execs: bool) -> Filter:
    """For one program with this process id: signals to itself only, no new processes unless `forks`, no other
    program unless `execs`, none of the calls that only the slot needs.
    """
    own = _step(_JUMP_EQUAL, pid, 0, 1)
    return [own if step == _ANY_PID else step for step in _program_template(forks=forks, execs=execs)]


@cache
def _program_template(*, forks: bool, execs: bool) -> Filter:
    """The filter with a stand-in for the process id: built once, before the first program."""
    pid = _NO_PID
    numbers = syscalls.allowed(kernel.MACHINE, file_state=True)
    body: Filter = []
    for name in ("kill", "tgkill"):
        body += _answer_by_argument(numbers[name], 0, (pid,), errno.EPERM)
    body += _answer_by_argument(numbers["prlimit64"], 0, (0, pid), errno.EPERM)
    body += _answer_by_argument(numbers["ioctl"], 1, _HARMLESS_IOCTLS, errno.ENOTTY)
    for name in ("memfd_create", "pidfd_open"):
        body += _answer(numbers[name], _ERRNO | errno.EPERM)
    body += _answer(numbers["prctl"], _ERRNO | errno.EINVAL)
    if not execs:
        for name in ("execve", "execveat"):
            body += _answer(numbers[name], _ERRNO | errno.EPERM)
    if not forks:
        body += _answer_by_bits(numbers["clone"], 0, _CLONE_THREAD, _ALLOW, _ERRNO | errno.EAGAIN)
        for name in ("fork", "vfork"):
            if name in numbers:
                body += _answer(numbers[name], _ERRNO | errno.EAGAIN)
    return _framed(body, _ALLOW)


def prepare() -> None:
    """Build what every program needs, so that none has to."""
    for forks, execs in ((False, False), (False, True), (True, True)):
        _program_template(forks=forks, execs=execs)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def install(steps: Filter) -> None:
    """Put a filter on this process, for good. Needs no_new_privs."""
    code = ctypes.create_string_buffer(b"".join(steps), 8 * len(steps))
    program = _Program(len(steps), ctypes.addressof(code))
    kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))
