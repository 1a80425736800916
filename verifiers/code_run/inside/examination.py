# ruff: noqa: S102 - running test code is what this is for
"""Test code and the program under test, in two processes that talk over a pair of pipes.

    serve     the program's functions, called from outside one after the other, over standard input and output
    examine   test code of the data set's, whose calls go to the program that is served

Rule 1: whoever examines never shares a process with what is examined, and hides no expected value in it.
Rule 2: what the program answers is plain data. An object that is none stays there and equals nothing.
Rule 3: the examiner's own names are its own: no program brings its `sorted` to its examination.
"""

import ast
import builtins
import json
import sys
import types
from collections.abc import Mapping
from typing import Any, Final, TextIO

from verifiers.code_run.inside.harness import MAX_ERROR_CHARS, WAYS, Ways, find_entry, load, own_channel, say
from verifiers.code_run.inside.plain_data import NotData, decode, encode

MAX_LINE_BYTES = 16 << 20
"""One message between an examiner and its program."""


class _Served:
    """A program whose functions are called from outside."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._kept: list[Any] = []

    def keep(self, value: Any) -> dict[str, Any]:
        """Refer to what is no plain data."""
        self._kept.append(value)
        return {"object": len(self._kept) - 1, "type": type(value).__name__}

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """One request, one reply."""
        try:
            target = self._target(message)
            if message["do"] == "get":
                return {"value": encode(target, self.keep)}
            return self._call(target, message)
        except MemoryError:
            return {"raised": "MemoryError", "text": ""}
        except (Exception, SystemExit) as error:
            return {"raised": type(error).__name__, "text": say(error)}

    def _target(self, message: dict[str, Any]) -> Any:
        if message.get("of") is None:
            return find_entry(self._names, message["name"])
        owner = self._kept[message["of"]]
        return getattr(owner, message["name"]) if message.get("name") else owner

    def _call(self, target: Any, message: dict[str, Any]) -> dict[str, Any]:
        refer = self._refer
        arguments = [decode(one, refer) for one in message["arguments"]]
        named = {key: decode(one, refer) for key, one in message["named"].items()}
        value = encode(target(*arguments, **named), self.keep)
        changed = {}
        for place, (before, now) in enumerate(zip(message["arguments"], arguments, strict=True)):
            if isinstance(now, (list, dict, set)) and (after := encode(now, self.keep)) != before:
                changed[place] = after
        return {"value": value, "changed": changed}

    def _refer(self, data: dict[str, Any]) -> Any:
        return self._kept[data["object"]]


def _serve(request: Mapping[str, Any]) -> None:
    reader, writer = own_channel()
    loads, dumps = json.loads, json.dumps
    served = _Served(load(request["source"], request["setup"], helpful=True))
    writer.write("ready\n")
    writer.flush()
    for line in reader:
        writer.write(dumps(served.answer(loads(line))) + "\n")
        writer.flush()


_FROM_PROGRAM = "raised by the program"


class ProgramGone(Exception):
    """The examined program ended, or answered with something that is no answer."""


def _program_raised(name: str, text: str) -> Exception:
    """The program's exception, as its built-in kind where it has one, marked as not the test's own."""
    kind = getattr(builtins, name, None)
    # A failed assertion is the test's to raise; the program's own is an error like any other.
    ordinary = isinstance(kind, type) and issubclass(kind, Exception) and kind is not AssertionError
    try:
        raised: Exception = kind(text) if ordinary and kind is not None else RuntimeError(text)
    except TypeError:  # some want more than a text
        raised = RuntimeError(text)
    raised.add_note(_FROM_PROGRAM)
    return raised


class _Remote:
    """The examiner's end: what the program offers, as if it were here."""

    def __init__(self, reader: TextIO, writer: TextIO) -> None:
        self._reader = reader
        self._writer = writer
        if self._line() != "ready\n":
            raise ProgramGone("the program did not load")

    def _line(self) -> str:
        line = self._reader.readline(MAX_LINE_BYTES)
        if not line.endswith("\n"):
            raise ProgramGone("the program ended before it had answered")
        return line

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """One request and its reply."""
        try:
            self._writer.write(json.dumps(message) + "\n")
            self._writer.flush()
            reply = json.loads(self._line())
        except (OSError, ValueError, RecursionError) as error:
            raise ProgramGone("the program ended before it had answered") from error
        if not isinstance(reply, dict) or not ({"value", "raised"} & set(reply)):
            raise ProgramGone("the program answered with something else")
        if "raised" in reply:
            raise _program_raised(str(reply["raised"]), str(reply.get("text")))
        return reply

    def get(self, name: str, of: int | None = None) -> Any:
        """A name of the program's, or an attribute of one of its objects."""
        if name.startswith("__"):
            raise AttributeError(name)
        return decode(self.ask({"do": "get", "name": name, "of": of})["value"], self._refer)

    def _refer(self, data: dict[str, Any]) -> "_Handle":
        return _Handle(self, int(data["object"]), str(data.get("type")))

    def call(self, of: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call one of the program's objects; what it changed in its arguments is changed here too."""
        sent = [encode(one, _refer_back) for one in arguments]
        sent_named = {key: encode(one, _refer_back) for key, one in named.items()}
        reply = self.ask({"do": "call", "of": of, "arguments": sent, "named": sent_named})
        for place, after in dict(reply.get("changed") or {}).items():
            _become_like(arguments[int(place)], decode(after, self._refer))
        return decode(reply["value"], self._refer)


def _refer_back(value: Any) -> dict[str, Any]:
    if type(value) is _Handle:
        return {"object": value._touchstone_number}
    raise NotData(f"a {type(value).__name__} cannot be given to the program")


def _become_like(here: Any, there: Any) -> None:
    if isinstance(here, list) and isinstance(there, list):
        here[:] = there
    elif isinstance(here, (dict, set)) and type(here) is type(there):
        here.clear()
        here.update(there)


class _Handle:
    """An object that stays in the program. It can be called and asked for attributes, and equals nothing: a class
    that says it equals everything is worth nothing here.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, remote: _Remote, number: int, kind: str) -> None:
        self._touchstone_remote = remote
        self._touchstone_number = number
        self._touchstone_kind = kind

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._touchstone_remote.call(self._touchstone_number, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._touchstone_remote.get(name, self._touchstone_number)

    def _refuse(self, *_: object) -> Any:
        raise TypeError(f"a {self._touchstone_kind} of the program's is not plain data and cannot be compared")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = __contains__ = _refuse


def _free_names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _called_names(tree: ast.AST) -> set[str]:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {function.id for function in calls if isinstance(function, ast.Name)}


def _examine(request: Mapping[str, Any]) -> None:
    """Run test code; its verdict goes to stderr behind the nonce."""
    reader, writer = own_channel()
    try:
        _run_tests(request, _Remote(reader, writer))
        verdict: dict[str, Any] = {"passed": True}
    except AssertionError as error:
        verdict = {"passed": False, "why": f"assertion failed {error}"[:MAX_ERROR_CHARS].strip()}
    except (Exception, SystemExit) as error:
        ours = isinstance(error, (SyntaxError, ImportError)) and _FROM_PROGRAM not in getattr(error, "__notes__", ())
        verdict = {"passed": False, "why": say(error), "unfit": ours}
    sys.stderr.write(f"\n{request['nonce']}{json.dumps(verdict)}\n")


def _borrow(tree: ast.Module, names: dict[str, Any], entry: str | None, remote: _Remote) -> None:
    """Take from the program what the tests use and neither define nor have: never a name that Python or the usual
    modules give, or a program could bring its own `sorted` or `abs` to its own examination. Only where nothing
    else is under test (a task may ask for a function called `sum`) is such a name the program's, and then it must
    be there.
    """
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    given = set(names["__builtins__"]) | set(names) | defined
    wanted = _free_names(tree) - given
    if entry:
        names[entry] = remote.get(entry)
    borrowed = bool(entry)
    for name in sorted(wanted - {entry}):
        try:
            names[name] = remote.get(name)
            borrowed = True
        except (NameError, RuntimeError):
            continue  # a parameter or variable of the test's own, or the test fails on it
    if not borrowed:
        for name in sorted(_called_names(tree) & set(names["__builtins__"])):
            try:
                names[name] = remote.get(name)
                borrowed = True
            except (NameError, RuntimeError):
                continue
    if not borrowed and not _imports_solution(tree):
        raise NameError("the program defines none of the names under test")


def _imports_solution(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.module == "solution" for node in ast.walk(tree))


def _run_tests(request: Mapping[str, Any], remote: _Remote) -> None:
    tree = ast.parse(request["source"])
    names = load("", request["setup"], helpful=True)
    module = types.ModuleType("solution")  # `from solution import f`, as some data sets write it
    module.__getattr__ = remote.get  # type: ignore[method-assign]
    sys.modules["solution"] = module
    entry = request["entry"]
    _borrow(tree, names, entry, remote)
    exec(compile(tree, "tests.py", "exec"), names)
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    uncalled = [name for name in functions if name not in _called_names(tree)]
    if "check" in uncalled:
        names["check"](names[entry])
    for name in uncalled:
        if name.startswith("test_"):
            names[name]()


ALL_WAYS: Final[Ways] = {**WAYS, "serve": _serve, "examine": _examine}
