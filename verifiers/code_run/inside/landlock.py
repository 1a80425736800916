"""Landlock: which files may be touched at all, no matter whose they are; no TCP, no signals or abstract sockets out.

Rule 1: everything that the running kernel can govern is governed; older kernels govern less, and `ABI` says so.
"""

import ctypes
import errno
import os
import struct
from typing import Final

from verifiers.code_run.inside import kernel

_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_FILE_RIGHTS: Final = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL_DEVICE
_MAKE_DEVICE: Final = 1 << 6 | 1 << 11  # character and block devices: never
_MAKE_SOCKET: Final = 1 << 9
_RIGHTS_BY_ABI: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_RIGHTS: Final = (1 << 16) - 1  # from ABI 5 on
_NET: Final = 3  # bind and connect TCP, from ABI 4
_SCOPES: Final = 3  # abstract unix sockets and signals, from ABI 6
_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1


def abi() -> int:
    """The version that the kernel offers; 0 where there is none."""
    number = kernel.LANDLOCK_CREATE_RULESET
    try:
        return kernel.syscall(number, None, 0, _CREATE_RULESET_VERSION, what="landlock")
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return 0
        raise


def restrict(readable: list[str], writable: list[str], devices: list[str]) -> int:
    """Leave this process and its children these paths and nothing else. Returns the version used, 0 for none."""
    version = abi()
    if not version:
        return 0
    handled = _RIGHTS_BY_ABI.get(version, _ALL_RIGHTS)
    attributes = struct.pack("<QQQ", handled, _NET, _SCOPES)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, buffer, len(attributes), 0, what="landlock ruleset")
    for path in readable:
        _allow(ruleset, path, handled & (_EXECUTE | _READ | _READ_DIR))
    for path in writable:
        _allow(ruleset, path, handled & ~(_MAKE_DEVICE | _MAKE_SOCKET))
    for path in devices:
        _allow(ruleset, path, handled & (_READ | _WRITE))
    kernel.syscall(kernel.LANDLOCK_RESTRICT_SELF, ruleset, 0, what="landlock restrict")
    os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not os.path.isdir(path):
        rights &= _FILE_RIGHTS
    rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, folder), 12)
    kernel.syscall(kernel.LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0, what=f"landlock rule for {path}")
    os.close(folder)
