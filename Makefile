# `make run` and `make test` do all the set-up they need, inside this folder.

TOOLS := .tools
# --target keeps the tools in this folder; cargo-lambda needs its dependency, zig, only to
# cross-compile.
CARGO_LAMBDA := $(TOOLS)/bin/cargo-lambda

export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)

.PHONY: run test

# The API on this machine: `make run`, or `make run ARGS='--port 9100 --data-dir .activities'`.
run: $(CARGO_LAMBDA)
	@echo 'make: building the activities tool (the first time takes some minutes)'
	@cargo build --locked --package activities
	@exec target/debug/activities dev $(ARGS)

test: $(CARGO_LAMBDA)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items
	cargo test --locked --workspace

$(CARGO_LAMBDA): tools/requirements.txt
	@echo 'make: installing cargo-lambda into $(TOOLS)'
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --no-deps --target $(TOOLS) -r tools/requirements.txt
	@touch $@
