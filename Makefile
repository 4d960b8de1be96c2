# make run [DATA=faq.xlsx | CONFIG=my.yaml | QUICK=1] [DIR=my-project] [PROFILE=slurm] [ARGS="-n"]; make ask | serve | review | publish [RUN=demo] [DIR=...]
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run status ask serve review publish test test-slow test-faults bench bench-gpu lint lock wheel cache clean-cache offline-bundle

CONFIG :=
DATA :=
QUICK :=
DIR := .
PROFILE :=
ARGS :=
RUN := demo
Q :=
SERVER :=
HOST := 127.0.0.1
API_KEY_ENV :=
GROUNDED :=
PORT := 8000
TO :=

# A misspelt variable would silently run the demo.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
KNOWN := CONFIG DATA QUICK DIR PROFILE ARGS RUN Q SERVER HOST PORT API_KEY_ENV GROUNDED TO
UNKNOWN := $(filter-out $(KNOWN),$(GIVEN))
$(if $(UNKNOWN),$(error unknown variable $(UNKNOWN); known are $(KNOWN)))

# The active conda environment if there is one (environment.yml; never its base), else .venv here.
CONDA := $(filter-out base,$(CONDA_DEFAULT_ENV))
ifeq ($(CONDA),)
ENV := .venv
else
ENV := $(CONDA_PREFIX)
endif
BIN := $(ENV)/bin
PYTHON := $(BIN)/python
STAMP := $(ENV)/.qaloom-synced
DEV := $(ENV)/.qaloom-dev
# A set-up that was killed may leave packages that look installed and lack files.
UNFINISHED := $(ENV)/.qaloom-syncing
AGAIN := $(if $(wildcard $(UNFINISHED)),--reinstall)
# A bundle for hosts without a network (make offline-bundle) brings its wheels along.
LOCAL := $(if $(wildcard wheels),--no-index --find-links wheels)
OFFLINE := $(if $(LOCAL),--offline $(LOCAL))
# Python compiles what it imports, once; where it is told not to (PYTHONDONTWRITEBYTECODE), all is compiled now.
COMPILED := $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)
SIZE_GB := 6.9

help:
	@echo 'make run [CONFIG=my.yaml] [DIR=my-project]   set up, then data to model to report (ARGS=-n: only say what)'
	@echo 'make run DATA=faq.xlsx [DIR=faq]             the same for your own rows: a project is made of the file'
	@echo 'make run QUICK=1                             all stages in three minutes; the figures mean nothing'
	@echo 'make status [DIR=my-project]                 how far a run is, also from another shell'
	@echo 'make run PROFILE=slurm ...                   the same on a cluster (profiles/)'
	@echo 'make ask Q="..." [RUN=demo] [DIR=.]          ask the tuned model; without Q, a conversation'
	@echo 'make serve [RUN=demo] [DIR=.] [PORT=8000]    the tuned model as an OpenAI-compatible API and a chat page'
	@echo 'make review [DIR=my-project] [PORT=8001]     rows, contradictions and wrong answers, decided about in the browser'
	@echo 'make publish TO=FOLDER|hub:ORG/NAME [RUN=demo]   hand on a proven export'
	@echo 'make setup                                   bring the environment up to requirements.lock (7 GB)'
	@echo 'make test | test-slow | test-faults | bench | bench-gpu | lint   check the project itself'
	@echo 'make cache | clean-cache [DIR=.]             size of the cache; empty it'
	@echo 'make offline-bundle                          one file to install and run from without a network'
	@echo 'make wheel                                   the program as a wheel, for pip'
	@echo 'make lock                                    renew the lock files from pyproject.toml'

setup: $(STAMP)

# A conda environment keeps its own packages (uv pip sync would take them out); .venv holds the lock alone.
$(STAMP): requirements.lock requirements-converter.txt pyproject.toml install/progress.py install/wheel.py
ifeq ($(CONDA),)
	@test -x $(PYTHON) || python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make setup: Python 3.11 or newer is needed; this is " + sys.version.split()[0])'
	@test -x $(BIN)/uv || $(PYTHON) -m pip --version >/dev/null 2>&1 || python3 -m venv --clear $(ENV)
	@test -x $(BIN)/uv || $(PYTHON) -m pip install --quiet --force-reinstall $(LOCAL) "$$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements.lock)"
	@touch $(UNFINISHED)
	@$(PYTHON) install/progress.py $(ENV) $(SIZE_GB) $(BIN)/uv pip sync $(AGAIN) $(OFFLINE) --python $(PYTHON) \
		$(COMPILED) requirements.lock
else
	@touch $(UNFINISHED)
	@$(PYTHON) install/progress.py $(ENV) $(SIZE_GB) uv pip install $(AGAIN) $(OFFLINE) --python $(PYTHON) --no-deps \
		$(COMPILED) --requirement requirements.lock
endif
	@$(BIN)/uv pip install --quiet $(OFFLINE) --python $(PYTHON) --no-deps --no-build-isolation --editable .
	@rm -rf $(ENV)/converter
	@$(BIN)/uv pip install --quiet $(OFFLINE) --python $(PYTHON) --no-deps --target $(ENV)/converter -r requirements-converter.txt
	@touch $@ && rm -f $(UNFINISHED)

# Tests, linters and a browser's driver, which a run does not need.
setup-dev: $(DEV)

$(DEV): $(STAMP) requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(PYTHON) --no-deps $(COMPILED) --requirement requirements-dev.lock
	@touch $@

run: setup
	@$(PYTHON) -m qaloom run $(if $(findstring command line,$(origin DIR)),--directory "$(DIR)") \
		$(if $(DATA),--data "$$DATA") $(if $(QUICK),--quick) $(if $(CONFIG),--config "$(CONFIG)") \
		$(if $(PROFILE),--profile "$(PROFILE)") $(if $(ARGS),-- $(ARGS))

status: setup
	@$(PYTHON) -m qaloom status --directory "$(DIR)"

ask: setup
	@cd "$(DIR)" && "$(abspath $(PYTHON))" -m qaloom ask $(or $(SERVER),"$(RUN)") $(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)" )$(if $(GROUNDED),--grounded )$(if $(Q),"$$Q")

serve: setup
	@"$(PYTHON)" -m qaloom serve "$(RUN)" --project "$(DIR)" --host "$(HOST)" --port "$(PORT)" \
		$(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)") $(if $(GROUNDED),--grounded) || test $$? -eq 130

review: setup
	@"$(PYTHON)" -m qaloom review --project "$(DIR)" --host "$(HOST)" \
		$(if $(findstring command line,$(origin PORT)),--port "$(PORT)") \
		$(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)") || test $$? -eq 130

# Never without being told where to.
publish: setup
	@test -n "$(TO)" || { echo 'publish: say where to: TO=FOLDER or TO=hub:ORG/NAME'; exit 1; }
	@"$(PYTHON)" -m qaloom publish "$(DIR)/results/export/$(RUN)" "$(TO)"

# Two processes; tests/conftest.py says which tests stay together.
PYTEST := $(BIN)/pytest -n 2 --no-loadscope-reorder

test: setup-dev
	@$(MAKE) --no-print-directory lint
	@$(PYTEST)

test-slow: setup-dev
	@$(PYTEST) -m "slow and not gpu"

# A part of test-slow: faults of the machine, kills, interrupted set-ups, damaged models, configurations and documents.
test-faults: setup-dev
	@$(PYTEST) -m "slow and not gpu" tests/workflow/test_faults*.py tests/workflow/test_killed_runs.py \
		tests/unit/base_model/test_mutated_models.py tests/unit/config/test_mutated_configurations.py \
		tests/unit/report/test_damaged_documents.py

bench: setup-dev
	@$(PYTHON) benchmarks/bench.py
	@$(PYTHON) benchmarks/bench_duplicates.py

# On a machine with a GPU: writes 20 GB of random weights to build/ first. What gpu_speed.json holds is not measured again.
bench-gpu: setup-dev
	@$(PYTHON) benchmarks/bench_speed.py build/bench benchmarks/gpu_speed.json
	@$(PYTHON) benchmarks/bench_trials.py build/bench benchmarks/gpu_speed.json
	@$(PYTHON) benchmarks/bench_generate.py shape build/bench/1.5B --float32
	@$(PYTHON) benchmarks/bench_generate.py shape build/bench/8B
	@$(PYTHON) benchmarks/bench_demo.py build/demo benchmarks/demo.json 1,2,3 rules plain --alone

# One locked environment serves all rules, so the linter's call for one a rule is let pass, and nothing else.
lint: setup-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports --no-logo --no-cache 2>&1) || { echo "$$said"; exit 1; }
	@$(BIN)/snakefmt --check Snakefile rules 2>/dev/null
	@! $(BIN)/snakemake --lint 2>&1 | grep -E '^    \*|Error|^qaloom' | grep -v 'Specify a conda environment'

# After a change of the dependencies in pyproject.toml.
# What both need is in requirements.lock alone.
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header
lock: setup
	@$(LOCK) --group demo pyproject.toml --output-file requirements.lock
	@$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock \
		$$(sed -n 's/^\([a-z0-9][^= ]*\)==.*/--no-emit-package \1/p' requirements.lock)

# The program for pip, without a clone (docs/setup.md).
wheel: setup
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(PYTHON) --out-dir dist .
	@ls dist/*.whl

# For a host without a network: program and wheels in one file (about 4 GB).
offline-bundle: setup
	@$(PYTHON) -m qaloom.workflow.bundle

cache:
	@du -sh "$(DIR)"/cache/* 2>/dev/null || echo "the cache is empty"

# results/base_model links into the cache and is made again from the reference; results/train stays.
clean-cache:
	@test -n "$(DIR)" || { echo 'clean-cache: say which project: DIR=FOLDER'; exit 1; }
	@rm -rf "$(DIR)/cache" "$(DIR)/results/base_model" && echo "removed $(DIR)/cache"
