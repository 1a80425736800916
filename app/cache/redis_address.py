"""Where Redis is, as an operator writes it. Pure: from a URL to its parts.

redis://[user:password@]host:6379/0                                 one server; rediss:// for TLS, unix:///path
redis+cluster://[user:password@]host:6379,host:6379                 a cluster; any of its nodes, the others are found
redis+sentinel://[user:password@]host:26379,host:26379/NAME[/0]     the master that the sentinels know by this name;
                                                                    ?sentinel_password=… where they ask for one
rediss+cluster:// and rediss+sentinel:// for TLS.
"""

from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import parse_qs, unquote, urlsplit

FORMS = "redis://host:6379/0, redis+cluster://host:6379,host:6379 or redis+sentinel://host:26379,host:26379/NAME"
PLAIN_SCHEMES = ("redis", "rediss", "unix")
CLUSTER_PORT = 6379
SENTINEL_PORT = 26379


class Kind(Enum):
    """What answers there."""

    ONE = auto()
    CLUSTER = auto()
    SENTINELS = auto()


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """The parts; `url` is for Kind.ONE alone. Never printed: it holds passwords."""

    kind: Kind
    url: str
    nodes: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    username: str | None = None
    password: str | None = None
    master: str = ""
    database: int = 0
    sentinel_password: str | None = None


def read_address(url: str) -> Address:
    """The parts of a URL. Raises ValueError that says what to write instead, and repeats no password.

    >>> read_address("redis+sentinel://a,b:5000/main/2").nodes
    (('a', 26379), ('b', 5000))
    """
    parts = urlsplit(url)
    if parts.scheme in PLAIN_SCHEMES:
        return Address(Kind.ONE, url)
    protocol, _, kind = parts.scheme.partition("+")
    if protocol not in ("redis", "rediss") or kind not in ("cluster", "sentinel"):
        raise ValueError(f"not an address of Redis; write {FORMS}")
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    port = CLUSTER_PORT if kind == "cluster" else SENTINEL_PORT
    path = [unquote(part) for part in parts.path.split("/") if part]
    if kind == "cluster" and path:
        raise ValueError("a cluster has no database numbers: write nothing after the hosts")
    if kind == "sentinel" and (not path or len(path) > 2 or not all(part.isdecimal() for part in path[1:])):
        raise ValueError("after the sentinels comes the master's name: redis+sentinel://host:26379/NAME")
    return Address(
        Kind.CLUSTER if kind == "cluster" else Kind.SENTINELS,
        url,
        tuple(_node(host, port) for host in hosts.split(",")),
        tls=protocol == "rediss",
        username=unquote(username) or None,
        password=unquote(password) or None,
        master=path[0] if path else "",
        database=int(path[1]) if len(path) == 2 else 0,
        sentinel_password=parse_qs(parts.query).get("sentinel_password", [None])[0],
    )


def _node(text: str, port: int) -> tuple[str, int]:
    """Host and port, the usual one where the text has none.

    >>> _node("[::1]:7000", 6379), _node("[::1]", 6379), _node("cache", 6379)
    (('::1', 7000), ('::1', 6379), ('cache', 6379))
    """
    host, colon, number = text.rpartition(":")
    if not colon or number.endswith("]"):
        host, number = text, str(port)
    host = host.strip("[]")
    if not host or not number.isdecimal() or not 0 < int(number) < 65_536:
        raise ValueError(f"not host:port, as in {FORMS}")
    return host, int(number)
