.PHONY: setup test lint type bench notebooks docs

setup:       ## everything a developer needs, into the current environment
	python -m pip install -e '.[dev,peers,mnist]' && pre-commit install

test:        ## the whole suite
	pytest

lint:        ## style, and the direction of imports
	ruff check . && ruff format --check . && lint-imports

type:        ## types
	pyright

bench:       ## this machine and every kernel, results checked first
	nanonet bench

notebooks:   ## run every notebook, and write what it shows beside it
	python -m tests.notebooks

docs:        ## the list of operations and the editor stubs, from the docstrings
	python -m nanonet.stubs && python -m nanonet.oplist
