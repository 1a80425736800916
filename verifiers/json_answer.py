"""Structured answers: the last JSON of a response against a schema, a reference and rules for single fields.

Rule 1: the reference's leaves are the fields. A field that the response lacks is wrong; one that the reference lacks
        is wrong too, unless the item ignores extra fields, and never earns anything.
Rule 2: a response that breaks the schema earns nothing, whatever its fields say.
Rule 3: the schema is the caller's, the data is the model's: patterns run on an engine without backtracking, and a
        `$ref` reaches nothing outside of the schema.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import jsonschema_rs

from verifiers.field_values import COMPARISONS, check_comparison
from verifiers.json_text import NotJsonError, last_json, read_json
from verifiers.problem import Problem
from verifiers.shown_text import shown
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "1"
DESCRIPTION = "Structured answers: JSON against a schema and a reference, compared field by field."

OPTIONS = ("schema", "fields", "reward", "extra")
FIELD_OPTIONS = ("compare", "tol", "weight")
MAX_SCHEMA_CHARS = 100_000
MAX_REGEX_BYTES = 1_000_000
"""Of one compiled pattern; "a{1000}{1000}" would take far more."""
MAX_FIELDS = 10_000
MAX_SHOWN = 50
"""Fields and schema errors listed in the details."""

Path = tuple[str | int, ...]


class Field(NamedTuple):
    """How a field is compared and how much it counts."""

    compare: str = "exact"
    tol: float = 0.0
    weight: float = 1.0


class Marks(NamedTuple):
    """Every field with its result: True, False, or None where its comparison could not tell."""

    results: list[tuple[Path, float, bool | None, str]]

    @property
    def credit(self) -> float:
        """The weighted share of right fields."""
        whole = sum(weight for _, weight, _, _ in self.results)
        return sum(weight for _, weight, right, _ in self.results if right) / whole if whole else 0.0


def check_options(options: Mapping[str, object]) -> str | None:
    """None when the options are usable, else what to fix."""
    if unknown := sorted(set(options) - set(OPTIONS)):
        return f"no such option: {', '.join(unknown)}; the known ones: {', '.join(OPTIONS)}"
    if options.get("reward", "pass") not in ("pass", "fields"):
        return "reward must be 'pass' or 'fields'"
    if options.get("extra", "forbid") not in ("forbid", "ignore"):
        return "extra must be 'forbid' or 'ignore'"
    return _check_fields(options.get("fields", {})) or _check_schema(options)


def _check_fields(fields: object) -> str | None:
    if not isinstance(fields, dict):
        return "fields must be an object: path to {'compare', 'tol', 'weight'}"
    for path, rule in fields.items():
        if not isinstance(rule, dict) or set(rule) - set(FIELD_OPTIONS):
            return f"fields[{path!r}] must be an object with {', '.join(FIELD_OPTIONS)}"
        if complaint := check_comparison(rule.get("compare", "exact")):
            return f"fields[{path!r}]: {complaint}"
        for name in ("tol", "weight"):
            value = rule.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
                return f"fields[{path!r}].{name} must be a number of at least 0"
        if _steps(path) is None:
            return f"fields: {path!r} is no path; write a.b[0].c, a[*].b or /a/b/0"
    return None


def _check_schema(options: Mapping[str, object]) -> str | None:
    if "schema" not in options:
        return None
    try:
        _validator(_schema_text(options["schema"]))
    except ValueError as error:
        return f"the schema cannot be used: {str(error).splitlines()[0][:300]}"
    return None


def _schema_text(schema: object) -> str:
    if not isinstance(schema, dict | bool):
        raise ValueError("it must be an object")
    text = json.dumps(schema, sort_keys=True)
    if len(text) > MAX_SCHEMA_CHARS:
        raise ValueError(f"it has more than {MAX_SCHEMA_CHARS} characters")
    return text


@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Validator:
    patterns = jsonschema_rs.RegexOptions(size_limit=MAX_REGEX_BYTES)
    try:
        return jsonschema_rs.validator_for(json.loads(schema), pattern_options=patterns, retriever=_refuse)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(error.message) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is outside of the schema; put it under $defs")


def readable(reference: str) -> bool:
    """Whether the reference is JSON; an empty one leaves the verdict to the schema."""
    try:
        return not reference.strip() or read_json(reference) is not NotImplemented
    except NotJsonError:
        return False


def verify(problem: Problem) -> Verdict:
    """The verdict on the last JSON that the response shows."""
    complaint = check_options(problem.options)
    if complaint is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", complaint)
    references = []
    for text in problem.references:
        if not text.strip() and "schema" in problem.options:
            continue
        try:
            references.append(read_json(text))
        except NotJsonError as error:
            return Verdict(Outcome.UNDECIDABLE, "unread_reference", f"the reference is not JSON: {error}")
    lost = _lost_path(references, problem.options)
    if lost is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", f"fields: no reference has anything at {lost!r}")
    try:
        value, text = _answer(problem.response, references, problem.options)
    except NotJsonError as error:
        return Verdict(Outcome.UNREADABLE, "no_json", str(error))
    broken = _schema_errors(value, problem.options)
    if broken:
        details = {"schema_errors": broken}
        return Verdict(Outcome.INCORRECT, "schema", f"against the schema: {broken[0]}", text, None, False, 0.0, details)
    if not references:
        return Verdict(Outcome.CORRECT, "schema", "the JSON meets the schema", text)
    verdicts = [_compared(reference, value, text, problem.options) for reference in references]
    return max(verdicts, key=lambda v: (v.outcome is Outcome.CORRECT, v.outcome is Outcome.UNDECIDABLE, v.credit or 0))


def _answer(response: str, references: list[Any], options: Mapping[str, Any]) -> tuple[Any, str]:
    """The value to compare, and its text."""
    text, refusal = shown(response)
    if refusal is not None:
        raise NotJsonError(refusal)
    try:
        return read_json(text), text
    except NotJsonError:
        if references and not any(isinstance(reference, dict | list) for reference in references):
            raise  # a bare value is the whole of the response or it is not there
    wants_list = isinstance(references[0], list) if references else _schema_type(options) == "array"
    found = last_json(text, list if wants_list else dict)
    return found.value, text[found.start : found.end]


def _schema_type(options: Mapping[str, Any]) -> object:
    schema = options.get("schema")
    return schema.get("type") if isinstance(schema, dict) else None


def _schema_errors(value: object, options: Mapping[str, Any]) -> list[str]:
    if "schema" not in options:
        return []
    errors = []
    for error in _validator(_schema_text(options["schema"])).iter_errors(value):
        errors.append(f"{_written(tuple(error.instance_path))}: {error.message[:200]}")
        if len(errors) == MAX_SHOWN:
            break
    return errors


def _compared(reference: object, value: object, text: str, options: Mapping[str, Any]) -> Verdict:
    rules = [(_steps(path) or (), Field(**rule)) for path, rule in options.get("fields", {}).items()]
    marks = Marks([])
    for path, wanted, given in _leaves(reference, value, (), rules):
        if len(marks.results) >= MAX_FIELDS:
            return Verdict(Outcome.UNREADABLE, "too_many_fields", f"more than {MAX_FIELDS} fields to compare", text)
        if wanted is _NOTHING and options.get("extra", "forbid") == "ignore":
            continue
        marks.results.append((path, *_mark(wanted, given, _rule(path, rules))))
    return _concluded(marks, text, options)


def _mark(wanted: object, given: object, rule: Field) -> tuple[float, bool | None, str]:
    if rule.compare == "ignore":
        return 0.0, True, "ignored"
    if wanted is _NOTHING:
        return rule.weight, False, "not asked for"
    if given is _NOTHING:
        return rule.weight, False, "missing"
    right = COMPARISONS[rule.compare](wanted, given, rule.tol)
    return rule.weight, right, "right" if right else "cannot tell" if right is None else "wrong"


def _concluded(marks: Marks, text: str, options: Mapping[str, Any]) -> Verdict:
    partial = options.get("reward", "pass") == "fields"
    credit = marks.credit if partial else None
    bad = [(path, right, word) for path, _, right, word in marks.results if not right]
    details = {
        "fields": {_written(path): word for path, _, _, word in marks.results[:MAX_SHOWN]},
        "right": sum(right is True for _, _, right, _ in marks.results),
        "compared": len(marks.results),
    }
    if not bad:
        full = 1.0 if partial else None
        return Verdict(Outcome.CORRECT, "fields", "every field is right", text, None, False, full, details)
    unsure = [path for path, right, _ in bad if right is None]
    if unsure and (partial or len(unsure) == len(bad)):
        why = f"no rule could tell whether {_written(unsure[0])} is right"
        return Verdict(Outcome.UNDECIDABLE, "no_rule", why, text, details=details)
    path, _, word = next(entry for entry in bad if entry[1] is False)
    why = f"{len(bad)} of {len(marks.results)} fields are not right, first {_written(path)}: {word}"
    return Verdict(Outcome.INCORRECT, "fields", why, text, None, False, credit, details)


_NOTHING = object()


def _leaves(
    wanted: object, given: object, path: Path, rules: list[tuple[Path, Field]]
) -> Iterator[tuple[Path, object, object]]:
    """Pairs to compare: leaves, whole subtrees that a rule names, and what only one side has."""
    if not any(_covers(pattern, path) for pattern, _ in rules):
        if isinstance(wanted, dict) and wanted and isinstance(given, dict):
            for key in [*wanted, *(key for key in given if key not in wanted)]:
                yield from _leaves(wanted.get(key, _NOTHING), given.get(key, _NOTHING), (*path, key), rules)
            return
        if isinstance(wanted, list) and wanted and isinstance(given, list):
            for index in range(max(len(wanted), len(given))):
                pair = [side[index] if index < len(side) else _NOTHING for side in (wanted, given)]
                yield from _leaves(pair[0], pair[1], (*path, index), rules)
            return
        if isinstance(wanted, dict | list) and wanted:  # a missing or misshapen subtree lacks each of its fields
            for key, part in wanted.items() if isinstance(wanted, dict) else enumerate(wanted):
                yield from _leaves(part, _NOTHING, (*path, key), rules)
            return
    yield path, wanted, given


def _rule(path: Path, rules: list[tuple[Path, Field]]) -> Field:
    return next((rule for pattern, rule in rules if _covers(pattern, path)), Field())


def _covers(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(
        step == part or (step == "*" and isinstance(part, int)) or (isinstance(part, int) and step == str(part))
        for step, part in zip(pattern, path, strict=True)
    )


def _steps(path: str) -> Path | None:
    """A written path: `a.b[0].c` with `[*]` for every index, or a JSON pointer where keys hold dots.

    >>> _steps("items[*].price"), _steps("/a.b/0")
    (('items', '*', 'price'), ('a.b', '0'))
    """
    if path.startswith("/"):
        return tuple(step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/"))
    steps = path.replace("[", ".").replace("]", "").lstrip(".").split(".")
    return tuple(steps) if all(steps) else None


def _lost_path(references: list[Any], options: Mapping[str, Any]) -> str | None:
    """A path whose comparison would never be used: most likely misspelt. Only an ignored field may be an extra one."""
    if not references:
        return None
    for path, rule in options.get("fields", {}).items():
        wanted = rule.get("compare", "exact") != "ignore"
        if wanted and not any(_reaches(_steps(path) or (), reference) for reference in references):
            return str(path)
    return None


def _reaches(pattern: Path, value: Any) -> bool:
    found = [value]
    for step in pattern:
        inner: list[Any] = []
        for part in found:
            if isinstance(part, dict) and step in part:
                inner.append(part[step])
            elif isinstance(part, list):
                inner += part if step == "*" else [item for index, item in enumerate(part) if str(index) == step]
        found = inner
    return bool(found)


def _written(path: Path) -> str:
    """A path for people: `a.b[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "(whole)"
