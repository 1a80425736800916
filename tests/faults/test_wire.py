"""The wire between client and service fails; the service is well all the time."""

import socket
from collections.abc import Iterator

import pytest

from tests.faults.conftest import Bench, items
from tests.faults.proxy import Cut, Fault, FaultProxy
from touchstone_client import Client, DeadlineExceeded, VerifyItem

RIGHT = items(*(f"wired {number} 7" for number in range(300)))
REWARDS = [1.0] * 300


@pytest.fixture
def wire(bench: Bench) -> Iterator[FaultProxy]:
    with FaultProxy(bench.one.port) as proxy:
        yield proxy


def rewards(wire: FaultProxy, wanted: list[VerifyItem], deadline_s: float = 30.0) -> list[float | None]:
    with Client(wire.url, concurrency=4) as client:
        return [result.reward for result in client.verify(wanted, deadline_s=deadline_s, recall="never")]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(delay_s=0.3),
        Fault(bytes_per_s=100_000),
        Fault(cut_after=0, times=3),
        Fault(cut_after=0, cut=Cut.RESET, times=3),
        Fault(cut_after=700, times=3),
        Fault(cut_after=700, cut=Cut.RESET, times=3),
    ],
    ids=["delay", "throttle", "close", "reset", "half an answer", "reset in the answer"],
)
def test_what_passes_is_not_seen(wire: FaultProxy, fault: Fault) -> None:
    """Late, slow, torn and half answers cost time; every reward arrives, once and in its place."""
    wire.fault = fault
    assert rewards(wire, RIGHT) == REWARDS


def test_a_wire_that_stalls(bench: Bench, wire: FaultProxy) -> None:
    """An answer that stops half-way is given up at the deadline, and the service does not suffer."""
    wire.fault = Fault(cut_after=100, cut=Cut.STALL)
    with pytest.raises(DeadlineExceeded):
        rewards(wire, RIGHT, deadline_s=1.5)
    assert [result.reward for result in bench.client.verify(RIGHT, recall="never")] == REWARDS


def test_a_caller_that_hangs_up(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """A request whose caller is gone before it was complete leaves no error in the log, and nothing behind."""
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", bench.one.port)) as connection:
            connection.sendall(b"POST /v1/verify HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\n{")
    assert bench.client.verify(items("still 7"))[0].reward == 1.0
    assert "Traceback" not in capfd.readouterr().err
