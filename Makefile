# The house. On a fresh machine: git, make and Python 3.11 or newer are enough.
#   make run    sets everything up and opens the cookie demo
#   make test   sets everything up and runs the tests

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# `make PYTHON=/opt/python3.12/bin/python run` takes that one; otherwise the first of these that works.
PYTHON ?= python3.13 python3.12 python3.11 python3 python
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
DEMO := .demo/cookies

.DEFAULT_GOAL := help
.PHONY: help run setup setup-dev test test-full soak check format bench docs gallery screenshot lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z][a-z -]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

run: setup ## open the cookie demo on the screen (without a terminal: bake it and print plain lines)
	@$(BIN)/bakehouse demo cookies $(DEMO)

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(BIN)/python:
	@for python in $(PYTHON); do \
	  if "$$python" -c '$(SUITABLE)' >/dev/null 2>&1; then found="$$python"; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	  echo "Bakehouse needs Python 3.11 or newer with its venv module; none of these is one: $(PYTHON)" >&2; \
	  echo "Install one (on Debian and Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python run" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$found" --version) (once, takes a minute)"; \
	"$$found" -m venv --clear $(VENV)

$(VENV)/.ready: requirements.lock pyproject.toml | $(BIN)/python
	@$(PIP) install -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@$(PIP) install -r requirements-dev.lock
	@touch $@

test: setup-dev ## run the tests
	@$(BIN)/python -m pytest -q -n auto

test-full: setup-dev ## run the tests, the long ones too
	@$(BIN)/python -m pytest -q -n auto -m "not soak" --hypothesis-profile=full

soak: setup-dev ## run the long tests and the longest: a thousand kills, random histories of a project; hours
	@$(BIN)/python -m pytest -q -n auto -m "full or soak" --hypothesis-profile=full --timeout=7200

check: setup-dev ## format, lint, types and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup-dev ## format the code
	@$(BIN)/ruff check -q --fix-only .
	@$(BIN)/ruff format .

bench: setup ## measure against peers and floors, in pairs (see bench/README.md)
	@$(BIN)/python bench/run.py

docs: setup ## write the parts of the docs that come from the code
	@$(BIN)/python docs/generate.py

screenshot: setup ## let the app take its own picture: docs/screenshot.svg
	@$(BIN)/python docs/gallery.py

gallery: setup ## the same, and one picture for each scene: docs/gallery/
	@$(BIN)/python docs/gallery.py --all

lock: setup-dev ## pin the newest versions that fit pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --extra duckdb --group build --universal --python-version 3.11 --upgrade \
	  --no-header --no-annotate --no-emit-index-url -q -o requirements.lock
	@uv pip compile pyproject.toml --extra duckdb --group dev -c requirements.lock --universal --python-version 3.11 --upgrade \
	  --no-header --no-annotate --no-emit-index-url -q -o requirements-dev.lock

clean: ## take away everything that was made here, the environment too
	@rm -rf $(VENV) .demo build dist src/bakehouse.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find core tui pipelines tests bench docs src -name __pycache__ -type d -prune -exec rm -rf {} +
