# The one door: people and CI use the same targets. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
DOCDETECT := $(BIN)/docdetect
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: sheets help setup demo test lint type check check-light bench docs page format configs lock prepare train infer weights weights-pack pretrain clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make the virtual environment, or re-use it when nothing changed

# uv, itself pinned in the lock, installs exactly what the lock says and removes what it does not.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else f"docdetect needs Python 3.10 to 3.13, $(PYTHON) is {v[0]}.{v[1]}: run make setup PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock)"
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(DOCDETECT) doctor --quick
	@touch $(READY)

demo: setup ## Find marks in the sample documents with the bundled weights, and say where to look at them
	$(DOCDETECT) infer data/samples --conf 0.15 --output runs/demo --overwrite
	@echo "Open runs/demo/index.html in a browser to look at them."

test: setup ## Run the test suite, on two cores or more in parallel
	$(BIN)/pytest --numprocesses auto --dist loadscope

lint: setup ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup ## Check types
	$(BIN)/mypy

check: lint type test ## Everything that CI checks

check-light: setup ## Install without extras in a new environment, and run infer there
	$(BIN)/python -m benchmarks.light_install

format: setup ## Rewrite the code in the style that lint checks
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sheets: setup ## Draw contact sheets of everything that synth draws into runs/sheets
	$(BIN)/python -m benchmarks.synth_kinds --sheets runs/sheets

bench: setup ## Measure: figures as ratios against a named alternative
	$(BIN)/python -m benchmarks.cli_startup
	$(BIN)/python -m benchmarks.groups
	$(BIN)/python -m benchmarks.evaluation
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.views
	$(BIN)/python -m benchmarks.infer
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.real_documents
	$(BIN)/python -m benchmarks.other_origins --thresholds
	$(BIN)/python -m benchmarks.sizes --keep runs/sizes --times

docs: setup ## Build the documentation into site/ without a network, and check its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/pytest --quiet tests/test_docs.py

# The bundle is committed, so that nobody needs Node.js to install or to run docdetect. The same sources and the same
# package-lock.json give the same bytes; a test compares them where the packages are installed.
PAGE := src/docdetect/service/page
page: ## Build the review page (TypeScript) into src/docdetect/service/static; needs Node.js 20 or newer
	npm --prefix $(PAGE) ci
	npm --prefix $(PAGE) run check
	npm --prefix $(PAGE) run build

prepare: setup ## Make the dataset data/datasets/main of the documents in data/raw
	$(DOCDETECT) prepare --config data.yaml

train: setup ## Train on data/datasets/main, into runs/train
	$(DOCDETECT) train --config best.yaml

# What the bundled networks are made of, gathered into one folder: PACK_FROM="--data DATASET --table SOURCES.tsv
# --fonts FOLDER --ink FILE --wheels", see scripts/weights_pack.py. The folder is carried to a machine with a GPU.
PACK ?= runs/weights-pack
weights-pack: setup ## Gather data, fonts and wheels for make weights: PACK_FROM="--data DATASET ..."
	$(BIN)/python -m scripts.weights_pack --output $(PACK) $(PACK_FROM)

# Needs no environment and no network: what the Python of a GPU machine lacks lies in the pack. HOURS=2.5 ends a session
# on a CPU after so long; the same command goes on. Bundled weights are not replaced unasked.
WEIGHTS_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
WEIGHTS ?= runs/weights
MINUTES ?= 14
weights: ## Train the bundled networks from a pack within MINUTES, in parts into runs/weights; DEVICE=cpu TINY=1 rehearses
	$(WEIGHTS_PYTHON) -m scripts.weights run $(PACK) --output $(WEIGHTS) --minutes $(MINUTES) \
		$(if $(HOURS),--pause $(HOURS)) $(if $(DEVICE),--device $(DEVICE)) $(if $(TINY),--tiny)

# Hours of work, in as many sessions as it takes: each goes on where the last one stopped, whatever stopped it. With
# HOURS=2.5 a session ends after so long, between two epochs, with exit code 130.
PRETRAIN := --set train.runs=runs/pretrain
pretrain: setup ## Train a network from nothing on made-up pages, on a CPU; HOURS=2.5 ends a session after so long
	$(DOCDETECT) synth --config pretrain.yaml
	$(DOCDETECT) train --config pretrain.yaml $(PRETRAIN) --resume auto $(if $(HOURS),--pause $(HOURS))
	$(DOCDETECT) train --config pretrain_pages.yaml $(PRETRAIN) --resume auto $(if $(HOURS),--pause $(HOURS))
	@echo "Bundle it with: $(DOCDETECT) weights $(PRETRAIN) --pack last --calibration data/synth --name NAME"

infer: setup ## Find marks in the documents of scans/, into runs/infer
	$(DOCDETECT) infer --config infer.yaml scans/

configs: setup ## Rewrite the comments of configs/ from the descriptions of the keys
	$(BIN)/python -m docdetect.config.shipped configs/*.yaml

lock: setup ## Pin the newest versions that pyproject.toml allows
	$(UV) pip compile pyproject.toml requirements.in --override requirements.override --universal --python-version 3.10 \
		--group dev --extra train --extra parquet --extra onnx --extra int8 --extra heic --extra serve --no-emit-index-url --no-annotate --no-header --upgrade --output-file requirements.lock

clean: ## Remove the environment and caches; data/ and runs/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist site
