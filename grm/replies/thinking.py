"""A judge's own thinking, taken off before anything is read.

Rule 1: a verdict inside a thinking block is not a verdict: judges change their mind in there.
Rule 2: a block that was opened and never closed swallows the rest: the judge was cut off while thinking.
Rule 3: one pass over the tags: candidates reach this too, and a text of ten thousand openings must cost nothing.
"""

import re

_NAMES = "seed:think|think|thinking|thought|thoughts|reasoning|scratchpad|reflection"
_TAG = re.compile(rf"<(/?)(?:{_NAMES})(?:\s[^<>\n]{{0,80}})?>", re.IGNORECASE)
_HARMONY = re.compile(r"<\|channel\|>\s{0,4}(\w{1,20})|<\|(?:start|message|end|return)\|>(?:assistant)?")


def without_thinking(text: str) -> str:
    """What the judge said after its thinking.

    >>> without_thinking("<think>[[A]]? no</think> [[B]]"), without_thinking("late </think> Yes")
    (' [[B]]', ' Yes')
    """
    said: list[str] = []
    depth = at = 0
    for tag in _TAG.finditer(text):
        if not depth:
            said.append(text[at : tag.start()])
        if not tag[1]:
            depth += 1
        elif depth:
            depth -= 1
        else:
            # Templates that open the block in the prompt leave only its end in the reply.
            said.clear()
        at = tag.end()
    if not depth:
        said.append(text[at:])
    return _final_channel("".join(said))


def _final_channel(text: str) -> str:
    """Without the analysis and commentary channels of the harmony format."""
    said: list[str] = []
    at, thinking = 0, False
    for token in _HARMONY.finditer(text):
        if not thinking:
            said.append(text[at : token.start()])
        if token[1]:
            thinking = token[1].casefold() in ("analysis", "commentary")
        elif token[0].startswith("<|start|>"):
            thinking = False
        at = token.end()
    if not thinking:
        said.append(text[at:])
    return "".join(said)
