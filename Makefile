# make book       build the book into _build/html      make reproduce  run the papermill batch
# make test       run the quick tests                  make test-all   and those of batches, wheels and changed pages
# make lint       check style and types                make test-book  the built book, page by page in a browser
# make clean      remove all that can be made again    make bench      measure speed, as ratios
# make pdf        print the book, where a browser is   make crate      pack tables, package and batch, to deposit
# make lock       resolve requirements.txt afresh      make verify     make a sample of published numbers again
# make progress   how far a batch that runs is, and about how long the rest takes
# make canary     the book without Jupyter Book, by the newest Sphinx
# make rekey      give tables the keys of code that changed in form alone, after a sample; against BASE=commit
# make faults     harm a small batch while it runs, and see what it ends with
#                                                      PROFILE=smoke|quick|fresh|paper chooses the batch and the book

PYTHON ?= python3
PROFILE ?= paper
CORES ?= all
BIN := .venv/bin
# programs are called through Python: their own first lines name it by a path that may have quotes in it
RUN = $(BIN)/python $(BIN)
export PYTHONUTF8 := 1
# networks this small run no faster on two threads, and far slower where another program wants the cores
export OMP_NUM_THREADS ?= 1
PROFILES := $(patsubst workflow/%.yaml,%,$(wildcard workflow/*.yaml))
ifneq ($(words $(PROFILE)) $(filter $(PROFILES),$(PROFILE)),1 $(PROFILE))
$(error PROFILE should be one of $(PROFILES), got '$(PROFILE)')
endif
# every profile but the published one keeps its tables and its book to itself
ifeq ($(PROFILE),paper)
RESULTS := results
BOOK := .
STRICT := -W
else
RESULTS := $(shell sed -n "s/^results: //p" workflow/$(PROFILE).yaml)
BOOK := build/$(PROFILE)/book
# the sentences of the published book are asserted; fewer networks need not bear them out
LENIENT := s/raise_on_error: true/raise_on_error: false/; s/allow_errors: false/allow_errors: true/
endif
CONFIG := build/$(PROFILE)/_config.yml

.PHONY: book canary pdf crate test test-all test-book test-slurm lint reproduce progress verify rekey faults bench lock clean

# by jcache, into a cache that Sphinx reads
define EXECUTE
rm -rf $(JUPYTERCACHE) && mkdir -p $(JUPYTERCACHE)
$(RUN)/jcache notebook add $$(sed -n 's/.*file: \(notebooks.*\)/\1.ipynb/p' _toc.yml)
$(RUN)/jcache notebook add --reader myst_nb_md $$(grep -l '{code-cell}' book/*.md)
$(RUN)/jcache project execute --executor forked --timeout $$(sed -n 's/^  timeout: //p' _config.yml) \
  2>&1 | sed '/IPKernelApp/d'  # that each kernel listens on a port
endef

# whose tables they read, and the profile that these were made with
book canary pdf crate verify rekey: export MODLIB_RESULTS = $(CURDIR)/$(RESULTS)
book canary pdf crate verify rekey: export MODLIB_PROFILE = $(PROFILE)
book canary: export JUPYTERCACHE = $(BOOK)/_build/.jupyter_cache
book canary: export JUPYTER_DEFAULT_PROVISIONER_NAME = forked
book: .venv/installed $(CONFIG)
	$(EXECUTE)
	$(RUN)/jupyter-book build . --all $(STRICT) -n --keep-going \
	  --config $(CONFIG) --path-output $(BOOK)
	@echo "Open $$PWD/$(BOOK)/_build/html/index.html"

# the published book with what is newest of Sphinx, all else as locked; `conf.py` has the settings
canary: override PROFILE := paper
canary: RESULTS := results
canary: BOOK := build/canary
canary: BIN := build/canary/venv/bin
canary:
	test -d build/canary/venv || $(PYTHON) -m venv build/canary/venv
	sed -E '/sphinx|myst|^(alabaster|docutils|jupyter-book|markdown-it-py|mdit-py-plugins)=/d' requirements.txt > build/canary/locked.txt
	$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager \
	  --constraint build/canary/locked.txt --editable '.[plots,batch,lightning,canary]'
	$(EXECUTE)
	$(RUN)/sphinx-build -E -W -n -D nb_execution_mode=cache . $(BOOK)/_build/html
	@echo "Open $$PWD/$(BOOK)/_build/html/index.html"

# from where the book has just been executed
pdf: export JUPYTERCACHE = $(BOOK)/_build/.jupyter_cache
pdf: book
	$(RUN)/jupyter-book build . -n --builder singlehtml --config $(CONFIG) --path-output $(BOOK)
	$(BIN)/python book/pdf.py "$(BOOK)/_build/singlehtml" "$(BOOK)/_build/book.pdf"

# pages come from where jcache has just put them; jupyter-book alone executes them afresh, one by one
build/%/_config.yml: _config.yml Makefile
	@mkdir -p $(@D)
	sed 's/execute_notebooks: force/execute_notebooks: cache/; s|book/_ext|../../book/_ext|; $(LENIENT)' $< > $@

test: .venv/installed
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow and not built and not slurm"

test-all: .venv/installed
	$(BIN)/python -m pytest -q -n auto --dist worksteal

test-book: .venv/installed
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m built tests/figures/test_built.py

test-slurm: .venv/installed
	$(BIN)/python -m pytest -q -n 0 -m slurm tests/batch/test_slurm.py

lint: .venv/installed
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m basedpyright --pythonpath $(BIN)/python --level error

reproduce: .venv/installed
	$(BIN)/python -m snakemake --snakefile workflow/Snakefile --configfile workflow/$(PROFILE).yaml --cores $(CORES) \
	  $(if $(EXECUTOR),--profile "workflow/profiles/$(EXECUTOR)") $(if $(ONLY),--config only="$(ONLY)")

progress: .venv/installed
	@$(BIN)/python -m modlib.batch.progress workflow/$(PROFILE).yaml $(ONLY)

verify: .venv/installed
	$(BIN)/python -m modlib.batch.verification $(if $(SEED),--seed $(SEED))

rekey: .venv/installed
	$(BIN)/python -m modlib.batch.rekey $(if $(SEED),--seed $(SEED)) $(if $(BASE),--base "$(BASE)")

faults: .venv/installed
	$(BIN)/python benchmarks/faults.py

crate: .venv/installed
	$(BIN)/python -m modlib.batch.crate build/$(PROFILE)/crate.zip

bench: .venv/installed
	$(BIN)/python -m pytest benchmarks -q -o addopts= --benchmark-columns=min,median,rounds --benchmark-sort=min

lock: .venv/installed
	$(BIN)/python -m uv pip compile pyproject.toml $(foreach extra,plots batch book lightning dev,--extra $(extra)) --universal --python-version 3.11 --no-header --no-annotate --upgrade -o requirements.txt

clean:
	rm -rf _build build .snakemake .venv

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"modlib needs Python 3.11 or newer, got {sys.version.split()[0]}; name another with make PYTHON=...")'
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@
