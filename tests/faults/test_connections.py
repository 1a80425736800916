"""Many connections, slow ones, and heads without an end; our client is answered all the while."""

import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.app.conftest import FAULTS
from tests.faults.conftest import SMALL, items
from tests.live import LiveService
from touchstone_client import Client

IDLE = 10_000
OPEN_MANY = """
import resource, socket, sys
port, count = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
print(len(held), flush=True)
sys.stdin.read()
"""
HEAD = b"POST /v1/verify HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n"
BODY = b'{"items": [{"task": "faulty", "response": "so 7", "reference": "7"}]}'


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service that gives a request a second to arrive."""
    settings = SMALL | {"TOUCHSTONE_LIMITS__ARRIVAL_S": "1"}
    live = LiveService(tmp_path_factory.mktemp("impatient"), settings, registry=FAULTS)
    yield live.wait_ready()
    live.kill()


def heard(service: LiveService, pieces: list[bytes], pause_s: float) -> bytes:
    """All that comes back when the pieces are sent one by one, until the service hangs up or they are all sent."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        for piece in pieces:
            if select.select([connection], [], [], 0)[0]:
                break
            connection.sendall(piece)
            time.sleep(pause_s)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


def trickle(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


SLOW: dict[str, tuple[list[bytes], bytes]] = {
    "nothing at all": ([], b""),
    "head byte by byte": (trickle(HEAD), b"HTTP/1.1 408"),
    "body byte by byte": ([HEAD + b"content-length: 69\r\n\r\n", *trickle(BODY)], b"HTTP/1.1 408"),
    "chunks byte by byte": ([HEAD + b"transfer-encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 60], b"HTTP/1.1 408"),
    "the rest never": ([HEAD + b"content-length: 69\r\n\r\n" + BODY[:-1]], b"HTTP/1.1 408"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_request_is_cut_off(impatient: LiveService, name: str) -> None:
    """What does not arrive in its time is told so, where it began at all, and hung up on."""
    pieces, begins = SLOW[name]
    answer = heard(impatient, pieces, 0.05)
    assert answer.startswith(begins)
    assert (b'"type":"too_slow"' in answer) is bool(answer) is bool(begins)
    with Client(impatient.url) as client:
        assert client.verify(items("so 7"))[0].reward == 1.0


def test_blank_lines_hold_no_connection(impatient: LiveService) -> None:
    """After an answer, blank lines begin no request and do not keep the connection."""
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
        connection.sendall(b"\r\n")
        while connection.recv(65_536):
            pass


def test_a_head_without_an_end(impatient: LiveService) -> None:
    """Headers past the limit are refused before they fill the memory."""
    answer = heard(impatient, [HEAD, b"x-more: " + b"x" * 100_000], 0.0)
    assert answer.startswith(b"HTTP/1.1 431")


def test_a_large_request_over_a_thin_wire(impatient: LiveService) -> None:
    """A request that takes longer than the limit and comes steadily is no attack."""
    response = b"a" * 200_000 + b" 7"
    body = b'{"items": [{"task": "faulty", "response": "' + response + b'", "reference": "7"}]}'
    pieces = [body[at : at + 10_000] for at in range(0, len(body), 10_000)]
    head = HEAD + b"connection: close\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n"
    answer = heard(impatient, [head, *pieces], 0.1)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"correct"' in answer


def test_a_slow_worker_is_not_a_slow_caller(impatient: LiveService) -> None:
    """The limit is on the way in: an answer may take longer."""
    with Client(impatient.url) as client:
        assert client.verify(items("nap 1.5 then 7"))[0].reward == 1.0


def test_ten_thousand_idle_connections(service: LiveService) -> None:
    """With ten thousand connections that say nothing, a caller is served as ever."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < IDLE + 500:
        pytest.skip(f"needs {IDLE + 500} open files (ulimit -n)")
    opening = [sys.executable, "-c", OPEN_MANY, str(service.port), str(IDLE)]
    with subprocess.Popen(opening, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as crowd:
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == b"%d\n" % IDLE
        with Client(service.url) as client:
            results = client.verify([{"response": f"\\boxed{{{n}}}", "reference": str(n)} for n in range(1_000)])
        assert [result.reward for result in results] == [1.0] * 1_000
        crowd.kill()
