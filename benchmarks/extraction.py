"""Microseconds of CPU time that extraction takes, per shape of response: `python benchmarks/extraction.py [rounds]`.

Rule: CPU time of the best of several rounds, so that a busy machine changes little. No case repeats a response, so
that no cache can help.
"""

import sys
import time

from verifiers.math_answer.extraction.extract import extract

ROUNDS = 7
RESPONSES = 300  # a round: some ten milliseconds, far above the clock's grain

_STEP = "We substitute the known values into the equation and simplify, which leaves {n} terms to compare. "
_REASONING = "".join(_STEP.format(n=n) + ("\n\n" if n % 4 == 3 else "") for n in range(22))

SHAPES = {
    "number alone": "{n}",
    "short sentence": "So the total is {n}.",
    "2 kB, box": _REASONING + r"The answer is $\boxed{{{n}}}$.",
    "2 kB, marker": _REASONING + "\n\n**Final Answer:** {n}",
    "2 kB, last sentence": _REASONING + "So there are {n} pens in the box.",
    "2 kB, several boxes": _REASONING
    + r"First \boxed{{1}} from the case above. Then we simplify. Now \boxed{{2}} follows. Finally \boxed{{{n}}}.",
    "2 kB, thinking, box": "<think>" + _REASONING + "</think>\n\nThe answer is $\\boxed{{{n}}}$.",
    "2 kB, display": _REASONING + "\n\\[ x = {n} \\]",
    "20 kB, box": _REASONING * 10 + r"The answer is $\boxed{{{n}}}$.",
    "20 kB, marker": _REASONING * 10 + "\n\nThe final answer is {n}.",
}


def microseconds(shape: str, rounds: int) -> float:
    """CPU time for one response of a shape, the best round's mean."""
    best = float("inf")
    for number in range(rounds):
        responses = [shape.format(n=1000 + number * RESPONSES + k) for k in range(RESPONSES)]
        begin = time.process_time()
        for response in responses:
            extract(response)
        best = min(best, time.process_time() - begin)
    return best / RESPONSES * 1e6


def main() -> None:
    """One line per shape."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for name, shape in SHAPES.items():
        print(f"{name:22} {microseconds(shape, rounds):8.1f} us")


if __name__ == "__main__":
    main()
