"""Which responses may be rescued by a model at all.

Rule 1: one-way power needs clean hands: a response with nothing in it, or one that speaks to its judge, keeps the
        rules' verdict, and no model is asked.
Rule 2: a response is looked at once, however often it comes: that takes a millisecond or more of the event loop.
"""

import cachebox

from grm.gate import gate
from grm.judgement import Candidate, Case, Task
from grm.suspicions import suspicions
from verifiers.problem import Problem

MAX_SUSPECTED_CHARS = 2_000
"""Of the response's end: the model sees the answer alone, and reasoning talks of models and references too."""


MAX_KNOWN = 16_384
"""The refused responses of a training step or two; some 3 MB."""


class Bars:
    """What `barred` says, and has said of the responses before."""

    def __init__(self) -> None:
        self._known: cachebox.LRUCache[tuple[bytes, str], str] = cachebox.LRUCache(MAX_KNOWN)

    def of(self, key: bytes, problem: Problem, answer: str) -> str:
        """`barred(problem, answer)`, where `key` stands for the problem."""
        said = self._known.get((key, answer))
        if said is None:
            said = self._known[key, answer] = barred(problem, answer)
        return said


def barred(problem: Problem, answer: str) -> str:
    """Why the response may not be rescued, or nothing.

    >>> barred(Problem("...", ("8",), "What is 3 + 5?"), "...")
    'only symbols were written'
    """
    candidate = Candidate("0", problem.response, answer=answer)
    rejections = (
        gate(Case(problem.question or "", (candidate,), reference, task=Task.ANSWER), candidate)
        for reference in problem.references
    )
    first = next(rejections)
    if first is not None and all(rejections):
        return first.detail
    flags = suspicions(problem.response[-MAX_SUSPECTED_CHARS:])
    return f"the response speaks to its judge ({', '.join(flags)})" if flags else ""
