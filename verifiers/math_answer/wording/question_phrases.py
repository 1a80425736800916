"""The phrases by which questions say what form their answers take. Data only, read by `question`.

A phrase is a pattern with cues: words of which at least one stands in every match. Looking for the cues first
costs a tenth of the pattern.
"""

import re
from typing import Final, NamedTuple


class Phrase(NamedTuple):
    """`cues` are split at "|"; the text searched is lower-case."""

    cues: tuple[str, ...]
    pattern: re.Pattern[str]

    def said_in(self, text: str) -> bool:
        """Whether the phrase occurs."""
        for cue in self.cues:
            if cue in text:
                return self.pattern.search(text) is not None
        return False


def _phrase(cues: str, *alternatives: str) -> Phrase:
    return Phrase(tuple(cues.split("|")), re.compile("|".join(alternatives)))


APPROXIMATE: Final = _phrase(
    "approximat|round|estimat|rough|about|近似|约|四舍五入",
    r"approximat|\brounded?\b|\bestimate|\broughly\b|to about|about how|近似|约为|大约|约是|四舍五入",
)
EXACT: Final = _phrase(
    "exact|in terms of|radical|surd|fraction|mixed number|lowest terms|simplest|reduced|准确|精确|用|分数",
    r"\bexact\b|\bexactly\s*(?:[.;?]|$)|in terms of \$?\\?(?:pi|π)",
    r"(?:radical|surd) form|(?:simplest|simplified) radical",
    r"as an? (?:common |simplified |reduced |improper |proper |single |mixed )*(?:fraction|mixed number)",
    r"(?:in )?lowest terms|(?:in|as) (?:simplest|reduced) (?:form|fraction)",
    r"精确值|准确值|用分数表示|最简分数|用根号|用\s*\$?\\?(?:pi|π)\$?\s*表示",
)
PERCENT: Final = _phrase(
    "percent|per cent|百分",
    r"(?:what|which|how many|approximate(?:ly)?|find the|calculate the|determine the|as an?|in|nearest)"
    r"(?: is the| was the)? (?:overall |total |annual |average |approximate |new )?(?:percent|per cent)",
    r"percent(?:age)? (?:is|of|was|increase|decrease|change|profit|loss|error)\b[^.]*\?|express[^.]*percent",
    r"百分之几|百分比|百分率|百分数",
)
DEGREES: Final = _phrase(
    "degree|度",
    r"in degrees|degree measure|number of degrees|how many degrees|nearest degree|\bof a degree",
    r"measured? in degrees|多少度|几度|度数",
)
TEMPERATURE: Final = _phrase(
    "degree|temperature|温度|°|\\circ",
    r"degrees? (?:celsius|fahrenheit|c\b|f\b)|temperature|温度|[°][cf]\b|\\circ\}?\s*\\mathrm\{~?[cf]\}",
)
ANGLE_ASKED: Final = _phrase(
    "angle|∠",
    r"(?:measure of|find|what is|determine|compute)[^.?!]{0,40}(?:angle|\\angle|∠)[^.?!]{0,40}[.?]?\s*$",
)
ORDERED: Final = _phrase(
    "order|respectively|from |as a|first |terms of|coordinates|tuple|有序|依次|分别|从|坐标",
    r"ordered (?:pair|triple|triplet|quadruple|tuple|n-tuple|\w*-tuple)|respectively",
    r"in (?:that |this |the same |the following |given )?order\b(?! to\b| for\b| that\b)|order from|first \w+ terms of",
    r"(?:find|list|write|give|state|what are)(?: down| out)? the first \w+ terms\b",
    r"from (?:smallest|least|lowest|largest|greatest|highest) to|as an? (?:ordered )?(?:pair|triple|point)",
    r"(?:ascending|descending|increasing|decreasing) order|coordinates|有序|依次|分别|从小到大|从大到小|坐标",
)
SORTED_LIST: Final = _phrase(
    "cending order|creasing order|升序|降序",
    r"(?:separat|list)[^.?!]{0,60}(?:ascending|descending|increasing|decreasing) order|升序|降序",
)
FIND_ALL: Final = _phrase(
    "all|every|each|set|value|solv|roots|所有|全部|解|哪些|取值",
    r"(?:find|determine|list|give|state|compute|what are|enter|identify)\s+(?:all|every|each|the set of)\b",
    r"\ball (?:possible|integer|complex|such|values|solutions|pairs|roots|functions|triples|points)\b",
    r"solution sets?|for (?:what|which) (?:real |integer |positive )?values?|\bsolve\b",
    r"(?:find|determine|what are) the (?:(?:real|integer|complex|rational|two|three) )*roots",
    r"所有|全部|解集|解方程|哪些|取值范围",
)
INTERVAL: Final = _phrase(
    "interval|range of|区间|取值范围",
    r"interval notation|range of (?:possible |all |the )?(?:real )?(?:values|numbers?)|取值范围",
    r"as an interval|union of intervals|(?:in|using|as) intervals?\b",
    r"区间表示|用区间|的区间",
)
EQUATION: Final = _phrase(
    "equation|locus|方程",
    r"(?:find|determine|write|give|state|derive|what is|what's|is)\s+(?:down\s+)?(?:the|an|a)\s+"
    r"(?:(?!solutions?|roots?|number|sum|value)[\w$\\-]+\s+){0,4}"
    r"equations?\s+(?:of|for|to the|that|whose|in the form|satisfied)",
    r"equation of the (?:locus|line|circle|tangent|parabola|ellipse|hyperbola|plane|asymptote|curve)",
    r"\blocus\b|轨迹方程|的方程(?:为|是|$|[。，_])|方程是\s*_",
)
EXPRESSION: Final = _phrase(
    "terms of|function of|expression|single fraction|formula for|simplify|factor|expand|general term|"
    "derivative|indefinite|polynomial|表示|化简|解析式|通项|表达式|分解|展开",
    r"in terms of|as a function of|as an expression|expression for|write the expression|as a single fraction",
    r"formula for|simplify|\bfactor(?:ise|ize)?\b|\bexpand\b|general term|derivative|indefinite integral",
    r"(?:find|determine|what is) (?:all |the |a )?(?:couples of |pairs of )?polynomials?\b",
    r"用[^。]{0,20}表示|化简|解析式|通项|表达式|因式分解|展开",
)
PROBABILITY: Final = _phrase(
    "probabilit|chance|odds|概率|可能性", r"probabilit|\bchances? (?:of|that)\b|\bodds\b|概率|可能性"
)
RATIO: Final = _phrase("ratio|proportion|比", r"\bratios?\b|in the proportion|之比|比例|的比[是为值]")
CLOCK: Final = _phrase("time|clock|几点|什么", r"(?:what|which) time\b|time of day|几点|什么时间|什么时刻|o'clock")
