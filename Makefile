# make demo: set up and run the whole pipeline on the embedded default, or on CONFIG=my.yaml.
# make test: every check that CI runs.
PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := $(VENV)/bin

.PHONY: demo test lint unit workflow-tests clean options
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))
	@$(BIN)/python scripts/show_results.py $(or $(RESULTS),results)

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@

test: lint unit workflow-tests

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

unit: $(VENV)/.installed
	$(BIN)/pytest tests --numprocesses $(CORES) -m "not workflow and not browser and not served"

workflow-tests: $(VENV)/.installed
	$(BIN)/pytest tests --numprocesses $(CORES) -m "workflow or browser or served"

# Rewrites the option table from the schema.
options: $(VENV)/.installed
	PYTHONPATH=scripts $(BIN)/python -m taskgalaxy.option_table

clean:
	rm -rf $(VENV) .venv-served results .snakemake
