"""Tool calls: what one is, and how they are read from a response.

    <tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>     tags win: all else is prose then
    <function=f><parameter=a>1</parameter></function>               a parameter's text is JSON where it reads as such
    [{"name": "f", "arguments": {"a": 1}}]                          JSON, OpenAI's shapes included
    [f(a=1), g(b="x")]                                              Python, read as literals and never run

Rule 1: every call that the response makes is read, in order: a second guess is a call too, never a correction.
Rule 2: what begins as a call and cannot be read is refused, not skipped.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from verifiers.json_text import Found, NotJsonError, json_values, read_json

MAX_CALLS = 64
"""Calls made in one response; matching compares each with each expected one."""
MAX_CALL_CHARS = 20_000
"""Of one block of Python; its parser is not linear in bracket depth."""
MAX_BRACKETS = 40
"""Brackets open at once in Python calls."""
MAX_LITERAL_DIGITS = 400

_TAGS = re.compile(
    r"<(tool_call|function_call|tool_code|tool)>((?:[^<]|<(?!/?\1>))*+)(</\1>)?"
    r"|<function=([\w.:/-]{1,200})>((?:[^<]|<(?!/?function[=>]))*+)(</function>)?"
    r"|(?:<\|python_tag\|>|\[TOOL_CALLS\])([^\n]*)"
)
_PARAMETER = re.compile(r"<parameter=([\w.:-]{1,200})>((?:[^<]|<(?!/?parameter[=>]))*+)</parameter>")
_FENCED = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*\n((?:(?!^[ \t]*```).*\n?)*+)", re.MULTILINE)
_CALL_LINE = re.compile(r"[\s>*`-]{0,20}(\[?\s*[A-Za-z_][\w.]{0,200}\(.*\)\s*\]?)[`;.]{0,3}\s*")
_PYTHON = frozenset(("", "python", "py", "tool_code", "tool_call", "tool_calls"))
_CONSTANTS = {"true": True, "false": False, "null": None}


class UnreadCallError(ValueError):
    """Why something that begins as a call cannot be read."""


class Call(NamedTuple):
    """A call made. An argument without a name stands under its place: "#1"."""

    name: str
    arguments: dict[str, Any]


def calls_in(text: str) -> list[Call]:
    """Every call in a text, in order. Raises UnreadCallError.

    >>> calls_in('I will look it up.\\n[find(city="Rome", top=3)]')
    [Call(name='find', arguments={'city': 'Rome', 'top': 3})]
    """
    try:
        calls = _tagged(text)
        if calls is None:
            calls = _in_json_or_python(text)
    except NotJsonError as error:
        raise UnreadCallError(str(error)) from None
    if len(calls) > MAX_CALLS:
        raise UnreadCallError(f"more than {MAX_CALLS} calls")
    return calls


def _tagged(text: str) -> list[Call] | None:
    """Calls inside tags, None where there is no tag."""
    if "<tool" not in text and "<function" not in text and "<|python_tag|>" not in text and "[TOOL_CALLS]" not in text:
        return None
    calls: list[Call] | None = None
    for tag in _TAGS.finditer(text):
        if tag[1] or tag[4]:
            if not (tag[3] or tag[6]):
                raise UnreadCallError(f"the tag {tag[0][:30]!r} is not closed")
            body = tag[2] if tag[1] else tag[5]
        else:
            body = tag[7]
        arguments = [Call(tag[4], _of_function(body))] if tag[4] else _block(body.strip())
        calls = (calls or []) + arguments
    return calls


def _of_function(body: str) -> dict[str, Any]:
    """The arguments inside <function=...>: JSON, or one <parameter=...> each, whose text says no type."""
    if not body.lstrip().startswith("<parameter="):
        return _arguments(read_json(body))
    parameters = _PARAMETER.findall(body)
    if _PARAMETER.sub("", body).strip() or len({name for name, _ in parameters}) < len(parameters):
        raise UnreadCallError("a parameter is there twice or not closed")
    return {name: _untyped(text) for name, text in parameters}


def _untyped(text: str) -> Any:
    text = text.removeprefix("\n").removesuffix("\n")
    try:
        return read_json(text)
    except NotJsonError:
        return text


def _block(body: str) -> list[Call]:
    if body.startswith("<function="):
        return _tagged(body) or []
    if body.startswith("```") and (fenced := _FENCED.match(body)):
        body = fenced[2].strip()
    if body.startswith(("{", "[{", "[ {", "[\n", "[]")):
        calls = calls_of(_json_lines(body))
        if calls is None:
            raise UnreadCallError("a tag holds JSON that is no call")
        return calls
    calls = _python(body)
    if calls is None:
        raise UnreadCallError("a tag holds no call")
    return calls


def _json_lines(body: str) -> list[Any]:
    """One JSON value, or one on each line."""
    try:
        return [read_json(body)]
    except NotJsonError:
        lines = [line for line in body.split("\n") if line.strip()]
        if len(lines) < 2:
            raise
        return [read_json(line) for line in lines]


def _in_json_or_python(text: str) -> list[Call]:
    """Calls in JSON, and the Python around them: a second guess in another notation is a call too."""
    values = json_values(text)
    calls = _in_json(text, values)
    rest = text
    for found in reversed(values if calls else []):
        rest = f"{rest[: found.start]} {rest[found.end :]}"
    return calls + _in_python(rest)


def _in_json(text: str, values: list[Found]) -> list[Call]:
    calls: list[Call] = []
    for found in values:
        if found.flaw is not None:
            if _looks_like_call(text[found.start : found.end]):
                raise UnreadCallError(f"a call cannot be read: {found.flaw}")
            continue
        calls.extend(calls_of(found.value) or [])
    return calls


def _looks_like_call(text: str) -> bool:
    return re.search(r"[\"'](?:name|function|tool_calls)[\"']\s{0,20}:", text) is not None


def calls_of(value: Any) -> list[Call] | None:
    """The calls that a JSON value holds, None where it holds something else. Raises UnreadCallError."""
    if isinstance(value, list):
        inner = [calls_of(item) for item in value]
        return None if any(part is None for part in inner) else [call for part in inner if part for call in part]
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("tool_calls"), list):
        return calls_of(value["tool_calls"])
    if isinstance(value.get("function"), dict):
        return calls_of(value["function"])
    name = value.get("name")
    key = next((key for key in ("arguments", "parameters") if key in value), None)
    if not isinstance(name, str) or key is None:
        return None
    return [Call(name, _arguments(value[key]))]


def _arguments(value: Any) -> dict[str, Any]:
    """Arguments as an object, or as the text of one (OpenAI)."""
    if isinstance(value, str):
        try:
            value = read_json(value) if value.strip() else {}
        except NotJsonError as error:
            raise UnreadCallError(f"the arguments cannot be read: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadCallError("the arguments are no object")
    return value


def _in_python(text: str) -> list[Call]:
    """Calls in fenced blocks of Python, else on lines of their own."""
    whole = _python(text) if len(text) <= MAX_CALL_CHARS else None
    if whole is not None:
        return whole
    calls: list[Call] = []
    for piece in _pieces(text):
        calls.extend(_python(piece) or [])
        if len(calls) > MAX_CALLS:
            break
    return calls


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for fence in _FENCED.finditer(text):
        yield from _call_lines(text[at : fence.start()])
        if fence[1].lower() in _PYTHON:
            yield fence[2]
        at = fence.end()
    yield from _call_lines(text[at:])


def _call_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if "(" in line and len(line) <= MAX_CALL_CHARS and (call := _CALL_LINE.fullmatch(line)):
            yield call[1]


def _python(source: str) -> list[Call] | None:
    """The calls of a piece of Python that is nothing but calls, None for anything else. Nothing is run."""
    source = source.strip()
    if "(" not in source or len(source) > MAX_CALL_CHARS or _open_brackets(source) > MAX_BRACKETS:
        return None
    try:
        parsed = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    calls: list[Call] = []
    for statement in parsed.body:
        made = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        for node in made.elts if isinstance(made, ast.List | ast.Tuple) else [made]:
            if not isinstance(node, ast.Call):
                return None
            calls.append(_call(node))
    return calls


def _open_brackets(source: str) -> int:
    deepest = depth = 0
    for char in source:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth -= 1
    return deepest


def _call(node: ast.Call) -> Call:
    arguments = {f"#{place}": _literal(value) for place, value in enumerate(node.args, 1)}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in arguments:
            raise UnreadCallError("an argument is spread or there twice")
        arguments[keyword.arg] = _literal(keyword.value)
    return Call(ast.unparse(node.func), arguments)


def _literal(node: ast.expr) -> Any:
    """A literal's value, as JSON would have it. Raises UnreadCallError."""
    match node:
        case ast.Constant(value=bool() | str() | float() | None as value):
            return value
        case ast.Constant(value=int() as value) if value.bit_length() < 4 * MAX_LITERAL_DIGITS:
            return value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_literal(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            names = [_literal(key) if key is not None else None for key in keys]
            if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
                raise UnreadCallError("a dictionary has keys that are no texts or are there twice")
            return dict(zip(names, map(_literal, values), strict=True))
        case _:
            raise UnreadCallError(f"an argument is no literal: {ast.unparse(node)[:80]}")
