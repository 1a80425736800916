"""What the data commands make of a model server that behaves badly."""

import pytest

from tests.live import free_port
from tests.scripted_openai import Act, Asked, Json, Raw, Reset, ScriptedOpenAI, completion, in_turn
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.problems import BadInput, CurationError, NoService, Refused

MODELS = Json({"data": [{"id": "scripted"}]})
GOOD = Json(completion("hello"))
ASKED = [{"role": "user", "content": "hi"}]


def patient(server: ScriptedOpenAI, waits: list[float] | None = None) -> ModelServer:
    """A client that only notes its waits."""
    return ModelServer(server.url, wait=(waits if waits is not None else []).append)


def test_what_passes_by_itself_is_tried_again() -> None:
    """A full, a restarting and a resetting server cost waits that double, no answers."""
    waits: list[float] = []
    with ScriptedOpenAI(in_turn(MODELS, Json({}, 429), Json({}, 503), Reset(), GOOD)) as server:
        assert patient(server, waits).chat(ASKED).text == "hello"
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (Json({"error": "too long"}, 400), Refused),
        (Json({"error": "who?"}, 401), BadInput),
        (Json({"error": "no such model"}, 404), BadInput),
        (Json({"error": "broken"}, 500), NoService),
        (Json({"choices": []}), NoService),
        (Raw(b"not json"), NoService),
    ],
)
def test_whose_move_it_is(act: Act, kind: type[CurationError]) -> None:
    """A refused row, a wrong call and a broken server are told apart, and none is asked twice."""
    with ScriptedOpenAI(in_turn(MODELS, act)) as server:
        with pytest.raises(CurationError) as error:
            patient(server).chat(ASKED)
        assert type(error.value) is kind
        assert len(server.asked) == 2


def test_a_server_that_stays_away_is_said() -> None:
    """Nobody there: tried five times, then its address is named."""
    waits: list[float] = []
    port = free_port()
    with pytest.raises(NoService, match=f"127.0.0.1:{port}"):
        ModelServer(f"http://127.0.0.1:{port}", wait=waits.append)
    assert len(waits) == 4


def test_one_model_is_taken_several_must_be_named() -> None:
    """The only model is taken by itself; of several one must be named; an address must be one."""
    with ScriptedOpenAI(lambda asked: MODELS) as server:
        assert ModelServer(f"{server.url}/v1").model == "scripted"
    two = Json({"data": [{"id": "a"}, {"id": "b"}]})
    with ScriptedOpenAI(lambda asked: two) as server:
        with pytest.raises(BadInput, match="a, b"):
            ModelServer(server.url)
        assert ModelServer(server.url, model="b").model == "b"
    with pytest.raises(BadInput, match="http://"):
        ModelServer("localhost:8000")


def test_a_refused_row_stands_among_the_answers() -> None:
    """Several at a time, in order; what the server refuses takes its own place, not its neighbours'."""

    def act(asked: Asked) -> Act:
        if asked.method == "GET":
            return MODELS
        text = asked.body["messages"][0]["content"]
        return Json({"error": "too long"}, 400) if text == "2" else Json(completion(text))

    with ScriptedOpenAI(act) as server:
        model = patient(server)
        answers = model.map(lambda n: model.chat([{"role": "user", "content": str(n)}]).text, range(5))
    assert [answer if isinstance(answer, str) else type(answer) for answer in answers] == ["0", "1", Refused, "3", "4"]
