# The house's commands. `make demo` and `make test` need Python 3.11 or newer, make and git, nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out/demo

# One thread a process: two test workers and a numeric library's own threads would fight for the cores.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1
WORKERS ?= auto --maxprocesses 4
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 \
       $(BIN)/python -m pip install -qq --no-warn-script-location -c constraints.txt
# Stamps: an environment is made again only when what it is made from has changed.
RUNTIME := $(VENV)/.runtime
PLATFORM := $(VENV)/.annotate
TOOLS := $(VENV)/.tools
# The annotation platform's pages: web/ is checked and built into the package. `make demo` needs none of it.
PACKAGES := web/node_modules/.installed
CHECKED := web/node_modules/.checked
BUILT := src/damer/annotation/server/static/index.html
WEB := VENV=$(VENV) scripts/web.sh
# Folders, too: they become newer when a file is taken away. (Not web/ itself: that is the name of a target.)
WEB_SOURCES := $(shell find web -mindepth 1 \( -name node_modules -o -name dist \) -prune -o -name '*.gen.ts' -o -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help system demo annotate-demo test lint format web webtest pytest docs serve build pages picture examples constraints audit clean
.SUFFIXES:
MAKEFLAGS += --no-print-directory

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

demo: $(RUNTIME) ## install, then recognise the bundled examples and write a report to out/demo
	@$(BIN)/damer predict src/damer/examples --window all --plot --report --out $(OUT)
	@echo "Report: $(abspath $(OUT))/report.html"

annotate-demo: $(PLATFORM) $(BUILT) ## install, then serve a small annotation study with simulated annotators and print two links
	@$(BIN)/damer annotate demo

test: lint webtest pytest ## environment, static checks and all default tests

lint: $(TOOLS) ## ruff, import-linter, codespell, mypy
	@echo "ruff" && $(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@echo "codespell" && $(BIN)/codespell
	@echo "import-linter" && { $(BIN)/lint-imports --no-logo >$(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }; }
	@echo "mypy --strict" && $(BIN)/mypy --no-error-summary

format: $(TOOLS) ## format and mend what ruff and Biome can mend
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format .
	@[ ! -e $(PACKAGES) ] || $(WEB) format

web: $(CHECKED) $(BUILT) ## check the annotation platform's pages and build them into the package

# Where the npm registry cannot be reached a line says so, and the tests that need the pages are skipped by name.
webtest: | $(BIN)/python
	@$(MAKE) -q $(PACKAGES) || { $(WEB) install && touch $(PACKAGES); } || [ $$? -eq 3 ]
	@[ ! -e $(PACKAGES) ] || $(MAKE) web

pytest: $(TOOLS) system ## all default tests, on every core
	@echo "pytest" && $(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

docs: $(TOOLS) ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict >$(VENV)/docs.log 2>&1 || { cat $(VENV)/docs.log; exit 1; }
	@echo "Documentation: $(abspath site)/index.html"

serve: $(TOOLS) ## show the documentation at http://127.0.0.1:8000
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

build: $(TOOLS) $(BUILT) ## build the wheel and the source distribution into dist/
	@$(BIN)/python -m build -q --no-isolation . && ls -lh dist

pages: $(TOOLS) ## write the generated parts of the documentation again
	@$(BIN)/python scripts/generated_docs.py

picture: $(RUNTIME) ## draw the README's picture again, with the packaged weights
	@$(BIN)/damer predict src/damer/examples/joyful.ogg --window all --plot --out out/picture >/dev/null
	@mkdir -p docs/images && cp out/picture/plots/joyful.png docs/images/joyful.png

examples: $(TOOLS) system ## compose and render the four bundled pieces again
	@$(BIN)/python scripts/compose_examples.py

constraints: ## resolve every dependency anew and pin what was found
	@scripts/pin_constraints.sh $(PYTHON)

audit: $(TOOLS) ## look up known vulnerabilities of every package that is pinned (asks PyPI and npm)
	@$(BIN)/python scripts/audit.py

clean: ## remove the environment and everything built
	@rm -rf $(VENV) web/node_modules web/src/api/schema.gen.ts $(dir $(BUILT)) build dist site out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed; install python3.11 with its venv module"; exit 1; }
	@echo "environment: $(VENV)" && $(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing damer and what it needs (once; some minutes)" && $(PIP) -e . && touch $@

$(PLATFORM): $(RUNTIME)
	@echo "installing what the annotation platform needs (once)" && $(PIP) -e '.[annotate]' && touch $@

$(TOOLS): $(RUNTIME)
	@echo "installing the development tools (once)" && $(PIP) -e '.[dev,docs]' && touch $@

$(PACKAGES): web/package.json web/package-lock.json web/.npmrc | $(BIN)/python
	@$(WEB) install && touch $@

$(CHECKED): $(PACKAGES) $(WEB_SOURCES)
	@echo "biome, tsc, vitest" && $(WEB) check && touch $@

$(BUILT): $(PACKAGES) $(WEB_SOURCES)
	@echo "vite" && $(WEB) build

system: # quick when nothing is missing
	@scripts/system_packages.sh
