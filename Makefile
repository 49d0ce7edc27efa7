# Each target creates .venv if it is missing. It needs git, make, Python 3.11 or newer, and a C
# compiler.

PYTHON ?= python3
VENV ?= .venv
# `make demo TORCH=cpu`: the build of torch without CUDA, where the package index offers one. It counts
# when .venv is created.
TORCH ?= default
# nproc takes OMP_NUM_THREADS for the number of cores.
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || echo 2)
# One more than the cores, as tests wait for the processes that they start.
WORKERS ?= $(shell echo $$(($(CORES) + 1)))
DOCS ?= .venv-docs
SITE ?= site
BIN := $(VENV)/bin
READY := $(VENV)/.installed
INSTALL := $(BIN)/pip install --quiet
BENCHMARKS := training_step denoising_step recurrent models clip_loading conversion films metrics flow_solver
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)

.DEFAULT_GOAL := help
.PHONY: help install quick demo test test-quick test-long test-faults test-slurm lint format config-reference bench bench-gpu lock audit clean distclean

help:
	@echo "make quick       RVD alone on a small simulated flow, about five minutes on two cores"
	@echo "make demo        the whole pipeline on a small simulated flow, about twelve minutes on two cores"
	@echo "make install     the packages alone   TORCH=cpu      with any target: torch without CUDA, if offered"
	@echo "make test        the tests, on all cores (or CORES=4)   make test-quick  the quick ones alone"
	@echo "make test-long   those that take minutes without a GPU: models learn eight clips, the FVD of noise"
	@echo "make test-faults kills, faults and fuzz inputs: 25 minutes on two idle cores"
	@echo "make test-slurm  the pipeline on SLURM, which it installs and starts (root, Debian)"
	@echo "make lint        style, types, rules  make format      fix the style"
	@echo "make bench       speed and memory     make bench-gpu   the same on a GPU"
	@echo "make config-reference   update the pages and the schema in config/"
	@echo "make docs        build the pages into site/, in an environment of their own"
	@echo "make lock        update constraints.txt  make audit  its known vulnerabilities"
	@echo "make clean       remove the demo and caches (make distclean: .venv as well)"

install: $(READY)

demo: $(READY)
	$(SNAKEMAKE) --quiet reason host --configfile config/demo.yaml -- all
	@$(BIN)/rvd summary demo/results

quick: $(READY)
	$(SNAKEMAKE) --quiet reason host --configfile config/demo.yaml config/quick.yaml -- all
	@$(BIN)/rvd summary quick/results

test: $(READY)
	$(BIN)/python -m pytest --numprocesses $(WORKERS)

test-quick: $(READY)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) -m "not slow and not long"

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

# Without torch: the modules are read, not imported.
.PHONY: docs
docs: $(DOCS)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --site-dir $(SITE)
	@echo "$(SITE)/index.html"

$(DOCS)/.installed: docs/requirements.txt
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --require-hashes --requirement docs/requirements.txt
	@touch $@

bench: $(READY)
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

bench-gpu: $(READY)
	@$(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' \
	  || { echo "bench-gpu: PyTorch sees no GPU here"; exit 1; }
	$(BIN)/python -m benchmarks.training_step --device cuda --steps 20
	$(BIN)/python -m benchmarks.denoising_step --device cuda --steps 50 --rows 16

# The exact versions that were tested, for all platforms and Python versions, each with the hashes of
# all its files as the package index lists them. Versions in constraints.txt stay; remove the file
# before to take those of today. The pages have a lock of their own, since their builder is installed
# without the project.
LOCK := $(VENV)-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links
lock:
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet 'uv>=0.5,<1'
	$(LOCK) --extra dev pyproject.toml --output-file constraints.txt
	$(VENV)-lock/bin/python .ci/docs_requirements.py > $(VENV)-lock/docs.in
	$(LOCK) --python-version 3.11 --constraint constraints.txt $(VENV)-lock/docs.in \
	  --output-file docs/requirements.txt
	rm -rf $(VENV)-lock

# Known vulnerabilities of the versions in both locks. It fails where the database of
# vulnerabilities cannot be reached.
audit:
	rm -rf $(VENV)-audit
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/pip install --quiet 'pip-audit>=2.7,<3'
	@code=0; for lock in constraints.txt docs/requirements.txt; do \
	  $(VENV)-audit/bin/python .ci/audit.py $$lock || code=$$?; done; rm -rf $(VENV)-audit; exit $$code

clean:
	rm -rf demo quick .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
	rm -rf $(SITE)

distclean: clean
	rm -rf $(VENV) $(DOCS)

# Every file is compared with its hash, except torch and torchvision for CPUs, which the lock does not
# have. setuptools comes first, and pip isolates no builds: an isolated build would download its backend
# without a hash.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is required; set it with PYTHON=..."; exit 1; }
	@echo "Installing into $(VENV): about $(if $(filter cpu,$(TORCH)),2.5,7) GB, a few minutes"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' constraints.txt > $(VENV)/setuptools.txt
	$(INSTALL) --require-hashes --requirement $(VENV)/setuptools.txt
	@if test "$(TORCH)" = cpu && torch=$$($(BIN)/python .ci/torch_cpu.py constraints.txt $(VENV)/cpu.txt); then \
	  $(INSTALL) --require-hashes --no-deps --no-build-isolation --requirement $(VENV)/cpu.txt \
	  && $(INSTALL) "$$torch" torchvision; \
	else \
	  $(INSTALL) --require-hashes --no-build-isolation --requirement constraints.txt; \
	fi
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
