"""The forms in which data sets write tests, all read into three.

    {"stdin": ..., "stdout": ...}, also "input" and "output"                     its own and LiveCodeBench's
    {"inputs": [...], "outputs": [...], "fn_name"?}                              APPS, TACO, LiveCodeBench
    {"fn_name" or "entry_point", "args": [...], "expected": ...}                 one call
    "assert f(1) == 2", or test code with a `check(candidate)` function          MBPP, HumanEval

Rule 1: a test that can be read two ways is refused rather than guessed at.
Rule 2: a test that tests nothing (no assertion, no call of `check`) is refused: everything would pass it.
"""

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from verifiers.code_run.options import MAX_TESTS, BadOptions


@dataclass(frozen=True, slots=True)
class StdioTest:
    """Text in, text out."""

    stdin: str
    expected: str


@dataclass(frozen=True, slots=True)
class CallTest:
    """A function, its arguments, and the values that are right."""

    entry: str
    arguments: tuple[Any, ...]
    accepted: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class AssertTest:
    """Test code that raises where the program is wrong."""

    code: str
    entry: str | None


Test = StdioTest | CallTest | AssertTest


def read(raw: object, entry_point: str | None = None) -> tuple[Test, ...]:
    """All the tests. Raises BadOptions."""
    tests = tuple(_read(_unpacked(raw), entry_point))
    if not tests:
        raise BadOptions("tests is empty: nothing could be decided")
    if len(tests) > MAX_TESTS:
        raise BadOptions(f"there are {len(tests)} tests; at most {MAX_TESTS} are run")
    return tests


def _unpacked(raw: object) -> object:
    """JSON text as what it holds; other text as it is."""
    if isinstance(raw, str) and raw.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            return raw
    return raw


def _read(raw: object, entry: str | None) -> Iterable[Test]:
    match raw:
        case str():
            return _assertions(raw, entry)
        case list():
            return [test for number, item in enumerate(raw) for test in _item(item, number, entry)]
        case dict() if "tests" in raw:
            return _read(_unpacked(raw["tests"]), _name(raw) or entry)
        case dict():
            return _item(raw, 0, entry)
        case _:
            raise BadOptions("tests must be a list, an object or test code; see docs/code.md for the forms")


def _name(fields: object) -> str | None:
    if not isinstance(fields, dict):
        return None
    name = fields.get("fn_name") or fields.get("entry_point") or fields.get("func_name")
    return name if isinstance(name, str) else None


def _item(item: object, number: int, entry: str | None) -> Iterable[Test]:
    match item:
        case str():
            return _assertions(item, entry)
        case {"inputs": list(inputs), "outputs": list(outputs)}:
            return _columns(inputs, outputs, _name(item) or entry)
        case {"args": list(arguments), "expected": expected}:
            if not (name := _name(item) or entry):
                raise BadOptions(f"tests[{number}] has args but no fn_name, and there is no entry_point")
            return [CallTest(name, tuple(arguments), (expected,))]
        case {"input": str(given), "output": str(wanted), "testtype": "functional"}:
            if not (name := _name(item) or entry):
                raise BadOptions(f"tests[{number}] calls a function but names none; give entry_point")
            return [_call_from_lines(name, given, wanted)]
        case {"stdin": given, "stdout": wanted} | {"input": given, "output": wanted}:
            return [StdioTest(_text(given, number), _text(wanted, number))]
        case {"test": str(code)} | {"test_code": str(code)}:
            return _assertions(code, _name(item) or entry)
        case _:
            raise BadOptions(
                f"tests[{number}] is in no known form: stdin and stdout; fn_name, args and expected; inputs and "
                f"outputs; or an assert as text"
            )


def _text(value: object, number: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    raise BadOptions(f"tests[{number}]: input and output must be text, or lists of lines")


def _columns(inputs: list[Any], outputs: list[Any], entry: str | None) -> list[Test]:
    if len(inputs) != len(outputs):
        raise BadOptions(f"tests has {len(inputs)} inputs but {len(outputs)} outputs")
    pairs = list(zip(inputs, outputs, strict=True))
    if entry is None:
        return [StdioTest(_text(given, number), _text(wanted, number)) for number, (given, wanted) in enumerate(pairs)]
    tests: list[Test] = []
    for number, (given, wanted) in enumerate(pairs):
        if isinstance(given, str) and isinstance(wanted, str):
            tests.append(_call_from_lines(entry, given, wanted))
        elif isinstance(given, list):
            # APPS wraps each expected value in a list of its own, mostly.
            wrapped = isinstance(wanted, list) and len(wanted) == 1
            tests.append(CallTest(entry, tuple(given), (wanted, wanted[0]) if wrapped else (wanted,)))
        else:
            raise BadOptions(f"inputs[{number}] must be a list of arguments, or lines of JSON with a text as output")
    return tests


def _call_from_lines(entry: str, given: str, wanted: str) -> CallTest:
    """LiveCodeBench: each line of the input is one argument in JSON, the output is JSON."""
    try:
        arguments = [json.loads(line) for line in given.split("\n") if line.strip()]
        return CallTest(entry, tuple(arguments), (json.loads(wanted),))
    except (ValueError, RecursionError) as error:
        raise BadOptions(f"the arguments and the result of {entry} must be JSON: {error}") from None


def _assertions(code: str, entry: str | None) -> list[Test]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadOptions(f"the test code is not Python: {code[:80]!r}") from None
    if not _tests_something(tree):
        raise BadOptions("the test code asserts nothing, so that every program would pass it")
    if all(isinstance(statement, ast.Assert) for statement in tree.body):
        lines = [ast.get_source_segment(code, statement) or ast.unparse(statement) for statement in tree.body]
        return [AssertTest(line, entry) for line in lines]
    has_check = any(isinstance(one, ast.FunctionDef) and one.name == "check" for one in tree.body)
    calls_check = any(isinstance(one, ast.Call) and getattr(one.func, "id", "") == "check" for one in ast.walk(tree))
    if has_check and not calls_check and entry is None:
        raise BadOptions("the test code defines check(candidate) but nobody calls it: give entry_point")
    return [AssertTest(code, entry)]


def _tests_something(tree: ast.Module) -> bool:
    return any(isinstance(node, (ast.Assert, ast.Raise)) for node in ast.walk(tree))
