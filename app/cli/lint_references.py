"""`touchstone lint-references`: a file of references to a table of what to fix before a run.

Rule 1: rows stream: no more than one row and a few line numbers of each kind are held.
Rule 2: no response is needed, no service is asked, and nothing without bounds is run.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.exit_codes import UNUSABLE_ROWS, USAGE, errors, fail

if TYPE_CHECKING:
    from verifiers.reference_lint import Finding, Kind

SHOWN_LINES = 8
"""Line numbers shown for each kind; --out holds all."""


def lint_references(
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl", help="Rows with a reference; - reads standard input.")],
    task: Annotated[str, typer.Option(help="For rows that name none.")] = "math",
    out: Annotated[
        str | None, typer.Option(metavar="PATH", help="Findings as JSONL; - writes standard output.")
    ] = None,
) -> None:
    """Find references that cannot be read, do not verify against themselves, or may be taken two ways.

    A row is {"reference": text or list of texts} with optional question, task and options; all else is ignored.

    Exit status: 0 nothing found; 1 something to fix; 2 the call is wrong.
    """
    from verifiers.registry import VERIFIERS  # noqa: PLC0415 - see app.cli

    if task not in VERIFIERS:
        fail(f"--task: no such task {task!r}; the known ones: {', '.join(sorted(VERIFIERS))}", USAGE)
    counts: Counter[Kind] = Counter()
    lines: dict[Kind, list[int]] = {}
    rows = 0
    with _opened(file) as source, _opened_out(out) as sink:
        for number, found in _findings(source, task):
            rows += 1
            for finding in found:
                counts[finding.kind] += 1
                shown = lines.setdefault(finding.kind, [])
                if len(shown) < SHOWN_LINES and number not in shown:
                    shown.append(number)
                if sink is not None:
                    record = {"line": number, "kind": finding.kind.value, "what": finding.what}
                    sink.write(json.dumps(record, ensure_ascii=False) + "\n")
    if not rows:
        fail(f"{file} has no rows", USAGE)
    _show(rows, counts, lines, Console(stderr=out == "-", soft_wrap=True))
    if counts:
        raise typer.Exit(UNUSABLE_ROWS)


def _opened(file: str) -> Any:
    try:
        return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", USAGE)


def _opened_out(out: str | None) -> Any:
    try:
        if out is None or out == "-":
            return nullcontext(sys.stdout if out else None)
        return Path(out).open("w", encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", USAGE)


def _findings(source: IO[bytes], task: str) -> Iterator[tuple[int, "list[Finding]"]]:
    """Line numbers with what was found there; blank lines are no rows."""
    for number, line in enumerate(source, 1):
        if line.strip():
            yield number, _linted(line, task)


def _linted(line: bytes, task: str) -> "list[Finding]":
    from verifiers.problem import Problem  # noqa: PLC0415 - see app.cli
    from verifiers.reference_lint import Finding, Kind, lint  # noqa: PLC0415
    from verifiers.registry import VERIFIERS  # noqa: PLC0415

    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return [Finding(Kind.BAD_ROW, f"is not UTF-8 at byte {error.start + 1}")]
    except (ValueError, RecursionError) as error:
        return [Finding(Kind.BAD_ROW, f"is not JSON: {error}")]
    complaint = _complaint(row)
    if complaint is not None:
        return [Finding(Kind.BAD_ROW, complaint)]
    name = row.get("task") or task
    if name not in VERIFIERS:
        return [Finding(Kind.BAD_ROW, f"no such task {name!r}; the known ones: {', '.join(sorted(VERIFIERS))}")]
    reference = row["reference"]
    references = (reference,) if isinstance(reference, str) else tuple(reference)
    problem = Problem("", references, row.get("question"), row.get("options") or {})
    return lint(name, VERIFIERS[name], problem)


def _complaint(row: object) -> str | None:
    """What is wrong with a row's shape."""
    if not isinstance(row, dict):
        return "must be an object with a reference"
    reference = row.get("reference")
    if reference is None:
        return "has no reference"
    texts = [reference] if isinstance(reference, str) else reference
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        return "reference must be a text or a list of texts"
    for field, kind in (("question", str), ("task", str), ("options", dict)):
        if not isinstance(row.get(field), kind | None):
            return f"{field} must be {'an object' if kind is dict else 'a text'}"
    return None


def _show(rows: int, counts: "Counter[Kind]", lines: "dict[Kind, list[int]]", console: Console) -> None:
    from verifiers.reference_lint import ADVICE  # noqa: PLC0415 - see app.cli

    if not counts:
        console.print(f"{rows} rows, nothing to fix")
        return
    table = Table(title=f"what to fix in {rows} rows", title_justify="left")
    for heading in ("kind", "found", "lines", "what it means"):
        table.add_column(heading, justify="right" if heading == "found" else "left", overflow="fold")
    for kind, count in counts.most_common():
        shown = lines[kind]
        tail = ", …" if count > len(shown) else ""
        table.add_row(kind.value, str(count), ", ".join(map(str, shown)) + tail, ADVICE[kind])
    console.print(table)
    errors.print(f"{sum(counts.values())} findings; --out PATH lists them all")
