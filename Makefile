# make demo: set up and run the whole pipeline on the embedded default, or on CONFIG=my.yaml.
# make dag: draw the rule graph and, if it is small, the graph of all jobs (needs Graphviz).
# make test: every check that CI runs. make soak: the long ones.
PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := $(VENV)/bin
RESULTS ?= results
SNAKEMAKE = $(BIN)/snakemake $(if $(CONFIG),--configfile $(CONFIG))
MOST_JOBS_DRAWN = 500

# A run is hundreds of processes that import the same modules; each would compile them anew, which takes three times as
# long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo dag test lint tests unit soak clean options stage-code
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(SNAKEMAKE) --cores $(CORES)
	@$(BIN)/python scripts/show_results.py $(RESULTS)

dag: $(VENV)/.installed
	@command -v dot > /dev/null || { echo "make dag needs Graphviz: apt-get install graphviz, or your system's like" >&2; exit 1; }
	@mkdir -p $(RESULTS)/report
	$(SNAKEMAKE) --rulegraph dot > $(RESULTS)/report/rulegraph.dot
	dot -Tsvg -o $(RESULTS)/report/rulegraph.svg $(RESULTS)/report/rulegraph.dot
	$(SNAKEMAKE) --dag dot > $(RESULTS)/report/jobs.dot
	@jobs=$$(grep -c 'label = ' $(RESULTS)/report/jobs.dot); if [ $$jobs -gt $(MOST_JOBS_DRAWN) ]; then \
		echo "$$jobs jobs are too many to be drawn; $(RESULTS)/report/jobs.dot lists them"; \
	else \
		dot -Tsvg -o $(RESULTS)/report/jobs.svg $(RESULTS)/report/jobs.dot; \
	fi

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@# Compiled by whoever imports it first: of torch's and transformers' thousands of modules few are.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.txt
	touch $@

# Side by side, since lint keeps one core busy.
test: $(VENV)/.installed
	@$(MAKE) --no-print-directory --jobs 2 lint tests

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

# The longest first, so that none is left alone in the end; tests/conftest.py says what stays together. More processes
# than cores, since tests also wait; each starts jobs of its own.
TESTS = tests/slurm tests/conda tests/served tests/workflow tests/browser tests/unit
# Imported once, so that not all processes compile them at the same time.
LARGE = matplotlib, openai, polars, pyarrow.parquet, snakemake.cli, torch, transformers, torchvision

tests: $(VENV)/.installed
	PYTHONPATH=scripts $(BIN)/python -c "from taskgalaxy.open_clip_import import import_open_clip as load; load(); import $(LARGE)"
	$(BIN)/pytest $(TESTS) -m "not soak" --numprocesses $$(($(CORES) + 2)) --no-loadscope-reorder

unit: $(VENV)/.installed
	$(BIN)/pytest tests/unit -m "not soak" --numprocesses $(CORES)

soak: $(VENV)/.installed
	$(BIN)/pytest tests -m soak -rP

# Rewrites the option table from the schema.
options: $(VENV)/.installed
	PYTHONPATH=scripts $(BIN)/python -m taskgalaxy.option_table

# Notes the code of every stage, once those that write other results have a higher number in versions.py.
stage-code: $(VENV)/.installed
	PYTHONPATH=scripts:tests $(BIN)/python -m stage_code

clean:
	rm -rf $(VENV) .venv-served results .snakemake
