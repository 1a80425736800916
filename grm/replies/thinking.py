"""A judge's own thinking, told apart from what it says before anything is read.

Rule 1: a verdict inside a thinking block is not a verdict: judges change their mind in there.
Rule 2: a block that was opened and never closed swallows the rest: the judge was cut off while thinking.
Rule 3: a reply that is one JSON object from end to end says all of it: a tag in there is a quote.
Rule 4: one pass over the tags: candidates reach this too, and a text of ten thousand openings must cost nothing.
"""

import json
import re

_NAMES = "seed:think|think|thinking|thought|thoughts|reasoning|scratchpad|reflection"
_TAG = re.compile(
    rf"<(?P<end>/?)(?:{_NAMES})(?:\s[^<>\n]{{0,80}})?>|◁(?P<kimi>/?)think▷|\[(?P<mistral>/?)THINK\]", re.IGNORECASE
)
_HARMONY = re.compile(r"<\|channel\|>\s{0,4}(\w{1,20})|<\|(?:start|message|end|return)\|>(?:assistant)?")


def without_thinking(text: str) -> str:
    """What the judge said after its thinking.

    >>> without_thinking("<think>[[A]]? no</think> [[B]]"), without_thinking("late </think> Yes")
    (' [[B]]', ' Yes')
    """
    return split_thinking(text)[1]


def split_thinking(text: str) -> tuple[str, str]:
    """The thinking, and what was said.

    >>> split_thinking("<think>hm</think> Yes"), split_thinking('{"comment": "it ends in </think>"}')
    (('hm', ' Yes'), ('', '{"comment": "it ends in </think>"}'))
    """
    if _is_one_object(text):
        return "", text
    thought: list[str] = []
    said: list[str] = []
    depth = at = 0
    for tag in _TAG.finditer(text):
        (thought if depth else said).append(text[at : tag.start()])
        closes = bool(tag["end"] or tag["kimi"] or tag["mistral"])
        if not closes:
            depth += 1
        elif depth:
            depth -= 1
        else:
            # Templates that open the block in the prompt leave only its end in the reply.
            thought += said
            said.clear()
        at = tag.end()
    (thought if depth else said).append(text[at:])
    more, rest = _split_channels("".join(said))
    # An opening tag and no more: it has begun to think.
    return "".join(thought) + more or ("" if rest.strip() else text.strip()), rest


def _is_one_object(text: str) -> bool:
    bare = text.strip()
    if not (bare.startswith("{") and bare.endswith("}")):
        return False
    try:
        return isinstance(json.loads(bare, strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _split_channels(text: str) -> tuple[str, str]:
    """The analysis and commentary channels of the harmony format, and what is outside them."""
    thought: list[str] = []
    said: list[str] = []
    at, thinking = 0, False
    for token in _HARMONY.finditer(text):
        (thought if thinking else said).append(text[at : token.start()])
        if token[1]:
            thinking = token[1].casefold() in ("analysis", "commentary")
        elif token[0].startswith("<|start|>"):
            thinking = False
        at = token.end()
    (thought if thinking else said).append(text[at:])
    return "".join(thought), "".join(said)
