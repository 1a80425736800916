"""The rows of a run: read once, turned into prompts once, checked before anything is generated."""

from collections.abc import Mapping, Sequence
from typing import Any

from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import read_usable
from touchstone_trainer.mixing import Domain, RewardKind
from touchstone_trainer.rewards import Sample
from touchstone_trainer.training.config import ConfigError, RunConfig
from touchstone_trainer.training.policy import Policy, prompt_ids

Row = Mapping[str, Any]
FIELDS = ("reference", "question", "rubric", "rule", "protocol", "options")
"""Columns of a row that go to the service as they are."""


class Rows:
    """Every domain's rows, and their prompts."""

    def __init__(self, config: RunConfig, policy: Policy) -> None:
        self._domains: Mapping[str, Domain] = config.plan.domains
        self._rules = config.shaping.rules
        self._rows = {name: _read(name, domain) for name, domain in self._domains.items()}
        self._policy = policy
        self._config = config.prompt
        self._prompts = {name: [self._prompt(name, row) for row in rows] for name, rows in self._rows.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Rows by domain."""
        return {name: len(rows) for name, rows in self._rows.items()}

    def prompt(self, domain: str, row: int) -> tuple[int, ...]:
        """The token ids of a row's prompt."""
        return self._prompts[domain][row]

    def question(self, domain: str, row: int) -> str:
        """The question as the row has it."""
        return str(self._rows[domain][row]["question"])

    def sample(self, domain: str, row: int, response: str, group: str) -> Sample:
        """The response as the service gets it."""
        found = self._rows[domain][row]
        given = {"rule": self._rules.get(domain)} | {
            name: found[name] for name in FIELDS if found.get(name) is not None
        }
        task = found.get("task") or self._domains[domain].task
        if found.get("choices") is not None:
            given["options"] = {"choices": found["choices"], **given.get("options", {})}
        return Sample(response, task=task, group=group, **given)

    def _prompt(self, domain: str, row: Row) -> tuple[int, ...]:
        text = self._config.template.replace("{question}", str(row["question"]))
        ids = prompt_ids(self._policy, text, chat=self._config.chat)
        if not 0 < len(ids) <= self._config.max_tokens:
            raise ConfigError(
                f"domain {domain!r}: a prompt of {len(ids)} tokens, 1 to {self._config.max_tokens} are allowed "
                f"(prompt.max_tokens); it begins {text[:60]!r}"
            )
        return ids


def _read(name: str, domain: Domain) -> Sequence[Row]:
    needed = ["question"] if domain.kind is RewardKind.JUDGE else ["question", "reference"]
    try:
        return [found.row for found in read_usable([domain.source], required=needed)]
    except BadInput as error:
        raise ConfigError(f"domain {name!r}: {error}") from None
