"""The streaming client against a real HTTP server that streams as scripted."""

import asyncio
import json
import math
from typing import Any

import pytest

from tests.processes import until
from tests.scripted_openai import Asked, Freeze, Json, Reset, in_turn
from tests.trainer.generation.streamed import (
    DONE,
    End,
    Stream,
    StreamingServer,
    Token,
    chat_events,
    event,
    text_events,
)
from touchstone_client import RetryPolicy
from touchstone_trainer.generation.errors import Broken, Busy, NoLogprobs, Refused, TooSlow, Unreached
from touchstone_trainer.generation.streaming import Generated, StreamingClient
from touchstone_trainer.streak import FinishReason, StreakRule

SURE, UNSURE = math.log(0.999), math.log(0.5)
NOW = RetryPolicy(max_retries=3, first_wait_s=0.0, max_wait_s=0.0)
CHAT = [{"role": "user", "content": "Hello"}]


def sampled(pattern: str) -> list[Token]:
    """A token for each letter: S over the threshold, u under it."""
    return [(100 + at, f"<{at}>", SURE if letter == "S" else UNSURE) for at, letter in enumerate(pattern)]


def in_chunks(pattern: str) -> list[list[Token]]:
    """The same, with | between chunks."""
    tokens = iter(sampled(pattern.replace("|", "")))
    return [[next(tokens) for _ in part] for part in pattern.split("|")]


async def ask(server: StreamingServer, prompt: Any = "Hi", length: int = 3, **how: Any) -> Generated:
    how = {"max_tokens": 100, "deadline_s": 20.0} | how
    async with StreamingClient(server.url, "m", rule=StreakRule(length=length), retry=NOW) as client:
        return await client.generate(prompt, **how)


@pytest.mark.parametrize("chat", [False, True], ids=["text", "chat"])
async def test_a_finished_sample_is_returned_whole(chat: bool) -> None:
    """Text, ids and log-probabilities of every token, and the server's own finish reason."""
    chunks = in_chunks("uS|S|uS|u")
    events = (chat_events if chat else text_events)(chunks)
    with StreamingServer(Stream(events)) as server:
        made = await ask(server, CHAT if chat else "Hi")
    assert made == Generated(
        "<0><1><2><3><4><5>",
        "",
        tuple(range(100, 106)),
        (UNSURE, SURE, SURE, UNSURE, SURE, UNSURE),
        FinishReason.STOP,
        2,
        0,
    )
    assert server.asked[0].path == ("/v1/chat/completions" if chat else "/v1/completions")


async def test_the_request_asks_for_what_is_needed() -> None:
    """Streaming, log-probabilities of the sampled token alone, ids, and the caller's sampling options."""
    with StreamingServer(Stream(text_events(in_chunks("u")))) as server:
        await ask(server, [5, 6, 7], sampling={"temperature": 0.7, "seed": 3})
        await ask(server, CHAT)
    text, chat = (asked.body for asked in server.asked)
    common = {"model": "m", "max_tokens": 100, "stream": True}
    ids = {"return_token_ids": True, "return_tokens_as_token_ids": True}
    assert text == common | ids | {"prompt": [5, 6, 7], "logprobs": 0, "temperature": 0.7, "seed": 3}
    assert chat == common | ids | {"messages": CHAT, "logprobs": True}


async def test_options_that_would_change_the_meaning_are_refused() -> None:
    """`n` or `stream` among the sampling options is a mistake, told before anything is sent."""
    with StreamingServer(Stream([])) as server:
        with pytest.raises(ValueError, match="n, stream itself"):
            await ask(server, sampling={"n": 4, "stream": False})
        assert server.asked == []


@pytest.mark.parametrize("chat", [False, True], ids=["text", "chat"])
async def test_a_streak_is_cut_and_the_connection_closed(chat: bool) -> None:
    """After the third sure token the sample ends, though the server would go on, and the server sees it hang up."""
    events = (chat_events if chat else text_events)(in_chunks("u|S|S|S"), finish=None)
    with StreamingServer(Stream(events, End.HELD)) as server:
        made = await ask(server, CHAT if chat else "Hi")
        assert (made.finish_reason, made.token_ids) == (FinishReason.REPETITION, (100, 101, 102, 103))
        assert made.logprobs == (UNSURE, SURE, SURE, SURE)
        assert (made.longest_streak, made.tokens_saved_at_most) == (3, 96)
        await until(lambda: server.gone == 1)


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [("uSSSSu", 4), ("u|SSSS", 4), ("uS|SSS", 4), ("SSSSSS", 3), ("SSuSS|uSSS|S", 9), ("SS|S", None)],
)
async def test_the_cut_falls_within_a_chunk(pattern: str, kept: int | None) -> None:
    """Several tokens in a chunk are counted one by one: what was kept ends at the third sure token in a row.

    A sample that ends by itself with that very token is complete, and not cut.
    """
    with StreamingServer(Stream(text_events(in_chunks(pattern)))) as server:
        made = await ask(server)
    assert made.token_ids is not None
    assert made.logprobs is not None
    if kept is None:
        assert (made.finish_reason, len(made.token_ids)) == (FinishReason.STOP, 3)
    else:
        assert (made.finish_reason, len(made.token_ids)) == (FinishReason.REPETITION, kept)
        assert (len(made.logprobs), made.tokens_saved_at_most) == (kept, 100 - kept)


async def test_the_threshold_itself_breaks_the_streak() -> None:
    """0.99 is not over 0.99, and a token without a number counts for nothing."""
    edge = [(1, "a", math.log(0.99)), (2, "b", SURE), (3, "c", SURE), (4, "d", None), (5, "e", SURE)]
    with StreamingServer(Stream(text_events([edge]))) as server:  # type: ignore[list-item]
        made = await ask(server)
    assert (made.finish_reason, made.longest_streak) == (FinishReason.STOP, 2)


async def test_length_is_told_apart() -> None:
    """A sample that ran into max_tokens says so."""
    with StreamingServer(Stream(text_events(in_chunks("u|u"), finish="length"))) as server:
        assert (await ask(server)).finish_reason is FinishReason.LENGTH


async def test_the_servers_own_detector_counts_as_repetition() -> None:
    """vLLM's `repetition` is ours too, with what it saved."""
    with StreamingServer(Stream(text_events(in_chunks("u|u"), finish="repetition"))) as server:
        made = await ask(server)
    assert (made.finish_reason, made.tokens_saved_at_most) == (FinishReason.REPETITION, 98)


async def test_line_separators_within_text_are_text() -> None:
    """U+2028 and its kind inside a token do not end an event, nor do network boundaries."""
    tokens: list[Token] = [(1, "a\u2028b\x85c\x0bd", UNSURE), (2, "é", UNSURE)]
    whole = b"".join([b": a comment\n\n", *text_events([tokens])])
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    with StreamingServer(Stream(pieces)) as server:
        assert (await ask(server)).text == "a\u2028b\x85c\x0bdé"


async def test_reasoning_is_kept_apart() -> None:
    """What the server separated as reasoning is counted as tokens, and is not text."""
    entry = {"token": "token_id:7", "logprob": UNSURE}
    thought = {"index": 0, "delta": {"reasoning": "hm"}, "logprobs": {"content": [entry]}, "finish_reason": None}
    with StreamingServer(Stream([event({"choices": [thought]}), *chat_events(in_chunks("u"))])) as server:
        made = await ask(server, CHAT)
    assert (made.reasoning, made.text, made.token_ids) == ("hm", "<0>", (7, 100))


async def test_a_server_without_ids_still_counts() -> None:
    """Ids are None where none came; the streak needs log-probabilities alone."""
    with StreamingServer(Stream(text_events(in_chunks("SSSS"), ids=False))) as server:
        made = await ask(server)
    assert (made.token_ids, made.finish_reason) == (None, FinishReason.REPETITION)


async def test_a_server_without_logprobs_is_told() -> None:
    """Without log-probabilities nothing can be counted: an error by default, a plain sample without a rule."""
    events = text_events(in_chunks("SSSS"), ids=False, logprobs=False)
    with StreamingServer(Stream(events)) as server:
        with pytest.raises(NoLogprobs, match="cannot be counted"):
            await ask(server)
        async with StreamingClient(server.url, "m", rule=None, token_ids=False) as client:
            made = await client.generate("Hi", max_tokens=10)
        assert (made.logprobs, made.finish_reason) == (None, FinishReason.STOP)
        assert "return_token_ids" not in server.asked[-1].body


@pytest.mark.parametrize("end", [End.CLOSED, End.RESET, End.PROPERLY])
async def test_a_server_that_dies_in_the_middle_is_no_finished_sample(end: End) -> None:
    """However the stream stops without a finish reason, it is Broken, says after how many tokens, is not retried."""
    with StreamingServer(Stream(text_events(in_chunks("u|u|u"), finish=None), end)) as server:
        with pytest.raises(Broken, match="3 tokens") as caught:
            await ask(server)
        assert (caught.value.tokens, len(server.asked)) == (3, 1)


async def test_done_without_a_finish_reason_is_broken() -> None:
    """[DONE] alone ends no sample."""
    with (
        StreamingServer(Stream([*text_events(in_chunks("u"), finish=None), DONE])) as server,
        pytest.raises(Broken, match="without a finish reason"),
    ):
        await ask(server)


async def test_a_break_after_the_finish_reason_does_no_harm() -> None:
    """The sample is whole once its finish reason came."""
    with StreamingServer(Stream(text_events(in_chunks("u"))[:1], End.RESET)) as server:
        assert (await ask(server)).finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (event({"error": {"message": "EngineDeadError", "code": 500}}), "EngineDeadError"),
        (b"data: {not json\n\n", "cannot be read"),
        (event({"choices": [{"text": "a", "finish_reason": "abort"}]}), "'abort'"),
        (event({"choices": [{"text": "a"}, {"text": "b"}]}), "cannot be read"),
        (event(["no object"]), "cannot be read"),
    ],
)
async def test_what_cannot_be_read_is_broken(sent: bytes, says: str) -> None:
    """An error event, bytes that are no event and an unknown end are told, never skipped."""
    with StreamingServer(Stream([sent])) as server, pytest.raises(Broken, match=says):
        await ask(server)


async def test_ids_that_do_not_match_are_broken() -> None:
    """One id for two log-probabilities would train on the wrong tokens."""
    body = json.loads(chat_events(in_chunks("uu"))[1].removeprefix(b"data: "))
    body["choices"][0]["token_ids"].pop()
    with StreamingServer(Stream([event(body)])) as server, pytest.raises(Broken, match="1 token ids, 2"):
        await ask(server)


async def test_a_deadline_holds_in_the_middle_of_a_stream() -> None:
    """A server that falls silent is given up at the deadline, and sees the connection close."""
    with StreamingServer(Stream(text_events(in_chunks("u|u"), finish=None), End.HELD)) as server:
        with pytest.raises(TooSlow, match=r"0\.5 s; 2 tokens came"):
            await ask(server, deadline_s=0.5)
        await until(lambda: server.gone == 1)


async def test_a_server_that_never_answers_is_too_slow() -> None:
    """The deadline covers the wait for the first byte."""
    with StreamingServer(Freeze()) as server, pytest.raises(TooSlow, match="0 tokens"):
        await ask(server, deadline_s=0.3)


async def test_shedding_and_lost_connections_are_tried_again() -> None:
    """429, 503 and a connection torn down before an answer are worth another try."""
    turns = in_turn(Json({}, 503, {"Retry-After": "0"}), Reset(), Json({}, 429))

    def script(asked: Asked) -> Any:
        return turns(asked) if len(server.asked) <= 3 else Stream(text_events(in_chunks("u")))

    with StreamingServer(script) as server:
        assert (await ask(server)).text == "<0>"
        assert len(server.asked) == 4


async def test_the_last_word_after_all_retries_says_whose_move_it_is() -> None:
    """Busy stays Busy, a lost connection Unreached, after as many tries as the policy allows."""
    with StreamingServer(Json({"error": "full"}, 503)) as server:
        with pytest.raises(Busy, match="full"):
            await ask(server)
        assert len(server.asked) == 1 + NOW.max_retries
    with pytest.raises(Unreached, match="is the server running"):
        await ask(server)


async def test_no_retry_is_begun_that_the_deadline_would_cut() -> None:
    """Where the server asks to wait past the deadline, its answer is raised at once."""
    with (
        StreamingServer(Json({"error": "full"}, 503, {"Retry-After": "60"})) as server,
        pytest.raises(Busy) as caught,
    ):
        await ask(server)
    assert caught.value.retry_after_s == 60.0


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (404, Refused), (401, Refused), (500, Broken)])
async def test_rejections_are_not_repeated(status: int, kind: type[Exception]) -> None:
    """What another try cannot help is raised with the server's words."""
    with StreamingServer(Json({"message": "prompt too long"}, status)) as server:
        with pytest.raises(kind, match="prompt too long"):
            await ask(server)
        assert len(server.asked) == 1


async def test_samples_run_side_by_side_up_to_the_limit() -> None:
    """Twenty samples over a limit of four: never more than four at once, and more than one."""
    with StreamingServer(Stream(text_events(in_chunks("u|u|S|S|u")))) as server:
        async with StreamingClient(server.url, "m", concurrency=4) as client:
            made = await asyncio.gather(*(client.generate(f"{at}", max_tokens=9) for at in range(20)))
        assert {sample.text for sample in made} == {"<0><1><2><3><4>"}
        assert 1 < server.most_at_once <= 4


async def test_one_cut_sample_leaves_its_neighbours_alone() -> None:
    """A cut closes one connection; samples beside it are finished."""

    def script(asked: Asked) -> Stream:
        if asked.body["prompt"] == "loop":
            return Stream(text_events(in_chunks("SSS"), finish=None), End.HELD)
        return Stream(text_events(in_chunks("u|u")))

    with StreamingServer(script) as server:
        async with StreamingClient(server.url, "m", rule=StreakRule(length=3)) as client:
            prompts = ["loop", "a", "loop", "b"]
            made = await asyncio.gather(*(client.generate(prompt, max_tokens=9) for prompt in prompts))
    assert [sample.finish_reason for sample in made] == ["repetition", "stop", "repetition", "stop"]


async def test_the_key_is_sent_and_shown_nowhere() -> None:
    """The key is in the header, and in no repr and no error."""
    with StreamingServer(Json({}, 400)) as server:
        async with StreamingClient(server.url + "/v1/", "m", api_key="secret-key") as client:
            with pytest.raises(Refused) as caught:
                await client.generate("Hi", max_tokens=1)
            assert "secret-key" not in repr(client) + str(caught.value)
        assert server.asked[0].headers["authorization"] == "Bearer secret-key"
        assert server.asked[0].path == "/v1/completions"
