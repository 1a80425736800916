"""Inputs made to hang or to blow up: each gets some verdict, within bounded CPU time and memory, off the main thread.

Rule 1: every input runs in a forked child of its own with RLIMIT_AS and RLIMIT_CPU. The CPU limit only catches
        hangs: nothing here is a timing, and a busy machine changes nothing.
Rule 2: equal sides are never refuted and unequal ones never paid; which of the honest outcomes it is stays open.
This file is also the program that runs the children: `python test_math_limits.py < names`.
"""

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
CPU_LIMIT_S = 10  # per input; the promise is 50 ms, so only a hang comes near
ADDRESS_SPACE_MIB = 1024  # on top of nothing: interpreter, libraries and the input included
GROWTH_LIMIT_MIB = 64  # of resident memory over the idle process; the promise is 50 MB

EQUAL, OTHER, ANY = "equal", "other", "any"


class Input(NamedTuple):
    """`sides` says what is true of the pair: equal, other values, or nothing that matters."""

    response: str
    reference: str
    sides: str
    question: str | None = None


def nested(opening: str, core: str, closing: str, depth: int) -> str:
    return opening * depth + core + closing * depth


def polynomial(terms: int, first: int = 1) -> str:
    return "+".join(f"{k + first}x^{{{k}}}" for k in range(terms))


def matrix(size: int, entry: Callable[[int, int], str]) -> str:
    rows = r" \\ ".join(" & ".join(entry(i, j) for j in range(size)) for i in range(size))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def listing(values: list[int]) -> str:
    return ", ".join(map(str, values))


TOWER = "9^{9^{9^{9}}}"
DIGITS = "7" * 100_000
DETERMINANT = matrix(7, lambda i, j: f"a_{{{i}{j}}}").replace("pmatrix", "vmatrix")
ROOTS = [rf"\sqrt{{{n}}}" for n in range(2, 302)]
SUM = "+".join(rf"\sin({k}x)\cos({k}x)" for k in range(1, 31))
TANGENTS = "".join(rf"\tan {k}^\circ" for k in range(5, 65, 5))

INPUTS: dict[str, Input] = {
    # numbers too large to write out
    "tower": Input(TOWER, "5", OTHER),
    "tower-equal": Input(TOWER, TOWER, EQUAL),
    "tower-plus-one": Input(f"{TOWER}+1", TOWER, OTHER),
    "tower-wide": Input("2^{10^9}", "5", OTHER),
    "tower-wide-2": Input("3^{10^8}", "3^{10^8}+1", OTHER),
    "tower-of-ten": Input("10^{10^{10^{10}}}", "10^{10^{10}}", OTHER),
    "tower-mod": Input(r"7^{7^{7^7}} \bmod 1000", "5", OTHER),
    "tower-sine": Input(r"\sin(9^{9^9})", r"\sin(9^{9^9})", EQUAL),
    "tower-of-e": Input("e^{e^{e^{e^{10}}}}", "e^{e^{e^{e^{11}}}}", OTHER),
    "tower-of-pi": Input(r"\pi^{\pi^{\pi^{\pi^{\pi}}}}", "5", OTHER),
    "tower-unbraced": Input("9^9^9^9^9^9^9", "5", OTHER),
    "power-tower-of-x": Input("x" + "^x" * 5_000, "x", ANY),
    "logarithm-of-tower": Input(r"\log_2(2^{2^{100}})", "2^{10^9}", OTHER),
    "factorial": Input("100000000!", "5", OTHER),
    "factorial-equal": Input("100000000!", "100000000!", EQUAL),
    "factorial-of-factorial": Input("((10!)!)", "((10!)!)!", OTHER),
    "factorial-marks": Input("5" + "!" * 5_000, "5", ANY),
    "binomial": Input(r"\binom{10^7}{5\cdot 10^6}", "5", OTHER),
    "binomial-equal": Input(r"\binom{10^7}{5\cdot 10^6}", r"\binom{10^7}{5\cdot 10^6}", EQUAL),
    "exponent-notation": Input("1e999999999", "5", OTHER),
    "exponent-notation-small": Input("1e-999999999", "0", OTHER),
    "percent-of-huge": Input(r"10^{10^8}\%", "5", OTHER),
    "root-index": Input(r"\sqrt[1000000007]{2}", "1", OTHER),
    "floor-of-huge": Input(r"\lfloor \pi \cdot 10^{50000} \rfloor", "3", OTHER),
    "gcd-of-huge": Input(r"\gcd(10^{10^7}, 6^{10^7})", "5", OTHER),
    "huge-base": Input("1" * 50_000 + "_2", "5", OTHER),
    "huge-fraction": Input(rf"\frac{{{DIGITS}}}{{3}}", rf"\frac{{{DIGITS}}}{{7}}", OTHER),
    "sum-of-a-billion": Input(r"\sum_{k=1}^{10^9} k", "5", OTHER),
    "product-of-a-million": Input(r"\prod_{k=1}^{10^6} k", "5", OTHER),
    "double-sum": Input(r"\sum_{i=1}^{9999}\sum_{j=1}^{9999}\sum_{k=1}^{9999} ijk", "5", OTHER),
    "poles": Input(r"\tan\frac{\pi}{2}+\frac{1}{\sin\pi}+\log 0+0^0", "5", ANY),
    # long numbers
    "digits-equal": Input(DIGITS, DIGITS, EQUAL),
    "digits-off": Input(DIGITS[:-1] + "8", DIGITS, OTHER),
    "digits-grouped": Input(",".join(["777"] * 30_000), "777", OTHER),
    "digits-repeating": Input(rf"0.\overline{{{DIGITS}}}", "0.7", OTHER),
    "digits-after-the-point": Input("0." + DIGITS, r"\frac{7}{9}", ANY),
    "digits-chinese": Input("九" * 100_000, "9", ANY),
    "number-words": Input("one hundred and " * 10_000, "100", ANY),
    # depth
    "fractions-60": Input(nested(r"\frac{1}{1+", "x", "}", 60), "x", ANY),
    "fractions-300": Input(nested(r"\frac{1}{1+", "x", "}", 300), "5", ANY),
    "fractions-20000": Input(nested(r"\frac{1}{1+", "x", "}", 20_000), "5", ANY),
    "roots-500": Input(nested(r"\sqrt{1+", "x", "}", 500), "5", ANY),
    "parentheses-25": Input(nested("(", "5", ")", 25), "5", EQUAL),
    "parentheses-1000": Input(nested("(", "5", ")", 1_000), "6", OTHER),
    "parentheses-20000": Input(nested("(", "5", ")", 20_000), "6", OTHER),
    "brackets-open": Input("[" * 20_000, "6", OTHER),
    "braces": Input("{" * 10_000 + "}" * 10_000, "6", OTHER),
    "set-braces": Input(nested(r"\{", "5", r"\}", 5_000), "6", OTHER),
    "subscripts": Input(nested("a_{", "n", "}", 5_000), "a_n", ANY),
    "bars": Input("|" * 3_000 + "5" + "|" * 3_000, "6", OTHER),
    "minus-signs": Input("-" * 20_000 + "5", "6", OTHER),
    "boxes": Input(nested(r"\boxed{", "5", "}", 5_000), "6", OTHER),
    "texts": Input(nested(r"\text{", "5", "}", 5_000), "6", OTHER),
    "environments": Input(r"\begin{pmatrix}" * 3_000, "6", OTHER),
    "overlines": Input(nested(r"\overline{", "5", "}", 3_000), "6", OTHER),
    "thinking-tags": Input("<think>" * 10_000 + "5", "6", OTHER),
    "logarithms": Input(nested(r"\ln(", "x", ")", 400), nested(r"\ln(", "x", ")", 399), OTHER),
    # width
    "polynomial-300": Input(polynomial(300), polynomial(300), EQUAL),
    "polynomial-300-off": Input(polynomial(300, 2), polynomial(300), OTHER),
    "polynomial-reversed": Input("+".join(reversed(polynomial(300).split("+"))), polynomial(300), EQUAL),
    "power-of-sum": Input("(a+b+c+d)^{1000}", "(d+c+b+a)^{1000}", EQUAL),
    "power-of-sum-off": Input("(a+b+c+d)^{1000}", "(a+b+c-d)^{1000}", OTHER),
    "power-of-binomial": Input("(1+x)^{1000000}", "(1+x)^{1000001}", OTHER),
    "nested-powers": Input("(((((1+x)^9+y)^9+z)^9+u)^9+v)^9", "(((((1+x)^9+y)^9+z)^9+u)^9-v)^9", OTHER),
    "factors": Input("".join(f"(x+{k})" for k in range(400)), "".join(f"(x+{k})" for k in reversed(range(400))), EQUAL),
    "many-variables": Input("".join(f"(x_{{{k}}}+y_{{{k}}})" for k in range(60)), "x_1", OTHER),
    "rational-sum": Input("+".join(rf"\frac{{1}}{{x+{k}}}" for k in range(1, 80)), r"\frac{1}{x}", OTHER),
    "sparse-quotient": Input(r"\frac{x^{1000000000}-1}{x-1}", "x", OTHER),
    "sines": Input(SUM, SUM.replace("x", "y"), ANY),
    "sines-doubled": Input(SUM, "+".join(rf"\frac{{1}}{{2}}\sin({2 * k}x)" for k in range(1, 31)), EQUAL),
    "tangents": Input(TANGENTS, "1", ANY),
    "determinant": Input(DETERMINANT, DETERMINANT, EQUAL),
    "determinant-number": Input(DETERMINANT, "5", OTHER),
    "matrix-12": Input(matrix(12, lambda i, j: str(i * j)), matrix(12, lambda i, j: f"{i}\\cdot {j}"), EQUAL),
    "matrix-12-off": Input(matrix(12, lambda i, j: str(i * j)), matrix(12, lambda i, j: str(i * j + i // 11)), OTHER),
    "matrix-200": Input(matrix(200, lambda i, j: str(i + j)), matrix(200, lambda i, j: str(i - j)), OTHER),
    "list-reversed": Input(listing(list(range(2_000, 0, -1))), listing(list(range(1, 2_001))), EQUAL),
    "list-off": Input(listing(list(range(2_001, 1, -1))), listing(list(range(1, 2_001))), OTHER),
    "list-of-roots": Input(", ".join(reversed(ROOTS)), ", ".join(ROOTS), EQUAL),
    "list-of-letters": Input(
        ", ".join(f"x_{{{k}}}" for k in range(900)), ", ".join(f"x_{{{k}}}" for k in range(1, 901)), OTHER
    ),
    "list-of-expressions": Input(
        ", ".join(rf"(x+{k})^2" for k in range(150)),
        ", ".join(rf"x^2+{2 * k}x+{k * k}" for k in reversed(range(150))),
        EQUAL,
    ),
    "signs": Input(r"\pm 1" + "".join(rf"\pm \sqrt{{{k}}}" for k in range(2, 42)), "5", OTHER),
    "signs-both": Input(r"\pm 1" + r"\pm 2" * 25, r"\pm 2" * 25 + r"\pm 1", ANY),
    "intervals": Input(
        r"\cup".join(f"({k},{k + 1})" for k in range(0, 4_000, 2)),
        r"\cup".join(f"({k},{k + 1})" for k in reversed(range(0, 4_000, 2))),
        EQUAL,
    ),
    "inequalities": Input(r"<".join(map(str, range(5_000))), "5", OTHER),
    "equalities": Input("=".join(["1"] * 20_000), "5", OTHER),
    "quotients": Input("1/" * 20_000 + "1", "5", OTHER),
    "commas": Input("," * 100_000, "5", OTHER),
    "residues": Input(r"x\equiv 7^{10^{18}} \pmod{10^{100000}}", r"x\equiv 3\pmod 7", OTHER),
    # a wrong answer whose tail, cut out, would be right
    "tail-of-list": Input("9, 8," + " " * 3_000 + "5", "5", OTHER),
    "tail-of-list-macros": Input("9, 8," + r"\ " * 3_000 + "5", "5", OTHER),
    "tail-of-list-zeros": Input("9, 8," + "0" * 3_000 + "5", "5", OTHER),
    "tail-of-sum": Input("9+" + "0" * 3_000 + "5", "5", OTHER),
    "tail-of-number": Input("7" + "0" * 3_000 + "5", "5", OTHER),
    "tail-of-power-of-ten": Input("1" + "0" * 2_000, "0", OTHER),
    "tail-after-minus": Input("-" + " " * 3_000 + "5", "5", OTHER),
    "tail-after-minus-zeros": Input("-" + "0" * 3_000 + "5", "5", OTHER),
    "tail-in-a-box": Input(r"\boxed{9," + r"\ " * 3_000 + "5}", "5", OTHER),
    "tail-after-or": Input("The answer is 9 or" + " " * 5_000 + "5", "5", OTHER),
    "tail-with-reference": Input("1, 2, 3, " + "4, " * 2_000 + "5, 6", "5, 6", OTHER),
    "head-of-number": Input("5." + "0" * 3_000 + "1", "5", OTHER),
    "head-of-sum": Input("5" + "+0" * 3_000 + "+1", "5", OTHER),
    # text without sense
    "letters": Input("a" * 100_000, "5", OTHER),
    "letters-equal": Input("a" * 100_000, "a" * 100_000, EQUAL),
    "spaces": Input(" " * 100_000, "5", OTHER),
    "spaces-then-value": Input(" " * 100_000 + "6", "5", OTHER),
    "spacing-macros": Input(r"\," * 30_000 + "6", "5", OTHER),
    "answer-is": Input("answer is " * 5_000, "5", OTHER),
    "answer-is-values": Input("The answer is 6. " * 10_000, "5", OTHER),
    "numbers": Input(" ".join(map(str, range(30_000))), "5", OTHER),
    "alternatives": Input("6 or " * 20_000 + "6", "5", OTHER),
    "dollars": Input("$" * 100_000, "5", OTHER),
    "dollars-odd": Input("$6" * 33_333, "5", OTHER),
    "backslashes": Input("\\" * 100_000, "5", OTHER),
    "commands": Input(r"\frac" * 20_000, "5", OTHER),
    "carets": Input("^" * 50_000, "5", OTHER),
    "boxes-in-a-row": Input(r"\boxed{6}" * 10_000, "5", OTHER),
    "boxes-open": Input(r"\boxed{" * 10_000, "5", OTHER),
    "table": Input("| a | b |\n" * 10_000, "5", OTHER),
    "comments": Input("<!-- " * 20_000, "5", OTHER),
    "tags": Input("<sup>" * 20_000, "5", OTHER),
    "fences": Input("```\n" * 20_000, "5", OTHER),
    "struck-out": Input("~~" * 30_000, "5", OTHER),
    "question-huge": Input("6", "5", OTHER, "Find $x$. " * 30_000),
    "reference-huge": Input("5", "(" * 50_000, ANY),
    "reference-tower": Input("5", "9^{9^{9^{9}}}!", OTHER),
    "options-huge": Input("6", "A", OTHER, "".join(f"({chr(65 + k % 26)}) {k} " for k in range(10_000))),
    # text that is hostile to unicode
    "combining-marks": Input("5" + "\u0301" * 50_000, "6", OTHER),
    "right-to-left": Input("\u202e5\u202c" * 10_000, "6", OTHER),
    "zero-widths": Input("\u200b" * 100_000 + "6", "5", OTHER),
    "lone-surrogates": Input("\ud800" * 1_000 + "6", "5", OTHER),
    "nulls": Input("\x00" * 10_000 + "6", "5", OTHER),
    "ligatures": Input("\ufdfa" * 10_000, "5", OTHER),  # one character, eighteen after compatibility folding
    "emoji": Input("👩‍👩‍👧‍👦" * 10_000, "5", OTHER),
    "private-use": Input("".join(map(chr, range(0xE000, 0xF8FF))), "5", OTHER),
    "every-letter-once": Input("".join(map(chr, range(0x21, 0xD7FF))), "5", OTHER),
    "mathematical-letters": Input("".join(map(chr, range(0x1D400, 0x1D7FF))), "5", OTHER),
}  # fmt: skip


# --- the program that runs the inputs ----------------------------------------------------------------------


def report(name: str) -> dict[str, Any]:
    """Run one input in a forked child; what it said, how it ended and by how much its memory grew."""
    idle_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        judge_in_a_thread(INPUTS[name], writing)
    os.close(writing)
    with os.fdopen(reading) as said:
        outcome = said.read()
    _, status, usage = os.wait4(child, 0)
    growth_mib = (usage.ru_maxrss - idle_kib) / 1024
    return {"name": name, "outcome": outcome, "status": status, "growth_mib": growth_mib}


def judge_in_a_thread(given: Input, writing: int) -> None:
    from verifiers import math_answer
    from verifiers.problem import Problem

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_MIB << 20, ADDRESS_SPACE_MIB << 20))
    problem = Problem(given.response, (given.reference,), given.question)

    def judge() -> None:
        try:
            said = str(math_answer.verify(problem).outcome)
        except BaseException as error:
            said = f"raised {type(error).__name__}: {str(error)[:200]}"
        os.write(writing, said.encode("ascii", "replace"))

    thread = threading.Thread(target=judge)
    thread.start()
    thread.join()
    os._exit(0)


def main() -> None:
    from verifiers import math_answer
    from verifiers.problem import Problem

    for warm in (r"\frac{1}{2}", r"\sin x+\sqrt{2}", "(1,2]", "x+1"):  # what is loaded late is loaded before forking
        math_answer.verify(Problem(warm, (r"\frac{2}{3}", "x", r"\pi")))
    for name in json.load(sys.stdin):
        sys.stdout.write(json.dumps(report(name)) + "\n")


# --- the tests -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports() -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(list(INPUTS)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {said["name"]: said for said in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", list(INPUTS))
def test_hostile_input_gets_a_verdict(name: str, reports: dict[str, dict[str, Any]]) -> None:
    """No hang, no exception, no memory beyond the limit, and never the wrong side."""
    said = reports[name]
    assert said["status"] == 0, f"ended by signal {said['status'] & 127}"
    allowed = {
        EQUAL: {"correct", "undecidable", "unreadable"},
        OTHER: {"incorrect", "undecidable", "unreadable"},
        ANY: {"correct", "incorrect", "undecidable", "unreadable"},
    }[INPUTS[name].sides]
    assert said["outcome"] in allowed
    assert said["growth_mib"] <= GROWTH_LIMIT_MIB


if __name__ == "__main__":
    main()
