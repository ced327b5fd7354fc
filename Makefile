# Two commands for users: `make demo` and `make test`. Each installs what it needs into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo lab test browser lint clean

demo: .venv/demo.stamp  ## search the quickstart's network, print what came out
	$(BIN)/python notebooks/execute.py notebooks/01_quickstart.ipynb

lab: .venv/demo.stamp  ## open the quickstart in JupyterLab
	$(BIN)/jupyter lab notebooks/01_quickstart.ipynb

test: .venv/test.stamp  ## everything that needs no browser
	$(BIN)/python -m pytest -m "not browser"

browser: .venv/test.stamp  ## the panel in a real JupyterLab; needs Chromium on the path
	$(BIN)/python -m pytest -m browser tests/browser

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv build

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/demo.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[lab]"
	touch $@

.venv/test.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[dev,lab]"
	touch $@
