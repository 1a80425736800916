"""What ConCISE says and how sure is sure enough; `touchstone-data concise --prompts FILE` gives any of it anew."""

import re
import tomllib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from touchstone_trainer.curation.problems import BadInput

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Wording(BaseModel):
    """The texts of one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phrases: tuple[str, ...] = Field(min_length=1, description="One is drawn to begin a step in place of a doubt.")
    probe: str = Field(min_length=1, description="Asked behind an answer; the next token tells how sure the model is.")
    confident: tuple[str, ...] = Field(min_length=1, description="Next tokens that say sure, in lower case.")
    doubtful: tuple[str, ...] = Field(min_length=1, description="Next tokens that say unsure, in lower case.")


ENGLISH = Wording(
    phrases=(
        "It is clear that",
        "From the above it follows directly that",
        "This is consistent, so",
        "With that established,",
        "Going straight on,",
        "The previous steps are sound, so",
        "This settles that part. Next,",
        "We can rely on this. Therefore",
    ),
    probe="\n\nMy confidence in this answer, in one word (Great or Wait):",
    confident=tuple("great yes sure certain correct right confident perfect high".split()),
    doubtful=tuple("wait no hmm but maybe not unsure however low".split()),
)
CHINESE = Wording(
    phrases=(
        "显然，",
        "由上可知，",
        "前面的推导成立，因此",
        "到这里已经确定，接下来",
        "据此可以直接得到",
        "这一点没有问题，于是",
    ),
    probe="\n\n用一个词表示我对这个答案的把握（确定或等等）：",
    confident=tuple("确定 确 对 是 正确 肯定 有 great yes".split()),
    doubtful=tuple("等等 等 不 否 嗯 但 可能 wait no".split()),
)


class ConciseSettings(BaseModel):
    """All of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.5, gt=0, le=1, description="Confidence from which on the reasoning ends.")
    max_steps: int = Field(default=200, ge=1, description="Steps of a chain; a longer one is given up.")
    max_injections: int = Field(default=20, ge=0, description="Doubts replaced in a chain; later ones stay.")
    step_tokens: int = Field(default=512, ge=1, description="Tokens of one step.")
    answer_tokens: int = Field(default=1_024, ge=1, description="Tokens of the answer behind the thinking.")
    response_tokens: int = Field(default=8_192, ge=1, description="Tokens of a response that a row does not bring.")
    temperature: float = Field(default=0.0, ge=0)
    english: Wording = ENGLISH
    chinese: Wording = CHINESE

    def wording(self, question: str) -> Wording:
        """The texts in the question's language."""
        return self.chinese if _CHINESE.search(question) else self.english

    @classmethod
    def read(cls, path: str | None) -> Self:
        """Settings from a TOML file, the defaults for what it does not name."""
        if path is None:
            return cls()
        try:
            return cls.model_validate(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
            raise BadInput(f"{path}: {wrong}") from error
        except (OSError, ValueError) as error:
            raise BadInput(f"{path}: {error}") from error
