# `make run` and `make test` do all the set-up they need, inside this folder.

TOOLS := .tools
# --target keeps the tools in this folder; cargo-lambda needs its dependency, zig, only to
# cross-compile.
CARGO_LAMBDA := $(TOOLS)/bin/cargo-lambda
SCHEMATHESIS := $(TOOLS)/bin/schemathesis
REDOCLY := $(TOOLS)/node_modules/.bin/redocly
REFERENCE := PYTHONPATH=$(TOOLS) python3 tools/reference.py

export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)

.PHONY: run test lint docs soak

# The API on this machine: `make run`, or `make run ARGS='--port 9100 --data-dir .activities'`.
run: $(CARGO_LAMBDA)
	@echo 'make: building the activities tool (the first time takes some minutes)'
	@cargo build --locked --package activities
	@exec target/debug/activities dev $(ARGS)

test: lint $(CARGO_LAMBDA) $(SCHEMATHESIS)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items
	cargo test --locked --workspace

# Whether openapi.yaml is well made, and docs/api.html says the same. The linter asks nobody whether
# there is a newer one, and tells nobody that it ran.
lint: export REDOCLY_TELEMETRY := off
lint: export REDOCLY_SUPPRESS_UPDATE_NOTICE := true
lint: $(REDOCLY) $(SCHEMATHESIS)
	$(REDOCLY) lint --config tools/redocly.yaml openapi.yaml
	$(REFERENCE) --check

# Writers and readers side by side for a minute: `make soak`, or `make soak ARGS='--seconds 10'`.
soak:
	cargo run --locked --package bench --bin soak -- $(ARGS)

# Writes docs/api.html, the reference page, from openapi.yaml.
docs: $(SCHEMATHESIS)
	$(REFERENCE)

PIP_INSTALL := python3 -m pip install --quiet --disable-pip-version-check \
	--root-user-action=ignore --upgrade --no-deps --target $(TOOLS)

$(CARGO_LAMBDA): tools/requirements.txt
	@echo 'make: installing cargo-lambda into $(TOOLS)'
	@$(PIP_INSTALL) -r $<
	@touch $@

# pip replaces $(TOOLS)/bin as a whole, so cargo-lambda is installed again with the others; and it
# leaves behind what earlier versions say of themselves.
$(SCHEMATHESIS): tools/requirements-test.txt $(CARGO_LAMBDA)
	@echo 'make: installing schemathesis into $(TOOLS)'
	@rm -rf $(TOOLS)/*.dist-info
	@$(PIP_INSTALL) -r $<
	@touch $@

$(REDOCLY): tools/package.json tools/package-lock.json
	@echo 'make: installing the OpenAPI linter into $(TOOLS)'
	@mkdir -p $(TOOLS)
	@cp $^ $(TOOLS)
	@npm --prefix $(TOOLS) ci --ignore-scripts --no-audit --no-fund --no-update-notifier \
		--loglevel=error >/dev/null
	@touch $@
