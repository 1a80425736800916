# ruff: noqa: E501 - programs are kept as they would be sent
"""Attacks on files: reading ours, writing where nothing may be written, filling the disk."""

import os
from pathlib import Path

import pytest

from tests.sandbox.conftest import Attack
from verifiers.code_run.engines import Status

SECRET = "sk-not-for-programs-7f3a"

READ_ALL = """
import os, sys
for path in sys.stdin.read().split():
    try:
        with open(path, "rb") as file:
            print("READ", path, file.read(300))
    except OSError:
        pass
    try:
        print("LISTED", path, os.listdir(path))
    except OSError:
        pass
"""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of ours that every user of the host may read."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    file = tmp_path / "secret.txt"
    file.write_text(SECRET)
    file.chmod(0o644)
    return file


def test_host_files_cannot_be_read(attack: Attack, secret: Path) -> None:
    """No file of the host's is open to a program: ours, the system's, the kernel's, raw disks."""
    disks = [f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(("sd", "vd", "nvme", "mem", "kmsg"))]
    paths = [
        str(secret), str(secret.parent), "/etc/shadow", "/etc/passwd", "/root/.ssh", "/root/.bashrc", "/home", "/proc", "/proc/1/environ",
        "/proc/self/environ", "/proc/kcore", "/sys/kernel", "/var/log", "/run", __file__, *disks,
    ]  # fmt: skip
    ran = attack(READ_ALL, "\n".join(paths))
    assert ran.status is Status.FINISHED
    assert "READ" not in ran.stdout
    assert "LISTED" not in ran.stdout


def test_links_lead_nowhere(attack: Attack, secret: Path) -> None:
    """Symbolic and hard links, /proc roots and climbing out with .. reach nothing of the host's."""
    source = """
import os
target = input()
tries = [lambda: os.symlink(target, "link"), lambda: os.link(target, "hard"), lambda: os.chroot("."),
         lambda: os.symlink("/proc/1/root", "root")]
for one in tries:
    try:
        one()
    except (OSError, AttributeError):
        pass
for path in ("link", "hard", "root" + target, "/proc/self/root" + target, "/proc/1/root" + target,
             "/proc/self/cwd/../../.." + target, "../" * 30 + target, "/dev/fd/../../.." + target):
    try:
        print("READ", open(path).read())
    except OSError:
        pass
"""
    ran = attack(source, str(secret))
    assert ran.status is Status.FINISHED
    assert SECRET not in ran.stdout + ran.stderr
    assert "READ" not in ran.stdout


def test_nothing_outside_the_scratch_space_can_be_written(attack: Attack, secret: Path) -> None:
    """Kernel settings, the library and our files keep what they hold."""
    source = """
import os, sys
for path in sys.stdin.read().split():
    for mode in ("w", "a", "r+"):
        try:
            open(path, mode).write("|/tmp/evil")
            print("WROTE", path)
        except OSError:
            pass
    for change in (lambda: os.chmod(path, 0o777), lambda: os.unlink(path), lambda: os.truncate(path, 0),
                   lambda: os.rename(path, path + ".old"), lambda: os.utime(path), lambda: os.chown(path, 0, 0)):
        try:
            change()
            print("CHANGED", path)
        except OSError:
            pass
"""
    library = os.__file__
    kernel = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/etc/passwd"]
    ran = attack(source, "\n".join([*kernel, str(secret), library, "/lib/x", "/evil", "/dev/null/../x"]))
    assert ran.status is Status.FINISHED
    assert ran.stdout == ""
    assert secret.read_text() == SECRET


def test_deleting_everything_deletes_nothing(attack: Attack, secret: Path) -> None:
    """A program that removes every tree it can find harms neither the host nor the next program."""
    source = "import shutil\nfor path in ('/', '/lib', '/tmp', '/usr'):\n    shutil.rmtree(path, ignore_errors=True)"
    attack(source)
    assert secret.read_text() == SECRET


def test_disk_is_bounded(attack: Attack, writable: bool) -> None:
    """Filling the scratch space ends at its size; without one, not a byte is written."""
    source = """
import os
written = 0
try:
    for number in range(100):
        with open(f"big{number}", "wb", buffering=0) as file:
            for _ in range(64):
                written += file.write(b"x" * (1 << 20))
except OSError:
    pass
print(written >> 20)
"""
    ran = attack(source)
    assert ran.status is Status.FINISHED
    assert int(ran.stdout) <= (64 if writable else 0)
    assert int(ran.stdout) > 0 or not writable
    left = attack("import os\ntry:\n    print(os.listdir('.'))\nexcept OSError:\n    print([])")
    assert left.stdout == "[]\n"


def test_number_of_files_is_bounded(attack: Attack, writable: bool) -> None:
    """Empty files and nested folders run out long before the kernel's memory does."""
    source = """
import os
made = 0
try:
    while True:
        os.mkdir(f"d{made}")
        open(f"d{made}/f", "w").close()
        made += 1
        if made % 7 == 0:
            os.chdir(f"d{made - 1}")
except OSError:
    pass
print(made)
"""
    ran = attack(source)
    assert ran.status is Status.FINISHED
    assert int(ran.stdout) <= (4_096 if writable else 0)


def test_files_do_not_reach_the_next_program(attack: Attack) -> None:
    """What one run writes, under whatever name and mode, the next run does not find."""
    source = """
import os
try:
    os.makedirs("a/b")
    open("a/b/.note", "w").write("the answer is 7")
    open("/tmp/note", "w").write("the answer is 7")
    os.mkfifo("pipe")
except OSError:
    pass
try:
    os.chmod("a/b", 0); os.chmod("a", 0); os.chmod("/tmp/work", 0)
except OSError:
    pass
"""
    attack(source)
    looked = attack(
        "import os\nfor p in ('/tmp', '.'):\n    try:\n        print(os.listdir(p))\n    except OSError:\n        pass"
    )
    assert "note" not in looked.stdout
    assert "'a'" not in looked.stdout
    assert "pipe" not in looked.stdout
