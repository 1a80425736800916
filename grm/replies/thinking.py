"""A judge's own thinking, taken off before anything is read.

Rule 1: a verdict inside a thinking block is not a verdict: judges change their mind in there.
Rule 2: a block that was opened and never closed swallows the rest: the judge was cut off while thinking.
"""

import re

_NAMES = "think|thinking|thought|thoughts|reasoning|scratchpad|reflection"
_BLOCK = re.compile(rf"<({_NAMES})\b[^>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_OPENED = re.compile(rf"<(?:{_NAMES})\b[^>]*>", re.IGNORECASE)
_CLOSED = re.compile(rf"</(?:{_NAMES})\s*>", re.IGNORECASE)
_SEED = re.compile(r"<seed:think>.*?</seed:think>", re.DOTALL)
_HARMONY = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b.*?(?=<\|channel\|>|<\|start\|>|\Z)", re.DOTALL)
_HARMONY_TOKEN = re.compile(r"<\|(?:channel|start|message|end|return)\|>(?:final|assistant)?")


def without_thinking(text: str) -> str:
    """What the judge said after its thinking.

    >>> without_thinking("<think>[[A]]? no</think> [[B]]"), without_thinking("late </think> Yes")
    (' [[B]]', ' Yes')
    """
    text = _HARMONY_TOKEN.sub("", _HARMONY.sub("", _SEED.sub("", text)))
    text = _BLOCK.sub("", text)
    # Templates that open the block in the prompt leave only its end in the reply.
    *_, last = _CLOSED.split(text)
    opened = _OPENED.search(last)
    return last[: opened.start()] if opened else last
