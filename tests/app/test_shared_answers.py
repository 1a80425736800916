"""One verification for equal answers under other text, within a request, across requests and across restarts."""

from typing import Any

from tests.app.conftest import StartApp

REGISTRY = "verifiers.registry:VERIFIERS"
SAME = r"$\boxed{\dfrac{\sqrt{3}}{4}}$."


def item(text: str, answer: str = SAME, reference: str = r"\frac{1}{4}\sqrt{3}") -> dict[str, str]:
    return {"response": f"{text}\n\nThe answer is {answer}", "reference": reference, "question": "Which area?"}


async def test_equal_answers_are_verified_once(start_app: StartApp) -> None:
    """Of a group that gives one answer under different texts, one member is worked on; all get their verdict."""
    async with start_app(registry=REGISTRY) as running:
        sent = [item(f"Attempt {number}.") for number in range(6)]
        first = (await running.http.post("/v1/verify", json={"items": sent})).json()["results"]
        assert [result["outcome"] for result in first] == ["correct"] * 6
        assert sum(not result["cached"] for result in first) == 1
        later = (await running.http.post("/v1/verify", json={"items": [item("A new attempt.")]})).json()["results"]
        assert (later[0]["outcome"], later[0]["cached"]) == ("correct", True)
        other = item("Attempt 1.", r"$\boxed{\dfrac{\sqrt{3}}{8}}$.")
        wrong = (await running.http.post("/v1/verify", json={"items": [other]})).json()["results"]
        assert (wrong[0]["outcome"], wrong[0]["cached"]) == ("incorrect", False)
    async with start_app(registry=REGISTRY) as again:
        after = (await again.http.post("/v1/verify", json={"items": [item("After a restart.")]})).json()["results"]
        assert (after[0]["outcome"], after[0]["cached"]) == ("correct", True)


async def test_words_are_judged_each_in_its_own_text(start_app: StartApp) -> None:
    """Where the text around the answer counts, members with the same answer are worked on one by one."""
    async with start_app(registry=REGISTRY) as running:
        sent = [
            item(f"Attempt {number}.", r"$\boxed{\text{Canberra}}$.", "the city of Canberra") for number in range(3)
        ]
        results: list[dict[str, Any]] = []
        for _ in range(2):
            results = (await running.http.post("/v1/verify", json={"items": sent})).json()["results"]
            assert len({result["outcome"] for result in results}) == 1
        one_by_one = [
            (await running.http.post("/v1/verify", json={"items": [one]})).json()["results"][0] for one in sent
        ]
        assert [one["outcome"] for one in one_by_one] == [result["outcome"] for result in results]
