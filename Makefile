SHELL := /bin/bash
V := .venv/bin
READY := .venv/.installed
# Processes that may not keep what they compiled take more than twice as long to start.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test unit integration e2e check bench faults fuzz
help: ## what can be made
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
demo: $(READY) ## bring the services up, run leads through all of them, show what happened
	@$(V)/civicgrid demo $(ARGS)
test: $(READY) ## all tests
	$(V)/pytest -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)
unit: $(READY) ## pure tests
	$(V)/pytest tests/unit $(ARGS)
integration: $(READY) ## the core on real Kafka and PostgreSQL
	$(V)/pytest tests/integration $(ARGS)
e2e: $(READY) ## whole flows on real Kafka and PostgreSQL
	$(V)/pytest tests/e2e $(ARGS)
check: $(READY) ## format, lint, types, and who may import whom
	$(V)/ruff format --check . && $(V)/ruff check . && $(V)/mypy && $(V)/lint-imports
bench: $(READY) ## how fast it is, beside what a user would write instead (ARGS="hop --quick")
	$(V)/python -m bench $(ARGS)
faults: $(READY) ## ten minutes of faults under load, checked; a line in the ledger (ARGS="--seed 7")
	$(V)/python -m tests.faults.campaign $(ARGS)
fuzz: $(READY) ## generated requests on every route, as every kind of caller; a line in the ledger
	$(V)/python -m tests.fuzz $(ARGS)
$(READY): requirements.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed'; exit 1; }
	@python3 -m venv .venv || { echo 'The module venv is missing: on Debian and Ubuntu, apt install python3-venv'; exit 1; }
	@command -v uv > /dev/null || $(V)/python -m pip install --quiet --disable-pip-version-check uv
	@PATH="$$PATH:$(CURDIR)/$(V)"; export VIRTUAL_ENV=$(CURDIR)/.venv; uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock && uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
