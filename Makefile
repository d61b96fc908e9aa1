# `make` lists the targets. Every setting of a server comes from the environment and podium.toml and is passed through.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

# Recordings of provider traffic, where there are any beside the checkout; tests that need them skip where they are absent.
ifneq ($(wildcard ../shared/.),)
export PODIUM_TEST_DATA ?= $(abspath ../shared)
endif

ARGS ?=
PEERS ?=
export PYTHON PEERS

.PHONY: help setup setup-dev run test lint format coverage mutation bench chaos conformance lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with podium in it (needs Python 3.11 or newer)
	@scripts/setup

setup-dev: ## the same with the tools of `make test` and `make lint`
	@scripts/setup dev

run: setup ## start a server; ARGS="--port 9000" are passed on
	@exec $(BIN)/podium serve $(ARGS)

test: setup-dev ## run every test; ARGS="-k turn -x" are passed on
	@exec $(BIN)/python -m pytest $(ARGS)

lint: setup-dev ## style, layout, types, folder order, spelling
	@failed=; \
	for check in "ruff check" "ruff format --check" "mypy $(wildcard src tests bench)" "lint-imports --no-logo" codespell; do \
	    echo "lint: $$check"; $(BIN)/$$check || failed="$$failed $${check%% *}"; \
	done; \
	[ -z "$$failed" ] || { echo "lint: offences found by$$failed"; exit 1; }

format: setup-dev ## put the layout right, and what ruff can mend by itself
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

coverage: setup-dev ## run every test and report branch coverage
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

mutation: setup-dev ## change every line of the ledger, one at a time: does a test notice? ARGS="*till* ledger_hold"
	@exec nice $(BIN)/python -m tests.ledger.mutation $(ARGS)

bench: setup-dev ## measure; PEERS=litellm drives a peer too, ARGS are passed on
	@exec $(BIN)/python -m bench $(ARGS)

chaos: setup-dev ## let everything die under load and hold the ledger to what was served; ARGS="--minutes 1 --only redis"
	@exec nice $(BIN)/python -m tests.ledger.chaos $(ARGS)

conformance: setup-dev ## hold wires and server to recorded traffic (PODIUM_TEST_DATA) and print every disagreement
	@for part in wires.conformance wires.anthropic.conformance wires.gemini.conformance wires.translation outside; do \
	    $(BIN)/python -W ignore -m tests.$$part || exit 1; done

lock: setup-dev ## pin every dependency anew, by hash
	@scripts/lock $(ARGS)

clean: ## remove .venv and caches
	rm -rf .venv build dist .coverage .mypy_cache .pytest_cache .ruff_cache mutants .hypothesis .import_linter_cache
