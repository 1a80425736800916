# ruff: noqa: ISC004 - programs are kept as they would be sent
"""Attacks on processes, resources and the kernel's interfaces."""

import os
import platform
import socket
import subprocess
import sys
import tempfile
import time

import psutil
import pytest

from tests.live import RedisServer
from tests.sandbox.conftest import LIMITS, Attack, open_engine
from verifiers.code_run.engines import Job, Language, Limits, Status
from verifiers.code_run.inside.confine import METHODS

SHORT = Limits(cpu_s=0.3, wall_s=1.0, memory_mb=128)


def test_environment_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in our environment cannot be read by a program, in Python or below it."""
    monkeypatch.setenv("TOUCHSTONE_SECRET", "sk-in-environment")
    source = """
import ctypes, os
print(dict(os.environ))
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
number = 0
while environ and environ[number]:
    print(environ[number])
    number += 1
"""
    for method in METHODS[:1]:
        engine = open_engine(method)
        try:
            ran = engine.run(Job(Language.PYTHON, source), LIMITS)
        finally:
            engine.close()
        assert ran.status is Status.FINISHED
        assert "sk-in-environment" not in ran.stdout + ran.stderr


def test_no_descriptor_of_ours_is_open(attack: Attack) -> None:
    """A program has its standard input, output and error and nothing else."""
    source = """
import os
for number in range(1024):
    try:
        os.fstat(number)
        print(number)
    except OSError:
        pass
"""
    assert attack(source).stdout.split() == ["0", "1", "2"]


def test_redis_and_sockets_are_out_of_reach(attack: Attack, redis_server: RedisServer) -> None:
    """TCP to a real Redis, UDP, unix, abstract and exotic sockets: none can even be made."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        path = f"{folder}/door"
        named.bind(path)
        named.listen()
        os.chmod(folder, 0o755)
        os.chmod(path, 0o777)
        name = f"touchstone-test-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        source = """
import socket
port, path, name = input().split()
doors = [(2, 1, ("127.0.0.1", int(port))), (10, 1, ("::1", int(port))), (2, 2, ("127.0.0.1", int(port))),
         (1, 1, path), (1, 1, "\\0" + name), (16, 3, (0, 0)), (17, 3, ("lo", 0)), (38, 5, ("hash", "sha1")),
         (40, 1, (2, 1))]
for family, kind, address in doors:
    try:
        with socket.socket(family, kind) as s:
            print("MADE", family)
            s.connect(address)
            s.send(b"SET pwned 1\\r\\n")
            print("SENT", family)
    except (OSError, TypeError, AttributeError, OverflowError):
        pass
try:
    print("HTTP", __import__("urllib.request").request.urlopen(f"http://127.0.0.1:{port}", timeout=1))
except OSError:
    pass
"""
        ran = attack(source, f"{redis_server.port} {path} {name}")
    assert ran.status is Status.FINISHED
    assert ran.stdout == ""


def test_fork_bomb_makes_no_process(attack: Attack) -> None:
    """No way to a second process: fork, vfork, clone, spawn, a shell, another program."""
    source = """
import ctypes, os, subprocess
libc = ctypes.CDLL(None)
made = 0
raw = lambda: libc.syscall(56, 17, 0, 0, 0, 0) if os.uname().machine == "x86_64" else -1
for one in (os.fork, libc.fork, libc.vfork, raw):
    for _ in range(200):
        try:
            pid = one()
        except OSError:
            break
        if pid == 0:
            os._exit(0)
        if pid < 0:
            break
        made += 1
for action in (lambda: subprocess.run(["/bin/sh", "-c", "true"]), lambda: os.execv("/bin/sh", ["sh"]),
               lambda: os.posix_spawn("/bin/sh", ["sh"], {}), lambda: os.system("true") and 1 / 0):
    try:
        action()
        made += 1
    except (OSError, ZeroDivisionError):
        pass
print(made)
"""
    ran = attack(source)
    assert ran.status is Status.FINISHED
    assert ran.stdout == "0\n"


def test_threads_are_bounded(attack: Attack) -> None:
    """A thread bomb stops at a small number, and dies with its program."""
    source = """
import threading, time
threading.stack_size(65536)
started = 0
try:
    while started < 5000:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started)
"""
    ran = attack(source, limits=Limits(1.0, 4.0, 64))
    assert ran.status is Status.FINISHED
    assert 1 <= int(ran.stdout) < 3000


@pytest.mark.parametrize(
    "hog",
    [
        "x = bytearray(10 ** 9)",
        "x = []\nwhile True:\n    x.append(bytearray(1 << 20))",
        "x = 'a'\nwhile True:\n    x += x",
        "import mmap\nx = [mmap.mmap(-1, 1 << 24) for _ in range(1000)]",
        "import os\nos.memfd_create('x')\nprint('MADE')",
    ],
)
def test_memory_is_bounded(attack: Attack, hog: str) -> None:
    """Filling memory by any road ends the program with an error of its own."""
    ran = attack(hog)
    assert ran.exit_code != 0
    assert "MADE" not in ran.stdout


@pytest.mark.parametrize(
    "flood",
    [
        "while True:\n    print('spam')",
        "import os\nwhile True:\n    os.write(1, b'x' * 65536)",
        "import sys\nwhile True:\n    sys.stderr.write('x' * 4096)",
    ],
)
def test_endless_output_is_cut(attack: Attack, flood: str) -> None:
    """Output ends at a megabyte, with or without line ends, on either stream; the program ends with it."""
    ran = attack(flood)
    assert ran.status is Status.OUTPUT
    assert len(ran.stdout) <= 1 << 20
    assert len(ran.stderr) <= 1 << 20


def test_nobody_else_can_be_signalled(attack: Attack) -> None:
    """The slot, the worker, every process at once: no signal leaves the program."""
    victim = subprocess.Popen(["/bin/sleep", "60"])
    source = """
import ctypes, os, signal
libc = ctypes.CDLL(None)
for pid in (1, 0, -1, os.getppid(), -os.getpgid(0), *map(int, input().split())):
    for number in (9, 15, 19):
        try:
            os.kill(pid, number)
            print("KILLED", pid)
        except OSError:
            pass
    for call in ((libc.tgkill, pid, pid, 9), (libc.sigqueue, pid, 9, 0), (libc.ptrace, 16, pid, 0, 0),
                 (libc.killpg, pid, 9)):
        if call[0](*call[1:]) == 0:
            print("REACHED", pid)
try:
    signal.pidfd_send_signal(os.pidfd_open(1), 9)
    print("REACHED by pidfd")
except OSError:
    pass
"""
    try:
        ran = attack(source, f"{os.getpid()} {victim.pid}")
        assert ran.status is Status.FINISHED
        assert ran.stdout == ""
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


def test_dangerous_system_calls_do_not_exist(attack: Attack) -> None:
    """Mounts, namespaces, tracing, keys, io_uring, userfaultfd, bpf and their like fail when called directly."""
    if platform.machine() != "x86_64":
        pytest.skip("the numbers are those of x86-64")
    calls = {
        "ptrace": 101, "syslog": 103, "mknod": 133, "personality": 135, "sysfs": 139, "pivot_root": 155, "chroot": 161,
        "acct": 163, "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169, "sethostname": 170, "iopl": 172,
        "ioperm": 173, "init_module": 175, "quotactl": 179, "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240,
        "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256, "unshare": 272,
        "vmsplice": 278, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
        "finit_module": 313, "seccomp": 317, "bpf": 321, "userfaultfd": 323, "pkey_mprotect": 329, "io_setup": 206,
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
        "landlock_create_ruleset": 444, "memfd_secret": 447, "setuid": 105, "setgid": 106, "setresuid": 117,
        "capset": 126, "adjtimex": 159, "clock_settime": 227, "setxattr": 188, "link": 86, "symlink": 88,
        "inotify_init": 253, "timerfd_create": 283, "x32 getpid": 0x40000000 + 39,
    }  # fmt: skip
    source = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {calls!r}.items():
    if libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0) >= 0:
        print("WORKED", name)
for flags in (0x10000000, 0x20000, 0x40000000, 0x10000011):
    if libc.syscall(56, flags, 0, 0, 0, 0) >= 0:
        print("CLONED", flags)
import fcntl, os
try:
    fcntl.ioctl(0, 0x5412, b"x")
    print("TYPED")
except OSError:
    pass
"""
    ran = attack(source)
    assert ran.status is Status.FINISHED
    assert ran.stderr == ""
    assert ran.stdout == ""


def test_32_bit_calls_end_the_program(attack: Attack) -> None:
    """The other system call table of the processor is no way around the filter."""
    if platform.machine() != "x86_64":
        pytest.skip("needs int 0x80")
    source = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7)
code.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")  # getpid by int 0x80
print("CALLED", ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())
"""
    ran = attack(source)
    assert ran.exit_code != 0
    assert "CALLED" not in ran.stdout


@pytest.mark.parametrize(
    "sleeper",
    [
        "import time\ntime.sleep(1000)",
        "import signal, time\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nwhile True:\n    time.sleep(1)",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nsignal.pause()",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()",
        "import atexit, time\natexit.register(time.sleep, 1000)",
        "input()\nimport os\nr, w = os.pipe()\nos.read(r, 1)",
    ],
)
def test_sleepers_are_ended(attack: Attack, sleeper: str) -> None:
    """A program that waits for ever ends at its wall clock limit, whatever signals it ignores."""
    started = time.monotonic()
    ran = attack(sleeper, "go\n", Limits(0.3, 0.6, 128))
    assert ran.status is Status.TIMEOUT
    assert ran.cpu_s < 0.3
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    "spinner",
    [
        "while True:\n    pass",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass",
        "9 ** 9 ** 9",
        "sum(range(10 ** 12))",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
    ],
)
def test_spinners_are_ended(attack: Attack, spinner: str) -> None:
    """A program that computes for ever ends at its CPU limit, in Python code or below it."""
    ran = attack(spinner, limits=Limits(0.2, 20.0, 256))
    assert ran.status is Status.TIMEOUT
    assert ran.cpu_s >= 0.2


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()",
        "import sys\nsys.setrecursionlimit(10 ** 9)\nx = []\nfor _ in range(10 ** 6): x = [x]\nprint(repr(x)[:3])",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.abort()",
        "eval('(' * 10 ** 5 + ')' * 10 ** 5)",
    ],
)
def test_crashes_stay_inside(attack: Attack, source: str) -> None:
    """Deep recursion, segmentation faults and aborts end that program alone."""
    ran = attack(source, limits=SHORT)
    assert ran.exit_code != 0


def test_state_does_not_reach_the_next_program(attack: Attack) -> None:
    """Patched modules and builtins are gone with the program that patched them."""
    attack("import builtins, json, math\nbuiltins.print = None\njson.dumps = None\nmath.pi = 3\nbuiltins.leak = 1")
    ran = attack("import builtins, math\nprint(math.pi > 3.1, hasattr(builtins, 'leak'))")
    assert ran.stdout == "True False\n"


SEARCH_MEMORY = """
import ctypes, gc, sys
turned = bytes(range(1, 256)) + b"\\0"
needle = bytes.fromhex(input())  # turned by one, so that the search does not find itself
modules = list(sys.modules.values())
pages = {id(one) >> 12 for one in gc.get_objects()} | {id(one) >> 12 for m in modules for one in vars(m).values()}
pages |= {page + 1 for page in pages if page + 2 in pages}
print(sum(ctypes.string_at(page << 12, 4096).translate(turned).count(needle) for page in pages))
"""


def test_earlier_runs_are_not_in_memory() -> None:
    """What earlier programs were, read and wrote cannot be found in the memory of a later one."""
    token = "the-earlier-answer-" + "q" * 40
    needle = bytes(byte + 1 for byte in token.encode()).hex()
    engine = open_engine(METHODS[0])
    try:
        for _ in range(3):
            engine.run(Job(Language.PYTHON, f"kept = [input() + {token!r}]\nprint(kept)", token), LIMITS)
        later = engine.run(Job(Language.PYTHON, SEARCH_MEMORY, needle), LIMITS)
        control = engine.run(Job(Language.PYTHON, f"kept = [{token!r}]\n{SEARCH_MEMORY}", needle), LIMITS)
    finally:
        engine.close()
    assert later.stdout == "0\n"
    assert int(control.stdout) > 0


def test_slot_dies_with_its_worker() -> None:
    """When the worker is killed outright, its slot and the program in it are gone at once."""
    code = """
import os, threading, time
from tests.sandbox.conftest import open_engine
from verifiers.code_run.engines import Job, Language, Limits
engine = open_engine("root")
print(*engine.slot_pids(), flush=True)
engine.run(Job(Language.PYTHON, "import time\\ntime.sleep(100)"), Limits(50, 100, 64))
"""
    open_engine("root").close()  # skips where it cannot work
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None
        slot = psutil.Process(int(worker.stdout.readline()))
        ends = time.monotonic() + 20
        while len(slot.children(recursive=True)) < 2 and time.monotonic() < ends:
            time.sleep(0.02)
        family = [slot, *slot.children(recursive=True)]
        assert len(family) == 3
    finally:
        worker.kill()
        worker.communicate()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_forked_process_gets_a_slot_of_its_own(attack: Attack) -> None:
    """A worker forked after the engine was used neither shares nor ends its parent's slot."""
    engine = open_engine(METHODS[0])
    try:
        before = engine.slot_pids()
        pid = os.fork()
        if pid == 0:
            ran = engine.run(Job(Language.PYTHON, "print(1)"), LIMITS)
            apart = engine.slot_pids() != before
            engine.close()
            os._exit(0 if ran.stdout == "1\n" and apart else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert engine.run(Job(Language.PYTHON, "print(2)"), LIMITS).stdout == "2\n"
        assert engine.slot_pids() == before
    finally:
        engine.close()
