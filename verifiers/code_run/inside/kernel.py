"""System calls that the standard library does not wrap, through libc; each raises OSError when refused.

Own code on purpose: the bindings for Landlock and seccomp on the package index are young or unmaintained, and these
few calls are what the whole confinement rests on.
"""

import ctypes
import os
import platform
import struct
from typing import Final

MACHINE: Final = platform.machine()
NUMBERS: Final = {
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}
# The same on every architecture.
MOUNT_SETATTR: Final = 442
LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
CLONE_NAMESPACES: Final = 0x7E020080
"""Every bit of clone's flags that makes a namespace."""

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MNT_DETACH: Final = 2

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38

_MOUNT_ATTR_RDONLY: Final = 1
_MOUNT_ATTR_NOSUID: Final = 2
_MOUNT_ATTR_NODEV: Final = 4
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_CAPABILITY_VERSION_3: Final = 0x20080522
_LAST_CAPABILITY: Final = 63

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, what: str) -> int:
    """Any system call; integers are passed as longs, the rest as ctypes converts it."""
    longs = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *longs), what)


def prctl(option: int, *values: object) -> None:
    """One operation on this process."""
    filled = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in values]
    filled += [ctypes.c_ulong(0)] * (4 - len(filled))
    _checked(_libc.prctl(option, *filled), f"prctl {option}")


def unshare(flags: int) -> None:
    """New namespaces for this process, or for its next child."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount or bind."""
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    what = f"mount {kind or source or ''} on {target}"
    _checked(_libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), what)


def make_read_only(target: str, *, devices: bool = False) -> None:
    """A mount and all below it, for good; without set-uid files, and without device files unless `devices`."""
    attributes = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | (0 if devices else _MOUNT_ATTR_NODEV)
    wanted = ctypes.create_string_buffer(struct.pack("<QQQQ", attributes, 0, 0, 0), 32)
    path = ctypes.c_char_p(target.encode())
    syscall(MOUNT_SETATTR, _AT_FDCWD, path, _AT_RECURSIVE, wanted, 32, what=f"mount_setattr {target}")


def enter_root(folder: str) -> None:
    """Make `folder`, a mount, the root and forget the old one."""
    os.chdir(folder)
    dot = ctypes.c_char_p(b".")
    syscall(NUMBERS[MACHINE]["pivot_root"], dot, dot, what="pivot_root")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")


def drop_bounding_set() -> None:
    """Give up the right ever to gain a capability again."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            return  # past the last one this kernel knows


def drop_capabilities() -> None:
    """Give up every capability."""
    header = ctypes.create_string_buffer(struct.pack("<Ii", _CAPABILITY_VERSION_3, 0), 8)
    nothing = ctypes.create_string_buffer(24)
    syscall(NUMBERS[MACHINE]["capset"], header, nothing, what="capset")
