# Each target does its own set-up; a stamp file makes the second run quick.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: demo test test-fast lint docs clean

demo: $(VENV)/.demo
	$(RUN) app.py

test: $(VENV)/.dev
	$(RUN) -m pytest -n 2

test-fast: $(VENV)/.dev
	$(RUN) -m pytest -n 2 -m "not slow and not browser"

lint: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(RUN) scripts/readme.py --check
	$(RUN) scripts/quality.py --check

docs: $(VENV)/.dev
	$(RUN) scripts/readme.py
	$(RUN) scripts/quality.py
	$(RUN) scripts/screenshot.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed: install one, or name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.txt | $(VENV)/bin/python
	$(RUN) -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(RUN) -m pip install --quiet -r requirements-dev.txt
	touch $@ $(VENV)/.demo
