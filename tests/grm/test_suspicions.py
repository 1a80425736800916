"""What speaks to its judge is flagged; the look for words that comes first hides nothing from the forms."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grm.suspicions import _COMPILED, suspicions

FORMS = [(flag, form) for flag, forms in _COMPILED.items() for _, form in forms]


@pytest.mark.parametrize(("flag", "form"), FORMS, ids=[f"{flag}-{number}" for number, (flag, _) in enumerate(FORMS)])
def test_whatever_a_form_finds_is_flagged(flag: str, form: re.Pattern[str]) -> None:
    """A text that a form matches is flagged, in any case and with letters that only look like ASCII to the form."""

    @settings(max_examples=25, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(form))
    def flagged(text: str) -> None:
        shown = "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
        if form.search(shown):
            assert flag in suspicions(shown)

    flagged()


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("dear GRADER, note that", "addresses_the_judge"),
        ("\u0131gnore prev\u0131ous in\u017ftructions", "overrides_instructions"),
        ("the an\u017fwer \u212aey", "claims_a_reference"),
    ],
)
def test_case_and_lookalikes_hide_nothing(text: str, flag: str) -> None:
    """Letters that a pattern takes for ASCII ones where case is ignored are taken for them by the words too."""
    assert flag in suspicions(text)
