# Figures, tests and JupyterLab; each makes its environment from the lock when it is needed.

# The first interpreter found that is Python 3.11 to 3.13 and has venv
FOUND := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && echo $$python && break; done)
PYTHON ?= $(FOUND)
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALLED := .venv/installed

.PHONY: figures test lab lock audit licences

figures: $(INSTALLED)
	$(BIN)/python run_all.py

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses auto

lab: $(INSTALLED)
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/jupyter lab notebooks

# Pins the newest versions that pyproject.toml allows, for all systems, and hands them to conda too:
# pip refuses an editable install beside hashes, so environment.yml has the same pins without them.
lock: $(INSTALLED)
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --extra test --custom-compile-command "make lock" \
		--output-file requirements.lock pyproject.toml
	$(MAKE) environment.yml

# The tools of the next two are no part of the lock. --strict: what could not be asked for is no success.
audit: $(INSTALLED)
	$(BIN)/uvx --python $(BIN)/python pip-audit@2.10.1 --strict --disable-pip --require-hashes \
		--requirement requirements.lock

# Packages that this system or this Python does not need are fetched only to be read. Two packages have
# their licence in a file and not in their metadata.
licences: $(INSTALLED)
	rm -rf build/licences
	mkdir -p build/licences
	$(BIN)/uv pip freeze --quiet --python $(BIN)/python | sed 's/[= ].*//' > build/licences/here.txt
	sed -nE 's/^([a-z0-9-]+==[^ ]+) ;.*/\1/p' requirements.lock \
	| grep -vwFf build/licences/here.txt > build/licences/elsewhere.txt
	$(BIN)/uv pip install --quiet --no-deps --target build/licences --python-platform windows \
		--python-version 3.12 --requirement build/licences/elsewhere.txt pip-licenses==5.5.5 prettytable
	{ echo "# The licences of all packages that the lock names"; \
	echo; \
	echo "Made by \`make licences\` from their metadata. Those of the data are in [data/README.md](data/README.md)."; \
	echo; \
	PYTHONPATH=build/licences $(BIN)/python -m piplicenses --format markdown --no-version --with-system \
		--ignore-packages food-image-analysis pip-licenses prettytable \
	| sed -E '/axe-playwright-python/s/UNKNOWN/MIT/; /namex/s/UNKNOWN/Apache-2.0/; s/ +\|/ |/g; s/-+\|/---|/g'; \
	} > LICENCES.md

environment.yml: requirements.lock
	{ echo "# Made by \`make lock\`: the versions of requirements.lock, and lib/ in editable mode."; \
	echo "name: food-image-analysis"; \
	echo "channels:"; \
	echo "  - conda-forge"; \
	echo "dependencies:"; \
	echo "  - python=3.12"; \
	echo "  - pip"; \
	echo "  - pip:"; \
	sed -nE 's/^([a-z0-9][^ ]*==[^\\]*[^ \\]) *\\?$$/      - "\1"/p' requirements.lock; \
	echo "      - --editable ."; \
	echo "variables:"; \
	echo "  TF_CPP_MIN_LOG_LEVEL: 3"; } > $@

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed; none was found."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
