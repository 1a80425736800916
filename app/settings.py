"""Every setting of the service: frozen, typed, units in the names; built once and passed down.

Each can be set by the environment: `TOUCHSTONE_POOL__WORKERS=8`, `TOUCHSTONE_CACHE__REDIS_URL=redis://…`.
Nothing else in the code reads the environment.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.cache.redis_address import read_address
from app.logs import Form, LeastLevel
from app.profiles import Profile
from app.reward_rules import RULES
from grm.answer_check import CheckPolicy
from grm.asking import Policy
from grm.dialects import Dialect, Thinking
from verifiers.code_run.engines import Configuration, Level
from verifiers.hybrid import OnModelFailure

CHECK = CheckPolicy()
POLICY = Policy()


def usable_cpus() -> int:
    """The CPUs this process may run on: a container's share, not the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_cache_file() -> Path:
    """`touchstone/cache.sqlite3` in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(root) / "touchstone" / "cache.sqlite3"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitSettings(_Group):
    """What one request may ask for."""

    body_mb: int = Field(default=64, gt=0, description="Largest request body, in MiB; past it the answer is 413.")
    deadline_s: float = Field(default=60.0, gt=0, le=600, description="Deadline of a request that names none.")
    arrival_s: float = Field(
        default=20.0, gt=0, description="Seconds a request may take to arrive, and one more for every 16 KiB."
    )
    inflight_mb: int = Field(
        default=512, gt=0, description="MiB of all request bodies in the house together; past it the answer is 503."
    )
    drain_grace_s: float = Field(
        default=2.0, ge=0, le=300, description="Seconds after SIGTERM in which requests are still taken."
    )


class PoolSettings(_Group):
    """The worker processes that do the symbolic work."""

    workers: int = Field(default_factory=usable_cpus, gt=0, description="Processes kept warm.")
    item_cpu_s: float = Field(
        default=2.0, gt=0, description="CPU seconds one item may use; past it the kernel kills the worker."
    )
    item_wall_s: float = Field(
        default=8.0, gt=0, description="Seconds one item may take; well above item_cpu_s, for busy machines."
    )
    item_memory_mb: int = Field(
        default=512, gt=0, description="MiB a worker may allocate on top of what it starts with."
    )
    queue_items: int = Field(default=16_384, gt=0, description="Items that may wait; past it requests get 503.")
    queue_mb: int = Field(default=256, gt=0, description="MiB of text that may wait; past it requests get 503.")
    start_timeout_s: float = Field(default=60.0, gt=0, description="Seconds for the first worker to come up.")


class CacheSettings(_Group):
    """Verdicts and opinions kept: in memory always, behind it Redis or, without one, a file."""

    memory_mb: int = Field(default=64, gt=0, description="MiB kept in each process, in front of the store.")
    redis_url: SecretStr | None = Field(
        default=None,
        description="`redis://host:6379/0`, `redis+cluster://…` or `redis+sentinel://…`; without it the file.",
    )
    redis_timeout_s: float = Field(
        default=0.05,
        gt=0,
        description="Seconds for one Redis call; the library's default stalls for seconds.",
    )
    ttl_s: int = Field(default=7 * 24 * 3600, gt=0, description="Seconds an entry lives in Redis.")
    file: Path | None = Field(
        default_factory=default_cache_file, description="SQLite file; None keeps nothing on disk."
    )
    file_mb: int = Field(default=1_024, gt=0, description="MiB the file may hold; the oldest entries go first.")

    @field_validator("redis_url")
    @classmethod
    def _readable(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            read_address(url.get_secret_value())
        return url


class _ServerSettings(_Group):
    """Where a model is served."""

    source: str | None = Field(
        default=None,
        description="`http://host:8000/v1` of a running server, or `vllm:NAME` to start one; several replicas of one "
        "model with commas between them.",
    )
    name: str | None = Field(default=None, description="The model to ask for where the server has several.")
    api_key: SecretStr | None = Field(default=None, description="Sent as a bearer token.")
    dialect: Dialect | None = Field(
        default=None,
        description="`vllm`, `sglang`, `llama_cpp` or `openai`; none: what the server's model list says.",
    )
    concurrency: int = Field(default=64, gt=0, description="Questions in flight to each replica.")
    tokens_per_minute: int | None = Field(
        default=None, gt=0, description="Tokens of prompts and replies that all replicas together may use."
    )
    vllm_python: str = Field(default=sys.executable, description="The Python that has vLLM, for `vllm:NAME`.")
    vllm_args: tuple[str, ...] = Field(default=(), description="More arguments for a vLLM server that we start.")

    def sources(self) -> list[str]:
        """The replicas."""
        return [one.strip() for one in (self.source or "").split(",") if one.strip()]


class CodeSettings(_Group):
    """The sandbox that programs run in."""

    engine: str = Field(
        default="embedded",
        description="`embedded`, a SandboxFusion server's `http://host:port`, or `container:TOOL:IMAGE`.",
    )
    minimum_level: Level = Field(
        default=Level.LANDLOCK, description="What the embedded engine must reach; below it programs are not run."
    )
    item_wall_s: float = Field(default=20.0, gt=0, le=300, description="Seconds for all runs of one item together.")
    python: str = Field(
        default=sys.executable, description="The Python that runs programs; other users must be able to read it."
    )

    def configuration(self) -> Configuration:
        """For the code task."""
        return Configuration(self.engine, self.minimum_level, self.item_wall_s, self.python)


class ModelSettings(_ServerSettings):
    """The second look. Without a source there is none."""

    call_timeout_s: float = Field(default=30.0, gt=0, description="Seconds for one item's second look.")
    threshold: float = Field(
        default=CHECK.threshold, ge=0.5, le=1, description="Probability of yes from which it accepts."
    )
    answer_chars: int = Field(
        default=CHECK.max_answer_chars, gt=0, description="Longest answer shown to it; a longer one is not final."
    )
    swapped_read: bool = Field(
        default=True, description="A rescue needs a second yes, with the two sides of the comparison swapped."
    )
    empty_control: bool = Field(
        default=True, description="A model that accepts an empty answer for a reference rescues nothing there."
    )
    wrong_control_share: float = Field(
        default=0.1, ge=0, le=1, description="Share of rescues that must also be refused against a wrong reference."
    )
    on_failure: OnModelFailure = Field(
        default=OnModelFailure.UNDECIDABLE,
        description="A second look that failed: `undecidable`, or `keep_rules`.",
    )


class JudgeSettings(_ServerSettings):
    """The judge. Without a source of its own it is the model of the second look."""

    timeout_s: float = Field(default=120.0, gt=0, le=600, description="Seconds for one case, whatever is left.")
    votes: int = Field(default=POLICY.votes, ge=1, le=9, description="Readings of each candidate at first.")
    max_votes: int = Field(default=POLICY.max_votes, ge=1, le=9, description="Readings while they differ.")
    process_weight: float = Field(
        default=POLICY.process_weight, ge=0, le=1, description="What a worthless process takes from a right outcome."
    )
    low_agreement: float = Field(
        default=POLICY.low_agreement, ge=0, le=1, description="Agreement of the readings below which there is no score."
    )
    max_tokens: int = Field(default=POLICY.max_tokens, gt=0, description="Tokens of one reply.")
    thinking: Thinking = Field(
        default=Thinking.OFF,
        description="Whether the judge thinks first: `off`, `on`, or `server` for the server's own default.",
    )
    thinking_tokens: int = Field(
        default=POLICY.thinking_tokens, gt=0, description="Tokens of thinking, on top of max_tokens."
    )
    empty_control: bool = Field(
        default=True, description="A judge that pays an empty response to a question scores nothing there."
    )
    wrong_control_share: float = Field(
        default=0.05, ge=0, le=1, description="Share of well paid candidates judged against a wrong reference too."
    )
    queue_candidates: int = Field(
        default=8_192, gt=0, description="Candidates that may wait for the judge; past it requests get 503."
    )
    log_file: Path | None = Field(default=None, description="JSONL of every judgement with questions and replies.")
    log_mb: int = Field(default=256, gt=0, description="MiB of the log; past it the file is kept once as `.1`.")


class RewardSettings(_Group):
    """How `/v1/reward` combines."""

    rules: dict[str, str] = Field(default={}, description="Rule by task, for items that name none.")
    stratum_width: float = Field(
        default=0.1, ge=0, lt=0.5, description="`stratified`: the judge moves a reward within so much of 0 or 1."
    )

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(rules.values()) - set(RULES)):
            raise ValueError(f"no such rule: {', '.join(unknown)}; the known ones: {', '.join(sorted(RULES))}")
        return rules


class GuardSettings(_Group):
    """When the guard-rails sound: a figure of the last step or block stands so far from those before it."""

    min_items: int = Field(default=64, gt=0, description="Observations below which a figure says nothing.")
    block_items: int = Field(default=512, gt=0, description="Items in a block, where the caller sends no step.")
    epochs: int = Field(default=32, gt=1, description="Steps or blocks kept for each task.")
    rescue_rate_jump: float = Field(default=0.15, gt=0, description="Rise of the share of second looks that rescue.")
    rescued_share_jump: float = Field(default=0.15, gt=0, description="Rise of the share of rewards from rescue.")
    control_failures_jump: float = Field(default=0.05, gt=0, description="Rise of the share of failed controls.")
    label_mass_drop: float = Field(default=0.2, gt=0, description="Fall of the mean label mass.")
    length_correlation_jump: float = Field(default=0.3, gt=0, description="Rise of the correlation with length.")

    def jumps(self) -> dict[str, float]:
        """By figure."""
        return {
            "rescue_rate": self.rescue_rate_jump,
            "rescued_share": self.rescued_share_jump,
            "control_failures": self.control_failures_jump,
            "label_mass": self.label_mass_drop,
            "length_correlation": self.length_correlation_jump,
        }


class ConsoleSettings(_Group):
    """The page at `/console`."""

    disagreements: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Items on which rules and model disagreed, kept in memory with their text for whoever may open "
        "the console; 0 keeps none.",
    )


class KeySettings(_Group):
    """Who may call. Without a file everybody may."""

    file: Path | None = Field(
        default=None,
        description="JSON of callers, their keys' hashes and their limits, which hold for each server process; see "
        "`touchstone make-key`.",
    )
    open_routes: frozenset[str] = Field(
        default=frozenset({"/healthz", "/readyz"}), description="Paths that need no key; `/metrics` may be added."
    )


class TlsSettings(_Group):
    """HTTPS. Without a certificate it is plain HTTP."""

    certificate: Path | None = Field(default=None, description="PEM file: the certificate, then those above it.")
    private_key: Path | None = Field(default=None, description="PEM file; none: it is in the certificate's file.")
    private_key_password: SecretStr | None = Field(default=None, description="Of an encrypted private key.")
    client_ca: Path | None = Field(
        default=None, description="PEM file: only callers with a certificate of this authority are let in."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.certificate is None and (self.private_key or self.client_ca):
            raise ValueError("a private key or a client authority needs a certificate beside it")
        return self


class LogSettings(_Group):
    """The service's log, on standard error."""

    form: Form = Field(default=Form.TEXT, description="`text`, or `json` for one object a line.")
    level: LeastLevel = Field(default=LeastLevel.INFO, description="`debug`, `info`, `warning` or `error`.")
    requests: bool = Field(default=False, description="A line for every request: route, status, time, items.")


class AuditSettings(_Group):
    """A line for every decision. Off without a file."""

    file: Path | None = Field(default=None, description="JSONL of every verdict and reward; digests, no text.")
    mb: int = Field(default=256, gt=0, description="MiB of the file; past it the file is kept once as `.1`.")


class TracingSettings(_Group):
    """Traces of OpenTelemetry. Off without an endpoint; needs the extra `otel`."""

    endpoint: str | None = Field(
        default=None, pattern="^https?://", description="Of an OTLP/HTTP receiver: `http://host:4318/v1/traces`."
    )
    headers: dict[str, SecretStr] = Field(default={}, description="Sent to it, such as its token.")
    share: float = Field(default=1.0, ge=0, le=1, description="Of the requests that bring no trace of their own.")
    service_name: str = Field(default="touchstone", description="`service.name` of the spans.")
    timeout_s: float = Field(default=5.0, gt=0, description="Seconds for sending one batch of spans.")


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(env_prefix="TOUCHSTONE_", env_nested_delimiter="__", frozen=True, extra="forbid")

    limits: LimitSettings = LimitSettings()
    pool: PoolSettings = Field(default_factory=PoolSettings)
    cache: CacheSettings = Field(default_factory=CacheSettings)
    code: CodeSettings = CodeSettings()
    model: ModelSettings = ModelSettings()
    judge: JudgeSettings = JudgeSettings()
    reward: RewardSettings = RewardSettings()
    guard: GuardSettings = GuardSettings()
    console: ConsoleSettings = ConsoleSettings()
    keys: KeySettings = KeySettings()
    tls: TlsSettings = TlsSettings()
    log: LogSettings = LogSettings()
    audit: AuditSettings = AuditSettings()
    tracing: TracingSettings = TracingSettings()
    profiles: dict[Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")], Profile] = Field(
        default={}, description="What `/p/NAME/…` asks for, for trainers that have a URL and nothing else."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_misspelt_group(cls, given: object) -> object:
        """`TOUCHSTONE_CAHCE__FILE` is a mistake; without the two underscores it may be anybody's variable."""
        prefix = cls.model_config.get("env_prefix", "")
        named = (name for name in os.environ if name.upper().startswith(prefix) and "__" in name)
        groups = {name: name.upper().removeprefix(prefix).partition("__")[0].lower() for name in named}
        if unknown := sorted(name for name, group in groups.items() if group not in cls.model_fields):
            known = ", ".join(f"{prefix}{group.upper()}__" for group in cls.model_fields)
            raise ValueError(f"no such setting: {', '.join(unknown)}; the known ones begin with {known}")
        return given
