# ruff: noqa: S102, SIM115, T201 - running programs on their own descriptors is what this is for
"""Runs Python programs as tests ask for. Stands alone: it is also sent, as text, to engines that only know "a program
and its input". Two more ways are in `examination`.

    script    the program as `__main__`, on its own standard input and output
    call      one function of the program, called once with given arguments; the result goes out as data

Rule 1: what leaves a program is data in JSON, rebuilt by the reader into plain values: no class, no comparison and
        no patched builtin of the program's comes along.
Rule 2: a result counts only behind the run's nonce, on a descriptor that the program's own output does not reach.
"""

import atexit
import builtins
import json
import os
import sys
import threading
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from verifiers.code_run.inside.plain_data import encode

MAX_ERROR_CHARS = 300
HELPFUL = "bisect collections copy functools heapq itertools json math operator os random re string sys time"
"""Modules that starter code of online judges takes for granted; likewise what `typing` and a few others export."""
HELPFUL_NAMES = {
    "collections": "Counter OrderedDict defaultdict deque",
    "functools": "cache cmp_to_key lru_cache reduce",
    "heapq": "heapify heappop heappush heappushpop heapreplace nlargest nsmallest",
    "bisect": "bisect bisect_left bisect_right insort",
    "itertools": "accumulate chain combinations count groupby permutations product repeat zip_longest",
    "math": "ceil comb factorial floor gcd inf isqrt lcm log log2 pi prod sqrt",
    "typing": "Any Callable Dict Generator Iterable Iterator List Optional Sequence Set Tuple Union",
}


def _guarded(action: Callable[[], None]) -> int:
    """An exit status as the interpreter would give it."""
    try:
        action()
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return (leaving.code or 0) & 0xFF
        print(leaving.code, file=sys.stderr)
        return 1
    except MemoryError:
        os.write(2, b"MemoryError\n")
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _wind_up(code: int) -> int:
    """What the interpreter does before it exits, without taking its modules apart."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            code = code or 1
    return code


def load(source: str, setup: str = "", *, helpful: bool) -> dict[str, Any]:
    """The program's globals after its text has run, as the module that it is."""
    module = types.ModuleType("__main__" if not helpful else "program")
    module.__file__ = "program.py"
    sys.modules[module.__name__] = module
    names = module.__dict__
    # Behind the built-in names, so that a program's own definitions stay apart from what it was lent.
    names["__builtins__"] = {**vars(builtins), **_helpers()} if helpful else builtins
    if setup:
        exec(compile(setup, "setup.py", "exec"), names)
    exec(compile(source, "program.py", "exec"), names)
    return names


def _helpers() -> dict[str, Any]:
    helpers = {name: __import__(name) for name in HELPFUL.split()}
    for name, exported in HELPFUL_NAMES.items():
        helpers.update({one: getattr(__import__(name), one) for one in exported.split()})
    return helpers


def _script(request: Mapping[str, Any]) -> None:
    load(request["source"], helpful=False)


def own_channel() -> tuple[TextIO, TextIO]:
    """Standard input and output moved out of the program's way: it reads nothing and prints to stderr."""
    reader = open(os.dup(0), encoding="utf-8", newline="\n")
    writer = open(os.dup(1), "w", encoding="utf-8", newline="\n")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
    return reader, writer


def find_entry(names: Mapping[str, Any], name: str) -> Any:
    """A function of the program, or a method of its `Solution` as LeetCode writes them."""
    plain = name.rpartition(".")[2]
    if plain in names:
        return names[plain]
    solution = names.get(name.rpartition(".")[0] or "Solution")
    if isinstance(solution, type) and hasattr(solution, plain):
        return getattr(solution(), plain)
    raise NameError(f"the program defines no {name}")


def say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARS]


def _call(request: Mapping[str, Any]) -> None:
    nonce, entry, arguments = request["nonce"], request["entry"], request["arguments"]
    _, writer = own_channel()
    try:
        function = find_entry(load(request["source"], request["setup"], helpful=True), entry)
        answer = {"value": encode(function(*arguments))}
    except MemoryError:
        answer = {"error": "MemoryError"}
    except (Exception, SystemExit) as error:
        answer = {"error": say(error)}
    writer.write(f"{nonce}{json.dumps(answer)}\n")
    writer.flush()


Ways = Mapping[str, Callable[[Mapping[str, Any]], None]]
WAYS: Ways = {"script": _script, "call": _call}


def run(request: Mapping[str, Any], ways: Ways = WAYS) -> int:
    """Do what is asked in this process, whose descriptors 0 to 2 are the program's. Returns its exit status."""
    sys.argv = ["program.py"]
    sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False, buffering=1)
    code = 1
    try:
        code = _guarded(lambda: ways[request["way"]](request))
    finally:
        code = _wind_up(code)
    return code


def main() -> None:
    """For engines that run a text with an input: the request is the input."""
    request = b""
    while more := os.read(0, 1 << 16):
        request += more
    os._exit(run(json.loads(request)))
