"""One reference against one response: which kind the reference is, and what the answer is worth against it.

Rule 1: kinds are tried from the most particular notation to the least: reaction, amount, several amounts, chemical
        formula; what is none of these belongs to the judge of the mathematics task.
Rule 2: a lone capital letter or product of them (PV, K, C) is chemistry only where the question or a notation says so.
"""

import re
from dataclasses import dataclass, replace

from verifiers.answer_text import Found, hedges
from verifiers.math_answer.extraction.extract import Extraction
from verifiers.math_answer.judge import judge
from verifiers.math_answer.wording.question import hints
from verifiers.stem import formula, quantity, reaction, vector
from verifiers.stem.expression import evaluated
from verifiers.stem.formula import Formula
from verifiers.stem.quantity import Quantity, Tolerance
from verifiers.stem.reaction import Reaction
from verifiers.stem.units import Unit
from verifiers.stem.units import read as read_unit

MAX_LINES = 40
"""Lines of a response, from its end, in which a reaction without announcement is looked for."""

MAX_QUESTION_CHARS = 4_000
"""The end of a question, where it says what is asked for."""

MAX_UNIT_WORDS = 5
"""Words of a unit behind a number: "metres per second squared per kilogram"."""

_CHEMISTRY = re.compile(
    r"chemi|formula|compound|molecul|reaction|\bions?\b|isotope|element|oxid|\bacid|\bsalt|precipitat|化学|分子|离子|元素|化合物",
    re.IGNORECASE,
)
_CHEMICAL_NOTATION = re.compile(
    r"\\ce|[A-Z][a-z]?_?\{?\d|[₀-₉]|\^\s*\{?\d+\}?\s*[A-Z]|[A-Z][a-z](?![a-z])|\^\s*\{?\d*[+-]|[A-Za-z\d)\]][+-]\Z"
)
_ASKED_UNIT = re.compile(
    r"\b(?:in|as)\s+(?:units? of\s+)?(?:the\s+)?\$?(?P<plain>[^.,;?!()$]{1,40})|[(（]\s*(?:in\s+"
    r"|单位[:：]?\s*)?(?P<bracket>[^()（）]{1,30})\s*[)）]|单位(?:是|为"
    r"|[:：])?\s*(?P<han>[^，。；？]{1,20})"
    r"|以\s*(?P<by>[^，。；？]{1,12}?)\s*(?:为单位|表示)",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"(?:\s|\$|\\[)\],;]|[*}])*([^,;.!?\n()]{1,40})")
_NOTED = re.compile(r"[\s$*.}\]\\]{0,8}\(\s*(?:or|about|i\.e\.,?|=|≈)?\s*([^()\n]{1,60})\)")
# The only figures of a sentence, at its end: "The car moves at **5 m/s**".
_AT_END = re.compile(
    r"(?!.*\b(?:not|no|never|neither|than|least|most|under|over|if)\b|.*n't)[^\d]*"
    r"\b(?:at|of|by|to|about|only|exactly|reaches|has|needs|takes|weighs)\s+\**([^*]*)\**\.?",
    re.IGNORECASE,
)
_FORMULA_INSIDE = re.compile(r"(?<![A-Za-z])(?:[A-Z][a-z]?\d*){2,}(?![a-z])|[A-Z][a-z]?\d")
_KELVIN = {"K": 1}
# "100 C" for a temperature is no charge, "9.81 ms^-2" for an acceleration no power of milliseconds.
_BARE_SCALE = re.compile(r"\d(?:[\s$~]|\\[,;: ])*(?:deg\s|\\(?:text|mathrm)\{\s*)?([CF])[}$\s]*\Z")
_RUN_TOGETHER = re.compile(r"(?<![A-Za-z\\])([kcm]?)ms(?=\s*\^?\s*[{(]?\s*[-−⁻])")
_NAME = re.compile(
    r"(?:\\text\{)?(?=.{0,40}[A-Za-z]{3})[A-Za-z(\[\d][\w()\[\],'′+-]{0,80}(?:\s[A-Za-z(][\w()\[\],+-]{0,60}){0,4}\}?"
    r"|(?=.*[\u3400-\u9fff])[\u3400-\u9fff\w(),-]{1,30}"
)
_SCALE = re.compile(r"degrees?\s+(celsius|fahrenheit)", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*[,，、;]\s*|\s+(?:and|or|\+)\s+|\s*[和或]\s*")
_NO_UNITS = frozenset({"in", "as", "at", "a", "us", "am", "or", "c", "u", "r", "d", "t"})
_PERCENT = re.compile(r"\bper ?cent|\bin %|百分", re.IGNORECASE)
_TEMPERATURE_CHANGE = re.compile(
    r"chang|differ|rise|increas|decreas|drop|升高|降低|变化|温差|\\Delta\s*T|ΔT", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reference says of the answer. `broken` blames the reference, `unreadable` the answer."""

    same: bool | None
    rule: str
    reason: str
    answer: str | None
    broken: bool = False
    unreadable: bool = False


def decide(
    reference: str,
    extraction: Extraction,
    found: Found,
    question: str | None,
    tolerance: Tolerance,
    *,
    bare_allowed: bool,
) -> Decision:
    """The decision of one reference on one response."""
    answer = found.text if found.text is not None else extraction.answer
    wanted_reaction = reaction.read(reference)
    if wanted_reaction is not None:
        return _reactions(wanted_reaction, found, extraction)
    assert answer is not None or extraction.answer is not None
    text = answer if answer is not None else str(extraction.answer)
    several = vector.amounts(reference)
    wanted = quantity.stated(reference) if several is None else None
    if wanted is not None and (best := quantity.finest(wanted)) is not None:
        return _amounts(best, text, extraction, question, tolerance, bare_allowed=bare_allowed)
    expressed = evaluated(reference) if wanted is None and several is None else None
    if expressed is not None and expressed.unit is not None:
        return _amounts(expressed, text, extraction, question, tolerance, bare_allowed=bare_allowed)
    if several is not None:
        given = vector.amounts(", ".join(found.parts or extraction.parts) or text) or vector.amounts(text)
        if given is not None:
            units_free = bare_allowed or asked_unit(question) is not None
            same = vector.agree_all(several, given, tolerance, bare_allowed=units_free)
            return Decision(same, "vector", "all components agree" if same else "the components differ", text)
        if hedges(text, reference):
            return Decision(False, "vector", "the answer offers alternatives", text)
        if quantity.stated(text) is not None:
            return Decision(False, "vector", "the answer states one amount, not several", text)
    wanted_formula = _chemical(reference, question)
    if wanted_formula is not None:
        return _formulas(wanted_formula, reference, text)
    return _mathematics(reference, extraction, question, text)


def _chemical(reference: str, question: str | None) -> Formula | None:
    said = _CHEMICAL_NOTATION.search(reference) or _CHEMISTRY.search(question or "")
    return formula.read(reference) if said else None


def _reactions(wanted: Reaction, found: Found, extraction: Extraction) -> Decision:
    if not wanted.conserved:
        return Decision(None, "reaction", "the reference's equation is not balanced", extraction.answer, broken=True)
    texts = [text for text in (found.text, extraction.answer) if text is not None]
    if found.how == "nothing" or (texts and not any(map(reaction.read, texts))):
        texts += [line.strip(" *-") for line in reversed(found.final.split("\n")[-MAX_LINES:])][
            : MAX_LINES if found.text is None else 0
        ]
    read = next(((text, given) for text in texts if (given := reaction.read(text)) is not None), None)
    if read is None:
        return Decision(False, "reaction", "the answer is no reaction equation", texts[0] if texts else None)
    text, given = read
    same = reaction.same(wanted, given)
    why = "the same reaction" if same else "another reaction" if given.conserved else "the equation is not balanced"
    return Decision(same, "reaction", why if same is not None else "a species' structure is open", text)


def _formulas(wanted: Formula, reference: str, text: str) -> Decision:
    given = formula.read(re.sub(r"\A[^=]{0,30}=\s*", "", text))
    pieces = _SEVERAL.split(text)
    if given is None and len(pieces) > 1 and all(map(formula.read, pieces)):
        return Decision(False, "chemical_formula", "the answer gives several formulas", text)
    if given is None:
        if hedges(text, reference):
            return Decision(False, "chemical_formula", "the answer offers alternatives", text)
        name = _NAME.fullmatch(text) is not None and not _FORMULA_INSIDE.search(text)
        why = "names of compounds are not read" if name else "the answer is neither a chemical formula nor a name"
        return Decision(None, "chemical_formula", why, text, unreadable=not name)
    same = formula.same(wanted, given)
    if same is None:
        return Decision(None, "chemical_formula", f"same composition as {reference}, perhaps another structure", text)
    return Decision(same, "chemical_formula", "the same formula" if same else "another formula", text)


def _amounts(
    wanted: Quantity,
    text: str,
    extraction: Extraction,
    question: str | None,
    tolerance: Tolerance,
    *,
    bare_allowed: bool,
) -> Decision:
    if quantity.is_range(text):
        return Decision(False, "quantity", "the answer is a range", text)
    # An announcement may hold more than the amount; the mathematics extraction trims it.
    texts = [text, extraction.answer or text]
    if wanted.unit is not None and "m" in dict(wanted.unit.dimension):
        texts = [_RUN_TOGETHER.sub(r"\1m s", one) for one in texts]
    stated = next((found for one in texts if (found := quantity.stated(one)) is not None), None)
    if stated is None and (sentence := _AT_END.fullmatch(text)) is not None:
        stated = quantity.stated(sentence[1])
    if stated is None and vector.amounts(text) is not None:
        return Decision(False, "quantity", "the answer states several amounts", text)
    if stated is None:
        return _expression(wanted, text, question, tolerance, bare_allowed=bare_allowed)
    listed = vector.amounts(text)
    given = quantity.finest([*stated, *(listed[0] if listed else ()), *_noted(text, extraction.final)])
    if given is not None and given.unit is None:
        given = replace(given, unit=_unit_behind(text, extraction.final))
    elif given is not None and (scale := _SCALE.search(extraction.final)) and text.rstrip().endswith(("°", "degrees")):
        given = replace(given, unit=read_unit(f"degrees {scale[1].lower()}"))
    if given is None:
        return Decision(False, "quantity", "the answer states amounts that disagree", text)
    if wanted.direction is not None and given.direction is None:
        given = replace(given, direction=quantity.heading(_sentence_behind(text, extraction.final)))
    if wanted.unit is not None and dict(wanted.unit.dimension) == _KELVIN and (scale := _BARE_SCALE.search(text)):
        given = replace(given, unit=read_unit(f"°{scale[1]}"))
    return _compared(wanted, given, text, question, tolerance, bare_allowed=bare_allowed)


def _noted(text: str, final: str) -> list[Quantity]:
    """The amount in brackets behind an answer: "5 m/s (18 km/h)"."""
    at = final.rfind(text)
    note = _NOTED.match(final, at + len(text)) if at >= 0 else None
    amount = quantity.amount(note[1]) if note else None
    return [amount] if amount is not None and amount.unit is not None else []


def _sentence_behind(text: str, final: str) -> str:
    at = final.rfind(text)
    return re.split(r"[.\n;]", final[at + len(text) :], maxsplit=1)[0] if at >= 0 else ""


def _unit_behind(text: str, final: str) -> Unit | None:
    """The unit that stands behind a formula: "$1.6 \\times 10^{-19}$ C"."""
    at = final.rfind(text)
    tail = _BEHIND.match(final, at + len(text)) if at >= 0 else None
    words = tail[1].split() if tail else []
    for end in range(min(len(words), MAX_UNIT_WORDS), 0, -1):
        said = " ".join(words[:end])
        if said not in _NO_UNITS and (unit := read_unit(said)) is not None:
            return unit
    return None


def _compared(
    wanted: Quantity,
    given: Quantity,
    text: str,
    question: str | None,
    tolerance: Tolerance,
    *,
    bare_allowed: bool,
) -> Decision:
    asked = asked_unit(question)
    if wanted.unit is not None and given.unit is None and dict(wanted.unit.dimension) == {"rad": 1}:
        # A multiple of pi without a unit is in radians.
        given = replace(given, unit=read_unit("rad")) if re.search(r"\\pi(?![A-Za-z])|π", text) else given
    if wanted.direction is not None and wanted.direction != given.direction:
        return Decision(False, "direction", "the direction is missing or another", text)
    if wanted.unit is not None and given.unit is None and wanted.unit.dimension:
        radians = {axis for axis, _ in wanted.unit.dimension} == {"rad"} and wanted.unit.size == 1
        if not (bare_allowed or asked is not None or radians):
            return Decision(False, "unit", "the unit is missing", text)
        fitting = asked is not None and asked.dimension == wanted.unit.dimension
        given = replace(given, unit=asked if fitting else wanted.unit)
    elif wanted.unit is not None and given.unit is None and _PERCENT.search(question or ""):
        given = replace(given, unit=wanted.unit)
    elif wanted.unit is None and given.unit is not None and given.unit.dimension:
        if asked is not None and asked.within() != given.unit.within():
            return Decision(False, "unit", "another unit than asked for", text)
        wanted = replace(wanted, unit=asked or given.unit)
    if not quantity.same_dimension(wanted, given):
        return Decision(False, "unit", "the unit measures something else", text)
    same = quantity.agree(wanted, given, tolerance)
    if not same and wanted.unit and given.unit and _TEMPERATURE_CHANGE.search(question or ""):
        same = _agree_as_steps(wanted, given, tolerance)
    return Decision(same, "quantity", "the amounts agree" if same else "the amounts differ", text)


def _agree_as_steps(wanted: Quantity, given: Quantity, tolerance: Tolerance) -> bool:
    """Temperature differences: the scales' steps count, not their zeros."""
    assert wanted.unit is not None
    assert given.unit is not None
    if wanted.unit.dimension != given.unit.dimension:
        return False
    steps = [replace(one, unit=one.unit._replace(offset=wanted.unit.offset * 0)) for one in (wanted, given) if one.unit]
    return quantity.agree(steps[0], steps[1], tolerance)


def asked_unit(question: str | None) -> Unit | None:
    """The unit that a question asks the answer in."""
    if not question:
        return None
    for found in list(_ASKED_UNIT.finditer(question[-MAX_QUESTION_CHARS:]))[::-1]:
        text = (found["bracket"] or found["han"] or found["by"] or found["plain"] or "").strip()
        words = text.split()
        for end in range(min(len(words), 5), 0, -1):
            said = " ".join(words[:end])
            unit = read_unit(said)
            # "in a vacuum", "in C": one letter is a unit only in brackets or after "units of".
            if unit is not None and (
                len(said) > 1 or found["bracket"] or found["han"] or found["by"] or said in "NJWVAKT"
            ):
                return unit
    return None


def _expression(
    wanted: Quantity, text: str, question: str | None, tolerance: Tolerance, *, bare_allowed: bool
) -> Decision:
    """An amount written as an expression, or no amount at all."""
    given = evaluated(text)
    if given is None:
        return Decision(None, "quantity", "the answer states no amount", text, unreadable=True)
    return _compared(wanted, given, text, question, tolerance, bare_allowed=bare_allowed)


def _mathematics(reference: str, extraction: Extraction, question: str | None, text: str) -> Decision:
    answer = extraction if extraction.answer is not None else Extraction(text, "announced")
    judged = judge(reference, answer, hints(question), question)
    if judged.unreadable:
        return Decision(None, judged.rule, f"the answer cannot be read: {judged.unreadable}", text, unreadable=True)
    if judged.same is None:
        return Decision(None, judged.rule, "no rule could tell", text)
    why = "the answer says what the reference says" if judged.same else "the answer differs from the reference"
    return Decision(judged.same, judged.rule, why, text)
