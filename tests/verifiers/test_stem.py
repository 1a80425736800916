"""Physics and chemistry, by cases and by laws of units and formulas."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.task_cases import check, check_collection, load
from verifiers import stem
from verifiers.problem import Problem
from verifiers.stem import formula, reaction, units
from verifiers.verdict import Outcome


@pytest.mark.parametrize("case", load("stem"))
def test_case_has_its_outcome(case: dict[str, Any]) -> None:
    """Each case ends in an outcome that it allows."""
    check(stem, case)


def test_collection() -> None:
    """There are enough cases, well formed, and many of them are refused."""
    check_collection("stem", least=140)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("J", "kg m^2 s^-2"), ("N/C", "V/m"), ("Wb", "V s"), ("T", "Wb/m^2"), ("F", "C/V"), ("H", "Wb/A"), ("S", "1/Ω"),
        ("kW h", "kWh"), ("μm", "\\mu m"), ("dm^3", "L"), ("J/mol·K", "J mol^{-1} K^{-1}"), ("米/秒", "m/s"),
        ("\\frac{\\text{kg}}{\\text{m}^3}", "kg/m^3"),
        ("meters per second squared", "m/s^2"), ("W/(m^2·K)", "W m⁻² K⁻¹"),
    ],
)  # fmt: skip
def test_spellings_of_one_unit(text: str, same: str) -> None:
    """Spellings of one unit measure the same, in the same size."""
    first, second = units.read(text), units.read(same)
    assert first is not None
    assert second is not None
    assert (first.dimension, first.size) == (second.dimension, second.size)


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("km/h", Fraction(5, 18)),
        ("MeV", Fraction(1602176634, 10**22)),
        ("nm", Fraction(1, 10**9)),
        ("mL", Fraction(1, 10**6)),
    ],
)
def test_sizes_are_exact(unit: str, size: Fraction) -> None:
    """Conversion factors are the exact ones, by hand."""
    found = units.read(unit)
    assert found is not None
    assert found.size == size


@settings(max_examples=100, deadline=None)
@given(
    st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000),
    st.sampled_from([("m", "cm", 100), ("kJ", "J", 1000), ("m/s", "km/h", Fraction(18, 5)), ("atm", "Pa", 101325)]),
    st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 10), Fraction(11, 10), -1]),
)
def test_conversion_keeps_the_answer_and_a_factor_changes_it(
    value: Fraction, pair: tuple[str, str, int | Fraction], factor: Fraction
) -> None:
    """An amount in another unit is right; the same amount times a factor is wrong."""
    large, small, ratio = pair
    reference = f"{float(value):.6e} {large}"
    response = f"{float(value * ratio * factor):.6e} {small}"
    verdict = stem.verify(Problem(response, (reference,)))
    assert (verdict.outcome is Outcome.CORRECT) == (factor == 1), (reference, response, verdict)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("C H O N S Na Cl Fe".split()), st.integers(1, 9)), min_size=1, max_size=5))
def test_spellings_of_one_formula(parts: list[tuple[str, int]]) -> None:
    """Plain, LaTeX, Unicode and mhchem spellings of a formula are one composition."""
    plain = "".join(f"{symbol}{count}" for symbol, count in parts)
    latex = "".join(f"{symbol}_{{{count}}}" for symbol, count in parts)
    lowered = "".join(symbol + "₀₁₂₃₄₅₆₇₈₉"[count] for symbol, count in parts)
    readings = {formula.read(text) for text in (plain, latex, lowered, f"\\ce{{{plain}}}")}
    assert len({found.readings for found in readings if found is not None}) == 1
    assert None not in readings


@pytest.mark.parametrize("text", ["P = UI", "F = ma", "PV = nRT", "E = hf", "x -> y", "V = IR", "I = CV", "A + B -> C"])
def test_physics_is_no_reaction(text: str) -> None:
    """A law of physics in letters that are also elements is not read as a reaction equation."""
    found = reaction.read(text)
    assert found is None or not found.conserved


@pytest.mark.parametrize("piece", ["5 m ", "H2 + ", "10^", "(", "-> ", "\\frac{", "1e9 ", "m/s/", "5 = "])
def test_long_garbage_ends(piece: str) -> None:
    """A hundred thousand characters are refused, not rewarded."""
    for reference in ("5 m", "H2O", "2H2 + O2 -> 2H2O", "(3, 4) m"):
        verdict = stem.verify(Problem(piece * (100_000 // len(piece)), (reference,)))
        assert verdict.outcome is not Outcome.CORRECT
