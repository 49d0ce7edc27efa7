# Each target creates .venv if it is missing. It needs git, make, Python 3.11 or newer, and a C
# compiler.

PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell nproc 2>/dev/null || echo 2)
BIN := $(VENV)/bin
READY := $(VENV)/.installed
BENCHMARKS := training_step denoising_step recurrent models clip_loading conversion metrics flow_solver
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick test-long test-faults test-slurm lint format config-reference bench bench-gpu lock clean distclean

help:
	@echo "make demo        the whole pipeline on a small simulated flow, a quarter of an hour on two cores"
	@echo "make test        the tests            make test-quick  those that take under two minutes"
	@echo "make test-long   those that take minutes without a GPU: each GAN learns eight clips"
	@echo "make test-faults kills, faults and fuzz inputs: twenty minutes on two cores"
	@echo "make test-slurm  the pipeline on SLURM, which it installs and starts (root, Debian)"
	@echo "make lint        style, types, rules  make format      fix the style"
	@echo "make bench       speed and memory     make bench-gpu   the same on a GPU"
	@echo "make config-reference   update the pages and the schema in config/"
	@echo "make lock        update constraints.txt"
	@echo "make clean       remove the demo and caches (make distclean: .venv as well)"

demo: $(READY)
	$(SNAKEMAKE) --quiet reason host --configfile config/demo.yaml -- all
	@$(BIN)/rvd summary demo/results

test: $(READY)
	$(BIN)/python -m pytest

test-quick: $(READY)
	$(BIN)/python -m pytest -m "not slow"

test-long: $(READY)
	$(BIN)/python -m pytest -m long

test-faults: $(READY)
	RVD_TEST_FAULTS=whole $(BIN)/python -m pytest tests/faults

test-slurm: $(READY)
	RVD_TEST_SLURM=1 $(BIN)/python -m pytest tests/slurm

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/python workflow/lint.py
	$(BIN)/nbstripout --verify notebooks/*.ipynb

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow
	$(BIN)/nbstripout notebooks/*.ipynb

# From the docstrings of the config's sections: after a change of one of their keys.
config-reference: $(READY)
	$(BIN)/rvd config-reference

bench: $(READY)
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

bench-gpu: $(READY)
	@$(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' \
	  || { echo "bench-gpu: PyTorch sees no GPU here"; exit 1; }
	$(BIN)/python -m benchmarks.training_step --device cuda --steps 20
	$(BIN)/python -m benchmarks.denoising_step --device cuda --steps 50 --rows 16

# The exact versions that were tested: those that an installation without constraints takes today.
lock:
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet -e '.[dev]'
	echo "# Tested versions; written by \`make lock\`." > constraints.txt
	$(VENV)-lock/bin/pip freeze --local --exclude-editable >> constraints.txt
	rm -rf $(VENV)-lock

clean:
	rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is required; set it with PYTHON=..."; exit 1; }
	@echo "Installing into $(VENV): about 7 GB, a few minutes"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
