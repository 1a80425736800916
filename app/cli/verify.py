"""`touchstone verify`: a file of responses to results, and to tables where the right verdicts are known."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.exit_codes import UNUSABLE_ROWS, USAGE, errors, fail
from app.cli.options import check_model
from app.cli.report import deciders_table, stages_table
from app.cli.rows import Row, Skipped, Unusable, Usable, read_rows
from app.cli.service import DEFAULT_URL, in_process, over_http, verify_items
from touchstone_client import Recall, VerifyResult

SHOWN_PROBLEMS = 20
"""Unusable rows listed on the terminal; the results hold all."""


def verify(
    file: Annotated[
        str, typer.Argument(metavar="FILE.jsonl", help="Rows with response and reference; - reads standard input.")
    ],
    url: Annotated[str | None, typer.Option(help="The service.", show_default=DEFAULT_URL)] = None,
    local: Annotated[bool, typer.Option("--local", help="Run the service inside this process instead.")] = False,
    out: Annotated[str | None, typer.Option(metavar="PATH", help="Results as JSONL; - writes standard output.")] = None,
    recall: Annotated[
        Recall, typer.Option(help="Whether the model looks again at what the rules do not accept.")
    ] = Recall.AUTO,
    model: Annotated[
        str | None, typer.Option(metavar="SPEC", help="With --local: http://host:port/v1 or vllm:NAME.")
    ] = None,
    task: Annotated[str, typer.Option(help="For rows that name none.")] = "math",
) -> None:
    """Verify a file of responses.

    A row is {"response": ..., "reference": text or list of texts} with optional question, id, task, options and
    label (or must_reward): true or false. With labels a table compares the rules, the model and both.

    Exit status: 0 all rows verified; 1 some rows were unusable; 2 the call is wrong; 3 no service answers.
    """
    if model is not None and not local:
        fail("--model needs --local; a running service has its own", USAGE)
    if url is not None and local:
        fail("--url and --local exclude each other", USAGE)
    check_model("--model", [model] if model else None)
    _check_writable(out)
    rows = _read(file, task)
    _complain(rows)
    items = [row.item for row in rows if isinstance(row, Usable)]
    opened = in_process(model) if local else over_http(url or DEFAULT_URL)
    results = asyncio.run(verify_items(opened, items, recall)) if items else []
    _write(out, rows, results)
    _show(rows, results, Console(stderr=out == "-", soft_wrap=True))
    if _unusable(rows, results):
        raise typer.Exit(UNUSABLE_ROWS)


def _read(file: str, task: str) -> list[Row]:
    try:
        lines = sys.stdin.buffer.readlines() if file == "-" else Path(file).read_bytes().splitlines()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", USAGE)
    rows = read_rows(lines, task)
    if not rows:
        fail(f"{file} has no rows", USAGE)
    return rows


def _check_writable(out: str | None) -> None:
    """Before the work, not after: results that cannot be written would be lost."""
    if out is None or out == "-":
        return
    try:
        Path(out).open("a", encoding="utf-8").close()
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", USAGE)


def _complain(rows: Sequence[Row]) -> None:
    unusable = [row for row in rows if isinstance(row, Unusable)]
    for row in unusable[:SHOWN_PROBLEMS]:
        errors.print(f"line {row.line}: {row.problem}", style="yellow", markup=False)
    if len(unusable) > SHOWN_PROBLEMS:
        errors.print(f"… and {len(unusable) - SHOWN_PROBLEMS} more unusable rows")


def _write(out: str | None, rows: Sequence[Row], results: Sequence[VerifyResult]) -> None:
    """One line for each row, in order, whatever became of it."""
    if out is None:
        return
    verified = iter(results)
    lines = [json.dumps(_line(row, verified), ensure_ascii=False) + "\n" for row in rows]
    try:
        if out == "-":
            sys.stdout.write("".join(lines))
        else:
            Path(out).write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", USAGE)


def _line(row: Row, verified: Iterator[VerifyResult]) -> dict[str, Any]:
    match row:
        case Usable(line, _, label):
            return {"line": line, **next(verified).model_dump(mode="json"), "label": label}
        case Skipped(line, name):
            return {"line": line, "id": name, "skipped": "no reference"}
        case Unusable(line, name, problem):
            return {"line": line, "id": name, "error": problem}


def _show(rows: Sequence[Row], results: Sequence[VerifyResult], console: Console) -> None:
    usable = [row for row in rows if isinstance(row, Usable)]
    labelled = [
        (result, row.label)
        for row, result in zip(usable, results, strict=True)
        if row.label is not None and result.problem is None
    ]
    if labelled:
        console.print(stages_table(labelled))
    if results:
        console.print(deciders_table(results))
    if skipped := sum(isinstance(row, Skipped) for row in rows):
        console.print(f"{skipped} rows have no reference and were skipped")
    if unusable := _unusable(rows, results):
        console.print(f"{unusable} rows were unusable; their lines in the results say what to fix")


def _unusable(rows: Sequence[Row], results: Sequence[VerifyResult]) -> int:
    return sum(isinstance(row, Unusable) for row in rows) + sum(r.problem is not None for r in results)
