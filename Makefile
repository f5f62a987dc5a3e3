# Two commands on a fresh machine: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all extensions audit lint bench clean help

help:
	@echo "make demo      set up $(VENV), turn the bundled recording into out/demo.mp4, its plan and a page about both"
	@echo "make test      set up $(VENV), then lint, types, import contracts and tests"
	@echo "make test-all  the same with the slow tests, and an audit of the pinned versions"
	@echo "make extensions  build, install and try every package in extensions/ from its wheel, in an environment of its own"
	@echo "make audit     known vulnerabilities of the pinned versions (pip-audit; needs a network)"
	@echo "make browser   the editor's page in Chromium: end-to-end tests, speed, pictures (fetches Playwright and Chromium)"
	@echo "make bench     performance, as ratios"
	@echo "make docs      the documentation as a site in out/site, built strictly; a part of make test-all"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spa2v needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("torch"))' || echo "$$SIZES"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	touch $@

define SIZES
Fetching the packages: several gigabytes on Linux, where pip takes torch with CUDA; far less elsewhere, or with torch for the CPU.
Without a GPU, stop here and run first (README, "Two commands"):
    uv venv --seed .venv && uv pip install --python .venv/bin/python --torch-backend=auto torch
endef
export SIZES

demo: $(READY)
	mkdir -p out
	$(BIN)/spa2v generate "$$($(BIN)/python -m spa2v.demo)" --out out/demo.mp4 --run-dir out/demo-run
	$(BIN)/spa2v render out/demo-run/layout.json --audio "$$($(BIN)/python -m spa2v.demo)" --config storyboard --out out/demo-plan.png
	$(BIN)/spa2v report out/demo-run --out out/demo.html
	@echo "look at out/demo.mp4 (video with sound), out/demo-plan.png (the plan) and out/demo.html (what was measured and decided)"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --extend-select I,B,UP,SIM,C4,RUF,PT,RET,BLE,N extensions
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard extensions/*/spa2v_*/ extensions/*/src/spa2v_*/)
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n 2 --dist worksteal

test-all: lint docs
	$(BIN)/pytest -n 2 --dist worksteal -m ""
	$(MAKE) audit

extensions: $(READY)
	$(BIN)/pytest -m "" tests/extensions/test_extensions.py tests/extensions/test_broken_extension.py

AUDIT_LOG := out/audit.log
audit: $(READY)
	@mkdir -p $(dir $(AUDIT_LOG))
	@if $(BIN)/python -m pip_audit --strict --no-deps --disable-pip --progress-spinner off --requirement constraints.txt 2> $(AUDIT_LOG); \
	then tail -n 1 $(AUDIT_LOG); \
	elif grep '^Found [0-9]* known' $(AUDIT_LOG); then exit 1; \
	else echo "NOT AUDITED: pip-audit's service cannot be reached, or does not know every pinned version: see $(AUDIT_LOG)"; fi

bench: $(READY)
	$(BIN)/pytest benchmarks -o python_files='bench_*.py' --benchmark-enable --benchmark-only -m ""

.PHONY: docs
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "open out/site/index.html, or with search: $(BIN)/python -m http.server --directory out/site"

.PHONY: browser
browser: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || test -n "$$SPA2V_BROWSER" \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -qq -y chromium; } \
	  || { echo "install Chromium first, or name one in SPA2V_BROWSER"; exit 1; }
	mkdir -p out
	SPA2V_BROWSER_REPORT=out/browser.json SPA2V_PICTURES=out $(BIN)/pytest tests/edit -m browser
	@cat out/browser.json; echo "pictures: out/editor-light.png, out/editor-dark.png"

clean:
	rm -rf out dist build .mypy_cache .ruff_cache .pytest_cache .benchmarks
