# Two commands for users: `make demo` and `make test`. Each installs what it needs into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo lab test browser trainers lint docs links oldest newest colab stacks release clean

demo: .venv/demo.stamp  ## search the quickstart's network, print what came out
	$(BIN)/python notebooks/execute.py notebooks/01_quickstart.ipynb

lab: .venv/demo.stamp  ## open the quickstart in JupyterLab
	$(BIN)/jupyter lab notebooks/01_quickstart.ipynb

test: .venv/test.stamp  ## everything that needs no browser
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not browser and not trainers"

trainers: .venv-trainers/stamp .venv-fastai/stamp  ## Lightning, transformers, CatBoost, skorch, JAX; fastai
	.venv-trainers/bin/python -m pytest -m "trainers and not fastai" tests/notebook/trainers tests/search/test_keras_searches.py
	.venv-fastai/bin/python -m pytest -m fastai tests/notebook/trainers

browser: .venv/test.stamp  ## the panel in a real JupyterLab; needs Chromium on the path
	$(BIN)/python -m pytest -m browser tests/browser

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/docs.stamp  ## the site, in build/site/index.html
	$(BIN)/python docs/site/build.py

links: .venv/docs.stamp  ## every address that the repository names is asked; needs a network
	$(BIN)/python docs/site/build.py --links

oldest: .venv-oldest/stamp  ## the fast tests with the oldest versions that pyproject.toml allows
	.venv-oldest/bin/python -m pytest --numprocesses 2 --dist worksteal -W ignore::DeprecationWarning \
		--ignore tests/benchmarks -m "not browser and not slow and not trainers"

newest:  ## the same with the newest versions of today
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager ".[dev,lab]"
	.venv-newest/bin/python -m pytest --numprocesses 2 --dist worksteal -m "not browser and not slow and not trainers"

colab:  ## a notebook's tests on the packages of Colab's image, without TensorFlow
	$(PYTHON) tests/stacks/run.py colab --light

stacks:  ## the same with TensorFlow, and on those of Kaggle's image
	$(PYTHON) tests/stacks/run.py colab
	$(PYTHON) tests/stacks/run.py kaggle

release: .venv/bin/python  ## sdist and wheel, checked; the quickstart in an empty environment
	$(BIN)/python -m pip install --quiet "build>=1.2" "twine>=6.1"
	$(BIN)/python .ci/release.py

clean:
	rm -rf .venv .venv-trainers .venv-fastai .venv-oldest .venv-newest .venv-stacks build

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/demo.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[lab]"
	touch $@

.venv/docs.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

.venv/test.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[dev,lab]"
	touch $@

.venv-trainers/stamp: pyproject.toml
	$(PYTHON) -m venv .venv-trainers
	.venv-trainers/bin/python -m pip install --quiet --upgrade pip
	.venv-trainers/bin/python -m pip install --quiet --editable ".[test,trainers]"
	touch $@

.venv-fastai/stamp: pyproject.toml
	$(PYTHON) -m venv .venv-fastai
	.venv-fastai/bin/python -m pip install --quiet --upgrade pip
	.venv-fastai/bin/python -m pip install --quiet --editable ".[test,fastai]"
	touch $@

.venv-oldest/stamp: pyproject.toml tests/stacks/oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade pip
	.venv-oldest/bin/python -m pip install --quiet --editable ".[dev,lab]" --constraint tests/stacks/oldest.txt
	touch $@
