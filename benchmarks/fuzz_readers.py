"""Coverage-guided fuzzing of what reads text of models: `python benchmarks/fuzz_readers.py latex -max_total_time=60`.

TARGET is `latex`, `reply` or `json`; what follows goes to libFuzzer. A finding is any exception that the reader does
not announce, or an input that takes longer than SLOW_S. libFuzzer writes the input to a file and ends with a status
other than 0; give that file in place of the options to see it again. Needs atheris (`pip install atheris`).
"""

import contextlib
import json as reading
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["verifiers", "grm"]):
    from grm.replies import Expected, ReplyKind, read_reply
    from verifiers import math_answer
    from verifiers.json_text import NotJsonError, json_values, last_json, read_json
    from verifiers.math_answer.reading.errors import Unparsable
    from verifiers.math_answer.reading.reader import read, readings
    from verifiers.problem import Problem
    from verifiers.verdict import Outcome

CASES = Path(__file__).parent.parent / "tests" / "cases"
MAX_BYTES = 2_000
WORD = re.compile(r"\\[a-zA-Z]+|[A-Za-z]{3,12}")
SLOW_S = 2.0
"""CPU seconds for one input: what a worker has for an item. Instrumented code is several times slower than it is."""
KINDS = list(ReplyKind)


class Slow(Exception):
    """An input that would use up a worker's time."""


def latex(text: str) -> None:
    """Two expressions and the text around them: read each, and compare."""
    response, _, reference = text.partition("\x1f")
    for side in (response, reference):
        with contextlib.suppress(Unparsable):
            read(side)
            list(readings(side))
    verdict = math_answer.verify(Problem(f"so \\boxed{{{response}}}", (reference or response,)))
    assert isinstance(verdict.outcome, Outcome)
    math_answer.verify(Problem(response, (reference,)))


def reply(text: str) -> None:
    """A judge's reply, for every kind of question; the first character says whether it was cut."""
    reason = "length" if text[:1] < "A" else "stop"
    for kind in KINDS:
        read_reply(text[1:], Expected(kind, names=("A", "B"), high=10.0, exact=False), finish_reason=reason, shown=())


def json(text: str) -> None:
    """Every JSON value in a text, and the last object."""
    json_values(text)
    for reader in (last_json, read_json):
        with contextlib.suppress(NotJsonError):
            reader(text)


TARGETS: Mapping[str, Callable[[str], None]] = {"latex": latex, "reply": reply, "json": json}


def timed(target: Callable[[str], None]) -> Callable[[bytes], None]:
    """The target as libFuzzer calls it."""

    def run(data: bytes) -> None:
        text = data.decode(errors="replace")
        started = time.process_time()
        target(text)
        if (took := time.process_time() - started) > SLOW_S:
            raise Slow(f"{took:.1f} s of CPU for {text!r}")

    return run


def seeds(name: str) -> list[str]:
    """What the tests' cases hold, to begin with."""
    if name == "latex":
        pairs = [(case["text"], case["read"]) for case in _cases("reading.json")]
        for file in sorted((CASES / "math").glob("*.json")):
            pairs += [(case["response"], case["reference"]) for case in _cases(f"math/{file.name}")]
        return [f"{left}\x1f{right}" for left, right in pairs if isinstance(right, str)]
    if name == "reply":
        return ["s" + case["reply"] for case in _cases("judge_replies.json")]
    return [case["response"] for file in ("json_answer.json", "tool_calls.json") for case in _cases(file)]


def _cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = reading.loads((CASES / name).read_text())
    return cases


def main() -> None:
    """Fuzz until libFuzzer's options say enough."""
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder, "seeds"), Path(folder, "words")
        corpus.mkdir()
        texts = seeds(name)
        for number, text in enumerate(texts):
            (corpus / str(number)).write_text(text[:MAX_BYTES])
        found = sorted({word for text in texts for word in WORD.findall(text)})
        words.write_text("".join(f'"{word}"\n'.replace("\\", "\\\\") for word in found))
        asked = [*sys.argv, f"-max_len={MAX_BYTES}", f"-dict={words}", str(corpus)]
        atheris.Setup(asked, timed(TARGETS[name]))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
