"""Modules that begin with a training framework are read only where it is installed (`make frameworks-env`)."""

from importlib.util import find_spec

BEGIN_WITH = {"trl": "trl_trainer.py", "verl": "verl_algorithms.py"}
collect_ignore = [
    f"touchstone_trainer/adapters/{module}" for framework, module in BEGIN_WITH.items() if find_spec(framework) is None
]
