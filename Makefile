# make run: an archive of what ships and one polling round, served at http://127.0.0.1:8001
# make test, make lint: what must hold. Everything is installed into .venv here, and only when pyproject.toml changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8001
# One more than there are processors: tests wait for servers, disks and browsers as often as they count. In the order of
# their names, since files of few tests take longest, and would come last.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: run test lint clean

# A round without any answer (3), or while another is under way (75), is no reason not to serve what there is.
run: $(VENV)/installed
	$(BIN)/outages rebuild
	@status=0; $(BIN)/outages poll || status=$$?; case $$status in 0|3|75) ;; *) exit $$status ;; esac
	$(BIN)/outages serve --host $(HOST) --port $(PORT)

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/installed: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed
