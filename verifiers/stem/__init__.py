"""Physics and chemistry: amounts with units, vectors, chemical formulas, reaction equations, formulas.

    the reference is     read by      compared by
    a reaction           reaction     species and coefficients, both sides balanced
    an amount            quantity     dimension, then value at the reference's written precision
    several amounts      vector       component by component
    a chemical formula   formula      composition, charge, structure
    anything else        mathematics  the judge of the mathematics task

Rule 1: the reference decides which; an answer of another kind is incorrect where it can be read, else passed on.
Rule 2: a reference with a unit wants a unit, unless the question names it or the option unit is "optional".
Rule 3: names of compounds are not read: "water" for H2O is passed on.
"""

from collections.abc import Mapping
from fractions import Fraction

from verifiers.answer_text import announced
from verifiers.math_answer.extraction.extract import extract
from verifiers.math_answer.reading.limits import MAX_ANSWER_CHARS
from verifiers.problem import Problem
from verifiers.stem.answers import Decision, decide
from verifiers.stem.quantity import Tolerance
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "2"
DESCRIPTION = "Physics and chemistry: numbers with units, vectors, chemical formulas and equations."

_TOLERANCES = ("rel_tol", "abs_tol")
_UNIT_POLICIES = ("required", "optional")


def check_options(options: Mapping[str, object]) -> str | None:
    """`rel_tol`, `abs_tol`, `sig_figs` and `unit` (required or optional)."""
    unknown = sorted(set(options) - {*_TOLERANCES, "sig_figs", "unit"})
    if unknown:
        return f"the stem task knows the options rel_tol, abs_tol, sig_figs and unit; remove {', '.join(unknown)}"
    for name in _TOLERANCES:
        value = options.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            return f"{name} must be a number, not negative"
    if float(str(options.get("rel_tol", 0))) >= 1:
        return "rel_tol is a share: 0.02 allows 2 %"
    digits = options.get("sig_figs", 3)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 15:
        return "sig_figs must be a whole number from 1 to 15"
    if "sig_figs" in options and set(options) & set(_TOLERANCES):
        return "give sig_figs or a tolerance, not both"
    if options.get("unit", "required") not in _UNIT_POLICIES:
        return "unit must be required or optional"
    return None


def readable(reference: str) -> bool:
    """Whether the reference has content and a sane size."""
    return bool(reference.strip()) and len(reference) <= MAX_ANSWER_CHARS


def verify(problem: Problem) -> Verdict:
    """Whether the answer is a reference, by the kind of the reference."""
    wrong = check_options(problem.options)
    if wrong is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", wrong)
    references = [reference for reference in problem.references if readable(reference)]
    if not references:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", "the reference is empty or too long")
    found = announced(problem.response, problem.question)
    extraction = extract(problem.response, problem.question)
    if found.contradicting or extraction.refusal == "contradicting finals":
        return Verdict(Outcome.INCORRECT, "contradiction", "the response gives two different answers")
    if extraction.answer is None and found.text is None:
        why = found.refusal or extraction.refusal or "no answer found"
        return Verdict(Outcome.UNREADABLE, extraction.how, why)
    tolerance = _tolerance(problem.options)
    bare_allowed = problem.options.get("unit") == "optional"
    decisions = [
        decide(one, extraction, found, problem.question, tolerance, bare_allowed=bare_allowed) for one in references
    ]
    return _concluded(decisions)


def _tolerance(options: Mapping[str, object]) -> Tolerance:
    def share(name: str) -> Fraction | None:
        return Fraction(str(options[name])) if name in options else None

    digits = options.get("sig_figs")
    return Tolerance(share("rel_tol"), share("abs_tol"), digits if isinstance(digits, int) else None)


def _concluded(decisions: list[Decision]) -> Verdict:
    """Any reference that is met is enough; a fault in one only counts where no other decides."""
    met = next((one for one in decisions if one.same), None)
    if met is not None:
        return Verdict(Outcome.CORRECT, met.rule, met.reason, met.answer)
    broken = next((one for one in decisions if one.broken), None)
    if broken is not None:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", broken.reason, broken.answer)
    unsure = next((one for one in decisions if one.same is None), None)
    if unsure is not None:
        if unsure.unreadable:
            return Verdict(Outcome.UNREADABLE, unsure.rule, unsure.reason, unsure.answer)
        return Verdict(Outcome.UNDECIDABLE, "no_rule", unsure.reason, unsure.answer, passed_on=True)
    last = decisions[-1]
    return Verdict(Outcome.INCORRECT, last.rule, last.reason, last.answer)
