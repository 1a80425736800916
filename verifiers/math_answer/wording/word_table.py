"""Closed vocabularies of answers in words, as data.

Rule 1: only words whose opposites are known stand here: two members of one class exclude each other.
"""

from typing import Final

NO_SOLUTION: Final = "no solution"
NOT_EXISTING: Final = "does not exist"
INFINITELY_MANY: Final = "infinitely many"
IMPOSSIBLE: Final = "impossible"
UNDETERMINED: Final = "cannot be determined"

# State -> its wordings, split at "|".
_STATES: Final[dict[str, str]] = {
    NO_SOLUTION: "no solution|no solutions|none|none exist|none exists|there are none|there is none|nothing|"
    "no root|no roots|no answer exists|empty set|empty|null set|empty solution set|"
    "没有解|无解|方程无解|没有实数解|无实数解|无实数根|无实根|没有实数根|没有|空集|不等式无解|方程组无解",
    NOT_EXISTING: "does not exist|doesnt exist|doesn't exist|do not exist|dont exist|it does not exist|"
    "dne|nonexistent|limit does not exist|undefined|is undefined|it is undefined|not defined|is not defined|"
    "不存在|极限不存在|未定义|无意义|没有意义|无定义",
    INFINITELY_MANY: "infinitely many|infinite|infinite number|infinite solutions|infinity many|"
    "infinitely many solutions exist|there are infinitely many|"
    "无穷多|无穷多个|无穷多解|无穷多个解|无数|无数个|无数解|无数个解|无数组|无数组解|无限多|无限多个|有无穷多个|有无数个",
    IMPOSSIBLE: "impossible|not possible|it is impossible|it is not possible|this is impossible|"
    "cannot be done|can't be done|cant be done|it cannot be done|不可能|不可能的|不能",
    UNDETERMINED: "cannot be determined|can not be determined|can't be determined|cant be determined|"
    "not enough information|insufficient information|it cannot be determined|无法确定|不能确定|不确定",
}
STATES: Final[dict[str, str]] = {w: state for state, words in _STATES.items() for w in words.split("|")}

# States that exclude each other; any other two may be two wordings of one finding.
EXCLUSIVE_STATES: Final = frozenset(
    {
        frozenset({INFINITELY_MANY, NO_SOLUTION}),
        frozenset({INFINITELY_MANY, NOT_EXISTING}),
        frozenset({INFINITELY_MANY, IMPOSSIBLE}),
    }
)

# One class a line: members split at blanks, spellings of one member split at "|" ("_" stands for a blank).
_CLASSES: Final = """
yes|true|correct|right|是|是的|对|正确|真|能 no|false|incorrect|wrong|否|不是|不对|错|错误|不正确|假
possible|可能 impossible|不可能
odd|奇|奇数|奇函数 even|偶|偶数|偶函数
positive|正|正数|正的 negative|负|负数|负的
increasing|increase|增|递增|增大|增加|增函数|单调递增 decreasing|decrease|减|递减|减小|减少|减函数|单调递减
left|左 right|右
up|upward|上|向上 down|downward|下|向下
clockwise|顺时针 counterclockwise|anticlockwise|counter_clockwise|anti_clockwise|逆时针
convex concave
rational|有理数 irrational|无理数
prime|质数|素数 composite|合数
convergent|converge|收敛 divergent|diverge|发散
acute|锐角 obtuse|钝角 right_angle|直角
maximum|max|最大值 minimum|min|最小值
win|winning lose|losing
monday|mon|周一|星期一 tuesday|tue|周二|星期二 wednesday|wed|周三|星期三 thursday|thu|周四|星期四 \
friday|fri|周五|星期五 saturday|sat|周六|星期六 sunday|sun|周日|星期日|星期天
january|jan|一月 february|feb|二月 march|mar|三月 april|apr|四月 may|五月 june|jun|六月 \
july|jul|七月 august|aug|八月 september|sep|sept|九月 october|oct|十月 \
november|nov|十一月 december|dec|十二月
north|北 south|南 east|东 west|西 northeast|north_east|东北 northwest|north_west|西北 \
southeast|south_east|东南 southwest|south_west|西南
"""


def _members() -> dict[str, tuple[tuple[int, int], ...]]:
    """Word to (class, member) pairs; "right" is in two classes."""
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for number, line in enumerate(_CLASSES.strip().splitlines()):
        for place, spellings in enumerate(line.split()):
            for spelling in spellings.replace("_", " ").split("|"):
                found[spelling] = (*found.get(spelling, ()), (number, place))
    return found


MEMBERS: Final = _members()
YES_NO: Final = 0
"""The class of yes and no, whose members open a sentence rather than close it."""
POSSIBLE: Final = 1
"""Its members may answer a yes-or-no question."""

AMERICAN: Final[dict[str, str]] = {
    "colour": "color",
    "centre": "center",
    "grey": "gray",
    "metre": "meter",
    "litre": "liter",
    "neighbour": "neighbor",
    "parallelepiped": "parallelopiped",
    "rhombi": "rhombus",
    "maths": "math",
    "favour": "favor",
    "honour": "honor",
    "labour": "labor",
    "programme": "program",
    "cheque": "check",
    "tyre": "tire",
    "aluminium": "aluminum",
    "trapezium": "trapezoid",
}

NUMBER_SETS: Final[dict[str, dict[str, str]]] = {
    "real": {"": "R", "positive": "R+", "negative": "R-", "nonzero": "R*"},
    "integer": {"": "Z", "positive": "Z+", "negative": "Z-", "nonnegative": "N0", "nonzero": "Z*"},
    "natural": {"": "N"},
    "rational": {"": "Q"},
    "complex": {"": "C"},
    "prime": {"": "primes"},
}
HAN_NUMBER_SETS: Final[dict[str, str]] = {
    "实数": "R",
    "实数集": "R",
    "整数": "Z",
    "整数集": "Z",
    "正整数": "Z+",
    "正实数": "R+",
    "负实数": "R-",
    "自然数": "N",
    "有理数": "Q",
    "复数": "C",
    "质数": "primes",
    "素数": "primes",
}
