"""From what the operator wrote to a served model: `vllm:NAME` starts one, `http://…` uses a running one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from grm.backend import ServedModel
from grm.dialects import Dialect, Thinking
from grm.openai_backend import OpenAIBackend
from grm.remote_model import RemoteModel
from grm.vllm_command import VllmOptions
from grm.vllm_server import SupervisedBackend

EXAMPLES = "write `http://host:8000/v1` for a running server or `vllm:NAME_OR_PATH` to have one started"


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """What goes with a source. `name` and `api_key` are for running servers, `vllm` for our own; `thinking` is what
    the probe tries beside OFF; `call_headers()` goes with every question, such as the trace that it belongs to.
    """

    name: str | None = None
    api_key: str | None = field(default=None, repr=False)
    concurrency: int = 64
    thinking: Thinking = Thinking.OFF
    dialect: Dialect | None = None
    call_headers: Callable[[], Mapping[str, str]] = dict
    vllm: VllmOptions = field(default_factory=VllmOptions)


def model_from_spec(source: str, options: ConnectOptions | None = None) -> ServedModel:
    """The model that `source` names, not started yet. Raises ValueError that says what to write instead.

    >>> model_from_spec("http://127.0.0.1:8000", ConnectOptions(name="judge")).name
    'judge'
    """
    options = options or ConnectOptions()
    kind, colon, rest = source.strip().partition(":")
    if colon and kind == "vllm":
        return _supervised(rest, options)
    if colon and kind in ("http", "https"):
        return _running(source.strip(), options)
    raise ValueError(f"{source!r} names no model server: {EXAMPLES}")


def _supervised(model: str, options: ConnectOptions) -> ServedModel:
    if not model or model.startswith(("-", "//")) or any(char.isspace() for char in model):
        raise ValueError(f"`vllm:` needs a model's name or folder after it, not {model!r}: {EXAMPLES}")
    if options.name or options.api_key:
        raise ValueError("a model's name and an API key are for running servers; `vllm:` already names its model")
    return SupervisedBackend(
        model,
        options.vllm,
        concurrency=options.concurrency,
        thinking=options.thinking,
        call_headers=options.call_headers,
    )


def _running(url: str, options: ConnectOptions) -> ServedModel:
    parts = urlsplit(url)
    # Never echo the URL here: what is wrong with it may be that it carries a password.
    if parts.username is not None or parts.password is not None:
        raise ValueError("a model server's URL must not carry a user or password: set the API key instead")
    if parts.query or parts.fragment:
        raise ValueError("a model server's URL must end after its path, without ? and #")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"a model server's URL has an unusable port ({error})") from None
    if not parts.hostname or port == 0:
        raise ValueError(f"{url!r} has no host: {EXAMPLES}")
    backend = OpenAIBackend(
        url,
        model=options.name,
        api_key=options.api_key,
        concurrency=options.concurrency,
        thinking=options.thinking,
        dialect=options.dialect,
        call_headers=options.call_headers,
    )
    return RemoteModel(backend)
