# Everything runs in the project's own .venv; PYTHON chooses the interpreter it is made from (3.11 or later).
PYTHON ?= python3
SIZE ?= small
COUNT ?= 100000
SEED ?= 1
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo data test test-slow test-lowest test-newest package fuzz proof lint docs pictures bench clean
.DELETE_ON_ERROR:

help:
	@echo "make demo   演示县：写入 demo-output/ (checks a synthetic county)"
	@echo "make test   测试 (the tests; make test-slow: those that take longer)"
	@echo "make fuzz   破坏性输入测试 (damaged files of eight formats; COUNT=, SEED=)"
	@echo "make proof  叠置与精确算术对照 (overlay against exact arithmetic; COUNT=, SEED=; goes on where it was stopped)"
	@echo "make lint   ruff, mypy --strict"
	@echo "make docs   文档网站：写入 build/docs (findings.md first, then the site; its notebooks are run)"
	@echo "make pictures   重画文档中的图 (draws the pictures of the documentation; chromium, LibreOffice, poppler-utils)"
	@echo "make data   重新生成 data/demo (the committed demo county)"
	@echo "make bench  与其他软件比较用时、内存 (against its peers on the demo county; SIZE=county for the larger one)"
	@echo "make test-lowest, make test-newest   最低、最新依赖版本下的测试 (with the oldest, the newest dependencies)"
	@echo "make package   打包并在空环境中安装、试运行 (wheel and sdist, installed and tried)"
	@echo "make clean  删除 .venv 与生成物 (removes everything generated)"

demo: .venv/.runtime
	$(BIN)/controllines demo --out demo-output

test: .venv/.test
	$(BIN)/pytest -n auto

test-slow: .venv/.test
	$(BIN)/pytest -n auto -m slow

# each in a new environment of its own: the oldest versions that pyproject.toml allows (their own deprecations are no errors), the newest there are
test-lowest:
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/python -m uv pip install --quiet --python .venv-lowest --resolution lowest-direct -e '.[test]'
	.venv-lowest/bin/pytest -n auto -W default

test-newest:
	$(PYTHON) -m venv --clear .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	.venv-newest/bin/pytest -n auto

# wheel and sdist; the wheel is installed in an empty environment and checks the demo county from there
package: .venv/.created
	rm -rf dist build/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	$(BIN)/python -m build --outdir dist
	$(PYTHON) -m venv build/installed
	build/installed/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd build/installed && bin/controllines --version && bin/controllines demo --out demo

fuzz: .venv/.test
	$(BIN)/python tests/fuzz/mutate.py --count $(COUNT) --seed $(SEED) --verbose

proof: .venv/.test
	$(BIN)/python -m tests.proof.run --count $(COUNT) --seed $(SEED)

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

data: .venv/.runtime
	$(BIN)/python -c 'from pathlib import Path; from controllines.demo import make_demo; make_demo(Path("data/demo"))'

docs: .venv/.docs
	$(BIN)/python docs/make_findings.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs build/docs
	@echo build/docs/index.html

pictures: docs
	$(BIN)/python docs/make_pictures.py
	$(BIN)/python docs/make_house.py
	$(BIN)/python docs/make_gallery.py

bench: .venv/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m benchmarks conflict --size $(SIZE)

clean:
	rm -rf .venv .venv-lowest .venv-newest build dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf docs/reference docs/notebooks docs/en/reference docs/en/notebooks
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.created:
	@command -v $(PYTHON) >/dev/null || { echo "找不到 $(PYTHON)：请安装 Python 3.11 或以上 (Python 3.11 or later is needed)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) 太旧：需要 3.11 或以上，可用 make PYTHON=python3.12 指定 (too old: 3.11 or later is needed)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "缺少 venv 模块：Debian、Ubuntu 请执行 apt-get install python3-venv (the venv module is missing)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/.test: .venv/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ .venv/.runtime

.venv/.dev: .venv/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/.docs .venv/.test .venv/.runtime

.venv/.docs: .venv/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@ .venv/.test .venv/.runtime
