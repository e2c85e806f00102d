# guiwei: make demo · make test · make proof · make lint · make format · make generate · make wheel · make clean
#
# Needs make and Python 3.11 or later; everything else goes into .venv, in the versions of constraints.txt.

# The first Python that is new enough and can make a virtual environment. Give another one with PYTHON=….
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	"$$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$name"; break; }; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --root-user-action=ignore -c constraints.txt
# What runs on the PC must run on the Python of an old domestic Linux.
ON_THE_PC := src/guiwei/target src/guiwei/errors.py modules lab/lantai

.DELETE_ON_ERROR:
.PHONY: demo test proof lint format generate constraints wheel clean

demo: .venv/ready
	@$(BIN)/guiwei demo

test: lint
	$(BIN)/python -m pytest -n 2

# The matrices whole instead of sampled; their tables are written into docs/. A file's tests stay in one process,
# because they fill one table.
proof: .venv/ready-test
	GUIWEI_PROOF=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vermin --quiet --no-tips --no-parse-comments --target=3.7- --violations $(ON_THE_PC)

format: .venv/ready-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What is made from the code and committed: schemas/, docs/modules.md, docs/commands.md.
generate: .venv/ready-test
	$(BIN)/python tools/generate.py

# Newest versions of everything, as a fresh environment has them.
constraints:
	rm -rf .venv
	$(call environment)
	$(BIN)/python -m pip install --no-input -e '.[test]'
	{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude guiwei; } > constraints.new
	mv constraints.new constraints.txt

wheel: .venv/ready-test
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define environment
	@test -n "$(PYTHON)" || { \
	echo "guiwei needs Python 3.11 or later with its venv module, and none was found." >&2; \
	echo "需要 Python 3.11 或更高版本（含 venv 模块），未找到。" >&2; \
	echo "  Debian, Ubuntu: apt-get install python3 python3-venv    then: make $(MAKECMDGOALS) [PYTHON=/path/to/python3]" >&2; \
	exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
endef

.venv/ready: pyproject.toml constraints.txt
	$(call environment)
	@echo "Preparing .venv (only when something changed) … 正在准备 .venv（仅在有变化时）…" >&2
	@$(PIP) -e .
	@touch $@

.venv/ready-test: pyproject.toml constraints.txt
	$(call environment)
	@echo "Preparing .venv for the tests (only when something changed) … 正在准备测试环境（仅在有变化时）…" >&2
	@$(PIP) -e '.[test]'
	@touch .venv/ready $@
