"""The data card beside an output: what went in, what came out and why, under which settings, at what cost.

As JSON for programs (`OUT.card.json`) and as Markdown for people (`OUT.card.md`).
"""

import json
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchstone_trainer.curation.digest import sha256

if TYPE_CHECKING:
    from touchstone_trainer.curation.stage import Job

TABLE_ROWS = 40
"""Lines of a table in the Markdown form; the JSON form has all of them."""


def write(
    job: "Job", counts: Mapping[str, float], problems: Sequence[str], seconds: float, extra: Mapping[str, Any]
) -> None:
    """Both forms, beside the main output."""
    content = {
        "command": job.command,
        "version": _version(),
        "parameters": dict(job.parameters),
        "columns": dict(job.columns),
        "limit": job.limit,
        "inputs": [{"path": source, "sha256": sha256(source)} for source in job.inputs],
        "outputs": [{"stream": name, "path": path, "sha256": sha256(path)} for name, path in job.outputs.items()],
        "counts": dict(sorted(counts.items())),
        "problems": list(problems),
        "seconds": round(seconds, 3),
        "peak_memory_mib": round(peak_memory_mib(), 1),
        **extra,
    }
    path_of(job.main, "json").write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    path_of(job.main, "md").write_text(as_markdown(job.main.name, content))


def path_of(output: Path, form: str) -> Path:
    """Where the card of an output is; `form` is json or md."""
    return output.with_name(f"{output.name}.card.{form}")


def peak_memory_mib() -> float:
    """The most this process has held at once."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def as_markdown(title: str, content: Mapping[str, Any]) -> str:
    """A heading, one table for each mapping, one list for each list, a line for all else."""
    plain = {name: value for name, value in content.items() if not isinstance(value, dict | list)}
    lines = [f"# {title}", "", *(f"- {_words(name)}: {_shown(value)}" for name, value in plain.items())]
    for name, value in content.items():
        if isinstance(value, dict | list) and value:
            lines += ["", f"## {_words(name)}", "", *_section(value)]
    return "\n".join(lines) + "\n"


def _section(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    entries = list(value.items()) if isinstance(value, Mapping) else list(value)
    if isinstance(value, Mapping):
        yield from ("| | |", "|---|---:|")
        yield from (f"| {_shown(name)} | {_shown(part)} |" for name, part in entries[:TABLE_ROWS])
    else:
        yield from (f"- {_shown(part)}" for part in entries[:TABLE_ROWS])
    if len(entries) > TABLE_ROWS:
        yield from ("", f"... and {len(entries) - TABLE_ROWS} more")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("|", "\\|").replace("\n", " ")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _version() -> str:
    try:
        return version("touchstone-trainer")
    except PackageNotFoundError:
        return "not installed"
