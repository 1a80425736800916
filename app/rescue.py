"""Which responses may be rescued by a model at all. Pure.

Rule 1: one-way power needs clean hands: a response with nothing in it, or one that speaks to its judge, keeps the
        rules' verdict, and no model is asked.
"""

from grm.gate import gate
from grm.judgement import Candidate, Case, Task
from grm.suspicions import suspicions
from verifiers.problem import Problem

MAX_SUSPECTED_CHARS = 2_000
"""Of the response's end: the model sees the answer alone, and reasoning talks of models and references too."""


def barred(problem: Problem, answer: str) -> str:
    """Why the response may not be rescued, or nothing.

    >>> barred(Problem("...", ("8",), "What is 3 + 5?"), "...")
    'only symbols were written'
    """
    candidate = Candidate("0", problem.response, answer=answer)
    rejections = [
        gate(Case(problem.question or "", (candidate,), reference, task=Task.ANSWER), candidate)
        for reference in problem.references
    ]
    if rejections[0] is not None and all(rejections):
        return rejections[0].detail
    flags = suspicions(problem.response[-MAX_SUSPECTED_CHARS:])
    return f"the response speaks to its judge ({', '.join(flags)})" if flags else ""
