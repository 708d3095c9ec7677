# `make book` and `make test` are all that most people need; `make` alone lists the rest.
PYTHON ?= python3
PY := .venv/bin/python
INSTALLED := .venv/installed
BOOK := _build/html/index.html
SOURCES := _config.yml _toc.yml references.bib $(shell find chapters appendix _static -type f 2>/dev/null | grep -v checkpoint)

# Notebooks run on the CPU, where their stored outputs come from; threads that wait give way.
export CNN_COURSE_DEVICE ?= cpu
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help setup book serve test test-all nbval nbval-cuda run run-all lint format bench upgrade clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## make .venv and install into it, nothing else

# The file `installed` is written last, so a .venv without it is half made: it is
# thrown away and made again. A .venv whose Python no longer starts is treated alike.
ifneq ($(wildcard $(INSTALLED)),)
ifneq ($(shell $(PY) -c "print('starts')" 2>/dev/null),starts)
$(shell rm -f $(INSTALLED))
endif
endif

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("Python 3.11 to 3.13 is needed and $(PYTHON) is %d.%d; name another: make $(MAKECMDGOALS) PYTHON=python3.12" % v)'
	test -f $@ || $(PYTHON) -m venv --clear .venv
	rm -f $@
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(PY) -m pip check
	touch $@

book: $(BOOK)  ## build the course into _build/html from the stored outputs

# A failed build leaves nothing behind: Sphinx would not repeat its warnings for
# pages that it has already written, and the next call would pass.
$(BOOK): $(INSTALLED) $(SOURCES)
	.venv/bin/jupyter-book build . -n -W --keep-going --quiet || { rm -rf _build; exit 1; }
	@touch $@ && echo "The course is ready: $@"

serve: book  ## build the course and show it at http://localhost:8000
	$(PY) -m http.server 8000 --bind localhost --directory _build/html

test: book lint  ## everything: style, unit tests, every notebook, the strict book and its pages
	$(PY) -m pytest tests
	$(PY) -m pytest --nbval chapters

test-all: test  ## test, and what takes long: every notebook ten times, on 1 thread and on 2
	for i in 1 2 3 4 5; do for n in 1 2; do \
	  OMP_NUM_THREADS=$$n $(PY) -m pytest --nbval chapters || exit 1; done; done

nbval: setup  ## execute every notebook and compare it with its stored outputs
	$(PY) -m pytest --nbval chapters

nbval-cuda: setup  ## the same on a CUDA device
	CNN_COURSE_DEVICE=cuda $(PY) -m pytest --nbval chapters

run: setup  ## bring one chapter's notebook up to date and execute it: make run CH=01
	@ls chapters/$(CH)_*.md >/dev/null 2>&1 || { echo "There is no chapter '$(CH)'; there are: $$(cd chapters && echo *.md)"; exit 1; }
	$(PY) -m jupytext --quiet --update --to ipynb chapters/$(CH)_*.md
	$(PY) -m nbconvert --log-level=ERROR --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False chapters/$(CH)_*.ipynb

run-all:  ## the same for every chapter
	$(MAKE) run CH='[0-9][0-9]'

lint: setup  ## style and spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib

format: setup  ## put the code into the project's style
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: setup  ## time our convolutions and our training loop against the usual ones, as ratios
	$(PY) benchmarks/ops.py
	OMP_NUM_THREADS=1 $(PY) benchmarks/training.py

upgrade: setup  ## pin today's releases, install them, execute every chapter and show what changed
	$(PY) -m uv pip compile --universal --python-version 3.11 --all-extras --no-header \
	  --annotation-style line --upgrade --quiet pyproject.toml --output-file requirements.txt
	$(MAKE) run-all
	git --no-pager diff --stat
	git --no-pager diff requirements.txt chapters

clean:  ## remove the built book and the caches; .venv stays
	rm -rf _build .pytest_cache .ruff_cache
	find chapters cnn_course tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
