"""The backend against a real HTTP server that behaves well, badly or not at all."""

import asyncio
import json
import socket
from typing import Any

import pytest

from grm.backend import (
    BackendError,
    BadReply,
    Busy,
    Capabilities,
    Completion,
    Message,
    Refused,
    TooSlow,
    Unreachable,
)
from grm.openai_backend import OpenAIBackend
from grm.openai_wire import MAX_REPLY_BYTES
from grm.retry import RetryPolicy
from tests.scripted_openai import (
    Act,
    Asked,
    Freeze,
    Json,
    Manners,
    Raw,
    Reset,
    ScriptedOpenAI,
    completion,
    in_turn,
    polite,
)

ABLE = Capabilities("scripted", logprobs=True, constraint="structured_outputs", thinking_switch=True)
QUESTION = Completion((Message("user", "two?"),), max_tokens=1, top_logprobs=20)
QUICK = RetryPolicy(first_s=0.001, longest_s=0.001)
KEY = "sk-very-secret-0123456789"
AMPLE_S = 30.0


def backend_for(url: str, **more: Any) -> OpenAIBackend:
    backend = OpenAIBackend(url, retries=QUICK, **more)
    backend.learn(ABLE)
    return backend


async def fails_with(act: Act) -> tuple[BackendError, int]:
    """The error that an act leads to, and how often the server was asked."""
    with ScriptedOpenAI(in_turn(act)) as server:
        backend = backend_for(server.url)
        with pytest.raises(BackendError) as caught:
            await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
        return caught.value, len(server.asked)


async def test_a_completion_arrives_whole() -> None:
    """Text, model, finish reason, counts and the first token's candidates come back."""
    with ScriptedOpenAI(polite(Manners(yes=0.5, no=0.25))) as server:
        backend = backend_for(server.url)
        reply = await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert (reply.text, reply.model, reply.finish_reason) == ("Yes", "scripted", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (9, 1)
    assert reply.top_logprobs[0] == pytest.approx({"Yes": -0.693147, "No": -1.386294}, abs=1e-6)


async def test_every_sampling_setting_is_sent() -> None:
    """Servers differ in their defaults, so none is left to them; thinking is off where that works."""
    with ScriptedOpenAI() as server:
        backend = backend_for(server.url)
        await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert server.asked[0].body == {
        "model": "scripted",
        "messages": [{"role": "user", "content": "two?"}],
        "max_tokens": 1,
        "temperature": 0.0,
        "top_p": 1.0,
        "seed": 0,
        "stream": False,
        "logprobs": True,
        "top_logprobs": 20,
        "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
    }


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_url_may_end_in_v1_or_not(suffix: str) -> None:
    """Both ways of writing a server's address lead to the same place."""
    with ScriptedOpenAI() as server:
        backend = backend_for(server.url + suffix)
        await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert server.asked[0].path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("act", "kind", "says"),
    [
        (Json({"error": {"message": "too long"}}, 400), Refused, "400: too long"),
        (Json({"message": "who are you"}, 401), Refused, "401: who are you"),
        (Json({"error": "no such model"}, 404), Refused, "404: no such model"),
        (Json({"detail": "x"}, 422), Refused, "422"),
        (Json("moved", 307, {"Location": "http://127.0.0.1:1/"}), Refused, "307"),
        (Json({"error": {"message": "engine died"}}, 500), BadReply, "500: engine died"),
        (Json({}, 502), BadReply, "502"),
        (Raw(b"<html>gateway</html>"), BadReply, "not JSON"),
        (Raw(b"[" * 100_000), BadReply, "not JSON"),
        (Raw(b"[1]"), BadReply, "not a JSON object"),
        (Raw(b""), BadReply, "not JSON"),
        (Raw(b"\xff\xfe\x00"), BadReply, "not JSON"),
        (Raw(b'{"choices": [{"mess', promised=500), BadReply, "cut short"),
        (Raw(b" " * (MAX_REPLY_BYTES + 1)), BadReply, "larger than"),
        (Json({"choices": []}), BadReply, "not a chat completion"),
        (Json({"choices": [{"message": None}]}), BadReply, "not a chat completion"),
        (Json({"choices": [{"message": {"content": 7}}]}), BadReply, "not a chat completion"),
        (
            Json({"choices": [{"message": {"content": "x"}, "logprobs": []}]}),
            BadReply,
            "not a chat completion",
        ),
        (Reset(), Unreachable, "broke before a reply"),
    ],
    ids=[
        *("bad-request", "no-key", "no-model", "invalid", "redirect", "engine-died", "gateway-down", "html"),
        *("nested", "a-list", "empty", "binary", "cut", "huge", "no-choice", "no-message", "number-as-text"),
        *("logprobs-a-list", "reset"),
    ],
)
async def test_each_failure_is_its_own_error_and_asked_once(act: Act, kind: type[BackendError], says: str) -> None:
    """What a second attempt cannot cure, or may repeat work for, is reported at once under its own name."""
    error, times = await fails_with(act)
    assert type(error) is kind
    assert says in str(error)
    assert times == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_asked_again(status: int) -> None:
    """Load that passes is not the caller's problem."""
    busy = Json({"error": {"message": "full"}}, status)
    with ScriptedOpenAI(in_turn(busy, busy, polite())) as server:
        backend = backend_for(server.url)
        reply = await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert reply.text == "Yes"
    assert len(server.asked) == 3


async def test_a_server_that_stays_busy_is_reported_busy() -> None:
    """After the last attempt the reason is the server's own."""
    error, times = await fails_with(Json({"error": {"message": "full"}}, 503))
    assert type(error) is Busy
    assert "503: full" in str(error)
    assert times == QUICK.attempts


async def test_a_retry_after_past_the_deadline_is_not_waited_for() -> None:
    """The caller learns now, not at the deadline, that the server wants to be left alone for longer."""
    error, times = await fails_with(Json({}, 429, {"Retry-After": "3600"}))
    assert type(error) is Busy
    assert times == 1


async def test_nothing_listening_is_unreachable_after_the_attempts() -> None:
    """A refused connection is tried again, then named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        backend = backend_for(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Unreachable, match="cannot connect"):
            await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()


@pytest.mark.parametrize("act", [Freeze(), Json({}, delay_s=600.0)], ids=["frozen", "slow"])
async def test_the_deadline_ends_a_call(act: Act) -> None:
    """A server that takes the request and says nothing costs the deadline, not more."""
    with ScriptedOpenAI(in_turn(act)) as server:
        backend = backend_for(server.url)
        with pytest.raises(TooSlow, match=r"0\.2 s"):
            await backend.complete(QUESTION, deadline_s=0.2)
        await backend.aclose()
    assert len(server.asked) == 1


async def test_waiting_for_a_slot_counts_towards_the_deadline() -> None:
    """A call that never got its turn ends on time, without having reached the server."""
    with ScriptedOpenAI(in_turn(Freeze())) as server:
        backend = backend_for(server.url, concurrency=1)
        first = asyncio.create_task(backend.complete(QUESTION, deadline_s=2.0))
        await asyncio.sleep(0.1)
        with pytest.raises(TooSlow):
            await backend.complete(QUESTION, deadline_s=0.2)
        with pytest.raises(TooSlow):
            await first
        await backend.aclose()
    assert len(server.asked) == 1


async def test_concurrency_is_bounded_and_connections_are_reused() -> None:
    """Forty calls through four slots: never more than four at once, over no more than four connections."""
    with ScriptedOpenAI(polite(Manners(delay_s=0.01))) as server:
        backend = backend_for(server.url, concurrency=4)
        calls = (backend.complete(QUESTION, deadline_s=AMPLE_S) for _ in range(40))
        assert len(await asyncio.gather(*calls)) == 40
        await backend.aclose()
    assert server.most_at_once == 4
    assert server.connections <= 4


def test_one_backend_serves_several_event_loops() -> None:
    """Connections and slots belong to the loop that uses them."""
    with ScriptedOpenAI() as server:
        backend = backend_for(server.url, concurrency=1)

        async def three() -> int:
            calls = (backend.complete(QUESTION, deadline_s=AMPLE_S) for _ in range(3))
            replies = await asyncio.gather(*calls)
            await backend.aclose()
            return len(replies)

        assert asyncio.run(three()) == asyncio.run(three()) == 3


async def test_the_key_is_sent_and_shown_nowhere() -> None:
    """A server that echoes the key in its error does not get it into our error; nor does a repr show it."""

    def echo(asked: Asked) -> Act:
        return Json({"error": {"message": f"bad key: {asked.headers['authorization']}"}}, 401)

    with ScriptedOpenAI(echo) as server:
        backend = backend_for(server.url, api_key=KEY)
        with pytest.raises(Refused) as caught:
            await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert str(caught.value) == "the server answers 401: bad key: Bearer ***"
    assert KEY not in repr(caught.value) + repr(backend) + str(vars(caught.value))


async def test_a_server_cannot_put_pages_into_an_error() -> None:
    """An error stays one bounded line without control characters."""
    error, _ = await fails_with(Json({"error": {"message": "a\x1b[31m\r\nb" + "x" * 10_000}}, 400))
    assert len(str(error)) < 400
    assert str(error).isprintable()


async def test_before_the_probe_nothing_is_sent() -> None:
    """A backend that knows nothing of its server does not guess."""
    with ScriptedOpenAI() as server:
        backend = OpenAIBackend(server.url)
        with pytest.raises(Unreachable, match="start-up probe"):
            await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert server.asked == []


async def test_tokens_that_print_alike_are_added_up() -> None:
    """Many servers print ▁Yes and Yes alike: 1/2 and 1/4 are 3/4, not the last one."""
    body = completion("Yes", {"Yes": 0.5})
    body["choices"][0]["logprobs"]["content"][0]["top_logprobs"].append({"token": "Yes", "logprob": -1.3862943611})
    with ScriptedOpenAI(in_turn(Json(body))) as server:
        backend = backend_for(server.url)
        reply = await backend.complete(QUESTION, deadline_s=AMPLE_S)
        await backend.aclose()
    assert reply.top_logprobs[0] == pytest.approx({"Yes": -0.2876820724}, abs=1e-9)


async def test_a_lone_surrogate_reaches_the_server_as_json() -> None:
    """Text that cannot be encoded in UTF-8 does not break the request."""
    with ScriptedOpenAI() as server:
        backend = backend_for(server.url)
        odd = Completion((Message("user", "\ud800"),), max_tokens=1)
        assert (await backend.complete(odd, deadline_s=AMPLE_S)).text == "Yes"
        await backend.aclose()
    assert json.dumps(server.asked[0].body["messages"]) == '[{"role": "user", "content": "\\ud800"}]'
