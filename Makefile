# One-word tasks; CI calls the same ones. `make serve` and `make test` need only Python 3.11 to 3.13 with venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SERVE_ARGS ?=

.PHONY: serve install test check cov vllm-env test-vllm bench clean

serve: $(VENV)/.serve
	$(BIN)/touchstone serve $(SERVE_ARGS)

install: $(VENV)/.test

test: $(VENV)/.test
	$(BIN)/python -m pytest --cov --cov-report=term

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile

vllm-env: $(VENV)/.test
	PYTHON=$(PYTHON) bash tests/vllm/make_env.sh

test-vllm: vllm-env
	TOUCHSTONE_REQUIRE_VLLM=1 $(BIN)/python -m pytest -m vllm tests/vllm

bench: $(VENV)/.test
	$(BIN)/python benchmarks/rules.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(VENV)/bin/python pyproject.toml clients/pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ./clients -e .
	touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml clients/pyproject.toml trainer_integration/pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ./clients -e ./trainer_integration -e '.[test]'
	touch $@
