# make book       build the book into _build/html      make reproduce  run the papermill batch
# make test       run all tests                        make bench      measure speed, as ratios
# make lint       check style and types                make clean      remove all that can be made again
# make lock       resolve requirements.txt afresh      make verify     make a sample of published numbers again
#                                                      PROFILE=smoke|quick|paper chooses the batch and the book

PYTHON ?= python3
PROFILE ?= paper
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := .venv/bin
ROOT := $(CURDIR)
# networks this small run no faster on two threads, and far slower where another program wants the cores
export OMP_NUM_THREADS ?= 1
# every profile but the published one keeps its tables and its book to itself
ifeq ($(PROFILE),paper)
RESULTS := results
BOOK := .
STRICT := -W
else
RESULTS := build/$(PROFILE)/results
BOOK := build/$(PROFILE)/book
# the sentences of the published book are asserted; fewer networks need not bear them out
LENIENT := s/raise_on_error: true/raise_on_error: false/; s/allow_errors: false/allow_errors: true/
endif
CONFIG := build/$(PROFILE)/_config.yml

.PHONY: book test lint reproduce verify bench lock clean

book: .venv/installed $(CONFIG)
	MODLIB_RESULTS=$(ROOT)/$(RESULTS) $(BIN)/python book/execute.py $(BOOK)/_build/.jupyter_cache
	MODLIB_RESULTS=$(ROOT)/$(RESULTS) $(BIN)/jupyter-book build . --all $(STRICT) -n --keep-going \
	  --config $(CONFIG) --path-output $(BOOK)
	@echo "Open $(ROOT)/$(BOOK)/_build/html/index.html"

# pages come from where book/execute.py has just put them; jupyter-book alone executes them afresh
build/%/_config.yml: _config.yml Makefile
	@mkdir -p $(@D)
	sed 's/execute_notebooks: force/execute_notebooks: cache/; $(LENIENT)' $< > $@

test: .venv/installed
	$(BIN)/python -m pytest -q -n auto --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python --level error

reproduce: .venv/installed
	$(BIN)/snakemake --snakefile workflow/Snakefile --configfile workflow/$(PROFILE).yaml --cores $(CORES) \
	  $(if $(WORKFLOW_PROFILE),--profile $(WORKFLOW_PROFILE)) $(if $(ONLY),--config only=$(ONLY))

verify: .venv/installed
	$(BIN)/python -m modlib.batch.verification $(if $(SEED),--seed $(SEED))

bench: .venv/installed
	$(BIN)/python -m pytest benchmarks -q -o addopts= --benchmark-columns=min,median,rounds --benchmark-sort=min

lock: .venv/installed
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-header --no-annotate --upgrade -o requirements.txt

clean:
	rm -rf _build build .snakemake .venv

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"modlib needs Python 3.11 or newer, got {sys.version.split()[0]}; name another with make PYTHON=...")'
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@
