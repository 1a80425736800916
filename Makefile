# One-word tasks; CI calls the same ones. `make serve` and `make test` need only Python 3.11 to 3.13 with venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SERVE_ARGS ?=
PYTEST_ARGS ?=
# Most tests wait for processes they started; a file's tests stay together, for the services they share.
TEST_PROCESSES ?= 2
FUZZ_MINUTES ?= 5
FUZZ_EXAMPLES ?= 100
# Editable: `app`, `verifiers` and `grm` run from the source tree.
# First and alone: installed as some other package's dependency, pip may take a build with several GB for GPUs.
TORCH := 2.13.0
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: serve install test check lint format types imports audit dockerfile vllm-env test-vllm frameworks-env test-frameworks test-console bench fuzz clean
# An interrupted `python -m venv` leaves an interpreter without pip, which would look finished.
.DELETE_ON_ERROR:

serve: $(VENV)/.serve
	$(BIN)/touchstone serve $(SERVE_ARGS)

install: $(VENV)/.test

# Every failure, error and skip with its reason, and what took long, before the last line. Coverage is that of this
# process: tracing the services and workers that tests start would change the limits they are tested for.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --cov --cov-report=term -ra --durations=15 --durations-min=1 $(PYTEST_ARGS)

# `make --keep-going check` shows what each of them finds.
check: lint format types imports dockerfile

lint: $(VENV)/.test
	$(BIN)/ruff check .

format: $(VENV)/.test
	$(BIN)/ruff format --check --output-format=concise .

types: $(VENV)/.test
	$(BIN)/mypy

imports: $(VENV)/.test
	$(BIN)/lint-imports

# What is installed fits together, what the image gets is pinned and has no known vulnerability: docs/security.md.
audit: $(VENV)/.test .venv-audit/bin/pip-audit
	$(BIN)/python -m pip check
	$(BIN)/python -m pytest -q tests/container/test_image.py -k pinned
	$(BIN)/python -m tests.security.audit .venv-audit/bin/pip-audit

.venv-audit/bin/pip-audit:
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3'

dockerfile: $(VENV)/.test
	$(BIN)/hadolint docker/Dockerfile

vllm-env: $(VENV)/.test
	PYTHON=$(PYTHON) bash tests/vllm/make_env.sh

test-vllm: vllm-env
	TOUCHSTONE_REQUIRE_VLLM=1 $(BIN)/python -m pytest -m vllm --timeout=900 -ra --durations=5 tests/vllm $(PYTEST_ARGS)

frameworks-env:
	PYTHON=$(PYTHON) bash tests/frameworks/make_env.sh

# The service they score with runs from $(VENV). One thread: torch with more is many times slower on small models.
test-frameworks: frameworks-env $(VENV)/.test
	OMP_NUM_THREADS=1 TOUCHSTONE_SERVICE_PYTHON=$(abspath $(BIN)/python) PYTHONPATH=clients:trainer_integration \
		.venv-frameworks/bin/python -m pytest -m frameworks --timeout=300 -ra --durations=5 tests/frameworks $(PYTEST_ARGS)

# SCREENSHOTS=docs/images draws the pictures of the documents anew.
test-console: $(VENV)/.test
	sh tests/console/get_chromium.sh
	TOUCHSTONE_REQUIRE_CHROMIUM=1 TOUCHSTONE_SCREENSHOTS=$(SCREENSHOTS) \
		$(BIN)/python -m pytest -m console --timeout=300 -ra --durations=5 tests/console $(PYTEST_ARGS)

# Findings are written to the current folder, as libFuzzer does. Minutes of each of the three readers.
fuzz: $(VENV)/.test
	@$(PIP_INSTALL) -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz.openapi --examples $(FUZZ_EXAMPLES)
	for target in latex reply json; do \
		$(BIN)/python benchmarks/fuzz_readers.py $$target -max_total_time=$$((60 * $(FUZZ_MINUTES))) || exit 1; done

bench: $(VENV)/.test
	$(BIN)/python benchmarks/rules.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("Python 3.11 to 3.13 is needed, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(VENV)/bin/python pyproject.toml clients/pyproject.toml
	@echo "Installing the service into $(VENV): half a minute, the first time."
	@$(PIP_INSTALL) -e ./clients -e .
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml clients/pyproject.toml trainer_integration/pyproject.toml
	@echo "Installing the service and all that its tests need into $(VENV): two minutes, the first time."
	@$(PIP_INSTALL) torch==$(TORCH)
	@$(PIP_INSTALL) -e ./clients -e './trainer_integration[train,data]' -e '.[test]'
	@touch $@
