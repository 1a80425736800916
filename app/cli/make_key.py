"""`touchstone make-key`: a new key for a caller, shown once; its hash goes into the file of keys."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.cli.exit_codes import USAGE, fail


def make_key(
    name: Annotated[str, typer.Argument(help="Of the caller, as metrics and logs show it.")],
    file: Annotated[Path, typer.Option(help="The file of keys; made where there is none.")],
    requests_per_minute: Annotated[float | None, typer.Option(show_default="no limit")] = None,
    items_per_minute: Annotated[float | None, typer.Option(show_default="no limit")] = None,
    mb_per_minute: Annotated[float | None, typer.Option(show_default="no limit")] = None,
    concurrent_requests: Annotated[int | None, typer.Option(show_default="no limit")] = None,
) -> None:
    """Make a key and write its hash into the file. A caller who has keys gets one more: remove the old hash when all
    have changed over. A running service reads the file again by itself. Limits hold for each server process of each
    replica.

    Exit status: 0 the key is the only line on standard output; 2 the file or a limit does not fit.
    """
    from app.keys import GRANTS, Unreadable, digest, new_key, read_grants  # noqa: PLC0415 - see app.cli

    try:
        grants = {one: grant.model_dump(exclude_none=True) for one, grant in read_grants(file).items()}
    except Unreadable as error:
        if file.exists():
            fail(str(error), USAGE)
        grants = {}
    limits = {
        "requests_per_minute": requests_per_minute,
        "items_per_minute": items_per_minute,
        "mb_per_minute": mb_per_minute,
        "concurrent_requests": concurrent_requests,
    }
    key = new_key()
    known = grants.get(name, {})
    grants[name] = known | {limit: most for limit, most in limits.items() if most is not None}
    grants[name]["sha256"] = [*known.get("sha256", ()), digest(key)]
    try:
        GRANTS.validate_python(grants)
    except ValueError:
        fail(
            "a name has letters, digits, `.`, `_` and `-` only; limits are above 0; a caller has 8 keys at most", USAGE
        )
    _replace(file, json.dumps(grants, indent=2) + "\n")
    typer.echo(key)


def _replace(file: Path, text: str) -> None:
    """At once, so that a service never reads half of it; readable for its owner alone, as it was else."""
    handle, fresh = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(handle, "w") as written:
        written.write(text)
    if file.exists():
        Path(fresh).chmod(file.stat().st_mode)
    Path(fresh).replace(file)
