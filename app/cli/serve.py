"""`touchstone serve`: settings from the options, then the service."""

import socket
from pathlib import Path
from typing import Annotated

import typer

from app.cli.exit_codes import USAGE, errors, fail
from app.cli.options import check_model, check_redis, joined, settings_from
from verifiers.hybrid import OnModelFailure

Model = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SPEC",
        help="Second look: http://host:port/v1 of a running server, or vllm:NAME to start one. Several: replicas.",
    ),
]
Judge = Annotated[
    list[str] | None, typer.Option(metavar="SPEC", help="The judge, as --model.", show_default="the same server")
]
ModelName = Annotated[str | None, typer.Option(help="Which model, where that server has several.")]
OnFailure = Annotated[
    OnModelFailure | None,
    typer.Option(help="What a second look that failed leaves behind.", show_default="undecidable"),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes for symbolic work.", show_default="one per CPU")]
Servers = Annotated[int, typer.Option(min=1, help="Server processes; each has workers of its own.")]
Redis = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Shared cache: redis://host:6379/0, redis+cluster://…, redis+sentinel://…"),
]
CacheFile = Annotated[Path | None, typer.Option(metavar="PATH", help="Cache file used where there is no Redis.")]
Keys = Annotated[Path | None, typer.Option(metavar="PATH", help="Callers and their keys, by `touchstone make-key`.")]
Certificate = Annotated[Path | None, typer.Option(metavar="PATH", help="Serve HTTPS with this PEM file.")]
PrivateKey = Annotated[
    Path | None, typer.Option(metavar="PATH", help="PEM file of its key.", show_default="in the same file")
]


def serve(  # noqa: PLR0913, PLR0917 - one parameter for each option
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8080,
    workers: Workers = None,
    servers: Servers = 1,
    redis: Redis = None,
    cache: CacheFile = None,
    model: Model = None,
    model_name: ModelName = None,
    judge_model: Judge = None,
    judge_model_name: ModelName = None,
    judge_log: Annotated[Path | None, typer.Option(metavar="PATH", help="JSONL of every judgement.")] = None,
    keys: Keys = None,
    tls_certificate: Certificate = None,
    tls_private_key: PrivateKey = None,
    on_model_failure: OnFailure = None,
) -> None:
    """Run the service. Every setting can also come from the environment: TOUCHSTONE_POOL__WORKERS=8.

    Exit status: 0 stopped by a signal; 2 the call is wrong or the port is taken; 3 the service could not start.
    """
    check_redis(redis)
    check_model("--model", model)
    check_model("--judge-model", judge_model)
    settings = settings_from(
        pool={"workers": workers},
        cache={"redis_url": redis, "file": cache},
        model={"source": joined(model), "name": model_name, "on_failure": on_model_failure},
        keys={"file": keys},
        tls={"certificate": tls_certificate, "private_key": tls_private_key},
        judge={"source": joined(judge_model), "name": judge_model_name, "log_file": judge_log},
    )
    _check_servers(servers, [*settings.model.sources(), *settings.judge.sources()])
    _check_keys(settings.keys.file, servers)
    _check_free(host, port)
    from app.serve import run  # noqa: PLC0415 - see app.cli

    run(settings, host=host, port=port, workers=servers)


def _check_servers(servers: int, sources: list[str]) -> None:
    """Each server process would start the model server that the settings name."""
    if servers > 1 and any(source.startswith("vllm:") for source in sources):
        fail(
            "--servers above 1 would start as many vLLM servers: start one yourself and name it with "
            "--model http://HOST:PORT/v1, or leave --servers at 1",
            USAGE,
        )


def _check_keys(file: Path | None, servers: int) -> None:
    """End the command for a file that a server process could not start with; say what its limits do not say."""
    from app.keys import Unreadable, read_grants  # noqa: PLC0415 - see app.cli

    if file is None:
        return
    try:
        grants = read_grants(file)
    except Unreadable as error:
        fail(f"{error}; `touchstone make-key NAME --file {file}` makes one", USAGE)
    if servers > 1 and any(grant.limited for grant in grants.values()):
        errors.print(f"the keys' limits hold for each of the {servers} server processes: divide them", markup=False)


def _check_free(host: str, port: int) -> None:
    """A taken port is said at once; the service would find out only after its workers have started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}; choose another --host or --port", USAGE)
