"""The commands of `touchstone-data`: a file and a line here each.

A command's module imports what is heavy (pyarrow, datasets, scikit-learn, an encoder) only when it runs.
"""

from collections.abc import Callable, Mapping

from touchstone_trainer.curation.commands.concise import concise
from touchstone_trainer.curation.commands.convert import convert
from touchstone_trainer.curation.commands.decontaminate import decontaminate
from touchstone_trainer.curation.commands.difficulty import difficulty
from touchstone_trainer.curation.commands.mix import mix
from touchstone_trainer.curation.commands.rewrite import rewrite
from touchstone_trainer.curation.commands.select import select

COMMANDS: Mapping[str, Callable[..., None]] = {
    "concise": concise,
    "convert": convert,
    "decontaminate": decontaminate,
    "difficulty": difficulty,
    "mix": mix,
    "rewrite": rewrite,
    "select": select,
}
