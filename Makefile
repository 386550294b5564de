# Two commands matter: `make up` (the platform on this machine, and a demonstration call) and `make test` (everything).
# Both need Python 3.11+, Node 20+ and the package registries, and nothing else: no account, no key, no root.

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAGE ?= dev
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup up down demo test soak check format bench synth deploy lock openapi

help: ## show this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.content ## the Python environment, from the lock file

# The marker holds the lock's content, so that a changed lock (and nothing else) installs again.
$(VENV)/.content: requirements/dev.txt Makefile
	@$(PYTHON) infra/tools/setup.py --uv $(UV_VERSION) --venv $(VENV)

node_modules/.package-lock.json: package.json package-lock.json
	@command -v npm >/dev/null || { echo "sovereign: npm is missing: install Node 20 or newer" >&2; exit 1; }
	@npm ci --no-audit --no-fund --loglevel=error

up: setup ## the platform on this machine, with a demonstration call
	@$(BIN)/python -m infra.embedded.up

down: setup ## stop it; the data stays
	@$(BIN)/python -m infra.embedded.down

demo: setup ## one more demonstration call
	@$(BIN)/python -m infra.embedded.demo

check: setup ## format, lint, types, import rules, unit tests: what must pass before every commit
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest tests/unit tests/test_architecture.py -n 2 -q

test: setup node_modules/.package-lock.json ## every test; ends with pytest's summary
	@$(BIN)/python infra/tools/test_programs.py
	@$(BIN)/python -m infra.tools.prepare
	@# calls in real time are judged by what was understood: they have the machine to themselves, after the others;
	@# those of the SIP stack are quiet enough for two at once
	@failed=0; \
	$(BIN)/pytest tests --ignore tests/e2e --ignore tests/media/sip -n 3 $(PYTEST_ARGS) || failed=$$?; \
	$(BIN)/pytest tests/media/sip -n 2 --dist loadfile $(PYTEST_ARGS) || failed=$$?; \
	$(BIN)/pytest tests/e2e -n 1 $(PYTEST_ARGS) || failed=$$?; \
	exit $$failed

soak: setup ## the long ones
	@$(BIN)/python -m bench.soak

bench: setup ## the table of figures
	@$(BIN)/python -m bench

format: setup ## format and fix what can be fixed
	@$(BIN)/ruff check --fix -q .
	@$(BIN)/ruff format -q .

synth: setup node_modules/.package-lock.json ## the CloudFormation templates of STAGE (default dev) in cdk.out
	@node_modules/.bin/cdk synth --quiet -c stage=$(STAGE)

deploy: setup node_modules/.package-lock.json ## deploy STAGE with your AWS credentials (docs/deploy.md)
	@node_modules/.bin/cdk deploy --all -c stage=$(STAGE)

openapi: setup ## write docs/openapi.json from the code
	@$(BIN)/python -m infra.tools.openapi

lock: setup ## resolve every requirements file again
	@$(BIN)/python infra/tools/lock.py
