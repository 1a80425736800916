"""The driver: gate, ask, read, repair once, vote, aggregate. It knows deadlines; protocols know questions.

Rule 1: every candidate gets exactly one Judgement, in order, and nothing a server does raises from here.
Rule 2: what is finished by the deadline is scored, the rest is unscored; one slow call loses only itself.
Rule 3: identical candidates are judged once.
"""

from collections.abc import Callable, Mapping, Sequence

from grm.asking import JudgeProtocol, Policy
from grm.backend import Backend, Message, Reply
from grm.judgement import Case, Judgement

Recorder = Callable[[Sequence[Message], Reply], None]
"""Called with every question and its reply, in the order of arrival, so that judgements can be logged and replayed."""

PROTOCOLS: Mapping[str, JudgeProtocol] = {}


async def judge(
    case: Case,
    protocol: str,
    backend: Backend,
    policy: Policy,
    *,
    deadline_s: float,
    recorder: Recorder | None = None,
) -> tuple[Judgement, ...]:
    """One Judgement per candidate, within `deadline_s` seconds. Raises KeyError for an unknown protocol and
    ValueError for a case that the protocol cannot take (too few or too many candidates).
    """
    raise NotImplementedError
