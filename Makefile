# make run   set up, make the embedded catalogue, run the whole pipeline, show the results
# make paper the papers' comparisons on the catalogue that is there; `earshot paper` says what each costs
# make ui    Dagster's web UI on http://127.0.0.1:3000
# make check lint, types and the quick tests, in three minutes
# make test  every check and every test
# make soak  every stage times every kind of kill, full disks, the gate; takes three hours
# make soak-kills SEED=1 N=100   so many random kills over the life of a workspace; goes on where it was ended
# make soak-odd   make test as another user, in a path with blanks, with LC_ALL=C and umask 077
# TORCH=cpu|cuda   which build of PyTorch is installed; by default cuda where there is an NVIDIA GPU

PYTHON ?= python3
PORT ?= 3000
TORCH ?= $(if $(wildcard /dev/nvidiactl),cuda,cpu)
TORCH_CPU := https://download.pytorch.org/whl/cpu
SEED ?= 1
N ?= 100
BIN := $(CURDIR)/.venv/bin
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python -m pytest -n 2 --dist loadscope --no-loadscope-reorder \
	--max-worker-restart 0

export PATH := $(BIN):$(PATH)
export PYTHONPATH := src:reproductions
export DAGSTER_HOME := $(CURDIR)/.dagster
# what `dagster asset list` wants has the web server of `dagster dev` hang at its start
unexport DAGSTER_MODULE_NAME

.PHONY: run paper ui test check lint soak soak-kills soak-odd

run: .venv/installed
	@exec python -m orchestration.run everything --demo

paper: .venv/installed
	@exec python -m orchestration.run paper --demo

# `dg dev`, which Dagster recommends instead, knows projects below src/ alone
ui: export PYTHONWARNINGS := ignore:Function `dev_command` is superseded:FutureWarning
ui: .venv/installed
	@exec dagster dev --host 127.0.0.1 --port $(PORT)

test: lint
	@$(PYTEST) -m "not soak"

check: lint
	@$(PYTEST) -m "not soak and not slow"

lint: .venv/installed
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports
	@python docs/packages.py --check

soak: .venv/installed
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python -m pytest -m soak -o faulthandler_timeout=7200

soak-kills: .venv/installed
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python -m tests.pipeline.soak_kills --seed $(SEED) --count $(N)

soak-odd: .venv/installed
	@tests/odd_environment.sh $(TESTS)

.venv/installed: pyproject.toml constraints.txt
	@command -v git > /dev/null || { echo "earshot needs git: not found"; exit 1; }
	@command -v $(PYTHON) > /dev/null || { echo "earshot needs Python 3.11 or newer: $(PYTHON) not found"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "earshot needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) -V)"; exit 1; }
	@case "$(TORCH)" in cpu|cuda) ;; *) echo "TORCH=$(TORCH) must be cpu or cuda"; exit 1;; esac
	@echo "installing into .venv (some minutes, once), PyTorch for $(TORCH) ..."
	@$(PYTHON) -m venv .venv
	@# on Linux PyPI has the build for CUDA alone, some GB; elsewhere that for CPUs
	@export LC_ALL=C.UTF-8; quiet=; [ -t 1 ] || quiet=--quiet; \
	pip="python -m pip install $$quiet --disable-pip-version-check --constraint constraints.txt"; \
	if [ "$(TORCH)" = cpu ] && [ "$$(uname)" = Linux ]; then \
		$$pip --no-deps --timeout 10 --retries 0 --index-url $(TORCH_CPU) torch || \
			echo "no build for CPUs from $(TORCH_CPU): going on with the one that pip finds, maybe for CUDA, some GB"; \
	fi; \
	$$pip --editable '.[dev]'
	@# by a relative path: with LC_ALL=C Python 3.11 does not start where one beyond ASCII stands there
	@for link in .venv/lib/python3*/site-packages/__editable__.earshot-*.pth; do echo ../../../../src > "$$link"; done
	@touch $@
