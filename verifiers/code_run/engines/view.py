"""What of the host a sandbox shows, by language: the least that runs it. Read-only, and looked up outside."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from verifiers.code_run.engines.engine import Language, Unavailable

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
_TOOLCHAIN = ("/bin", "/usr/bin", "/usr/include", "/usr/libexec", "/usr/local/lib", "/usr/local/include")
_CPP_COMPILERS = ("g++", "clang++")
_NODE = ("node", "nodejs")
_ASK_S = 20.0
_PACKAGES = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Shown:
    """Paths to show, folders within them to hide, and the compiler or runtime where there is one."""

    paths: tuple[str, ...]
    hidden: tuple[str, ...]
    tool: str | None = None


@cache
def view(language: Language, interpreter: str = sys.executable) -> Shown:
    """What programs in this language see. Raises Unavailable when its compiler or runtime is not installed."""
    library = _library(interpreter)
    folders = [*library, *_LIBRARIES]
    tool = None
    if language is not Language.PYTHON:
        tool = _find(language)
        folders += [*_TOOLCHAIN, str(Path(tool).parent)]
    hidden = [str(Path(folder, name)) for folder in library for name in _PACKAGES]
    hidden += [f"/usr/lib/python3/{name}" for name in _PACKAGES]
    return Shown(_outermost(folders), tuple(hidden), tool)


@cache
def _library(interpreter: str) -> tuple[str, ...]:
    """The folders of an interpreter's own modules."""
    # Of the base installation: a virtual environment's own folder holds packages alone, which stay hidden, and it may
    # lie under /tmp, where the scratch space goes.
    if interpreter == sys.executable:
        paths = sysconfig.get_paths(vars={"platbase": sys.base_exec_prefix})
        return tuple(dict.fromkeys((paths["stdlib"], paths["platstdlib"])))
    question = (
        "import sys, sysconfig as s; p = s.get_paths(vars={'platbase': sys.base_exec_prefix});"
        "print(p['stdlib'], p['platstdlib'], sep='\\n')"
    )
    try:
        answer = subprocess.run(  # noqa: S603 - the configured interpreter
            [interpreter, "-I", "-c", question], capture_output=True, text=True, check=True, timeout=_ASK_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{interpreter} is no Python that can be used: {error}") from None
    return tuple(dict.fromkeys(answer.stdout.split("\n")[:2]))


def _find(language: Language) -> str:
    names = _CPP_COMPILERS if language is Language.CPP else _NODE
    for name in names:
        if found := shutil.which(name, path="/usr/local/bin:/usr/bin:/bin"):
            return os.path.realpath(found) if language is Language.JAVASCRIPT else found
    raise Unavailable(f"no {language} here: install {' or '.join(names)} into /usr/bin or /usr/local/bin")


def _outermost(folders: list[str]) -> tuple[str, ...]:
    """What exists, without what lies within another; links are shown as links, beside what they lead to."""
    present: list[str] = []
    for folder in dict.fromkeys(folders):
        if os.path.exists(folder):
            linked_file = os.path.islink(folder) and os.path.isfile(folder)
            present.append(os.path.realpath(folder) if linked_file else folder)
    return tuple(
        one
        for one in present
        if not any(one != other and one.startswith(other + "/") and not os.path.islink(other) for other in present)
    )
