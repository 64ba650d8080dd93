# `make run` and `make test` do all the set-up they need, inside this folder.

# Bash counts the seconds of a recipe, in SECONDS. What stands here is for macOS, too, which has make 3.81 and
# bash 3.2; what only Linux can do is skipped elsewhere, with a word.
SHELL := bash
SYSTEM := $(shell uname -s)

TOOLS := .tools
# --target keeps the tools in this folder; cargo-lambda needs its dependency, zig, only to
# cross-compile.
CARGO_LAMBDA := $(TOOLS)/bin/cargo-lambda
SCHEMATHESIS := $(TOOLS)/bin/schemathesis
REDOCLY := $(TOOLS)/node_modules/.bin/redocly
# In a folder of its own, since it needs some of the same libraries in other versions.
AWS := $(TOOLS)/aws
SAM := $(AWS)/bin/sam
# How a tool of that folder is run; sam tells nobody that it ran.
IN_AWS := PYTHONPATH=$(CURDIR)/$(AWS) SAM_CLI_TELEMETRY=0
# The modules of the peer in JavaScript.
NODE_PEER := bench/peers/node/node_modules/.package-lock.json
# Those of the web component's build and tests.
VIEWER := viewer/node_modules/.package-lock.json
# Those of the client for TypeScript, and what the client for Python is tested with.
TYPESCRIPT := clients/typescript/node_modules/.package-lock.json
PYTHON := clients/python/.venv/bin/pytest
BLOAT := $(TOOLS)/bin/cargo-bloat
COST := cargo run --locked --quiet --package bench --bin cost --
REFERENCE := PYTHONPATH=$(TOOLS) python3 tools/reference.py

export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)

# $(call timed,TARGETS) makes one target after another, and prints the seconds that each took. A
# target that fails ends the recipe.
define timed
@SECONDS=0; \
for target in $(1); do \
	start=$$SECONDS; \
	$(MAKE) --no-print-directory $$target || exit; \
	echo "make: $$target $$((SECONDS - start)) s"; \
done; \
echo "make: $@, in total $$SECONDS s"
endef

.PHONY: help run check test test-moto build lint soak depth bench bench-cold charts cost bench-check docs
.PHONY: viewer test-viewer pictures bloat test-clients try-aws
.PHONY: tools peers debian format clippy rustdoc unit-tests store-tests all-tests costs

# The list is of the targets with a `##` comment.
help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

# What tests run is built by `--bin` alone, with the features that the whole workspace turns on, as tests are:
# `--package` turns on those of one package, and so may build libraries once more.

# `make run`, or `make run ARGS='--port 9100 --data-dir .activities'`.
run: $(CARGO_LAMBDA) ## Runs the API on this machine.
	@echo 'make: building the activities tool (the first time takes some minutes)'
	@cargo build --locked --bin activities
	@exec target/debug/activities dev $(ARGS)

# `make -n` runs a recipe that begins with `+`, and so shows the commands of each target.
check: ## Checks the Rust code only: format, clippy, unit tests and store tests.
	+$(call timed,format clippy unit-tests store-tests)

test: ## Checks everything, and prints the seconds of each step.
	+$(call timed,tools format lint clippy rustdoc all-tests costs test-viewer test-clients test-moto)

# Side by side: most of it is waiting for the network.
tools:
	@$(MAKE) --no-print-directory --jobs=4 \
		$(CARGO_LAMBDA) $(SCHEMATHESIS) $(REDOCLY) $(SAM) $(VIEWER) $(TYPESCRIPT) $(PYTHON) peers

# What the peers of the bench need; PostgreSQL only on Debian.
peers: $(NODE_PEER) debian

# A file of each Debian package that some tests and benches need, and the package. Elsewhere they say that
# they are skipped.
debian:
	@tools/debian.sh '/usr/lib/postgresql/*/bin/initdb:postgresql'

format:
	cargo fmt --all --check

clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

rustdoc:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items

# Of all but the benches.
unit-tests:
	cargo test --locked --workspace --exclude bench --exclude peers --lib --bins

# On shorter logs, with fewer random cases, and without the tests that take longest: `make test` runs them.
store-tests:
	LOG_ENTRIES=2000 PROPTEST_CASES=1 cargo test --locked --package activity-log --test store -- \
		--skip cost:: --skip model:: --skip whatever_fails_at_whatever_step --skip the_reader_in_the_documentation

all-tests: $(CARGO_LAMBDA) $(SCHEMATHESIS)
	cargo test --locked --workspace

costs:
	$(COST) --check docs/costs.md

# template.yaml deployed to an emulator of AWS, and the tests of the store against its DynamoDB and
# of the recording function between its queues: a second engine, which shares no code with the embedded
# one. It takes some milliseconds for each call. So these are the tests that make every kind of call, and
# `make test-moto STORE_TESTS=` runs the others, too; but none that only counts calls, or makes the same ones
# at every place of a log or with every fault. What `make try-aws` does on AWS is rehearsed on both engines:
# its HTTP part on `activities dev`, the rest on the emulator.
STORE_TESTS = append:: contention:: data_model:: erase:: format:: lag:: model:: names::
test-moto: $(SAM) $(CARGO_LAMBDA) ## Deploys template.yaml to an emulator of AWS, and tests the store against it.
	cargo build --locked --bin activities
	$(IN_AWS) python3 tools/deployment.py target/debug/activities
	PYTHONPATH=$(CURDIR)/$(AWS):tools/try_aws python3 -m unittest discover --quiet --start-directory tools/try_aws/tests
	$(IN_AWS) python3 tools/try_aws --dev target/debug/activities --no-large --quiet
	$(IN_AWS) python3 tools/try_aws/tests/rehearsal.py target/debug/activities
	$(IN_AWS) TEST_DYNAMODB_SERVER=$(CURDIR)/tools/serial_moto.py PROPTEST_CASES=1 \
		cargo test --locked --workspace --test store -- $(STORE_TESTS) \
		--skip cost:: --skip a_histogram_is_exact_however_late --skip the_reader_in_the_documentation \
		--skip in_few_transactions --skip is_read_in_one_round_trip --skip whatever_fails_at_whatever_step \
		--skip every_offset_of --skip a_cursor_of_any_entry --skip whatever_is_changed --skip a_batch_of_any_size
	$(IN_AWS) TEST_DYNAMODB_SERVER=$(CURDIR)/tools/serial_moto.py \
		cargo test --locked --workspace --test recording moto

# viewer/dist is committed, and the function that serves it embeds it.
viewer: $(VIEWER) ## Builds the web component into viewer/dist.
	npm --prefix viewer run --silent build

# In a browser too: over logs that are computed, and over a real one that `activities dev` serves.
test-viewer: $(VIEWER) $(CARGO_LAMBDA) ## Tests the web component, also in a browser.
	@node --input-type=module --eval "import { browserPath } from './viewer/test/browser/launch.mjs'; \
		process.exit(browserPath() ? 0 : 1)" || tools/debian.sh /usr/bin/chromium:chromium
	cargo build --locked --bin activities
	npm --prefix viewer run --silent check
	npm --prefix viewer run --silent test
	npm --prefix viewer run --silent test:browser

# What they send is read by the recorder's own parser; and applications record with them through a queue of
# moto's and the recorder into a log, which they read back.
test-clients: $(TYPESCRIPT) $(PYTHON) $(CARGO_LAMBDA) $(SAM) ## Tests the clients for TypeScript and Python.
	cargo build --locked --bin parse-messages
	npm --prefix clients/typescript run --silent check
	npm --prefix clients/typescript run --silent test
	cd clients/python && .venv/bin/ruff check --quiet . && .venv/bin/ruff format --quiet --check . && \
		.venv/bin/mypy && .venv/bin/pytest --quiet
	cargo build --locked --bin activities --bin record-activities
	npm --prefix clients/typescript run --silent build
	cd clients/e2e && ../python/.venv/bin/ruff check --quiet . && \
		../python/.venv/bin/ruff format --quiet --check . && ../python/.venv/bin/mypy && \
		../python/.venv/bin/pytest --quiet

# In an AWS account, where this costs some cents; docs/trying-on-aws.md says what it does, and that nobody has
# run it there yet. `make try-aws ARGS=--help` lists the options.
try-aws: $(SAM) $(SCHEMATHESIS) ## Tries the stack in your AWS account, and removes it again.
	cargo build --locked --bin activities
	@$(IN_AWS) python3 tools/try_aws $(ARGS)

pictures: $(VIEWER) $(CARGO_LAMBDA) ## Takes the README's pictures of the viewer.
	cargo build --locked --bin activities
	node viewer/test/pictures.mjs

# The library is checked without the feature api, which the workspace turns on: a service that records builds
# it so. Then the functions are built for the processor of this machine. Each is started as Lambda would,
# answers its event, and is packed into .aws-sam/zips. Not into .aws-sam/build, which `sam deploy` takes for the
# processor of the stack. They are programs for Linux, which another system can build and not start.
ifeq ($(SYSTEM),Linux)
build: $(SAM) $(CARGO_LAMBDA) ## Builds the functions for this processor, and packs them.
	cargo clippy --locked --package activity-log --lib -- -D warnings
	$(IN_AWS) $(SAM) build --build-dir .aws-sam/checked \
		--parameter-overrides Stage=dev Architecture=$(ARCHITECTURE)
	cargo build --locked --bin activities
	$(IN_AWS) python3 tools/deployment.py target/debug/activities .aws-sam/checked
else
build:
	@echo 'make: $@ is skipped, since it starts the functions, which only Linux can; `sam build` builds them'
endif

ARCHITECTURE := $(if $(filter x86_64,$(shell uname -m)),x86_64,arm64)

# Whether openapi.yaml is well made, and docs/api.html says the same; whether template.yaml and
# samconfig.toml are; whether no files of Rust use each other in a circle; whether the crates are such as
# deny.toml allows, and their licences can be printed; whether what pages refer to is there; whether all
# files agree on the version, and CHANGELOG.md has its notes. The linter of openapi.yaml asks nobody whether
# there is a newer one, and tells nobody that it ran.
lint: export REDOCLY_TELEMETRY := off
lint: export REDOCLY_SUPPRESS_UPDATE_NOTICE := true
lint: $(REDOCLY) $(SCHEMATHESIS) $(SAM) ## Checks openapi.yaml, template.yaml, crates, pages and versions.
	python3 -m doctest tools/circles.py tools/dependencies.py tools/links.py tools/notices.py tools/release.py
	python3 tools/circles.py --check shared/src cli/src local/src bench/src bench/peers/src tests
	python3 tools/dependencies.py
	python3 tools/links.py
	python3 tools/notices.py >/dev/null
	python3 tools/release.py
	$(REDOCLY) lint --config tools/redocly.yaml openapi.yaml
	$(REFERENCE) --check
	$(IN_AWS) $(AWS)/bin/cfn-lint template.yaml
	for stage in default dev prod; do \
		$(IN_AWS) $(SAM) validate --lint --config-env $$stage || exit 1; \
	done

# `make soak`, or `make soak ARGS='--seconds 10'`.
soak: ## Runs writers and readers side by side for a minute.
	cargo run --locked --package bench --bin soak -- $(ARGS)

# A log of 100,000 entries in memory, or `make depth ARGS='--entries 1000000 --data-dir NEW_FOLDER'`.
depth: ## Times pages at every depth, appends and verification on this machine.
	cargo run --locked --profile measured --package bench --bin depth -- $(ARGS)

# Logs of 1,000 and 100,000 entries, in ten minutes after the builds; `make bench ARGS='--entries
# 1000000'` adds one to the results in an hour, `make bench ARGS='--only offset'` measures some requests
# and writes nothing. Functions are built as they are deployed, and so not together with others.
bench: peers ## Measures requests and appends beside other designs, and writes bench/results.json.
	cargo build --locked --release --package list-activities --package list-project-activities \
		--package get-activity
	cargo build --locked --release --package peers
	cargo run --locked --profile measured --package bench --bin compare -- $(ARGS)

# Twenty starts of two functions and of the peer in Node.js, or `make bench-cold ARGS='--starts 5'`,
# which writes nothing.
bench-cold: peers ## Measures cold starts, and writes them into bench/results.json.
	cargo build --locked --release --package list-activities --package get-activity
	cargo run --locked --profile measured --package bench --bin cold -- \
		$(or $(ARGS),--write bench/results.json)

charts: ## Draws the pictures of docs/benchmarks.md, and writes its tables of cold starts.
	cargo run --locked --quiet --package bench --bin charts -- $(ARGS)

# `make cost`, or `make cost ARGS='--pages 2'`. `make cost ARGS='--write-costs bench/costs.json'` renews
# what a test holds ten requests to.
cost: ## Prints what the log costs on AWS.
	@$(COST) $(ARGS)

# Under valgrind, of the functions as they are deployed. `make bench-check ARGS='--write
# bench/instructions.json'` renews the numbers; they are of one machine's compiler, C library and valgrind,
# and are skipped on others.
ifeq ($(SYSTEM),Linux)
bench-check: ## Counts the instructions of read requests, and holds them against bench/instructions.json.
	cargo build --locked --release --package list-activities --package get-activity
	cargo run --locked --quiet --package bench --bin instructions -- \
		$(or $(ARGS),--check bench/instructions.json)
else
bench-check:
	@echo 'make: $@ is skipped, since the numbers in bench/instructions.json are of Linux'
endif

# Of a build with the names of its functions, in a folder of its own.
bloat: $(BLOAT) ## Lists what is in the binary of a function, by crate.
	cargo bloat --release --locked --target-dir target/bloat --package list-activities --crates

# docs/api.html is the reference page, made from openapi.yaml.
docs: $(SCHEMATHESIS) ## Writes docs/api.html and the tables of docs/costs.md.
	$(REFERENCE)
	$(COST) --write docs/costs.md

# As a variable, because the pip of some systems is older than the option.
PIP_INSTALL := PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check \
	--upgrade --no-deps --require-hashes --target

$(CARGO_LAMBDA): tools/requirements.txt
	@echo 'make: installing cargo-lambda into $(TOOLS)'
	@$(PIP_INSTALL) $(TOOLS) -r $<
	@touch $@

# In an environment of its own, since its tests build and install packages. It has no pip, which Debian packs
# apart.
$(PYTHON): clients/python/requirements-dev.txt
	@echo 'make: installing what the client for Python is tested with'
	@rm -rf clients/python/.venv
	@python3 -m venv --without-pip clients/python/.venv
	@python3 -m pip --python clients/python/.venv/bin/python install --quiet \
		--disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

$(BLOAT): $(CARGO_LAMBDA)
	cargo install --locked --version 0.12.1 --root $(TOOLS) cargo-bloat

# pip replaces $(TOOLS)/bin as a whole, so cargo-lambda is installed again with the others; and it
# leaves behind what earlier versions say of themselves.
$(SCHEMATHESIS): tools/requirements-test.txt $(CARGO_LAMBDA)
	@echo 'make: installing schemathesis into $(TOOLS)'
	@rm -rf $(TOOLS)/*.dist-info
	@$(PIP_INSTALL) $(TOOLS) -r $<
	@touch $@

$(SAM): tools/requirements-aws.txt
	@echo 'make: installing sam, cfn-lint and moto into $(AWS)'
	@rm -rf $(AWS)
	@$(PIP_INSTALL) $(AWS) -r $<
	@touch $@

$(REDOCLY): tools/package.json tools/package-lock.json
	@echo 'make: installing the OpenAPI linter into $(TOOLS)'
	@mkdir -p $(TOOLS)
	@cp $^ $(TOOLS)
	@npm --prefix $(TOOLS) ci --ignore-scripts --no-audit --no-fund --no-update-notifier \
		--loglevel=error >/dev/null
	@touch $@

$(NODE_PEER) $(VIEWER) $(TYPESCRIPT): %/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@echo 'make: installing the modules of $*'
	@npm --prefix $* ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@
