"""From where on a pair counts as alike, by method; one place for their reasons."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Method(StrEnum):
    """What can find a pair."""

    EXACT = "exact"
    NGRAM = "ngram"
    MINHASH = "minhash"
    SEMANTIC = "semantic"
    TEMPLATE = "template"


class Thresholds(BaseModel):
    """Defaults are for mathematics: there two questions in the same words differ by one number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    long_gram: int = Field(default=13, ge=2, description="Words in a row that no two questions share by chance.")
    long_gram_chinese: int = Field(default=20, ge=2, description="The same in Chinese, counted in characters.")
    short_gram: int = Field(default=8, ge=2, description="Words in the runs whose shared part is measured.")
    short_gram_chinese: int = Field(default=12, ge=2, description="The same in Chinese, counted in characters.")
    coverage: float = Field(
        default=0.5, gt=0, le=1, description="Part of the benchmark question's short runs that the row has."
    )
    jaccard: float = Field(
        default=0.5, gt=0, le=1, description="Shared part of all runs of five words and signs, or characters."
    )
    cosine: float = Field(
        default=0.92,
        gt=0,
        le=1,
        description="Likeness in meaning that is enough where references cannot be compared. Of 7,750 pairs of "
        "different competition questions the highest was 0.90.",
    )
    candidate_cosine: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Likeness in meaning from which on the numbers and the references are looked at. Of rewordings "
        "three quarters lie above 0.55, of pairs of different competition questions a tenth.",
    )
    shared_numbers: float = Field(
        default=0.6, ge=0, le=1, description="Part of both questions' numbers that a candidate shares."
    )
    template_words: int = Field(
        default=8, ge=1, description="Words of a form below which too many questions have it: `what is # + #`."
    )


BOILERPLATE_QUESTIONS = 3
"""A run that so many different questions of the benchmarks share is a phrase ("where m and n are relatively prime
positive integers"), not a question."""
BORDERLINE = 0.85
"""Likeness in meaning from which on a pair that came to nothing is reported all the same; below, every two questions of
one topic would be."""
FEW_NUMBERS = 2
"""Questions with fewer numbers share them by chance, so they have to be nearer in meaning: `BORDERLINE`."""
CANDIDATES = 3
"""Benchmark questions, those that share most numbers, that a row may be compared with for their meaning or their form:
a form may have hundreds."""
