"""A chain of thought as steps, which of them only doubt, and which state an answer. English and Chinese."""

import re
from dataclasses import dataclass

SEPARATOR = "\n\n"
THINK, END_THINK = "<think>", "</think>"

_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_FENCE = re.compile(r"^\s*(?:```|\$\$|\\\[|\\\]|\\begin\{|\\end\{)", re.M)
_REFLECTION = re.compile(
    r"(?i)^\W*(?:(?:but|and|so|ok|okay|oh|no|now|however|alright|well)\W+){0,2}"
    r"(?:wait|hmm+|hold on|actually|alternatively|on second thought|just to be (?:sure|safe|certain)|to (?:be|"
    r"make) (?:\w+ )?sure|"
    r"(?:let me|let's|i(?:'ll| will| should| need to| want to| must| could| can)|we (?:should|can|could|need to)|to) "
    r"(?:just |quickly |also |now |first )*(?:double[- ]?check|re-?check|check|verify|re-?verify|confirm|"
    r"re-?consider|re-?think|"
    r"re-?examine|re-?read|re-?calculate|re-?compute|think again|go over|look (?:at (?:this|it|that) )?again|"
    r"test (?:this|it|that))|"
    r"double[- ]?checking|re-?checking|checking (?:again|this|that|my)|verifying|verification|"
    r"(?:is|was) (?:that|this|it) (?:right|correct|really|true)|did i|am i (?:sure|missing)|maybe i (?:should|"
    r"made|missed|am)|"
    r"i(?:'m| am) not (?:\w+ )?sure|i (?:might|may|could) (?:have|be)|does (?:that|this|it) make sense|another way)\b"
    r"|^\W*(?:(?:但是?|不过|嗯|哦|那么|所以|好|可是)[，,、]?){0,2}"
    r"(?:等等|等一下|等下|稍等|慢着|不对|其实|嗯+|或者|另一种(?:方法|思路)|换(?:个|一种)(?:方法|思路|角度)|回头看|"
    r"(?:让我们?|我们?|来|再|重新|仔细|先)+(?:检查|验证|验算|核对|确认|检验|复查|想一想|想想|考虑|看看|算一遍|审视)|"
    r"(?:检查|验证|验算|核对|确认|检验|复查)(?:一下|一遍|[：:，,]|答案|结果|上面|前面|刚才)|"
    r"这(?:样)?(?:对|正确)吗|是不是|会不会|真的(?:对|是)吗|我(?:是不是|可能|会不会))"
)
_ANSWER = re.compile(r"(?i)\\boxed\s*\{|\b(?:final )?answer(?:\s*is|\s*[:：=])|答案(?:是|为|等于|[:：])")


@dataclass(frozen=True)
class Response:
    """A response as its reasoning, in steps, and what follows; `tail` is None where nothing marks it off."""

    steps: tuple[str, ...]
    tail: str | None


def split(text: str) -> Response:
    """A response in parts.

    >>> split("<think>\\nTry 2.\\n\\nWait.\\n</think>\\nIt is 2.")
    Response(steps=('Try 2.', 'Wait.'), tail='It is 2.')
    """
    if END_THINK in text:
        thought, _, tail = text.partition(END_THINK)
        return Response(in_steps(thought.replace(THINK, "", 1)), tail.strip())
    return Response(in_steps(text.replace(THINK, "", 1)), None)


def in_steps(text: str) -> tuple[str, ...]:
    """Parts between blank lines; code and displayed formulas stay whole."""
    steps: list[str] = []
    for part in _BLANK_LINE.split(text.strip()):
        if steps and len(_FENCE.findall(steps[-1])) % 2:
            steps[-1] += SEPARATOR + part
        elif part.strip():
            steps.append(part.strip())
    return tuple(steps)


def reflects(step: str) -> bool:
    """Whether a step begins by doubting or re-checking what stands before it."""
    return bool(_REFLECTION.match(step))


def states_answer(step: str) -> bool:
    """Whether a step states an answer."""
    return bool(_ANSWER.search(step))


def first_step(text: str) -> str:
    """What of a continuation is its first step; "" where there is none."""
    steps = in_steps(text)
    return steps[0] if steps else ""
