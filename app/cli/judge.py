"""`touchstone judge`: a file of cases to judgements, and to tables where the right ones are known."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.exit_codes import UNUSABLE_ROWS, USAGE, errors, fail, fail_for
from app.cli.judge_report import Judged, accuracy_table, cost_line
from app.cli.judge_rows import Labelled, Row, Unusable, read_rows
from app.cli.options import check_model
from app.cli.service import DEFAULT_URL, in_process, over_http
from touchstone_client import AsyncClient, JudgeResult, TouchstoneError

SLICE_CASES = 64
"""In one call of the client, each with a deadline of its own."""
SHOWN_PROBLEMS = 20


def judge(  # noqa: PLR0913, PLR0917 - one parameter for each option
    file: Annotated[
        str | None, typer.Argument(metavar="FILE.jsonl", help="Rows to judge; - reads standard input.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The service.", show_default=DEFAULT_URL)] = None,
    local: Annotated[bool, typer.Option("--local", help="Run the service inside this process instead.")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="SPEC", help="With --local: http://host:port/v1 or vllm:NAME.")
    ] = None,
    protocol: Annotated[str, typer.Option(help="For rows that name none.")] = "pointwise",
    votes: Annotated[int | None, typer.Option(min=1, max=9, help="Readings; for rows that name none.")] = None,
    one_order: Annotated[
        bool, typer.Option("--one-order", help="Do not judge several responses in the reverse order too.")
    ] = False,
    replay: Annotated[
        str | None, typer.Option(metavar="TRANSCRIPTS.jsonl", help="Read recorded replies; no model is asked.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="PATH", help="Results as JSONL; - writes standard output.")] = None,
) -> None:
    """Judge a file of responses, or replay recorded judgements.

    A row is {"question": ..., "response": ...} with label true or false, or {"responses": [...]} with the place of the
    best (0, "A" or "tie"), or {"chosen": ..., "rejected": ...}; optional id, category, reference, rubric, kind,
    aspects, protocol, votes. With --replay the file is a log of the service, or lines {"reply": text, "kind": choice,
    preference, score, scores or label, "expected": ...}.

    Exit status: 0 all rows done; 1 some rows were unusable; 2 the call is wrong; 3 no service answers.
    """
    if (file is None) == (replay is None):
        fail("give either FILE.jsonl or --replay TRANSCRIPTS.jsonl", USAGE)
    if model is not None and not local:
        fail("--model needs --local; a running service has its own", USAGE)
    if url is not None and local:
        fail("--url and --local exclude each other", USAGE)
    if replay is not None:
        _replay(replay, out)
        return
    check_model("--model", [model] if model else None)
    rows = read_rows(_lines(file or ""), protocol, votes)
    if not rows:
        fail(f"{file} has no rows", USAGE)
    _complain(rows)
    usable = [row for row in rows if isinstance(row, Labelled)]
    opened = in_process(model) if local else over_http(url or DEFAULT_URL)
    judged = asyncio.run(_judge(opened, usable, both_orders=not one_order)) if usable else []
    _write(out, [_line(one) for one in judged])
    console = Console(stderr=out == "-", soft_wrap=True)
    if judged:
        console.print(accuracy_table(judged))
        console.print(cost_line(judged))
    if len(usable) < len(rows) or any(one.result.problem for one in judged):
        raise typer.Exit(UNUSABLE_ROWS)


def _replay(path: str, out: str | None) -> None:
    from app.cli.judge_replay import line_of, replay_table  # noqa: PLC0415 - see app.cli
    from app.cli.judge_replay import replay as replay_lines  # noqa: PLC0415

    replayed = replay_lines(_lines(path))
    if not replayed:
        fail(f"{path} has no rows", USAGE)
    broken = [one for one in replayed if one.problem]
    for one in broken[:SHOWN_PROBLEMS]:
        errors.print(f"line {one.line}: {one.problem}", style="yellow", markup=False)
    _write(out, [line_of(one) for one in replayed])
    Console(stderr=out == "-", soft_wrap=True).print(replay_table(replayed))
    if broken:
        raise typer.Exit(UNUSABLE_ROWS)


def _lines(file: str) -> list[bytes]:
    try:
        return sys.stdin.buffer.readlines() if file == "-" else Path(file).read_bytes().splitlines()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", USAGE)


def _complain(rows: Sequence[Row]) -> None:
    unusable = [row for row in rows if isinstance(row, Unusable)]
    for row in unusable[:SHOWN_PROBLEMS]:
        errors.print(f"line {row.line}: {row.problem}", style="yellow", markup=False)
    if len(unusable) > SHOWN_PROBLEMS:
        errors.print(f"… and {len(unusable) - SHOWN_PROBLEMS} more unusable rows")


async def _judge(
    opened: AbstractAsyncContextManager[AsyncClient], rows: Sequence[Labelled], *, both_orders: bool
) -> list[Judged]:
    swapped = [row for row in rows if both_orders and len(row.case.candidates) > 1]
    cases = [row.case for row in rows] + [
        row.case.model_copy(update={"candidates": row.case.candidates[::-1]}) for row in swapped
    ]
    results: list[JudgeResult] = []
    try:
        async with opened as client:
            for start in range(0, len(cases), SLICE_CASES):
                results += await client.judge(cases[start : start + SLICE_CASES])
    except TouchstoneError as error:
        fail_for(error)
    reverse = {row.line: result for row, result in zip(swapped, results[len(rows) :], strict=True)}
    return [Judged(row, result, reverse.get(row.line)) for row, result in zip(rows, results[: len(rows)], strict=True)]


def _line(judged: Judged) -> dict[str, Any]:
    swapped = judged.swapped.model_dump(mode="json") if judged.swapped else None
    return {
        "line": judged.row.line,
        **judged.result.model_dump(mode="json"),
        "swapped": swapped,
        "label": judged.row.label,
        "category": judged.row.category,
    }


def _write(out: str | None, lines: Sequence[dict[str, Any]]) -> None:
    if out is None:
        return
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    try:
        if out == "-":
            sys.stdout.write(text)
        else:
            Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", USAGE)
