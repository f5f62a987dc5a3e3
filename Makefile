# Two commands on a fresh machine: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all extensions audit audit-newest lint bench clean help

help:
	@echo "make demo      set up $(VENV), turn the bundled recording into out/demo.mp4, its plan and a page about both"
	@echo "make test      set up $(VENV), then lint, types, import contracts and tests"
	@echo "make test-all  the same with the slow tests, and an audit of the pinned versions"
	@echo "make extensions  build, install and try every package in extensions/ from its wheel, in an environment of its own"
	@echo "make audit     ask PyPI for known vulnerabilities of the pinned versions (needs a network)"
	@echo "make audit-newest  the same for mirrors that know the newest releases alone; says what it could not ask"
	@echo "make bench     performance, as ratios"
	@echo "make docs      the documentation as a site in out/site, built strictly; a part of make test-all"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spa2v needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	touch $@

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
	$(BIN)/pytest -n 2

test-all: lint docs
	$(BIN)/pytest -n 2 -m ""
	@if $(BIN)/python -c "$$ASK_PYPI" 2>/dev/null; then $(MAKE) audit; else $(MAKE) audit-newest; fi

extensions: $(READY)
	$(BIN)/pytest -m "" tests/extensions/test_extensions.py tests/extensions/test_broken_extension.py

define ASK_PYPI
from importlib.metadata import version
from urllib.request import urlopen
urlopen(f"https://pypi.org/pypi/numpy/{version('numpy')}/json", timeout=10)
endef
export ASK_PYPI

audit: $(READY)
	$(BIN)/python -m pip_audit --strict --no-deps --disable-pip --requirement constraints.txt

audit-newest: $(READY)
	$(BIN)/python -m tools.audit_newest constraints.txt || test $$? = 2

bench: $(READY)
	$(BIN)/pytest benchmarks -o python_files='bench_*.py' --benchmark-enable --benchmark-only -m ""

.PHONY: docs
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "open out/site/index.html, or with search: $(BIN)/python -m http.server --directory out/site"

clean:
	rm -rf out dist build .mypy_cache .ruff_cache .pytest_cache .benchmarks
