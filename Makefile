# Everything that is set up here is set up with Python 3.11 (or newer) and make alone; pip installs the locked versions by hash.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for it in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$it -c '$(NEW_ENOUGH)' 2>/dev/null && command -v $$it && break; done)
export LOGSENTRY_DATA ?= $(abspath ../shared/data)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

DEV := .venv-dev/bin
OUT ?= out/demo
# A file's tests stay in one process, as they share servers and trainings; tests/conftest.py puts the longest files early.
WORKERS ?= -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test services check lint types bench soak lock demo-bundle clean

demo: .venv/.installed  ## score real access logs, from raw lines to a report
	@.venv/bin/logsentry demo --out $(OUT)

test: .venv-dev/.installed  ## every test that is not slow; with WORKERS= in one process
	@$(DEV)/python -m pytest -q $(WORKERS) $(ARGS)

services: .venv-dev/.installed .venv-appinspect/.installed .venv-peers/.installed  ## what tests start or call: Elasticsearch (fetched once, with Maven), Splunk's checker
	@PYTHONPATH=tests $(DEV)/python -m services.download
	@PYTHONPATH=tests $(DEV)/python -m services.debian
	@missing=; command -v chromium >/dev/null || missing=chromium; command -v systemd-analyze >/dev/null || missing="$$missing systemd"; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } \
		|| echo "install $$missing: tests that need it are skipped" >&2

check: lint types test  ## what must pass before a commit

lint: .venv-dev/.installed
	@$(DEV)/ruff check .
	@$(DEV)/ruff format --check .

types: .venv-dev/.installed
	@$(DEV)/mypy

bench: .venv-dev/.installed  ## speed against its targets, as ratios
	@for script in tests/bench/bench_*.py; do echo "== $$script"; $(DEV)/python $$script || exit 1; done

soak: .venv-dev/.installed  ## the slow tests
	@$(DEV)/python -m pytest -q -m soak $(ARGS)

demo-bundle: .venv-dev/.installed  ## train the shipped bundle again, by its committed recipe
	@$(DEV)/python benchmarks/train_demo_bundle.py

lock: .venv-dev/.installed  ## newest versions that pyproject.toml allows, with hashes, for every platform
	@$(DEV)/uv pip compile $(LOCK) requirements/build.in -o requirements/build.lock
	@$(DEV)/uv pip compile $(LOCK) pyproject.toml -o requirements/base.lock
	@$(DEV)/uv pip compile $(LOCK) pyproject.toml -c requirements/base.lock --extra train -o requirements/train.lock
	@$(DEV)/uv pip compile $(LOCK) pyproject.toml -c requirements/train.lock --extra train --extra dev -o requirements/dev.lock
	@$(DEV)/uv pip compile $(LOCK) requirements/appinspect.in -o requirements/appinspect.lock
	@$(DEV)/uv pip compile $(LOCK) requirements/peers.in -o requirements/peers.lock

LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"

clean:
	@rm -rf .venv .venv-dev .venv-appinspect .venv-peers out build dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.installed: pyproject.toml requirements/base.lock requirements/build.lock
	@$(call install,.venv,-r requirements/base.lock -r requirements/build.lock)

LARGE := : some minutes, 6 GB

.venv-dev/.installed: pyproject.toml requirements/dev.lock
	@$(call install,.venv-dev,-r requirements/dev.lock,$(LARGE))

# Splunk's checker of add-ons needs other versions of what we use than we do.
.venv-appinspect/.installed: requirements/appinspect.lock
	@test -x .venv-appinspect/bin/pip || $(PYTHON) -m venv .venv-appinspect
	@.venv-appinspect/bin/pip install --quiet --require-hashes -r requirements/appinspect.lock && touch $@

# Clients of the server that others wrote; they bring an event loop and parsers that nothing of ours wants.
.venv-peers/.installed: requirements/peers.lock
	@test -x .venv-peers/bin/pip || $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/pip install --quiet --require-hashes -r requirements/peers.lock && touch $@

# $(1) the folder of the environment, $(2) what goes into it, $(3) what that costs, where it is much.
# The stamp comes last, so a broken download is tried again.
define install
	test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	echo "installing into $(1), once$(3)"; set -e; \
	test -x $(1)/bin/pip || $(PYTHON) -m venv $(1); \
	$(1)/bin/pip install --quiet --require-hashes $(2); \
	$(1)/bin/pip install --quiet --no-deps --no-build-isolation --editable .; \
	touch $(1)/.installed
endef
