"""Confinement of a slot, once, before the first program: three methods, strongest first.

    root      own uid; new mount, pid, network, ipc and uts namespaces; own file system; Landlock; seccomp
    user      the same inside a new user namespace, for a service that is not root
    landlock  Landlock and seccomp alone, where namespaces are refused: nothing writable, no second process

Rule 1: a method works altogether or raises; nothing is left half confined and used.
Rule 2: capabilities, groups and the way back to them are gone before any program starts.
"""

import contextlib
import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from verifiers.code_run.inside import kernel, landlock, seccomp

WORK: Final = "/tmp/work"  # noqa: S108 - inside the slot's own file system
"""Where a program starts and may write, where it may write at all."""
SCRATCH: Final = "/tmp"  # noqa: S108 - the same
STDIN_FILE: Final = "/tmp/stdin"  # noqa: S108 - the same
"""`/dev/stdin` leads here: there is no /proc to lead it to the real descriptor."""
SCRATCH_INODES: Final = 4_096
"""Files that a program may make; each costs kernel memory that no other limit counts."""
FIRST_UID: Final = 0x7000_0000
"""Slots get uids from here on, one each, far from any real user's."""
FALLBACK_UIDS: Final = (20_000, 40_000)
"""First and number of uids where the high ones are not mapped (inside a container's user namespace)."""
INSIDE_UID: Final = 1_000
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
_ANCHORS: Final = ("/mnt", "/media", "/srv", "/opt", "/tmp")  # noqa: S108 - only a place to hang the new root

ROOT, USER, LANDLOCK = "root", "user", "landlock"
METHODS: Final = (ROOT, USER, LANDLOCK)
_NAMESPACES: Final = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
)


class Refused(Exception):
    """The method cannot work here; the text says why."""


@dataclass(frozen=True, slots=True)
class View:
    """What of the host a slot sees, read-only, and how much scratch space it gets."""

    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    scratch_bytes: int


def separate(method: str) -> int:
    """The parent's half: raise limits, pick the uid, leave the host's namespaces. The next child is inside.

    Returns the uid that the child must take, in the child's own numbers.
    """
    if os.geteuid() == 0:
        # Whoever started us may have been limited; each program gets limits of its own.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if method == ROOT:
        if os.geteuid() != 0:
            raise Refused("not root")
        kernel.unshare(_NAMESPACES)
        return _own_uid()
    if os.geteuid() == 0:
        # Root of a container may have no other uid to become; what it could do goes with its capabilities.
        with contextlib.suppress(OSError):
            take_uid(_own_uid())
    uid, gid = os.geteuid(), os.getegid()
    if method == USER:
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # the maps belong to root while we are not dumpable
        kernel.unshare(_NAMESPACES | kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{INSIDE_UID} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{INSIDE_UID} {gid} 1", encoding="ascii")
        return INSIDE_UID
    return uid


def _own_uid() -> int:
    pid = os.getpid()
    high = FIRST_UID + pid
    mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    if len(mapped) == 3 and int(mapped[0]) == 0 and int(mapped[2]) > high:
        return high
    first, number = FALLBACK_UIDS
    return first + pid % number


def take_uid(uid: int) -> None:
    """Become this user, who is in no group but their own, with no way back."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def confine(method: str, uid: int, view: View) -> int:
    """The child's half, all the rest. Returns the Landlock version in force."""
    os.umask(0o077)
    if method == LANDLOCK:
        for path in view.shown:
            if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):
                raise Refused(f"{path}, which programs need, is closed to other users")
        kernel.drop_bounding_set()
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        version = landlock.restrict([*view.shown], [], ["/dev/null"])
        if not version:
            raise Refused("the kernel has no Landlock")
    else:
        _build_root(view, uid)
        kernel.drop_bounding_set()
        if method == ROOT:
            take_uid(uid)
        else:
            kernel.drop_capabilities()
        os.mkdir(WORK)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        version = landlock.restrict(["/"], [SCRATCH], [f"/dev/{name}" for name in _DEVICES])
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    seccomp.install(seccomp.slot_filter(file_state=method != LANDLOCK))
    return version


def _build_root(view: View, uid: int) -> None:
    """A small file system of what the view shows, read-only but for the scratch space, and nothing else."""
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    root = next(one for one in _ANCHORS if os.path.isdir(one) and not any(_within(path, one) for path in view.shown))
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "size=1m,nr_inodes=1024,mode=755")
    os.umask(0o022)
    for path in view.shown:
        _show(path, root + path)
    for path in view.hidden:
        if os.path.isdir(root + path):
            kernel.mount("tmpfs", root + path, "tmpfs", kernel.MS_RDONLY, "size=4k,nr_inodes=1,mode=755")
    os.mkdir(root + "/dev")
    for name in _DEVICES:
        _show(f"/dev/{name}", f"{root}/dev/{name}")
    os.symlink(STDIN_FILE, root + "/dev/stdin")
    os.mkdir(root + SCRATCH)
    kernel.make_read_only(root, devices=True)
    for path in view.shown:
        if not os.path.islink(root + path):
            kernel.make_read_only(root + path)
    options = f"size={view.scratch_bytes},nr_inodes={SCRATCH_INODES},mode=700,uid={uid},gid={uid}"
    kernel.mount("tmpfs", root + SCRATCH, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    os.umask(0o077)
    kernel.enter_root(root)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _show(path: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        with open(target, "xb"):
            pass
    kernel.mount(path, target, None, kernel.MS_BIND | kernel.MS_REC)
