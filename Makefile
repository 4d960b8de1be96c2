# make run [DATA=faq.xlsx | CONFIG=my.yaml | QUICK=1] [DIR=my-project] [PROFILE=slurm] [ARGS="-n"]; make ask | serve | publish [RUN=demo] [DIR=...]
.DEFAULT_GOAL := help
.PHONY: help setup run status ask serve publish test test-slow test-faults bench bench-gpu lint lock cache clean-cache offline-bundle

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
PORT := 8000
TO :=

# A misspelt variable would silently run the demo.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
KNOWN := CONFIG DATA QUICK DIR PROFILE ARGS RUN Q SERVER HOST PORT API_KEY_ENV TO
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
# A set-up that was killed may leave packages that look installed and lack files.
UNFINISHED := $(ENV)/.qaloom-syncing
AGAIN := $(if $(wildcard $(UNFINISHED)),--reinstall)
# A bundle for hosts without a network (make offline-bundle) brings its wheels along.
LOCAL := $(if $(wildcard wheels),--no-index --find-links wheels)
OFFLINE := $(if $(LOCAL),--offline $(LOCAL))

help:
	@echo 'make run [CONFIG=my.yaml] [DIR=my-project]   set up, then data to model to report (ARGS=-n: only say what)'
	@echo 'make run DATA=faq.xlsx [DIR=faq]             the same for your own rows: a project is made of the file'
	@echo 'make run QUICK=1                             all stages in three minutes; the figures mean nothing'
	@echo 'make status [DIR=my-project]                 how far a run is, also from another shell'
	@echo 'make run PROFILE=slurm ...                   the same on a cluster (profiles/)'
	@echo 'make ask Q="..." [RUN=demo] [DIR=.]          ask the tuned model; without Q, a conversation'
	@echo 'make serve [RUN=demo] [DIR=.] [PORT=8000]    the tuned model as an OpenAI-compatible API and a chat page'
	@echo 'make publish TO=FOLDER|hub:ORG/NAME [RUN=demo]   hand on a proven export'
	@echo 'make setup                                   bring the environment up to requirements.lock'
	@echo 'make test | test-slow | test-faults | bench | bench-gpu | lint   check the project itself'
	@echo 'make cache | clean-cache [DIR=.]             size of the cache; empty it'
	@echo 'make offline-bundle                          one file to install and run from without a network'
	@echo 'make lock                                    renew requirements.lock from pyproject.toml'

setup: $(STAMP)

# A conda environment keeps its own packages (uv pip sync would take them out); .venv holds the lock alone.
$(STAMP): requirements.lock requirements-converter.txt pyproject.toml
ifeq ($(CONDA),)
	@test -x $(PYTHON) || python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make setup: Python 3.11 or newer is needed; this is " + sys.version.split()[0])'
	@test -x $(BIN)/uv || $(PYTHON) -m pip --version >/dev/null 2>&1 || python3 -m venv --clear $(ENV)
	@test -x $(BIN)/uv || $(PYTHON) -m pip install --quiet --force-reinstall $(LOCAL) "$$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements.lock)"
	@echo "Setting up $(ENV): about 7 GB, a few minutes the first time"
	@touch $(UNFINISHED)
	@$(BIN)/uv pip sync --quiet $(AGAIN) $(OFFLINE) --python $(PYTHON) --compile-bytecode requirements.lock
else
	@echo "Setting up the conda environment $(ENV): about 7 GB, a few minutes the first time"
	@touch $(UNFINISHED)
	@uv pip install --quiet $(AGAIN) $(OFFLINE) --python $(PYTHON) --no-deps --compile-bytecode -r requirements.lock
endif
	@$(BIN)/uv pip install --quiet $(OFFLINE) --python $(PYTHON) --no-deps --no-build-isolation --editable .
	@rm -rf $(ENV)/converter
	@$(BIN)/uv pip install --quiet $(OFFLINE) --python $(PYTHON) --no-deps --target $(ENV)/converter -r requirements-converter.txt
	@touch $@ && rm -f $(UNFINISHED)

run: setup
	@$(PYTHON) -m qaloom.workflow.run $(if $(findstring command line,$(origin DIR)),--directory "$(DIR)") \
		$(if $(DATA),--data "$$DATA") $(if $(QUICK),--quick) $(if $(CONFIG),--config "$(CONFIG)") \
		$(if $(PROFILE),--profile "$(PROFILE)") $(if $(ARGS),-- $(ARGS))

status: setup
	@$(PYTHON) -m qaloom.workflow.status --directory "$(DIR)"

ask: setup
	@cd "$(DIR)" && "$(abspath $(PYTHON))" -m qaloom.serve.ask $(or $(SERVER),"$(RUN)") $(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)" )$(if $(Q),"$$Q")

serve: setup
	@"$(PYTHON)" -m qaloom.serve "$(RUN)" --project "$(DIR)" --host "$(HOST)" --port "$(PORT)" \
		$(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)") || test $$? -eq 130

# Never without being told where to.
publish: setup
	@test -n "$(TO)" || { echo 'publish: say where to: TO=FOLDER or TO=hub:ORG/NAME'; exit 1; }
	@"$(PYTHON)" -m qaloom.export.publish "$(DIR)/results/export/$(RUN)" "$(TO)"

# Two processes; tests/conftest.py says which tests stay together.
PYTEST := $(BIN)/pytest -n 2 --no-loadscope-reorder

test: setup
	@$(MAKE) --no-print-directory lint
	@$(PYTEST)

test-slow: setup
	@$(PYTEST) -m "slow and not gpu"

# A part of test-slow: faults of the machine, kills, interrupted set-ups, damaged models, configurations and documents.
test-faults: setup
	@$(PYTEST) -m "slow and not gpu" tests/workflow/test_faults*.py tests/workflow/test_killed_runs.py \
		tests/unit/base_model/test_mutated_models.py tests/unit/config/test_mutated_configurations.py \
		tests/unit/report/test_damaged_documents.py

bench: setup
	@$(PYTHON) benchmarks/bench.py
	@$(PYTHON) benchmarks/bench_duplicates.py

# On a machine with a GPU: writes 20 GB of random weights to build/ first. What gpu_speed.json holds is not measured again.
bench-gpu: setup
	@$(PYTHON) benchmarks/bench_speed.py build/bench benchmarks/gpu_speed.json
	@$(PYTHON) benchmarks/bench_trials.py build/bench benchmarks/gpu_speed.json
	@$(PYTHON) benchmarks/bench_generate.py shape build/bench/1.5B --float32
	@$(PYTHON) benchmarks/bench_generate.py shape build/bench/8B
	@$(PYTHON) benchmarks/bench_demo.py build/demo benchmarks/demo.json 1,2,3 rules plain --alone

# One locked environment serves all rules, so the linter's call for one a rule is let pass, and nothing else.
lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports --no-logo --no-cache 2>&1) || { echo "$$said"; exit 1; }
	@$(BIN)/snakefmt --check Snakefile rules 2>/dev/null
	@! $(BIN)/snakemake --lint 2>&1 | grep -E '^    \*|Error|^qaloom' | grep -v 'Specify a conda environment'

# After a change of the dependencies in pyproject.toml.
lock: setup
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --universal pyproject.toml --extra dev \
		--generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

# For a host without a network: program and wheels in one file (about 4 GB).
offline-bundle: setup
	@$(PYTHON) -m qaloom.workflow.bundle

cache:
	@du -sh "$(DIR)"/cache/* 2>/dev/null || echo "the cache is empty"

# results/base_model links into the cache and is made again from the reference; results/train stays.
clean-cache:
	@test -n "$(DIR)" || { echo 'clean-cache: say which project: DIR=FOLDER'; exit 1; }
	@rm -rf "$(DIR)/cache" "$(DIR)/results/base_model" && echo "removed $(DIR)/cache"
