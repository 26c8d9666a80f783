# Needs Python 3.11, 3.12 or 3.13, git and make. Everything else comes from the lock files in requirements/.

# The newest that runs here and can make an environment: a name on the PATH may start nothing.
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11; do $$each -c 'import ensurepip, venv' 2>/dev/null && echo $$each && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --no-deps --require-hashes
# A torch build for CPU is enough. Point pip at an index that has one, or the default index's build is taken. It is held to the hashes
# of torch.lock by install_torch.py (TORCH_HASHES=1 refuses what it does not know), and the libraries of a build with CUDA to those of cuda.lock. Once all
# is installed, pip is asked without an index whether torch has what it needs: it fetches nothing.
TORCH := torch==2.13.0
HASHED_TORCH := $(BIN)/python requirements/install_torch.py
export TORCH_HASHES
LINT := .rehearsal/lint
PHOENIX := .clients/phoenix
FRAMEWORKS := .clients/frameworks
BROWSER ?= 1
export BROWSER
# Where it is set, every process that a test starts would compile all of Raglass again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help install research run demo pictures rehearse rehearse-test rehearse-deploy rehearse-serverless test quick check format lint types contracts lint-stack image browser audit bill bench bench-explain bench-eval attack faults soak kill fuzz certify clients oracles seed schema lock clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.run ## Make the virtual environment of the dashboard

research: $(VENV)/.research ## Add the research profile (torch, transformers) to it

run: $(VENV)/.run ## Start the dashboard on port 8501
	@$(BIN)/raglass serve

rehearse: $(VENV)/.run ## Run the whole AWS stack on this machine, dashboard included, until Ctrl-C (AUTH=1 enforces IAM)
	@$(BIN)/python -m serving.rehearsal $(if $(AUTH),--auth)

demo: $(VENV)/.run ## A demonstration of a quarter of an hour: real questions, faults that come and are healed (MINUTES=15); docs/demo.md
	@$(BIN)/raglass demo --minutes $(or $(MINUTES),15)

pictures: $(VENV)/.test browser ## Take the pictures of the README anew
	@$(BIN)/python -m tests.pictures

rehearse-test: $(VENV)/.run ## The same without a screen: ask questions, read the metrics back, remove everything
	@$(BIN)/python -m serving.rehearsal --test $(if $(AUTH),--auth)

rehearse-deploy: $(VENV)/.run ## The whole life of a deployment with the real `raglass deploy`, on this machine
	@$(BIN)/python -m serving.rehearsal.deploying

rehearse-serverless: $(VENV)/.run ## To serverless endpoints and back, measured before and after, on this machine (OUT=FILE.md for a report)
	@$(BIN)/python -m benchmarks.bench_serverless $(if $(OUT),--out $(OUT))

# Two workers: a test waits for a browser or a server half of its time. tests/conftest.py says what shares a worker.
SIDE_BY_SIDE := --numprocesses 2 --dist loadgroup --no-loadscope-reorder

test: $(VENV)/.test browser ## Run every test, browser journeys included (BROWSER=0 leaves those out)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

quick: $(VENV)/.test ## Run the tests that need no browser, no rehearsed stack, no database server and little time (FOLDER=tests/… for one folder)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(FOLDER) -m "not browser and not rehearsal and not database and not slow"

check: $(VENV)/.test format-check lint types contracts test ## Format, lint, types, import contracts and every test

format: $(VENV)/.test ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: format-check
format-check: $(VENV)/.test
	$(BIN)/ruff format --check .

lint: $(VENV)/.test
	$(BIN)/ruff check .

types: $(VENV)/.test
	$(BIN)/mypy

contracts: $(VENV)/.test ## Hold imports against the floors of docs/architecture.md
	$(BIN)/lint-imports

oracles: $(VENV)/.oracles ## Hold attribution against shapiq, context-cite and inseq (nearly 500 MB, so no part of `make test`)
	$(BIN)/python -m pytest tests/oracles

clients: $(VENV)/.test $(PHOENIX)/.made $(FRAMEWORKS)/.made ## Send our traces to a real Phoenix, and real frameworks' to us (they take 1.5 GB, so no part of `make test`)
	RAGLASS_PHOENIX=$(PHOENIX)/bin/python RAGLASS_FRAMEWORKS=$(FRAMEWORKS)/bin/python $(BIN)/python -m pytest tests/clients

lint-stack: $(LINT)/.made ## Lint the stack's templates, the workflows and the Dockerfile
	@sh serving/stack/lint/run.sh $(LINT)/bin

image: $(VENV)/.test browser ## Build the container images and try them out (BASE=… builds on another base)
	@$(BIN)/python -m serving.image $(if $(BASE),--base $(BASE))

browser: $(VENV)/.test
	@$(BIN)/python tests/browser/install.py

audit: $(VENV)/.run ## Look every locked package up in OSV; fails on a known weakness, and if it cannot look (DATABASE=… for its export, a ZIP or folder)
	@$(BIN)/python -m serving.supply audit $(if $(DATABASE),--database $(DATABASE))

bill: $(VENV)/.run ## Write the bill of materials (CycloneDX) and the licences of what the dashboard is installed with, into build/
	@mkdir -p build
	@$(BIN)/python -m serving.supply bill requirements/run.lock > build/raglass.cdx.json
	@$(BIN)/python -m serving.supply licences requirements/run.lock > build/licences.tsv
	@echo "build/raglass.cdx.json and build/licences.tsv are written"

bench: $(VENV)/.test $(PHOENIX)/.made ## Print every measured figure (takes an hour and a half; QUICK=1 shows in minutes that each runs)
	RAGLASS_PHOENIX=$(PHOENIX)/bin/python $(BIN)/python -m benchmarks $(if $(QUICK),--quick)

bench-explain: $(VENV)/.test ## What explaining an answer costs, and whether it holds
	$(BIN)/python -m benchmarks.bench_explain
	$(BIN)/python -m benchmarks.bench_calibration
	$(BIN)/python -m benchmarks.bench_context_cite

bench-eval: $(VENV)/.test ## Whether run against run keeps its promises, and what a run costs beside answering
	$(BIN)/python -m benchmarks.bench_eval
	$(BIN)/python -m benchmarks.bench_research
	$(BIN)/python -m benchmarks.bench_engines
	$(BIN)/python -m benchmarks.bench_pages --only runs

attack: $(VENV)/.test browser ## Attack a dashboard on this machine: what was tried, what came back, whether it held (about four minutes)
	@$(BIN)/python -m tests.attack

faults: $(VENV)/.test ## Let every part of Raglass go wrong in every way on this machine: what came back, and whether it held
	@$(BIN)/python -m tests.withstand.faults

soak: $(VENV)/.test ## Many visitors on every page of a large store (MINUTES=30 or HOURS=24, SESSIONS=50, RATE=3, TRACES=1000000 or STORE=…): memory, errors, times
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),30) --hours $(or $(HOURS),0) --sessions $(or $(SESSIONS),50) --rate $(or $(RATE),3) \
		--traces $(or $(TRACES),1000000) $(if $(STORE),--store $(STORE)) $(if $(LOG),--log $(LOG))

kill: $(VENV)/.test ## Kill −9 at random moments (KILLS=200 SEED=1), and let databases fail: whether anything acknowledged was lost
	@$(BIN)/python -m tests.withstand.kill --kills $(or $(KILLS),200) --seed $(or $(SEED),1)

fuzz: $(VENV)/.test ## Try generated inputs on all that reads what comes from outside (N=… for each of 14 targets, within SECONDS=… each)
	@$(BIN)/python -m tests.fuzz --inputs $(or $(N),10000) --seconds $(or $(SECONDS),600)

certify: $(VENV)/.test ## Hold every explainer, and a study's shares of variance, against planted truth (about a minute)
	@$(BIN)/python -m tests.planted.studies
	@$(BIN)/python -m tests.planted.certify

seed: $(VENV)/.run ## Compute the built-in corpus's committed vectors again
	$(BIN)/python -m backends.local.seed

lock: $(VENV)/.lock ## Resolve the lock files again (UPGRADE=1 takes the newest)
	sh requirements/lock.sh $(BIN) $(if $(UPGRADE),--upgrade)

clean: ## Remove the virtual environment and caches; data is kept
	rm -rf $(VENV) .rehearsal .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11, 3.12 or 3.13 with venv is here; install one, or say make PYTHON=…"; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not here; install it, or leave PYTHON out"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What builds Raglass itself is locked like the rest, so that the build fetches nothing.
$(VENV)/.run: requirements/run.lock requirements/build.lock pyproject.toml | $(BIN)/python
	@echo "Installing the dashboard's packages (about a minute, once)"
	@$(LOCKED) -r requirements/run.lock -r requirements/build.lock
	@$(PIP) --no-deps --no-index --no-build-isolation --editable .
	@touch $@

$(VENV)/.research: requirements/research.lock requirements/torch.lock requirements/cuda.lock requirements/smollm2.lock $(VENV)/.run
	@echo "Installing the research profile's packages (a few minutes, once)"
	@$(HASHED_TORCH)
	@$(LOCKED) -r requirements/research.lock -r requirements/smollm2.lock
	@$(PIP) --no-index $(TORCH)
	@touch $@

$(VENV)/.test: requirements/test.lock requirements/torch.lock requirements/cuda.lock requirements/smollm2.lock $(VENV)/.run
	@echo "Installing the test packages (a few minutes, once)"
	@$(HASHED_TORCH)
	@$(LOCKED) -r requirements/test.lock -r requirements/smollm2.lock
	@$(PIP) --no-index $(TORCH)
	@touch $@

$(VENV)/.oracles: requirements/oracles.lock $(VENV)/.test
	@echo "Installing the reference implementations (about a minute, once)"
	@$(LOCKED) -r requirements/oracles.lock
	@touch $@

$(VENV)/.lock: requirements/locking.lock | $(BIN)/python
	@$(LOCKED) -r requirements/locking.lock
	@touch $@

$(LINT)/.made: requirements/lint.lock | $(BIN)/python
	@echo "Installing the linters of templates, workflows and the Dockerfile (a minute or two, once)"
	@$(BIN)/python -m venv --clear --without-pip $(LINT)
	@$(BIN)/python -m pip --python $(LINT)/bin/python install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/lint.lock
	@touch $@

.clients/%/.made: requirements/%.lock | $(BIN)/python
	@echo "Installing what requirements/$*.lock names in an environment of its own (a few minutes, once)"
	@$(BIN)/python -m venv --clear --without-pip .clients/$*
	@$(BIN)/python -m pip --python .clients/$*/bin/python install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/$*.lock
	@touch $@
