# Needs make and CPython 3.11 or later; everything else is set up by the target itself.
# Another interpreter: make demo PYTHON=/path/to/python3.12

PYTHON ?= $(shell command -v python3 || command -v python || echo python3)
# What a target may be given: make demo PORT=8001, make bench NAME=dispatch
export PORT NAME

.DEFAULT_GOAL := help
.PHONY: help demo run test test-stack check stack bench prove lock
.NOTPARALLEL:

help: ## say what each name does
	@$(PYTHON) -m scripts help

demo: ## set up, fill with sample data and serve on 127.0.0.1:8000 (PORT=)
	@$(PYTHON) -m scripts demo

run: ## set up and serve for real on the built-in database (PORT=)
	@$(PYTHON) -m scripts run

test: ## set up and test on the built-in database; needs no service
	@$(PYTHON) -m scripts test

test-stack: ## every test, on PostgreSQL, Redis and real processes
	@$(PYTHON) -m scripts test-stack

check: ## lint, types, import contracts, migrations, settings, locks
	@$(PYTHON) -m scripts check

stack: ## serve the grown topology: PostgreSQL, Redis, web, two workers, beat
	@$(PYTHON) -m scripts stack

bench: ## benchmarks, one JSON line a figure (NAME=)
	@$(PYTHON) -m scripts bench

prove: ## a full-size proof (NAME=)
	@$(PYTHON) -m scripts prove

lock: ## write requirements*.txt anew from requirements*.in
	@$(PYTHON) -m scripts lock
