# Two commands matter: `make demo` shows the job done, `make test` checks everything CI checks.
# Both set up what they need in .venv and .tools beside this file and touch nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
# Prefer a Python that the machine has, and the distribution's to another: it is built with profile-guided
# optimisation, which pyenv leaves out unless told. 3.14 is left out until every engine has wheels for it.
VENV_PYTHON ?= >=3.11,<3.14

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

# --- what a person runs --------------------------------------------------------------------------

.PHONY: demo
ifeq ($(ADAPTERS),azure)
demo: $(VENV)/.dev .tools/node/.installed
	@$(BIN)/python -m tests.emulators.demo
else
demo: $(VENV)/.embedded ## a recording goes in over HTTP, its reviewed transcript comes out (ADAPTERS=azure)
	@$(BIN)/therapy demo
endif

.PHONY: run
run: $(VENV)/.embedded ## start the API and the worker on this machine (therapy serve)
	@$(BIN)/therapy serve

.PHONY: hebrew
hebrew: $(VENV)/.embedded ## add the multilingual recogniser (133 MB), for Hebrew
	@UV="$(UV)" BIN="$(BIN)" bash scripts/install.sh "the multilingual recogniser" requirements/hebrew.txt

# --- what a developer runs -----------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.dev .tools/node/.installed .tools/clients/.installed .tools/wheels/.complete ## everything for developing, in .venv
	@UV="$(UV)" $(BIN)/python scripts/check.py prepare

.PHONY: test
test: $(VENV)/.dev .tools/node/.installed .tools/clients/.installed .tools/wheels/.complete ## everything that CI checks
	@UV="$(UV)" $(BIN)/python scripts/check.py

.PHONY: check
check: test ## the same as test

.PHONY: lint
lint: $(VENV)/.dev ## format, style and import rules only
	@UV="$(UV)" $(BIN)/python scripts/check.py format lint imports

.PHONY: types
types: $(VENV)/.dev ## mypy --strict on src only
	@UV="$(UV)" $(BIN)/python scripts/check.py types

.PHONY: unit
unit: $(VENV)/.dev ## the quick tests only
	@UV="$(UV)" $(BIN)/python scripts/check.py quick

.PHONY: emulators
emulators: $(VENV)/.dev .tools/node/.installed ## emulators of Azure, Firebase and Redis on this machine, until Ctrl-C
	@$(BIN)/python -m tests.emulators

.PHONY: format
format: $(VENV)/.dev ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: bench
bench: $(VENV)/.dev ## an hour of audio through a running server: memory, time, answers meanwhile
	@$(BIN)/python benchmarks/hour.py
	@$(BIN)/python benchmarks/playback.py

.PHONY: bench-uploads
bench-uploads: $(VENV)/.dev .tools/clients/.installed ## resumable uploads over bad lines: two clients, then 20 phones at once
	@$(BIN)/python benchmarks/resumable_uploads.py
	@$(BIN)/python benchmarks/phones.py

.PHONY: bench-speech
bench-speech: $(VENV)/.dev ## words, voices and roles of the hard recordings (SETS="couple phone" OPTIONS=)
	@$(BIN)/python benchmarks/speech.py $(SETS) $(OPTIONS)

.PHONY: bench-compare
bench-compare: $(VENV)/.dev .tools/node/.installed .tools/reference/.installed ## beside a reference and bare limits, 35 minutes (LINES= OPTIONS=)
	@$(BIN)/python -m benchmarks.compare $(if $(LINES),--lines $(LINES)) $(OPTIONS)

.PHONY: storm
storm: $(VENV)/.dev .tools/node/.installed ## 200 sessions while everything fails now and then: is any lost or duplicated?
	@$(BIN)/python benchmarks/azure_storm.py

.PHONY: chaos
chaos: $(VENV)/.dev .tools/node/.installed ## kill -9 at every step of everything (MINUTES=60 for as long, SEED=)
	@$(BIN)/python benchmarks/chaos.py --minutes $(or $(MINUTES),0) $(if $(SEED),--seed $(SEED))

.PHONY: image
image: ## the container image, by docker, podman or buildah (BASE=, TAG=, LOCKS=, OPTIONS=)
	@bash scripts/image.sh

.PHONY: image-test
image-test: $(VENV)/.dev .tools/node/.installed ## build the image and run it against the emulators
	@THERAPY_TEST_IMAGE=1 $(BIN)/pytest -q tests/image

.PHONY: reference-test
reference-test: $(VENV)/.dev .tools/node/.installed .tools/reference/.installed ## the earlier stack, for comparing, does its work
	@THERAPY_TEST_REFERENCE=1 $(BIN)/pytest -q -n0 tests/reference

.PHONY: lock
lock: $(UV) ## resolve requirements/*.txt again (UPGRADE=1 for the newest versions)
	@UV="$(UV)" UPGRADE="$(UPGRADE)" bash scripts/lock.sh

.PHONY: clean
clean: ## remove everything that make made
	rm -rf $(VENV) .venvs .tools dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how it gets there: one stamp per installed set, older than its lock means install again -----

.tools/bin/uv: requirements/uv.txt
	@PYTHON="$(PYTHON)" bash scripts/get-uv.sh

$(BIN)/python: | $(UV)
	@PATH="/usr/bin:$$PATH" $(UV) venv -q --python '$(VENV_PYTHON)' $(VENV)

$(VENV)/.embedded: requirements/embedded.txt pyproject.toml | $(BIN)/python
	@UV="$(UV)" BIN="$(BIN)" bash scripts/install.sh "what the embedded service needs" requirements/embedded.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/embedded.txt pyproject.toml | $(BIN)/python
	@UV="$(UV)" BIN="$(BIN)" bash scripts/install.sh "the development set" requirements/dev.txt --compile-bytecode
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(VENV)/.embedded $@

# What a test installs into a fresh environment; without pip nothing is stamped, and the tests say so.
.tools/wheels/.complete: requirements/outside.txt | $(BIN)/python
	@echo "fetching wheels for tests of a fresh environment into .tools/wheels"
	@PYTHON="$(PYTHON)" BIN="$(BIN)" bash scripts/get-wheels.sh

# Azurite and what cosmos.cjs mends. Without node nothing is stamped: the tests then say why they skip.
.tools/node/.installed: tests/emulators/node/package-lock.json tests/emulators/node/package.json
	@if command -v npm >/dev/null; then \
	    echo "installing the node emulators into .tools/node"; \
	    mkdir -p $(@D) && cp tests/emulators/node/.npmrc $^ $(@D)/ && npm ci --silent --prefix $(@D) && touch $@; \
	else echo "npm is not on PATH, so there will be no Azurite and no Cosmos emulator"; fi

# The earlier stack, for comparing (docs/adr/039-reference.md): an environment of its own, of the same Python.
.tools/reference/.installed: benchmarks/reference/requirements.lock | $(BIN)/python
	@$(UV) venv -q --clear --python $(BIN)/python $(@D)
	@UV="$(UV)" BIN="$(@D)/bin" bash scripts/install.sh "the reference" $< --compile-bytecode
	@touch $@

# What makes and compiles a TypeScript client of the OpenAPI document, for tests/clients.
.tools/clients/.installed: tests/clients/node/package-lock.json tests/clients/node/package.json
	@if command -v npm >/dev/null; then \
	    echo "installing the TypeScript client generator into .tools/clients"; \
	    mkdir -p $(@D) && cp tests/clients/node/.npmrc $^ $(@D)/ && npm ci --silent --prefix $(@D) && touch $@; \
	else echo "npm is not on PATH, so there will be no TypeScript client"; fi
