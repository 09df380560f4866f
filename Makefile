# Every command that people and CI run. `make help` lists them.

CARGO ?= cargo
NODE ?= node
# Passed on by `run`, `bench`, `rush` and `panels`: make rush ARGS="--visitors 1000"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test pages lint deps fmt doc deny bench rush env panels

# Folders with scripts of pages. Their unit tests are in tests/ inside.
PAGES := queue-gateway/src/web

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the standalone system
	$(CARGO) run --release --locked -- $(ARGS)

test: deps ## install the servers that tests need, then run every test
	$(MAKE) --no-print-directory pages
	$(CARGO) test --workspace --locked

pages: ## run the unit tests of the pages' scripts, and of what checks them (needs Node)
	@command -v $(NODE) >/dev/null || { echo "NODE IS MISSING: the pages are not tested. 'make deps' installs it." >&2; exit 1; }
	$(NODE) --test $(wildcard scripts/*.test.mjs $(PAGES:=/tests/*.test.js))

lint: ## formatting, and every warning as an error (the pages' scripts need Node)
	@command -v $(NODE) >/dev/null || { echo "NODE IS MISSING: the pages are not checked. 'make deps' installs it." >&2; exit 1; }
	$(NODE) scripts/page-lint.mjs $(PAGES) $(PAGES:=/tests)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deps: ## install Redis, PostgreSQL, Node, and Chromium with its driver, if they are missing
	@sh scripts/install-test-servers.sh

fmt: ## format all code
	$(CARGO) fmt --all

doc: ## build the documentation of this workspace, broken links as errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

deny: ## check advisories, licences and sources of the dependencies (needs cargo-deny)
	$(CARGO) deny --locked check

bench: deps ## measure against the references, and print the table
	$(CARGO) build --profile dist --locked -p queue-gateway -p bench
	"$${CARGO_TARGET_DIR:-target}/dist/bench" $(ARGS)

rush: ## drive visitors through a running system
	$(CARGO) run --release --locked -p bench --bin rush -- $(ARGS)

env: ## write fresh secrets for docker compose to .env
	@bash scripts/make-env.sh

panels: ## ask a Prometheus for every expression of the dashboard (ARGS: its address; needs curl and jq)
	@sh scripts/check-dashboard.sh $(ARGS)
