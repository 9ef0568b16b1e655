# Sycee. `make` alone lists what there is.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
SYCEE := $(CARGO) run --quiet -p sycee --

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s%s\n", $$1, $$2 }'

demo: ## 1,000 loan applicants, two virtual years, one report, in a terminal
	$(CARGO) run --release -p sycee -- demo

test: check ## everything: style, documentation examples, catalogue, a short simulation, all tests on SQLite and PostgreSQL
	$(CARGO) test --quiet --workspace --doc
	$(SYCEE) catalog check
	$(SYCEE) sim --days 60 --faults all
	@scripts/with-postgres scripts/run-tests

check: ## formatting and lints, no warning allowed
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

bench: ## throughput and latency on SQLite and PostgreSQL, on this machine
	$(CARGO) build --release -p sycee
	@scripts/with-postgres $(CARGO) run --quiet --release -p sycee -- bench --engine both
