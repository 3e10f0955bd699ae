# Every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
AZ     := .venv-az/bin/az

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements/dev.lock pyproject.toml
	@echo "Setting up $(VENV) (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --no-warn-script-location --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY) ## create the virtual environment from the lock file

lint: $(READY) ## ruff format and check, mypy strict, import-linter
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test: $(READY) ## run every test, but for those with the real Azure CLI
	@$(BIN)/python -m dev.control_plane build
	@$(BIN)/python -m pytest --numprocesses=logical --dist=loadfile --no-loadscope-reorder

$(AZ):
	@echo "Installing the Azure CLI into .venv-az (once; 700 MB)"
	@$(PYTHON) -m venv .venv-az
	@.venv-az/bin/python -m pip install --quiet --disable-pip-version-check azure-cli==2.91.0

test-az: $(READY) $(AZ) ## run the tests that use the real Azure CLI, which it installs
	@GALLERY_AZ=$(abspath $(AZ)) $(BIN)/python -m pytest tests/simulator/test_az*.py

demo: $(READY) ## tell and verify the life of an image version; KEEP=1 leaves it running, KUBECONFIG is used when set
	@$(BIN)/python -m dev.demo $(if $(filter-out 0,$(KEEP)),--keep)

bench: $(READY) ## measure the operator against its budgets; BENCH="--sizes 1000 --only steady" for less
	@$(BIN)/python -m bench $(BENCH)

crds: $(READY) ## render crds/ and the manifests in deploy/ from the models
	@$(BIN)/python -m gallery_operator.api.crd crds
	@$(BIN)/python -m gallery_operator.api.crd deploy/helm/gallery-operator/files/crds
	@$(MAKE) --no-print-directory manifests

manifests: $(READY) ## render deploy/kustomize from the chart
	@$(BIN)/python -m deploy.manifests

docs: $(READY) ## render docs/azure-properties.md from its table
	@$(BIN)/python -m dev.azure_properties docs/azure-properties.md

clean: ## remove what the targets created in this checkout
	@rm -rf $(VENV) .venv-az .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup lint format test test-az demo bench crds manifests docs clean
