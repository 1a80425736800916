"""What the probe concludes about servers of different manners."""

import math
from collections.abc import Collection

import pytest

from grm.backend import (
    BackendError,
    BadReply,
    Busy,
    Capabilities,
    Constraint,
    Refused,
    SchemaForm,
    TooSlow,
    Unreachable,
)
from grm.dialects import Dialect, Thinking
from grm.openai_backend import OpenAIBackend
from grm.probe import THINKING_TOKENS, probe
from grm.retry import RetryPolicy
from tests.scripted_openai import Freeze, Json, Manners, Script, ScriptedOpenAI, completion, in_turn, polite


async def verdict_on(
    script: Script, model: str | None = None, deadline_s: float = 30.0, thinking: Thinking = Thinking.OFF
) -> Capabilities:
    with ScriptedOpenAI(script) as server:
        backend = OpenAIBackend(server.url, model=model, thinking=thinking, retries=RetryPolicy(attempts=1))
        try:
            found = await probe(backend, deadline_s=deadline_s)
            assert backend.capabilities == found
            return found
        finally:
            await backend.aclose()


async def test_an_able_server_passes_with_nothing_to_note() -> None:
    """Name, log-probabilities, constraint and thinking switch are found by themselves."""
    found = await verdict_on(polite())
    form: Constraint = "structured_outputs"
    assert found == Capabilities("scripted", True, form, thinking_switch=True, schema="structured_outputs")


@pytest.mark.parametrize(
    ("honours", "constraint"),
    [
        (["structured_outputs", "json_schema"], "structured_outputs"),
        (["json_schema", "grammar"], "json_schema"),
        (["grammar"], "grammar"),
        ([], "none"),
    ],
)
async def test_the_first_constraint_that_bites_is_used(honours: Collection[str], constraint: Constraint) -> None:
    """A form that is dropped with a 200 is seen through, and the next is tried."""
    assert (await verdict_on(polite(Manners(honours=honours)))).constraint == constraint


async def test_an_ignored_constraint_is_noted_with_what_was_written_instead() -> None:
    """The operator can see why there is no constraint."""
    found = await verdict_on(polite(Manners(honours=[], text="OK")))
    assert [note for note in found.notes if "is ignored: the server wrote 'OK'" in note] == list(found.notes)
    assert len(found.notes) == 6


@pytest.mark.parametrize(
    ("schemas", "form"),
    [
        (["structured_outputs"], "structured_outputs"),
        (["json_schema", "json_object"], "json_schema"),
        (["json_object"], "json_object"),
        ([], "none"),
    ],
)
async def test_a_schema_is_tried_apart_from_a_choice(schemas: Collection[str], form: SchemaForm) -> None:
    """A server that holds to one of several words may still drop every schema with a 200."""
    found = await verdict_on(polite(Manners(honours=["grammar"], schemas=schemas)))
    assert (found.constraint, found.schema) == ("grammar", form)
    ignored = [note for note in found.notes if note.startswith("a schema by")]
    assert len(ignored) == ("structured_outputs", "json_schema", "json_object", "none").index(form)


@pytest.mark.parametrize(
    "written", ['{"word": "ok", "score": 3}', '{"score": 3}', "OK", "", '```json\n{"word": "x"}\n```']
)
async def test_json_of_another_content_does_not_count(written: str) -> None:
    """A model that writes JSON by itself is not held to the schema: the random word is missing."""
    assert (await verdict_on(polite(Manners(honours=[], text=written)))).schema == "none"


@pytest.mark.parametrize(
    ("owner", "dialect", "budget"),
    [
        ("vllm", Dialect.VLLM, {"thinking_token_budget": THINKING_TOKENS}),
        ("llamacpp", Dialect.LLAMA_CPP, {"thinking_budget_tokens": THINKING_TOKENS}),
        ("sglang", Dialect.SGLANG, {}),
        ("somebody", Dialect.OPENAI, {}),
    ],
)
@pytest.mark.parametrize("place", ["reasoning", "reasoning_content", "inline", "inline_end"])
async def test_a_thinking_judge_is_probed_with_its_thinking(
    owner: str, dialect: Dialect, budget: dict[str, int], place: str
) -> None:
    """Wherever the server puts it: the model thinks, the limit is taken, and the schema holds after it."""
    manners = Manners(owner=owner, thinking="Two is even.", thinks_in=place)
    with ScriptedOpenAI(polite(manners)) as server:
        backend = OpenAIBackend(server.url, thinking=Thinking.ON, retries=RetryPolicy(attempts=1))
        found = await probe(backend)
        await backend.aclose()
        asked = [one.body for one in server.asked if one.body.get("chat_template_kwargs", {}).get("thinking")]
    assert (found.dialect, found.thinks, found.thought_schema) == (dialect, True, "structured_outputs")
    assert found.thinking_budget is bool(budget)
    assert asked
    assert all(budget.items() <= body.items() for body in asked)
    assert found.notes == ()


async def test_a_dialect_that_is_given_is_spoken() -> None:
    """Behind a gateway the model list says nothing of the server; the operator can."""
    with ScriptedOpenAI(polite()) as server:
        backend = OpenAIBackend(server.url, dialect=Dialect.LLAMA_CPP)
        found = await probe(backend)
        await backend.aclose()
    assert found.dialect is Dialect.LLAMA_CPP
    assert server.asked[-1].body["cache_prompt"] is False


async def test_a_limit_of_thinking_that_is_refused_is_left_out() -> None:
    """vLLM without a reasoning parser refuses the field; the judge still thinks, within its tokens."""
    found = await verdict_on(
        polite(Manners(owner="vllm", thinking="Hm.", refuses=["thinking_token_budget"])), thinking=Thinking.ON
    )
    assert (found.thinks, found.thinking_budget) == (True, False)
    assert [note for note in found.notes if "cannot be limited" in note] == list(found.notes)


async def test_a_schema_that_keeps_the_model_from_thinking_is_left_out_where_it_thinks() -> None:
    """Without a reasoning parser a grammar holds from the first token: the thinking that was asked for is lost."""
    found = await verdict_on(polite(Manners(thinking="Hm.", thinks_first=False)), thinking=Thinking.ON)
    assert (found.schema, found.thinks, found.thought_schema) == ("structured_outputs", True, "none")
    assert "keeps the model from thinking" in found.notes[0]


async def test_a_model_that_does_not_think_keeps_its_schema() -> None:
    """Asked to think, it does not: there is nothing that a schema could suppress."""
    found = await verdict_on(polite(), thinking=Thinking.ON)
    assert (found.thinks, found.thought_schema) == (False, "structured_outputs")
    assert "does not think" in found.notes[0]


async def test_a_model_that_thinks_although_told_not_to_is_noted() -> None:
    """The switch is accepted and dropped: whoever wants labels read must know."""
    found = await verdict_on(polite(Manners(thinking="Hm.", switch=False, text="", honours=[])))
    assert "thinks although told not to" in found.notes[0]


async def test_a_refused_constraint_is_a_lack_and_no_failure() -> None:
    """A server may refuse one form loudly and honour another."""
    found = await verdict_on(polite(Manners(refuses=["structured_outputs"], honours=["json_schema"])))
    assert found.constraint == "json_schema"
    assert "structured_outputs does not work" in found.notes[0]


async def test_left_out_logprobs_are_detected() -> None:
    """A server that drops the request for log-probabilities without a word has none."""
    found = await verdict_on(polite(Manners(logprobs=False)))
    assert not found.logprobs
    assert found.notes == ("no log-probabilities: the server leaves them out",)


async def test_refused_logprobs_are_detected() -> None:
    """Nor has one that refuses it."""
    found = await verdict_on(polite(Manners(refuses=["logprobs"])))
    assert not found.logprobs
    assert "unknown field logprobs" in found.notes[0]


@pytest.mark.parametrize(
    ("first_token", "lack"),
    [
        ({"Yes": 1.0, "No": 1.0}, "more than 1"),
        ({"Yes": 1.0}, "1 candidates instead of 20"),
        ({"Yes": math.e, "No": 0.1}, "not log-probabilities"),
    ],
    ids=["all-zero", "sampled-only", "positive"],
)
async def test_numbers_that_are_no_probabilities_do_not_count(first_token: dict[str, float], lack: str) -> None:
    """Fake log-probabilities would be read as a label mass."""
    found = await verdict_on(polite(Manners(first_token=first_token)))
    assert not found.logprobs
    assert lack in found.notes[0]


async def test_a_strict_server_is_asked_without_the_thinking_switch() -> None:
    """Public APIs refuse the field; it is then never sent, and noted."""
    found = await verdict_on(polite(Manners(refuses=["chat_template_kwargs"])))
    assert not found.thinking_switch
    assert found.logprobs
    assert "thinking cannot be switched off" in found.notes[0]


async def test_several_models_need_a_name() -> None:
    """The probe does not choose a judge for the operator, and lists what there is."""
    with pytest.raises(Refused, match="name one: small, large"):
        await verdict_on(polite(Manners(models=["small", "large"])))


async def test_a_given_name_needs_no_model_list() -> None:
    """Gateways without `/v1/models` work when the model is named."""

    def no_list(asked: object) -> Json:
        act = polite()(asked)  # type: ignore[arg-type]
        return Json({}, 404) if getattr(asked, "path", "") == "/v1/models" else act  # type: ignore[return-value]

    assert (await verdict_on(no_list, model="mine")).model == "mine"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (in_turn(Json({"error": {"message": "no such model"}}, 404)), Refused),
        (in_turn(Json({}, 503)), Busy),
        (in_turn(Json({}, 500)), BadReply),
        (in_turn(Json(completion("x")), Freeze()), TooSlow),
    ],
    ids=["refuses-all", "busy", "broken", "freezes-midway"],
)
async def test_a_server_that_cannot_answer_fails_the_probe(script: Script, kind: type[BackendError]) -> None:
    """No capabilities are made up for a server that was not seen to work."""
    with pytest.raises(kind):
        await verdict_on(script, model="scripted", deadline_s=1.0)


async def test_nobody_there_fails_the_probe() -> None:
    """A closed port is an error of its own."""
    backend = OpenAIBackend("http://127.0.0.1:1", model="m", retries=RetryPolicy(attempts=1))
    with pytest.raises(Unreachable):
        await probe(backend, deadline_s=5.0)
    await backend.aclose()
