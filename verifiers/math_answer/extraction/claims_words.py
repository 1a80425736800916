"""Words and choices in a form in which they can be compared. No guessing of synonyms beyond the tables here."""

import re
import unicodedata

from verifiers.math_answer.extraction.number import plain_value

MAX_WORDS_CHARS = 2_000  # a longer text is compared with nothing
DIGITS = re.compile(r"\d+")
MAX_OPTIONS_CHARS = 20_000  # of the question searched for options

_WRAPPER = re.compile(
    r"\\(?:text\w{0,6}|math(?:rm|bf|it|sf)|mbox|operatorname|boxed)\s*(?=\{)|\\[,;:! ]|[{}$*_`\"“”‘’「」『』]"
    r"|\\(?:quad"
    r"|qquad)\b"
)
_PUNCTUATION = re.compile(r"[.,;:!?。，；：！？、()（）\[\]【】]+")
_ARTICLE = re.compile(r"\A(?:a|an|the)\s+(?=\S)")

# Each row is one closed answer; a "|" parts answers of which only one can be right.
_CLOSED = """
yes, 是, 是的, 能, 可以 | no, 否, 不是, 不能, 不可以
true, 正确, 对, 真, 真命题 | false, 错误, 错, 不正确, 假, 假命题
odd, odd function, 奇, 奇数, 奇函数 | even, even function, 偶, 偶数, 偶函数
positive, 正, 正数 | negative, 负, 负数
increasing, 增, 递增, 增函数 | decreasing, 减, 递减, 减函数
rational, 有理数 | irrational, 无理数
convergent, converges, converge, 收敛 | divergent, diverges, diverge, 发散
possible, 可能 | impossible, not possible, 不可能
prime, 质数, 素数 | composite, 合数
finite, 有限 | infinite, infinitely many, infinitely many solutions, there are infinitely many, \
there are infinitely many solutions, 无穷, 无穷多, 无穷多个, 无数个, 无数
always, 总是 | never, 从不 | sometimes, 有时
no solution, no solutions, there is no solution, there are no solutions, has no solution, 无解, \
没有解 | unique solution, one solution, 唯一解
does not exist, dne, it does not exist, limit does not exist, 不存在 | exists, 存在
left, 左 | right, 右
acute, acute triangle, 锐角三角形 | obtuse, obtuse triangle, 钝角三角形 | right triangle, 直角三角形
"""
_CANONICAL: dict[str, str] = {}
_ROW: dict[str, int] = {}
for _number, _line in enumerate(_CLOSED.replace("\\\n", "").strip().splitlines()):
    for _member in _line.split("|"):
        _names = [name.strip() for name in _member.split(",")]
        for _name in _names:
            _CANONICAL[_name] = _names[0]
            _ROW[_name] = _number

_LETTER = re.compile(r"(?:option|choice|answer|选项?)?\s*[(（\[]?([A-H])[)）\].:、．]?\s*", re.IGNORECASE)
_LETTER_AND_TEXT = re.compile(r"[(（\[]?([A-H])(?:[)）\]][.:]?|[.:、．]|\s*[-–:])\s*(\S.*)", re.DOTALL)
_OPTION = re.compile(r"(?:(?<=[\s(（,;])|\A)[(（]?([A-H])[)）.:、．]\s*")


def plain_words(text: str) -> str:
    r"""The words alone: no case, markup, punctuation around them, or leading article.

    >>> plain_words("\\text{The Netherlands}."), plain_words("**No solution**")
    ('netherlands', 'no solution')
    """
    if len(text) > MAX_WORDS_CHARS:
        return ""
    text = _WRAPPER.sub("", unicodedata.normalize("NFKC", text)).casefold()
    text = " ".join(_PUNCTUATION.sub(" ", text).split())
    return _ARTICLE.sub("", text)


def figures(text: str) -> str:
    r"""A text with figures in a form for comparison: without markup, white space and a final stop, all else as it is.

    >>> figures(r"\text{No. 12}."), figures("1.5") == figures("1 5")
    ('no.12', False)
    """
    if len(text) > MAX_WORDS_CHARS:
        return ""
    text = _WRAPPER.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", text).removesuffix(".").removesuffix("。")


def canonical(words: str) -> str:
    """One name for a closed answer in all its wordings, other words as they are."""
    return _CANONICAL.get(words, words)


def excluded(given: str, wanted: str) -> bool:
    """Whether `given` rules `wanted` out: another answer of the same row, or yes where no yes or no is asked.

    >>> excluded("even", "odd"), excluded("yes", "canberra"), excluded("sydney", "canberra")
    (True, True, False)
    """
    row_given, row_wanted = _ROW.get(given), _ROW.get(wanted)
    if row_given is not None and row_given == row_wanted:
        return canonical(given) != canonical(wanted)
    return row_wanted is None and canonical(given) in ("yes", "no", "true", "false") and len(wanted) > 1


# Words in which a number may hide; a text without any of them and without digits states none.
_NUMBER_WORD = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,6}teen|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety"
    r"|hundreds?|thousands?|millions?|billions?|half|halves|quarters?|thirds?|fifths?|sixths?|dozens?|once|twice"
    r"|thrice|single|double|triple|pairs?"
    r"|both|none|nothing|no|never|nobody|empty|unity|null|nil|all|every|each|full|certain|certainly|always"
    r"|impossible|sure|pi|tau|phi|infinit\w*"
    r"|[ivxlcdm]+|first|second)\b|\w(?:teen|ty)-\w|[两半双俩零无没整全必]",
    re.IGNORECASE,
)


def states_no_number(text: str, reference: str) -> bool:
    """Whether the reference is a number and the text is prose without any.

    >>> states_no_number("That depends on the definition.", "12"), states_no_number("It is twelve.", "12")
    (True, False)
    """
    if plain_value(reference.strip().strip("$")) is None or len(text) > MAX_WORDS_CHARS:
        return False
    if any(char.isnumeric() for char in text) or _NUMBER_WORD.search(text):
        return False
    return (
        re.fullmatch(r"[\w\s.,;:'’\"()<>/!?，。；：！？、#*|-]*", text) is not None
        and re.search(r"[^\W\d_]{4}", text) is not None
    )


def options(question: str | None) -> dict[str, str]:
    """The lettered options of a question, at least A and B.

    >>> options("Which gas? A) oxygen B) carbon dioxide")
    {'A': 'oxygen', 'B': 'carbon dioxide'}
    """
    if not question:
        return {}
    question = question[-MAX_OPTIONS_CHARS:]
    found: dict[str, str] = {}
    labels = list(_OPTION.finditer(question))
    for label, following in zip(labels, [*labels[1:], None], strict=False):
        end = following.start() if following else len(question)
        found[label[1]] = question[label.end() : end].strip().strip(",;，；").rstrip(".。").strip()
    return found if "A" in found and "B" in found else {}


def choice(text: str, listed: dict[str, str]) -> str | None:
    """The letter that a text chooses: "C", "(C)", "C) carbon dioxide", "carbon dioxide"; "" where the two differ."""
    text = text.strip().strip("*$ ")
    if inner := re.fullmatch(r"\\(?:text\w{0,6}|mathrm|mathbf)\s*\{([^{}]{1,200})\}", text):
        text = inner[1].strip()
    if (letter := _LETTER.fullmatch(text)) and (listed or text[:1].isupper() or text[:1] in "(（["):
        return letter[1].upper()
    if both := _LETTER_AND_TEXT.fullmatch(text):
        other = both[1].upper()
        if not listed or plain_words(listed.get(other, "")) == plain_words(both[2]):
            return other
        return "" if plain_words(both[2]) in map(plain_words, listed.values()) else None
    words = plain_words(text)
    same = [letter for letter, option in listed.items() if plain_words(option) == words and words]
    return same[0] if len(same) == 1 else None
