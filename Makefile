# `make book` and `make test` are all that most people need; `make` alone lists the rest.
PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-user
# These two files are written last, so that a .venv with neither of them is half made.
EVERYTHING := .venv/installed
READING := .venv/installed-for-reading
BOOK := _build/html/index.html
SOURCES := _config.yml _toc.yml references.bib $(shell find chapters appendix _static tools -type f \
  ! -path '*/.*' ! -path '*/__pycache__/*' ! -name '*[!A-Za-z0-9_.-]*')
# Each worker takes a whole file: a notebook's cells belong together, and so do a book's pages. The
# third keeps two cores busy while another waits for a browser.
WORKERS := -n 3 --dist loadfile
# What takes longest comes first, so that no worker is left alone with it at the end. Each file is
# named: of a folder that is named beside its files, pytest takes the files in its own order.
TESTS := $(sort $(wildcard tests/test_*.py))
LONGEST := $(patsubst %,tests/test_%.py,widgets_places book distributed widget_draw_digit widgets)
IN_ORDER := --no-loadscope-reorder --nbval chapters $(LONGEST) $(filter-out $(LONGEST),$(TESTS))

# What tests the package: all but what is about notebooks, the book and its making.
OLDEST := .venv/oldest
BOOKISH := book building chapter_rules chapters contributing course_markdown course_rules \
  environment exercise_rules facts figure_rules making map markdown_rules measured nbval places \
  prose_numbers repository widgets_places
PACKAGE_TESTS := $(filter-out $(BOOKISH:%=tests/test_%.py),$(TESTS))

# What a shell may have set for other programs, and what would change where things are installed,
# what a notebook prints or draws, or what a page says. conftest.py does the same for bare pytest.
unexport $(filter PYTHON% PYTEST% IPYTHON% JUPYTER% CNN_COURSE_DATA MPLBACKEND MATPLOTLIBRC, $(.VARIABLES))
unexport PIP_TARGET PIP_PREFIX PIP_ROOT SOURCE_DATE_EPOCH CDPATH
# Notebooks run on one thread of the CPU, where their stored outputs come from; threads that wait
# give way. No bar gets into a stored output, and what a page says does not depend on the encoding
# of the terminal.
OMP_NUM_THREADS := $(or $(strip $(OMP_NUM_THREADS)),1)
OMP_WAIT_POLICY := $(or $(strip $(OMP_WAIT_POLICY)),PASSIVE)
CNN_COURSE_DEVICE := cpu
TQDM_DISABLE := 1
PYTHONUTF8 := 1
export OMP_NUM_THREADS OMP_WAIT_POLICY CNN_COURSE_DEVICE TQDM_DISABLE PYTHONUTF8

.DEFAULT_GOAL := help
.PHONY: help setup book serve test test-all test-oldest nbval nbval-cuda run run-all lint format bench repository upgrade clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(EVERYTHING)  ## make .venv and install everything into it, nothing else

# A .venv whose Python no longer starts is treated as half made.
ifneq ($(wildcard $(EVERYTHING) $(READING)),)
ifneq ($(shell $(PY) -I -c "print('starts')" 2>/dev/null),starts)
$(shell rm -f $(EVERYTHING) $(READING))
endif
endif

# Both files go before anything is installed: whatever breaks off is made again.
define prepare
@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("Python 3.11 to 3.13 is needed and $(PYTHON) is %d.%d; name another: make $(MAKECMDGOALS) PYTHON=python3.12" % v)'
test -f $(EVERYTHING) || test -f $(READING) || "$(PYTHON)" -m venv --clear .venv
rm -f $(EVERYTHING) $(READING)
endef

# With the gigabytes that all of it takes.
broken_off = { "$(PYTHON)" tools/room.py $(1) .venv; exit 1; }

$(EVERYTHING): requirements.txt pyproject.toml
	$(prepare)
	$(PIP) -r requirements.txt || $(call broken_off,7.1)
	$(PIP) --no-deps --editable .
	$(PY) -m pip check
	touch $@

$(READING): requirements.txt requirements-book.txt
	$(prepare)
	$(PIP) -r requirements-book.txt || $(call broken_off,0.3)
	$(PY) -m pip check
	touch $@

# What the book is built with: everything, where that is installed or another target needs it.
TOOLS := $(EVERYTHING)
ifeq ($(wildcard $(EVERYTHING))$(filter-out book serve,$(MAKECMDGOALS)),)
TOOLS := $(READING)
endif

book: $(BOOK)  ## build the course into _build/html from the stored outputs

# A failed build leaves nothing behind: Sphinx would not repeat its warnings for
# pages that it has already written, and the next call would pass.
$(BOOK): $(TOOLS) $(SOURCES)
	$(PY) -c 'from jupyter_book.cli.main import main; main()' build . -n -W --keep-going --quiet \
	  || { rm -rf _build; exit 1; }
	@mkdir -p $(@D)/_static && cp -R _static/. $(@D)/_static/  # Sphinx does not, if no page changed
	@touch $@ && echo "The course is ready: $@"

serve: book  ## build the course and show it at http://localhost:8000
	$(PY) -m http.server 8000 --bind localhost --directory _build/html

test: book lint  ## everything: style, unit tests, every notebook, the strict book and its pages
	$(PY) -m pytest $(WORKERS) $(IN_ORDER)

# What a notebook prints depends on nothing that differs between machines: not on the threads, nor
# on the processor's instructions (AVX2 has no bf16), nor on what else runs.
test-all: test  ## test, and what takes an hour more: tests marked slow, every notebook twelve times in four ways
	$(PY) -m pytest tests -m slow
	for i in 1 2 3; do \
	  for way in OMP_NUM_THREADS=1 OMP_NUM_THREADS=2 ONEDNN_MAX_CPU_ISA=AVX2; do \
	    env $$way $(PY) -m pytest --nbval chapters || exit 1; done; \
	  $(PY) tools/beside_a_busy_core.py $(PY) -m pytest --nbval chapters || exit 1; done

test-oldest: setup  ## the package's tests with the oldest releases that pyproject.toml allows, in .venv/oldest
	@$(PY) -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit("The oldest releases are made for Python 3.11, and .venv has %d.%d; remove it and call make test-oldest PYTHON=python3.11" % v)'
	$(PY) -m uv venv --quiet --clear --python $(PY) $(OLDEST)
	$(PY) -m uv pip install --quiet --python $(OLDEST) --resolution lowest-direct \
	  --editable '.[export,notebooks,test]'
	$(OLDEST)/bin/python -m pytest $(WORKERS) $(PACKAGE_TESTS)

nbval: setup  ## execute every notebook and compare it with its stored outputs
	$(PY) -m pytest $(WORKERS) --nbval chapters

nbval-cuda: setup  ## the same on a CUDA device
	CNN_COURSE_DEVICE=cuda $(PY) -m pytest --nbval chapters

# Jupyter's and IPython's settings of the person who runs this stay out of what is stored.
run: export IPYTHONDIR := $(CURDIR)/.venv/ipython
run: export JUPYTER_NO_CONFIG := 1
run: setup  ## bring one chapter's notebook up to date and execute it: make run CH=01
	@ls chapters/$(CH)_*.md >/dev/null 2>&1 || { echo "There is no chapter '$(CH)'; there are: $$(cd chapters && echo *.md)"; exit 1; }
	$(PY) -m jupytext --quiet --update --to ipynb chapters/$(CH)_*.md
	$(PY) -m nbconvert --log-level=ERROR --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False chapters/$(CH)_*.ipynb

run-all:  ## the same for every chapter
	$(MAKE) run CH='[0-9][0-9]*'

lint: setup  ## style and spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib

format: setup  ## put the code into the project's style
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: export OMP_NUM_THREADS := 1
bench: setup  ## processor time of each chapter against its budget, and a table of what ours is worth
	$(PY) -m pytest --quiet --no-header --nbval-lax chapters
	$(PY) benchmarks/bench.py

repository:  ## write your copy's address wherever it belongs: make repository URL=https://…
	@"$(PYTHON)" tools/repository.py "$$URL" "$$BRANCH"

upgrade: setup  ## pin today's releases, install them, execute every chapter and show what changed
	$(PY) -m uv pip compile --universal --python-version 3.11 --all-extras --no-header \
	  --annotation-style line --upgrade --quiet pyproject.toml --output-file requirements.txt
	$(MAKE) run-all
	git --no-pager diff --stat
	git --no-pager diff requirements.txt chapters

clean:  ## remove the built book and the caches; .venv stays
	rm -rf _build .pytest_cache .ruff_cache
	find chapters cnn_course tests benchmarks tools -name __pycache__ -prune -exec rm -rf {} +
