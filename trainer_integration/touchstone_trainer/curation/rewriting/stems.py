"""Multiple choice to open questions by rules: the stem must ask, and answer itself without its options.

Each check gives the reason why the options cannot simply be dropped, or None. They run in order; the first one counts.
"""

import re
from collections.abc import Callable

from touchstone_trainer.curation.rewriting.drafts import Draft, Reason, Refusal
from touchstone_trainer.curation.rewriting.offered import Offered
from touchstone_trainer.curation.rewriting.values import decimals, is_value, unit_of

VALUE_TASKS = ("math", "stem")
MAX_TEXT_CHARS = 200
"""An option longer than this is an explanation: no verifier compares it."""

_FIGURE = re.compile(
    r"(?i)\b(?:figure|diagram|picture|image|graph|chart|table)s?\b[^.?]*\b(?:shown|below|above|following|left|"
    r"right)\b"
    r"|\b(?:shown|following|in the|this|the) (?:figure|diagram|picture|image)\b|!\[|<img|\[asy\]|https?://"
    r"|如图|下图|图中|见图|右图|左图|图示"
)
_REFER = re.compile(
    r"(?i)\b(?:all|none|both|neither|any|either|some|two) of (?:the )?(?:above|these|those|them|other)|"
    r"\bnone\b.*\bcorrect\b"
    r"|\b(?:both|either|neither)\b.*\b[A-J]\b|^\W*[A-J]\W*(?:and|or|&)\W*[A-J]\W*$|\boptions?\b|\bI{1,3}\b.*\bonly\b"
    r"|^\W*I{1,3}\W*(?:(?:and|,|&)\W*I{1,3}V?\W*)*(?:only)?\W*$"
    r"|以上|上述|都对|都不|都是|均|皆|[A-J]\s*[和与或、]\s*[A-J]|^[①-⑨、和,，]+$"
)
_UNDETERMINED = re.compile(
    r"(?i)cannot be (?:determined|found)|not enough|insufficient|impossible to (?:tell|determine)|无法|不能确定|"
    r"不确定|条件不足"
)
_MAY = re.compile(r"(?i)\b(?:could|might|may|can|possible|possibly)\b|可能|可以")
_DETERMINED = re.compile(
    r"(?i)\b(?:how (?:many|much|long|far|old|often)|in what|number of|largest|smallest|greatest|least|maximum|"
    r"minimum|most|"
    r"fewest|highest|lowest|longest|shortest|earliest|latest)\b|最大|最小|最多|最少|最长|最短|最高|最低|多少|几"
)
_ONE_OF_SEVERAL = re.compile(
    r"(?i)\b(?:what is|what's|find|give|name|write|determine|identify|state) (?:an?|any)\b|\bone of\b|"
    r"\ban example\b"
    r"|一个(?:根|解|因数|倍数|例子)|之一|举例"
)
_NEEDS_OPTIONS = re.compile(
    r"(?i)\bwhich\b|\bfollowing (?:is|are|statements?|expressions?|numbers?|options?|choices)\b|\b(?:given|listed|"
    r"above|below) "
    r"(?:options|choices|numbers|answers)\b|\bstatements?\b|\b(?:best|correctly) (?:describes?|represents?|"
    r"completes?)\b"
    r"|\b(?:except|all that apply)\b|下列|下面|以下|哪|选项|说法|不正确|正确的是|错误的是|不是|除了"
)
_PICKS = re.compile(
    r"(?i)\bwhat (?:number|fraction|expression|equation|integer|decimal|value|ratio|shape|unit)s?\b(?! of\b)|"
    r"\bwhat (?:pair|set)s?\b"
    r"|\bwhat is (?:\w+ )?(?:greater|less|more|larger|smaller|bigger|equal|equivalent|divisible|even|odd|prime)\b|"
    r"\bodd one out\b"
    r"|\bthe (?:number|one|fraction|pair|expression|equation|value|integer|term)s? (?:that|which|whose|equal|"
    r"equivalent)\b"
    r"|相等的|相同的|符合|满足"
)
_SUPERLATIVE = re.compile(
    r"(?i)\b(?:largest|smallest|greatest|least|biggest|highest|lowest|longest|shortest|most|fewest|maximum|minimum)\b"
    r"|最大|最小|最多|最少|最长|最短|最高|最低"
)
_FORM = re.compile(
    r"(?i)(?:^|[.;:,\n]\s*|\bplease )(?:simplify|expand|factor|factori[sz]e|rationali[sz]e|convert|express|"
    r"rewrite|write)\b"
    r"|\bin (?:simplest|lowest|standard|scientific|expanded|factored) (?:form|terms|notation)\b|\bwritten as\b"
    r"|化简|展开|因式分解|分解因式|约分|通分|换算|化为|化成|写成|改写"
)
_DEFINITE = re.compile(
    r"(?i)\bthe\b[^.?!;]*$|=\s*(?:[(（]\s*[)）]|_+)?\s*[.。]?\s*$"
    r"|(?:等于|的(?:和|差|积|商|值|平方|立方|平方根|立方根|面积|周长|体积|表面积|个数|总数|余数|概率|长度|长|宽|"
    r"高|半径|直径|"
    r"平均数|中位数|倒数|相反数|绝对值|度数|内角和|解)(?:是|为)|共有|一共有?|还剩|需要)[^，。,.]*$"
)
_APPROXIMATE = re.compile(
    r"(?i)\b(?:closest|nearest to|approximately|approximate|about how|roughly|estimate|best estimate|almost)\b|≈|"
    r"最接近|大约|约为|约等于|估计|近似"
)
_OF_FOLLOWING = re.compile(
    r"(?i)^(?P<before>.*?)\bwhich (?:one )?of the following (?:numbers |values |expressions )?(?:is|gives|equals|"
    r"represents) "
    r"(?P<noun>the (?:value|sum|product|area|perimeter|volume|number|probability|slope|length|derivative|remainder|"
    r"distance|radius|sum|difference|quotient|median|mean|solution set|average)\b[^?]*)\?\s*$",
    re.S,
)
_OF_CHINESE = re.compile(
    r"^(?P<before>.*?)(?:下列|以下|下面)(?:哪(?:一个|个|一项|项)|选项中)(?:选项|数|数值|值)?是(?P<noun>[^?？]*?的"
    r"(?:值|和|积|差|商|面积|周长|体积|概率|斜率|长度|个数|余数|平均数|中位数))[?？]?\s*$",
    re.S,
)
_CUE = re.compile(
    r"(?i)(?:^|(?<=[.?!\n:]))\s*(?:please )?(?:choose|select|pick|circle|mark) (?:the |one |your )?(?:correct |"
    r"right |best |single )?"
    r"(?:answer|option|choice|one|letter)[^.?!\n]*[.:!]?|[(（【\[]\s*(?:multiple choice|单选题?|多选题?|选择题|"
    r"单项选择)\s*[)）】\]]|^(?:单选题|多选题|选择题)[:：.]?"
    r"|请?(?:选出|选择)(?:一个)?(?:正确|最佳)?(?:的)?(?:答案|选项|一项)[。.：:]?"
)
_BLANK = re.compile(r"[(（]\s*[)）]|_{2,}|\\_{2,}|＿+")
_ASKS = re.compile(
    r"(?i)[?？]\s*$|^(?:[^.?!]*,\s*)?(?:find|calculate|compute|solve|evaluate|determine|simplify|factor|expand|"
    r"differentiate|integrate|"
    r"convert|express|write|give|state|what|how)\b|求|计算|解方程|化简|多少|几"
)
_ASKING_SENTENCE = re.compile(
    r"(?i)(?:^|[.!?]\s+|[。！？]\s*)(?:find|calculate|compute|solve|evaluate|determine|simplify|what|how)\b"
)
_EQUATION = re.compile(r"=[^=]*(?<![A-Za-z\\])[b-z](?![A-Za-z])")
_OPEN_END = re.compile(r"(?i)(?:\b(?:is|are|equals?|was|be|to|of|by|has|have)|=|等于|是|为|有|得)\s*[:：]?\s*$")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def opened(offered: Offered) -> Draft | Refusal:
    """The question without its options, asking for the text of the right one."""
    for check in CHECKS:
        reason = check(offered)
        if reason is not None:
            return Refusal(reason)
    stem = standing(offered.stem)
    assert stem is not None, "one of the checks"
    return drafted(offered, stem + hint(offered, stem), "options_dropped")


def drafted(offered: Offered, question: str, how: str) -> Draft:
    """A draft with the gold and the wrong answers of these options."""
    if len(offered.gold) > 1:
        tasks: tuple[str, ...] = ("list",)
    else:
        tasks = VALUE_TASKS if is_value(offered.right[0]) else ("exact_text",)
    return Draft(offered.stem, question, offered.right, offered.wrong, tasks, how)


def standing(stem: str) -> str | None:
    """The stem as a question of its own, where rules can make it one."""
    stem = re.sub(r"[ \t]{2,}", " ", _CUE.sub("", stem)).strip()
    chinese = bool(_CHINESE.search(stem))
    if found := _OF_FOLLOWING.match(stem):
        before = found["before"]
        what = "what" if before.strip() and not before.rstrip().endswith((".", "?", "!")) else "What"
        return f"{before}{what} is {found['noun'].strip()}?"
    if found := _OF_CHINESE.match(stem):
        return f"{found['before']}求{found['noun'].strip()}。"
    blank = _BLANK.search(stem)
    if blank and not _DEFINITE.search(stem[: blank.start()]):
        return None
    if blank:
        filled = _BLANK.sub("____", stem).rstrip("。. ")
        return f"{filled}。请写出横线处的内容。" if chinese else f"{filled}. What belongs in the blank?"
    if _ASKS.search(stem) or _ASKING_SENTENCE.search(stem):
        return stem
    if _OPEN_END.search(stem) and _DEFINITE.search(stem):
        stem = stem.rstrip(":： ")
        return f"{stem}____。请写出横线处的内容。" if chinese else f"{stem} ____. What belongs in the blank?"
    return None


def hint(offered: Offered, stem: str) -> str:
    """What a solver must be told about the form of the answer: decimals, a unit that only the options showed."""
    if len(offered.gold) > 1:
        return " 请写出所有答案。" if _CHINESE.search(stem) else " Give all answers."
    digits, unit = decimals(offered.right[0]), unit_of(offered.right[0])
    units = {unit_of(text) for text in offered.options.values()}
    chinese = bool(_CHINESE.search(stem))
    hints = []
    if digits is not None:
        places = "place" if digits == 1 else "places"
        hints.append(f"结果保留{digits}位小数。" if chinese else f"Give the answer to {digits} decimal {places}.")
    if unit is not None and units == {unit} and not re.search(rf"(?<![A-Za-z]){re.escape(unit)}(?![A-Za-z])", stem):
        hints.append(f"答案以{unit}为单位。" if chinese else f"Give the answer in {unit}.")
    return "".join(hints) if chinese else "".join(f" {text}" for text in hints)


def shows_figure(text: str) -> bool:
    """Whether a text speaks of a picture."""
    return bool(_FIGURE.search(text))


def needs_figure(offered: Offered) -> Reason | None:
    """The question is about a picture that is not there."""
    return Reason.NEEDS_FIGURE if shows_figure(" ".join((offered.stem, *offered.options.values()))) else None


def options_refer(offered: Offered) -> Reason | None:
    """An option speaks of the others, or the right one says that there is no answer."""
    if any(_REFER.search(text) for text in offered.options.values()):
        return Reason.OPTIONS_REFER
    return Reason.OPTIONS_REFER if any(_UNDETERMINED.search(text) for text in offered.right) else None


def no_stem(offered: Offered) -> Reason | None:
    """Nothing stands before the options."""
    return None if re.search(r"\w", offered.stem) else Reason.NO_STEM


def needs_options(offered: Offered) -> Reason | None:
    """The stem chooses among the options; "which of the following is the value of" is only a way of asking for it."""
    stem = _CUE.sub("", offered.stem)
    found = _OF_FOLLOWING.match(stem) or _OF_CHINESE.match(stem)
    rest = found["before"] + found["noun"] if found else stem
    # "The smallest" of numbers that stand in the options; where the stem has numbers, it is of those.
    among_options = _SUPERLATIVE.search(rest) and not re.search(r"\d", rest)
    return Reason.NEEDS_OPTIONS if among_options or _NEEDS_OPTIONS.search(rest) or _PICKS.search(rest) else None


def not_unique(offered: Offered) -> Reason | None:
    """Other answers than the right option would be right too."""
    some = _MAY.search(offered.stem) and not _DETERMINED.search(offered.stem)
    return Reason.NOT_UNIQUE if some or _ONE_OF_SEVERAL.search(offered.stem) else None


def approximate(offered: Offered) -> Reason | None:
    """How near is near enough, only the options say."""
    return Reason.APPROXIMATE if _APPROXIMATE.search(" ".join((offered.stem, *offered.right))) else None


def asks_for_a_form(offered: Offered) -> Reason | None:
    """The answer is the question in another form, and to a verifier both are equal: repeating it would be paid."""
    return Reason.IS_A_FORM if _FORM.search(offered.stem) else None


def texts(offered: Offered) -> Reason | None:
    """Options in words, or equations: rules cannot tell whether another wording would be right too."""
    plain = all(is_value(text) and not _EQUATION.search(text) for text in offered.options.values())
    return None if plain else Reason.TEXT_OPTIONS


def asks_nothing(offered: Offered) -> Reason | None:
    """What stands before the options is no question, and rules cannot make one of it."""
    return None if standing(offered.stem) else Reason.NO_QUESTION


CHECKS: tuple[Callable[[Offered], Reason | None], ...] = (
    needs_figure,
    no_stem,
    options_refer,
    needs_options,
    not_unique,
    approximate,
    asks_for_a_form,
    texts,
    asks_nothing,
)
