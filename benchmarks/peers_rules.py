"""One peer library, asked as its own documentation advises, in its own process and environment.

Run by `benchmarks/rules.py` with the interpreter of `.venv-peers`; imports nothing of ours.
Reads items as JSON lines ({"reference": [...], "response", "bare"}) from standard input, writes one line
for each: {"yes": bool, "cpu_s": float, "error": str or null}. Its first line tells what import and first call
took.
Rule 1: a peer gets its best call: bare answers in the markup it looks for, several references tried in turn.
Rule 2: CPU time is that of the one thread that works (an armed profiling timer makes the clock of the
        whole process coarse), around the peer's work with the wrapping of its input, without the reading.
"""

import importlib.util
import json
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

PER_ITEM_LIMIT_S = 20  # wall clock; Math-Verify's own limit is 5 s for each reading and 5 s for the comparison

Check = Callable[[str, str, bool], bool]  # reference, response, whether the response is a bare answer


SPACING = re.compile(r"(?<!\\)\\(?:quad|[ ,;!])")
ALREADY_MATH = re.compile(r"(?<!\\)\$|\\boxed|(?<!\\)\\[\[(]")


def in_math(text: str) -> str:
    """An answer in the dollars that Math-Verify looks for, spacing macros gone: measured as its best call."""
    text = SPACING.sub(" ", text)
    return text if ALREADY_MATH.search(text) else f"${text.strip()}$"


def math_verify_check() -> Check:
    library = importlib.import_module("math_verify")
    parse, verify = library.parse, library.verify

    def check(reference: str, response: str, bare: bool) -> bool:
        return bool(verify(parse(in_math(reference)), parse(in_math(response) if bare else response)))

    return check


def latex2sympy_check() -> Check:
    sympy = importlib.import_module("sympy")
    library = importlib.import_module("latex2sympy2_extended.latex2sympy2")
    tidy = library.NormalizationConfig(basic_latex=True, units=True, malformed_operators=True, nits=True, boxed="last")

    def read(text: str) -> Any:
        return library.latex2sympy(library.normalize_latex(text.replace("$", ""), tidy))

    def check(reference: str, response: str, bare: bool) -> bool:
        gold, given = read(reference), read(response if bare else last_box(response))
        return bool(gold == given or sympy.simplify(gold - given) == 0)

    return check


def mathruler_check() -> Check:
    grader = importlib.import_module("mathruler.grader")

    def check(reference: str, response: str, bare: bool) -> bool:
        boxed = not bare or "\\boxed" in response
        answer = grader.extract_boxed_content(response) if boxed else response
        return bool(grader.grade_answer(answer.replace("$", ""), reference.replace("$", "")))

    return check


def verl_dapo_check() -> Check:
    dapo = verl_file("math_dapo.py")

    def check(reference: str, response: str, bare: bool) -> bool:
        said = f"Answer: {response}" if bare and "\\boxed" not in response else response
        return bool(dapo.compute_score(said, dapo.normalize_final_answer(reference))["acc"])

    return check


PEERS: dict[str, Callable[[], Check]] = {
    "math-verify": math_verify_check,
    "latex2sympy2-extended": latex2sympy_check,
    "mathruler": mathruler_check,
    "verl-dapo": verl_dapo_check,
}


def verl_file(name: str) -> ModuleType:
    """One scoring file of verl, loaded alone: the package itself imports its training stack."""
    root = importlib.util.find_spec("verl")
    assert root is not None
    assert root.origin is not None
    path = Path(root.origin).parent / "utils" / "reward_score" / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def last_box(text: str) -> str:
    r"""What the last box holds, else the text itself.

    >>> last_box(r"so \boxed{2^{3}}.")
    '2^{3}'
    """
    start = text.rfind("\\boxed{")
    if start < 0:
        return text
    depth, begin = 1, start + len("\\boxed{")
    for at in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[begin:at]
    return text[begin:]


class Overdue(BaseException):
    """The peer ran past the limit; not an Exception, so that the peer's own handlers let it pass."""


def overdue(signum: int, frame: FrameType | None) -> None:
    raise Overdue(f"over {PER_ITEM_LIMIT_S} s")


def ask(check: Check, item: dict[str, Any]) -> dict[str, Any]:
    # A timer of its own kind: Math-Verify arms SIGALRM itself.
    signal.setitimer(signal.ITIMER_PROF, PER_ITEM_LIMIT_S)
    start = time.thread_time()
    yes, error = False, None
    try:
        yes = any(check(reference, item["response"], item["bare"]) for reference in item["reference"])
    except (Exception, Overdue) as problem:
        error = f"{type(problem).__name__}: {problem}"[:200]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"yes": yes, "cpu_s": time.thread_time() - start, "error": error}


def main() -> None:
    signal.signal(signal.SIGPROF, overdue)
    start = time.thread_time()
    check = PEERS[sys.argv[1]]()
    imported = time.thread_time()
    ask(check, {"reference": [r"\frac{19}{37}"], "response": r"\boxed{\frac{38}{74}}", "bare": True})
    first = time.thread_time()
    # The peer may print; its standard output is ours to read, so it gets the error stream instead.
    answers, sys.stdout = sys.stdout, sys.stderr
    print(
        json.dumps({"import_cpu_s": imported - start, "first_call_cpu_s": first - imported}),
        file=answers,
        flush=True,
    )
    for line in sys.stdin:
        print(json.dumps(ask(check, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
