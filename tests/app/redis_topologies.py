"""Redis as operators run it: a cluster, and a master with a replica that a sentinel watches; real processes."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from redis import Redis

from tests.live import RedisServer, free_port

SLOTS = 16_384
BUS_OFFSET = 10_000
"""A cluster's nodes talk on their port and so much."""
NODE_TIMEOUT_MS = 500
MASTER = "main"

T = TypeVar("T", "Cluster", "Watched")


def until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Returns once the condition holds; fails after the limit."""
    ends = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.05)


class Cluster:
    """Three masters; the first one has a replica. Shards without a server do not stop the others."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.nodes = [_cluster_node(binary, folder / str(number)) for number in range(4)]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        with contextlib.ExitStack() as opened:
            clients = [opened.enter_context(Redis(port=node.port)) for node in self.nodes]
            first, *others = clients
            for node in self.nodes[1:]:
                first.execute_command("CLUSTER MEET", "127.0.0.1", node.port)
            for number, client in enumerate(clients[:3]):
                client.execute_command("CLUSTER ADDSLOTS", *range(SLOTS * number // 3, SLOTS * (number + 1) // 3))
            until(lambda: all(_info(client)["cluster_known_nodes"] == "4" for client in clients))
            others[-1].execute_command("CLUSTER REPLICATE", first.cluster("MYID"))
            until(lambda: all(_info(client)["cluster_state"] == "ok" for client in clients))
            until(lambda: others[-1].info("replication")["master_link_status"] == "up")

    def keys(self, number: int) -> list[str]:
        with Redis(port=self.nodes[number].port, decode_responses=True) as client:
            return sorted(client.scan_iter())

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


def _cluster_node(binary: str, folder: Path) -> RedisServer:
    folder.mkdir()
    options = {
        "--cluster-enabled": "yes",
        "--cluster-node-timeout": str(NODE_TIMEOUT_MS),
        "--cluster-require-full-coverage": "no",
        "--repl-diskless-sync-delay": "0",
    }
    while True:
        node = RedisServer(binary, folder, *(word for option in options.items() for word in option))
        if node.port + BUS_OFFSET < 65_536:
            return node


def _info(client: "Redis") -> dict[str, str]:
    found: dict[str, str] = client.cluster("INFO")
    return found


class Watched:
    """A master, its replica and a sentinel. The address names a sentinel that is not there before the one that is."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.master = RedisServer(binary, folder)
        self.replica = RedisServer(binary, folder, "--replicaof", "127.0.0.1", str(self.master.port))
        config = folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {MASTER} 127.0.0.1 {self.master.port} 1\n"
            f"sentinel down-after-milliseconds {MASTER} {NODE_TIMEOUT_MS}\n"
            f"sentinel failover-timeout {MASTER} 2000\n"
        )
        self.sentinel = RedisServer(binary, folder, str(config), "--sentinel")

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}/{MASTER}/0"

    def start(self) -> None:
        for server in (self.master, self.replica, self.sentinel):
            server.start()
        with Redis(port=self.replica.port) as replica, Redis(port=self.sentinel.port) as sentinel:
            until(lambda: replica.info("replication")["master_link_status"] == "up")
            # Without knowing the replica it could not promote it.
            until(lambda: sentinel.execute_command("SENTINEL REPLICAS", MASTER))

    def kill(self) -> None:
        for server in (self.sentinel, self.replica, self.master):
            server.kill()


@contextlib.contextmanager
def started(servers: T) -> Iterator[T]:
    """For a `with` block."""
    try:
        servers.start()
        yield servers
    finally:
        servers.kill()
