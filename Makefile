# Two commands on a fresh machine with Python 3.11+: `make demo` and `make test`. `make help` lists all.

VENV ?= .venv
BIN := $(VENV)/bin
DEMO_DIR ?= demo
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench bench-peers bench-text bench-features bench-serving bench-batch bench-replay bench-simulation docs clean check-serving

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo-installed ## set up, train on real purchases, show lists and how good they are
	$(BIN)/recsys demo --dir $(DEMO_DIR)

test: $(VENV)/.dev-installed ## set up, run the whole test suite, on two cores
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev-installed ## format, style, types and the imports between rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev-installed ## rewrite the files in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev-installed ## speed and quality compared with simpler rankings, as tables
	$(BIN)/python -m benchmarks

bench-peers: $(VENV)/.dev-installed .venv-peers/.installed ## quality compared with the field's strongest tools, in an environment of their own; PEERS_ARGS=scientific
	.venv-peers/bin/python -m benchmarks.peers run --work peers $(PEERS_ARGS)
	$(BIN)/python -m benchmarks.quality --work peers $(PEERS_ARGS)
	$(BIN)/python -m benchmarks.peers table --work peers $(PEERS_ARGS)

bench-features: $(VENV)/.dev-installed ## features of 20 million events: time, memory, other tools, live
	$(BIN)/python -m benchmarks.features

bench-serving: $(VENV)/.dev-installed ## speed of the online API on real and generated catalogues, compared with the floor; SERVING_ARGS="--real '' --items 10000" makes it small
	$(BIN)/python -m benchmarks.serving $(SERVING_ARGS)

bench-batch: $(VENV)/.dev-installed .venv-peers/.installed ## users a second and memory of batch ranking, compared with RecTools and LensKit; BATCH_ARGS='--users 10000 --items 20000' makes it small
	$(BIN)/python -m benchmarks.batch --peers .venv-peers/bin/python $(BATCH_ARGS)

check-serving: $(VENV)/.dev-installed ## long checks of the server: OpenAPI, kill -9 in mid-stream, a soak test; takes minutes
	$(BIN)/python -m benchmarks.fuzz
	$(BIN)/python -m benchmarks.durability
	$(BIN)/python -m benchmarks.restart
	$(BIN)/python -m benchmarks.soak

bench-text: $(VENV)/.dev-installed ## the text model: rankings, new items, encoding speed; resumes if interrupted; TEXT_ARGS=scientific
	$(BIN)/python -m pip install --quiet --editable '.[bench-text]'
	$(BIN)/python -m benchmarks.text --work bench-text $(TEXT_ARGS)

bench-replay: $(VENV)/.dev-installed ## week by week through real logs: continued training, from scratch, never again; REPLAY_ARGS='--weeks 4' makes it small
	$(BIN)/python -m benchmarks.replay $(REPLAY_ARGS)

bench-simulation: $(VENV)/.dev-installed ## simulated weeks: does retraining pay, do off-policy estimates hold? SIMULATION_ARGS='--weeks 4' makes it small
	$(BIN)/python -m benchmarks.simulation $(SIMULATION_ARGS)

docs: $(VENV)/.dev-installed ## write docs/config.md from the config tree
	$(BIN)/python docs/render_config.py > docs/config.md

clean: ## remove the environments, the demo and what benchmarks left
	rm -rf $(VENV) .venv-peers $(DEMO_DIR) bench-text peers

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "recsys needs Python 3.11 or newer; set PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps are younger than pyproject.toml as long as the environment has what it asks for.
$(VENV)/.demo-installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev-installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.demo-installed

.venv-peers/.installed: pyproject.toml | $(BIN)/python
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --editable '.[bench]'
	@touch $@
