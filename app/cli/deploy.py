"""`touchstone deploy`: the service on an engine that runs it for you."""

import os
from typing import Annotated

import typer

from app.cli.exit_codes import USAGE, fail
from app.cli.options import check_model, check_redis, joined, settings_from

deploy = typer.Typer(name="deploy", help="Run the service on a cluster.", no_args_is_help=True)


@deploy.callback()
def group() -> None:
    """So that `ray` stays a command of its own."""


@deploy.command()
def ray(  # noqa: PLR0913, PLR0917 - one parameter for each option
    address: Annotated[str | None, typer.Option(help="The cluster; `auto` is the one this machine is in.")] = "auto",
    host: Annotated[str, typer.Option(help="Address the proxies listen on.")] = "0.0.0.0",  # noqa: S104 - the nodes' own
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8000,
    min_replicas: Annotated[int, typer.Option(min=1)] = 1,
    max_replicas: Annotated[int, typer.Option(min=1)] = 4,
    workers: Annotated[int, typer.Option(min=1, help="Of each replica, which takes so many CPUs and one more.")] = 3,
    redis: Annotated[str | None, typer.Option(metavar="URL", help="Shared cache, as for `serve`.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Second look, http://host:port/v1. Several: replicas.")
    ] = None,
) -> None:
    """Deploy the service on a Ray cluster, with autoscaling, and return.

    The nodes need it installed with its `ray` extra, and Ray started with RAY_SERVE_ENABLE_HA_PROXY=1. Settings are
    the TOUCHSTONE_ variables of this command's environment. Exit status: 0 deployed, 2 the call is wrong or there is
    no cluster.
    """
    check_redis(redis)
    check_model("--model", model)
    if max_replicas < min_replicas:
        fail("--max-replicas must not be below --min-replicas", USAGE)
    if any(spec.startswith("vllm:") for spec in model or ()):
        fail("each replica would start a vLLM server: start one and name it with --model http://HOST:PORT/v1", USAGE)
    given = {"TOUCHSTONE_CACHE__REDIS_URL": redis, "TOUCHSTONE_MODEL__SOURCE": joined(model)}
    variables = {name: value for name, value in os.environ.items() if name.startswith("TOUCHSTONE_")}
    variables |= {name: value for name, value in given.items() if value is not None}
    settings_from()  # what the replicas would refuse is said here
    try:
        import ray as engine  # noqa: PLC0415 - see app.cli
        from ray import serve  # noqa: PLC0415

        from app.ray_app import Scale, build  # noqa: PLC0415
    except ImportError:
        fail("Ray is not installed here: pip install -e '.[ray]' where the service is", USAGE)
    try:
        engine.init(address=address, runtime_env={"env_vars": variables}, log_to_driver=False)
    except ConnectionError as error:
        fail(f"no Ray cluster at {address}: {error}", USAGE)
    serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
    application = build(Scale(min_replicas=min_replicas, max_replicas=max_replicas, workers=workers))
    serve.run(application, name="touchstone", route_prefix="/")
    typer.echo(f"deployed: http://{host}:{port} on every node; `serve status` says how it is", err=True)
