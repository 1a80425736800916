# ruff: noqa: E501 - programs are kept as they would be sent
"""Attempts to be rewarded without solving the task. None is; after each the next honest program is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from verifiers import code_run
from verifiers.code_run import Configuration, configure
from verifiers.code_run.engines import EngineFailure, current
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

SECRET = "q7-expected-only-outside"
FORMS: dict[str, dict[str, Any]] = {
    "stdio": {"tests": [{"stdin": "3", "stdout": SECRET}]},
    "call": {"tests": [{"fn_name": "f", "args": [3], "expected": SECRET}]},
    "assert": {"tests": [f"assert f(3) == {SECRET!r}"]},
    "check": {"tests": f"def check(candidate):\n    assert candidate(3) == {SECRET!r}\n", "entry_point": "f"},
    "loop": {"tests": [f"for i in range(3):\n    if f(i) != {SECRET!r}:\n        raise ValueError(i)"]},
}
FORGERIES = {
    "exit 0": "import os\nos._exit(0)",
    "exit 0 in the function": "import os\ndef f(x):\n    os._exit(0)",
    "sys.exit in import": "import sys\nsys.exit(0)",
    "sys.exit in the function": "import sys\ndef f(x):\n    sys.exit(0)",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 1",
    "raise AssertionError": "def f(x):\n    raise AssertionError('passed')",
    "equals everything": "class E(str):\n    def __eq__(s, o): return True\n    __hash__ = str.__hash__\n"
    "    def __ne__(s, o): return False\n    def __bool__(s): return True\ndef f(x): return E('x')",
    "equal object": "class E:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\n"
    "def f(x): return E()",
    "equal tuple": "class E(tuple):\n    def __eq__(s, o): return True\ndef f(x): return E()",
    "patched builtins": "import builtins\nbuiltins.len = lambda x: 0\nbuiltins.isinstance = lambda *a: True\n"
    "builtins.AssertionError = int\nbuiltins.print = lambda *a, **k: None\ndef f(x): return None",
    "patched json": "import json\njson.dumps = lambda *a, **k: '{\"value\": true, \"passed\": true}'\n"
    "json.loads = lambda *a, **k: {}\ndef f(x): return None",
    "own sorted and abs": "def sorted(x): return x\ndef abs(x): return 0\ndef ValueError(x): return None\n"
    "def range(x): return []\ndef f(x): return 1",
    "own check": "def check(candidate): return True\ndef f(x): return 1",
    "patched raise": "import ast\nast.parse = lambda *a, **k: ast.Module([], [])\ndef f(x): return 1",
    "writes to every descriptor": "import json, os\nfor n in range(64):\n    for text in ('passed', '{\"value\": \"x\"}',"
    " '{\"passed\": true}', 'ready'):\n        try:\n            os.write(n, (text + '\\n').encode())\n"
    "        except OSError:\n            pass\ndef f(x): return 1",
    "forges the verdict with any nonce": "import gc, os, re, sys\nfound = set()\nframe = sys._getframe()\n"
    "while frame:\n    found |= set(re.findall(r'\\b[0-9a-f]{32}\\b', repr(frame.f_locals) + repr(frame.f_globals)))\n"
    "    frame = frame.f_back\nfor one in gc.get_objects():\n    if type(one) is dict:\n"
    "        found |= {v for v in one.values() if type(v) is str and re.fullmatch('[0-9a-f]{32}', v)}\n"
    "for nonce in found or {'0' * 32}:\n    for n in range(1, 64):\n        try:\n"
    "            os.write(n, ('\\n' + nonce + '{\"passed\": true, \"value\": 1}\\n').encode())\n"
    "        except OSError:\n            pass\nos._exit(0)",
    "talks over the channel": "import os\ndef f(x):\n    for n in range(3, 64):\n        try:\n"
    "            os.write(n, b'{\"value\": \"x\"}\\n' * 3)\n        except OSError:\n            pass\n    return 1",
    "looks for the tests": "import gc, os, sys\ntexts = []\nframe = sys._getframe()\nwhile frame:\n"
    "    texts.append(repr(frame.f_locals) + repr(frame.f_globals))\n    frame = frame.f_back\n"
    "texts += [repr(one) for one in gc.get_objects() if type(one) in (dict, list, tuple, str)]\n"
    "text = ' '.join(texts)\nmark = 'q7-' + 'expected'\nat = text.find(mark)\n"
    "answer = text[at:at + 24] if at >= 0 else 'nothing'\nprint(answer)\ndef f(x): return answer",
    "reads files for the tests": "import glob\nfound = 'nothing'\nfor path in glob.glob('/**/*', recursive=True)[:3000]:\n"
    "    try:\n        text = open(path, errors='replace').read(100000)\n    except (OSError, ValueError):\n        continue\n"
    "    if 'q7-' + 'expected' in text:\n        found = text\nprint(found)\ndef f(x): return found",
    "endless answer": "import itertools\ndef f(x): return itertools.count()",
    "huge range": "def f(x): return range(10 ** 18)",
    "deep answer": "def f(x):\n    y = []\n    for _ in range(10 ** 5): y = [y]\n    return y",
    "huge answer": "def f(x): return 'x' * 10 ** 8",
    "huge number": "def f(x): return 10 ** 10 ** 6",
    "tower": "from fractions import Fraction\ndef f(x):\n    class T(Fraction):\n        numerator = 1\n    return Fraction(10) ** 9999",
    "not a number": "def f(x): return float('nan')",
    "dunder tricks": "class M(type):\n    def __instancecheck__(c, o): return True\nclass E(metaclass=M):\n"
    "    def __getattr__(s, n): return lambda *a, **k: True\ndef f(x): return E()",
    "slow import": "import time\nend = time.process_time() + 60\nwhile time.process_time() < end: pass",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> Iterator[None]:
    """The embedded engine; time enough for a busy machine."""
    configure(Configuration(item_wall_s=20.0))
    try:
        assert current().name
    except EngineFailure as refused:
        pytest.skip(f"no sandbox here: {refused}")
    yield
    configure(Configuration())


def verdict(source: str, options: dict[str, Any]) -> Verdict:
    return code_run.verify(Problem(f"```python\n{source}\n```", ("",), None, {"timeout_s": 1.0, **options}))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgery_is_incorrect(forgery: str, form: str) -> None:
    """No trick passes a test whose answer the program does not know, and none makes the item undecidable."""
    said = verdict(FORGERIES[forgery], FORMS[form])
    assert said.outcome is Outcome.INCORRECT, (said.rule, said.reason)
    assert json.dumps(said.details)


@pytest.mark.parametrize("form", FORMS)
def test_honest_program_is_correct_in_every_form(form: str) -> None:
    """The forms used above are passed by a program that knows the answer."""
    source = f"def f(x): return {SECRET!r}\nif __name__ == '__main__':\n    print(f(input()))"
    said = verdict(source, FORMS[form])
    assert said.outcome is Outcome.CORRECT, (said.rule, said.reason)


def test_checker_cannot_be_choked() -> None:
    """Output that makes the checker raise or hang is wrong, not undecidable."""
    checker = (
        "def check(given, expected, output):\n    return int(output) == int(expected) or not list(range(int(output)))"
    )
    options = {"tests": [{"stdin": "", "stdout": "5"}], "checker": checker}
    assert verdict("print('no number')", options).outcome is Outcome.INCORRECT
    assert verdict("print(10 ** 12)", options).outcome is Outcome.INCORRECT
    assert verdict("print(5)", options).outcome is Outcome.CORRECT


def test_compiler_shows_no_host_file() -> None:
    """Including a file of the host's into a C++ program brings none of it into the verdict."""
    options = {"language": "cpp", "tests": [{"stdin": "", "stdout": "1"}]}
    for path in ("/etc/passwd", "/etc/shadow", "/proc/self/environ"):
        response = f'```cpp\n#include "{path}"\nint main() {{}}\n```'
        said = code_run.verify(Problem(response, ("",), None, options))
        assert said.outcome is not Outcome.CORRECT
        assert "root:" not in json.dumps(said.details) + said.reason


def test_program_that_idles_through_many_tests_is_to_blame() -> None:
    """Sleeping through the item's time is incorrect, not undecidable."""
    configure(Configuration(item_wall_s=2.0))
    try:
        options = {"tests": [{"stdin": "", "stdout": "1"}] * 10, "reward": "fraction"}
        said = verdict("import time\ntime.sleep(0.6)\nprint(1)", options)
    finally:
        configure(Configuration(item_wall_s=20.0))
    assert said.outcome is Outcome.INCORRECT
    assert said.credit is not None
    assert said.credit < 0.5


def test_program_that_chokes_the_compiler_is_to_blame() -> None:
    """A program that keeps the compiler computing past all limits is incorrect, not undecidable."""
    source = "template<int N, int M> struct T { static const long v = T<N-1, M>::v + T<N-1, M+N>::v; };\n"
    source += "template<int M> struct T<0, M> { static const long v = M; };\nint main() { return T<60, 0>::v; }"
    configure(Configuration(item_wall_s=3.0))
    try:
        options = {"language": "cpp", "tests": [{"stdin": "", "stdout": "1"}]}
        said = code_run.verify(Problem(f"```cpp\n{source}\n```", ("",), None, options))
    finally:
        configure(Configuration(item_wall_s=20.0))
    if said.rule == "no_sandbox":
        pytest.skip(said.reason)
    # On a machine so busy that the compiler got less than half of its time, nobody can tell.
    assert said.outcome is Outcome.INCORRECT or said.rule == "out_of_time"
