# Every target works alone on a machine with Python 3.11 to 3.13 and nothing else; `make` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# a sample of the slow tests takes other files first at every commit
ORDER ?= $(shell git rev-parse HEAD 2>/dev/null || date +%F)
# what is installed; requirements-snowflake.lock has the extra `snowflake` too
LOCK ?= requirements.lock
# with it every process compiles what it imports anew: that doubles the time of the tests
unexport PYTHONDONTWRITEBYTECODE
export PLATFORM_HOME := $(abspath $(or $(PLATFORM_HOME),.platform))
export DAGSTER_HOME := $(PLATFORM_HOME)/dagster
export DBT_PROJECT_DIR := $(abspath dbt_project)
export DBT_PROFILES_DIR := $(abspath dbt_project)

.PHONY: help install demo dev live test test-slow test-engines test-k8s test-snowflake lint words bench lock snapshot clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): $(LOCK) requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(f"Python 3.11 to 3.13 is needed, {sys.executable} is {v.major}.{v.minor}: make PYTHON=python3.12 ..." if not (3, 11) <= v[:2] <= (3, 13) else 0)'
	@echo "Installing into .venv (pinned, with hashes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(LOCK)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

install: $(READY) $(DAGSTER_HOME)/dagster.yaml ## make .venv with everything that is needed

$(DAGSTER_HOME)/dagster.yaml: deploy/local/dagster.yaml
	@mkdir -p $(@D) && cp $< $@.new && mv $@.new $@

demo: $(READY) ## land the year 2013 and materialize it, with a table, three facts and a plot (S3=1: on an S3 server; WAREHOUSE=postgres, ducklake)
	@S3=$(S3) WAREHOUSE=$(WAREHOUSE) $(BIN)/python -m demo.year

dev: $(READY) $(DAGSTER_HOME)/dagster.yaml ## the Dagster UI on what is in .platform (port 3000; PORT=... for another)
	@$(BIN)/dagster dev --workspace workspace.yaml --port $(or $(PORT),3000)

live: $(READY) ## replay the year as if it were now: a delivery every few seconds, and the UI to watch it
	@$(BIN)/python -m demo.live

test: $(READY) ## the default tests, in minutes
	@$(BIN)/pytest -n auto --dist loadscope -m "not slow"

test-slow: $(READY) ## campaigns (kill -9, races, full disk), the corpus of bad files, and the UI in a browser (BUDGET=900: those that begin within 900 s)
	@$(BIN)/pytest -n 2 --dist loadfile -m slow $(if $(BUDGET),--no-loadscope-reorder --seconds $(BUDGET) --order $(ORDER))

test-engines: $(READY) ## all tests of publishing on every engine of warehouses, in an hour
	@PLATFORM_ENGINES=all $(BIN)/pytest -n 2 --dist loadfile tests/warehouse tests/publishing tests/dbt/test_engines.py

test-k8s: $(READY) ## runs in pods, on a double of a cluster that runs them as processes
	@$(BIN)/pytest -n 1 tests/kubernetes -m "slow or not slow"

test-snowflake: $(READY) ## the suite of Snowflake on the account that SNOWFLAKE_ACCOUNT and its like name, in databases of its own
	@if [ -z "$$SNOWFLAKE_ACCOUNT" ] || [ -z "$$SNOWFLAKE_USER" ] || [ -z "$$SNOWFLAKE_WAREHOUSE" ]; then \
	  echo "skipped: set SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_WAREHOUSE, SNOWFLAKE_ROLE, and SNOWFLAKE_PRIVATE_KEY_PATH or SNOWFLAKE_PASSWORD to run on a real account"; \
	else \
	  PLATFORM_TEST_SNOWFLAKE=1 $(BIN)/pytest tests/warehouse/test_snowflake_warehouse.py tests/warehouse/test_snowflake_project.py \
	    tests/warehouse/test_snowflake_loads.py tests/e2e/test_days_on_snowflake.py -m "slow or not slow" -k "not killed"; \
	fi

lint: $(READY) ## ruff, mypy, import rules, contracts, dbt sources and models
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	@$(BIN)/platform-assets contract check platform_assets/defs
	@$(BIN)/platform-assets dbt sources --check
	@$(BIN)/platform-assets dbt lint

words: $(READY) ## write the table of docs/contracts_words.md, what becomes of each word of the standard
	@$(BIN)/python -m tests.contracts.words_table

bench: $(READY) ## every speed that the README claims, as a ratio against a floor measured in the same run
	@for program in benchmarks/[a-z]*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

lock: $(READY) ## resolve the pins anew
	@for extra in '' snowflake; do \
	  $(BIN)/uv pip compile --quiet pyproject.toml --group dev --extra ui --extra kubernetes --extra sftp --extra slack --extra pagerduty --extra apprise --extra sqs --extra postgres --extra ducklake $${extra:+--extra $$extra} \
	    --universal --python-version 3.11 --generate-hashes --no-header --output-file requirements$${extra:+-$$extra}.lock || exit 1; done
	@echo uv | $(BIN)/uv pip compile --quiet - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --output-file requirements-bootstrap.lock

snapshot: $(READY) ## write the snapshot of the definitions anew, to be reviewed like code
	@UPDATE_SNAPSHOT=1 $(BIN)/pytest tests/test_definitions.py

clean: ## remove .venv and everything that was made; the instance in .platform too
	rm -rf .venv .platform dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .mypy_cache .hypothesis
