# What a newcomer types. Everything lives in .venv and .data; nothing else is touched.
# The first that is recent enough; looked for only when the virtual environment is made.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; \
	done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install -qq --require-hashes --only-binary :all:
VENV_STAMP := $(VENV)/.made
RUN_STAMP := $(VENV)/.ready-to-run
DEV_STAMP := $(VENV)/.ready-to-develop
VERIFIER := packages/sagecert-verify
CLIENT := packages/sagecert-client
PROJECT := pyproject.toml $(VERIFIER)/pyproject.toml $(CLIENT)/pyproject.toml Makefile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check bench faults screenshots clean lock

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

setup: $(DEV_STAMP) ## make the virtual environment with the exact locked versions

demo: $(RUN_STAMP) ## start everything on http://127.0.0.1:8000 (PORT=... for another) with a story to explore
	@$(BIN)/sagecert demo $(if $(PORT),--port $(PORT))

test: $(DEV_STAMP) ## run every test against a real PostgreSQL, on all processors
	@$(BIN)/python -m pytest -n auto $(PYTEST_ARGUMENTS)

check: ## what CI runs: format, lint, types, import rules, tests, acceptance
	@.ci/run

bench: $(DEV_STAMP) ## measure, each figure against a peer or a limit in the same run
	@$(BIN)/python -m benchmarks

faults: $(DEV_STAMP) ## kill, freeze and starve real processes under load (FAULTS=500, SEED=...), and see that planted bugs show
	@$(BIN)/python -m tests.faults $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m tests.faults --control

screenshots: $(DEV_STAMP) ## make the pictures of the README again, from the story of the demo (needs Chromium)
	@PYTHONPATH=. $(BIN)/python .ci/screenshots.py

clean: ## remove the virtual environment and caches; .data is yours to remove
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

lock: ## resolve the exact versions anew (maintainers; needs uv)
	@.ci/lock

$(VENV_STAMP):
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed, and there is no $(PYTHON) here; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1); name a newer one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) lacks venv or ensurepip; on Debian and Ubuntu they come with the package python3-venv" >&2; exit 1; }
	@echo "setup: virtual environment in $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(RUN_STAMP): requirements/build.txt requirements/runtime.txt $(PROJECT) | $(VENV_STAMP)
	@echo "setup: installing the locked packages to run it (some 50 MB the first time)"
	@$(PIP) -r requirements/build.txt -r requirements/runtime.txt
	@$(BIN)/python -m pip --disable-pip-version-check --no-input install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	@echo "setup: installing the locked packages to develop it"
	@$(PIP) -r requirements/dev.txt
	@$(BIN)/python -m pip --disable-pip-version-check --no-input install -qq --no-deps --no-build-isolation --editable $(VERIFIER) --editable $(CLIENT)
	@touch $@
