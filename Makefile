# The only vocabulary of this project. Every target makes what it needs: a machine with make and Python 3.11 or newer is enough.
# Nothing is installed outside of .venv, and only what the hashed requirements name.

PYTHON ?= python3
VENV := .venv
GENERATOR := $(VENV)/generator
HARDENING := $(VENV)/hardening
RUN := $(VENV)/bin/python

unexport PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_HASHES := 1
export PIP_NO_INPUT := 1

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run demo test test-faults fuzz mutate check bench contracts migrate secrets up down backup restore format lock clean

help: ## What can be said here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

run: $(VENV)/.ready-run ## Everything in one process, database included, on http://127.0.0.1:8080
	@exec $(RUN) -m gateway.embedded

demo: $(VENV)/.ready-run ## The whole story through HTTP on a temporary instance, checked at every step
	@exec $(RUN) -m gateway.demo

migrate: $(VENV)/.ready-run ## Bring every schema at LICENSING_DATABASE_URL to its head
	@for room in services/*/migrations gateway/migrations; do \
		$(RUN) -m $$(dirname $$room | tr / .) migrate || exit 1; done

backup: ## One side's rows, and the vendor's signing key, to backups/ while it runs (SIDE=vendor for the vendor's)
	@SIDE=$(SIDE) deploy/backup.sh

restore: ## Bring a back-up onto an empty machine: FILE=backups/… (SIDE=vendor; REPLACE=yes where there are rows)
	@SIDE=$(SIDE) REPLACE=$(REPLACE) deploy/restore.sh "$(FILE)"

test: $(VENV)/.ready-dev $(GENERATOR)/.ready ## All tests, in two processes, each on a PostgreSQL and a RabbitMQ of its own
	@$(RUN) -m pytest -n 2 --dist loadfile

test-faults: $(VENV)/.ready-dev ## Processes, broker, database, network and disk fail under load: nothing acknowledged is lost (below 8 minutes)
	@$(RUN) -m pytest tests/faults

fuzz: $(HARDENING)/.ready ## License files that coverage leads, read and judged: no exception, no hang (SECONDS=60; what is found: build/fuzz)
	@$(HARDENING)/bin/python -m tests.fuzz --seconds $(or $(SECONDS),60)

mutate: $(HARDENING)/.ready ## Change grammar, signature and verdict in every small way: some test must notice (MUTATE=--survivors; an hour)
	@$(HARDENING)/bin/python -m tests.mutation $(MUTATE)

bench: $(VENV)/.ready-dev ## Measure beside pgbench and COPY, count after each figure; JSON in build/bench (BENCH=--quick: 2 minutes)
	@$(RUN) -m bench $(BENCH)

# The containers of one side: make up, make up SIDE=vendor. Each side has secrets of its own, and takes nothing of the other's.
SIDE ?= customer
COMPOSE := docker compose
sides = $(if $(filter customer vendor,$(SIDE)),,$(error SIDE is customer or vendor, and is '$(SIDE)'))
VENDORS = vendor-postgres vendor-rabbitmq vendor-migrate registration vendor-gateway

secrets: $(VENV)/.ready-run ## Make the secrets of one side that are missing, in secrets/ (SIDE=vendor for the vendor's)
	$(sides)@$(RUN) -m deploy.secrets $(SIDE)

up: secrets ## Everything in containers, on http://127.0.0.1:8080 (SIDE=vendor: the vendor's desk, on port 8081)
	@chmod -R a+rX deploy # mounted into containers, whose accounts are nobody of this machine
	@$(COMPOSE) $(if $(filter vendor,$(SIDE)),--profile vendor up --build --detach $(VENDORS),up --build --detach)

down: ## Stop and remove one side's containers; never its data
	$(sides)@$(COMPOSE) $(if $(filter vendor,$(SIDE)),--profile vendor rm --stop --force $(VENDORS),down)

# One step, one line: its name and its seconds, or what it found.
step = @began=$$(date +%s); if found=$$($(2) 2>&1); then echo "ok    $(1) ($$(( $$(date +%s) - began )) s)"; \
	else printf '%s\n' "$$found"; echo "FAIL  $(1)"; exit 1; fi

check: $(VENV)/.ready-dev ## Everything that needs no database: form, types, architecture, contracts (below a minute)
	$(call step,format,$(RUN) -m ruff format --check --quiet .)
	$(call step,lint,$(RUN) -m ruff check --quiet .)
	$(call step,types,$(RUN) -m mypy)
	$(call step,imports,$(RUN) -c "from importlinter.cli import lint_imports_command as go; go()")
	$(call step,tidy,$(RUN) -m pytest -q tests/architecture --ignore=tests/architecture/test_migrations.py)
	$(call step,contracts,$(RUN) -m gateway.contracts --check)
	$(call step,compose,$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml)
	$(call step,containers,$(VENV)/bin/compose-lint check --config deploy/compose-lint.yml --strict-config --fail-on low docker-compose.yml)
	$(call step,image,$(VENV)/bin/hadolint --failure-threshold style Dockerfile)

contracts: $(VENV)/.ready-dev ## Write the published contracts anew from the code
	@$(RUN) -m gateway.contracts

format: $(VENV)/.ready-dev ## Put the code into its form
	@$(RUN) -m ruff check --fix --quiet . && $(RUN) -m ruff format --quiet .

# uv does not read pip's configuration: the index that pip was told is passed on, and never written down.
LOCK = UV_DEFAULT_INDEX="$$($(RUN) -m pip config get global.index-url 2>/dev/null || true)"; \
	if [ -n "$$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX; else unset UV_DEFAULT_INDEX; fi; \
	$(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

lock: $(VENV)/.ready-dev ## Resolve pyproject.toml anew into the hashed requirements (UPGRADE=--upgrade for newer versions)
	@$(RUN) -m pip install -qq --no-deps -r requirements-lock.txt
	@$(LOCK) $(UPGRADE) pyproject.toml -o requirements.txt
	@$(LOCK) $(UPGRADE) -c requirements.txt --group dev pyproject.toml -o requirements-dev.txt
	@$(LOCK) $(UPGRADE) --group generator -o requirements-generator.txt
	@$(LOCK) $(UPGRADE) -c requirements-dev.txt --group hardening -o requirements-hardening.txt

clean: ## Forget .venv and caches; never data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache

# The stamps: a second call costs nothing, changed requirements are installed on top. Nobody else's installation is touched.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1)."; \
		echo "Install one, or name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: its modules venv and ensurepip are missing."; \
		echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; } >&2
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.ready-run: requirements.txt $(VENV)/.made
	@echo "Installing $< …"
	@$(RUN) -m pip install -qq --no-deps --progress-bar off -r $<
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.made
	@echo "Installing $< …"
	@$(RUN) -m pip install -qq --no-deps --progress-bar off -r $<
	@touch $@ $(VENV)/.ready-run

# The client generator stands apart: what it needs must not decide what the product runs on.
$(GENERATOR)/.ready: requirements-generator.txt $(VENV)/.made
	@echo "Installing $< …"
	@$(PYTHON) -m venv $(GENERATOR)
	@$(GENERATOR)/bin/python -m pip install -qq --no-deps --progress-bar off -r $<
	@touch $@

# So does what attacks the grammar: the fuzzer and the mutants bring much along.
$(HARDENING)/.ready: requirements-hardening.txt $(VENV)/.made
	@echo "Installing $< …"
	@$(PYTHON) -m venv $(HARDENING)
	@$(HARDENING)/bin/python -m pip install -qq --no-deps --progress-bar off -r $<
	@touch $@
