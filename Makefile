PYTHON ?= python3
LARCV_PYTHON ?= python3.11
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help demo test survival cluster experiments browser larcv crosscheck lint docs lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

$(VENV)/.installed: envs/requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nuweave needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r envs/requirements.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: $(VENV)/.installed ## run the whole workflow on simulated events, to results/demo/report/index.html
	snakemake --profile profiles/local
	@echo "report: $(CURDIR)/results/demo/report/index.html"

test: $(VENV)/.installed ## run the test suite
	pytest -m "not browser and not larcv and not experiments and not survival and not cluster"

survival: $(VENV)/.installed ## kill, stop and starve trainings of two ranks, to see that none loses anything (5 minutes)
	pytest -m survival

cluster: $(VENV)/.installed ## run the DAG on a real Slurm (Debian, root) and an imitated PBS, kills included
	pytest -m cluster

experiments: $(VENV)/.installed ## run every overlay in experiments/ on a few events, to its report
	pytest -m experiments

browser: $(VENV)/.installed ## open a report in headless Chromium (needs chromium)
	pytest -m browser

.venv-larcv/.installed: envs/larcv.sh envs/larcv.txt
	envs/larcv.sh .venv-larcv $(LARCV_PYTHON)
	touch $@

larcv: .venv-larcv/.installed ## build .venv-larcv, where larcv itself judges our files (5 minutes)

crosscheck: $(VENV)/.installed larcv ## compare with larcv itself, in both directions
	pytest -m larcv

lint: $(VENV)/.installed ## ruff, mypy, snakefmt, snakemake --lint
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

docs: $(VENV)/.installed ## write what is generated from the settings: config.yaml, schema, docs/configuration.md
	nuweave config --write

lock: ## renew envs/requirements.txt and envs/nuweave.yaml from pyproject.toml
	rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet --editable '.[dev]'
	build/lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > envs/requirements.txt
	{ sed '/requirements:/q' envs/nuweave.yaml; sed 's/^/      - /' envs/requirements.txt; } > build/nuweave.yaml
	mv build/nuweave.yaml envs/nuweave.yaml

clean: ## remove results of the demo (not the environment)
	rm -rf results/demo
