# The commands of this repository; README.md says what each is for. Everything lands in .venv and build/.

VENV := $(or $(SFU_VENV),.venv)
PYTHON ?= python3
CC ?= cc
BUILD ?= build
CONFIG ?= configs/local.toml
FUZZ_SECONDS ?= 60

python := $(abspath $(VENV))/bin/python
bin := $(abspath $(VENV))/bin
# The distribution's tools where they are there, else the lock file's.
cmake := $(or $(shell command -v cmake),$(bin)/cmake)
ninja := $(or $(shell command -v ninja),$(bin)/ninja)
configure = $(cmake) -S native -G Ninja -DCMAKE_MAKE_PROGRAM=$(ninja) -DPython_EXECUTABLE=$(python) --log-level=NOTICE $(CMAKE_ARGS)
installed := $(VENV)/.sfu-installed
# Folders with a package.json whose packages something here needs.
node_installed := tests/e2e/node_modules/.sfu-installed
c_sources = $(shell git ls-files 'native/*.c' 'native/*.h')
web_installed := sfu/web/node_modules/.sfu-installed
web_sources = $(shell find sfu/web/src -type f) $(wildcard sfu/web/build.mjs sfu/web/tsconfig*.json)

.DELETE_ON_ERROR:
.PHONY: lint lint-format lint-python lint-types lint-architecture lint-c lint-web help setup lock node web dev serve test pictures format sanitize openssl stress fuzz fuzzers bench bench-page clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

setup: $(installed) ## a virtual environment with what the lock file names

$(installed): requirements/dev.txt
	scripts/system-packages $(PYTHON)
	[ -x $(python) ] || $(PYTHON) -m venv $(VENV)
	$(python) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

lock: ## requirements/dev.txt anew from pyproject.toml and requirements/dev.in
	CUSTOM_COMPILE_COMMAND='make lock' PIP_FIND_LINKS= $(bin)/pip-compile --quiet --generate-hashes --allow-unsafe \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras \
		--extra client --output-file requirements/dev.txt pyproject.toml requirements/dev.in

node: $(node_installed) $(web_installed) ## what the lock files of npm name

%/node_modules/.sfu-installed: %/package.json %/package-lock.json %/.npmrc
	scripts/system-packages $(PYTHON)
	cd $* && npm ci --loglevel=error
	touch $@

web: sfu/web/dist/manifest.json ## the web client's bundle, in sfu/web/dist

sfu/web/dist/manifest.json: $(web_installed) $(web_sources)
	node sfu/web/build.mjs

dev: $(installed) ## fast incremental build in place, with what the tests need
	$(python) scripts/link_checkout.py
	$(configure) -B $(BUILD)/dev -DSFU_TESTING=ON -DSFU_INPLACE=$(CURDIR)
	$(ninja) -C $(BUILD)/dev

serve: dev web ## the server, on http://127.0.0.1:8080; CONFIG=file for another configuration
	$(python) -m sfu serve --config $(CONFIG)

test: dev web node ## all tests
	$(python) -m pytest

pictures: dev web node ## the README's pictures anew, of those that tests take of the page
	$(python) -m pytest tests/e2e/test_screens.py -k in_a_call
	$(python) -m tests.e2e.gallery

lint: lint-format lint-python lint-types lint-architecture lint-c lint-web ## formatting, static checks, types, architecture

lint-format: $(installed)
	$(bin)/ruff format --check
	$(bin)/clang-format --dry-run --Werror $(c_sources)

lint-python: $(installed)
	$(bin)/ruff check

lint-types: $(installed)
	$(bin)/mypy

lint-architecture: $(installed)
	$(python) -m pytest -q tests/test_architecture.py

# Assertions are on, so that what they state is known to the analyzer too.
lint-c: $(installed)
	$(configure) -B $(BUILD)/lint -DCMAKE_BUILD_TYPE=Debug
	scripts/run-clang-tidy $(bin)/clang-tidy $(BUILD)/lint

lint-web: $(web_installed)
	set -e; for config in sfu/web/tsconfig.json sfu/web/tsconfig.*.json; do \
		[ "$$config" = sfu/web/tsconfig.base.json ] || sfu/web/node_modules/.bin/tsc -p "$$config"; done

format: $(installed) ## what lint asks for where a tool can do it
	$(bin)/ruff format
	$(bin)/ruff check --fix-only
	$(bin)/clang-format -i $(c_sources)

# Modules built in another way must not lie where a usual run finds them: they go to a folder of links, which
# tests/conftest.py takes sfu from.
define stage
rm -rf $(BUILD)/$(1)/stage
mkdir -p $(BUILD)/$(1)/stage
cp -rs $(CURDIR)/sfu $(BUILD)/$(1)/stage/sfu
rm -rf $(BUILD)/$(1)/stage/sfu/web
find $(BUILD)/$(1)/stage ! -type d ! -name '*.py' -delete
endef

sanitize: $(installed) ## native tests under address and undefined-behaviour sanitizers
	$(call stage,sanitize)
	$(configure) -B $(BUILD)/sanitize -DSFU_TESTING=ON -DSFU_SANITIZE=address,undefined -DCMAKE_C_COMPILER=gcc \
		-DSFU_INPLACE=$(abspath $(BUILD))/sanitize/stage
	$(ninja) -C $(BUILD)/sanitize
	scripts/with-sanitizer $(abspath $(BUILD))/sanitize/stage $(python) -m pytest -p no:cacheprovider \
		tests/native tests/sim tests/media/test_workers.py

openssl: $(installed) ## tests of the cipher's other backend, libcrypto, also where intel-ipsec-mb is there
	$(call stage,openssl)
	$(configure) -B $(BUILD)/openssl -DSFU_TESTING=ON -DSFU_IPSECMB=OFF -DSFU_INPLACE=$(abspath $(BUILD))/openssl/stage
	$(ninja) -C $(BUILD)/openssl
	PYTHONPATH=$(BUILD)/openssl/stage $(python) -P -c 'from sfu._testing.srtp import backend as b; \
		print(b()); assert b().startswith("OpenSSL"), "the other backend was built"'
	SFU_STAGE=$(abspath $(BUILD))/openssl/stage $(python) -m pytest -p no:cacheprovider \
		tests/native/test_cipher.py $(wildcard tests/native/test_srt*.py)

stress: $(installed) ## programs of native/tests under the thread sanitizer
	$(configure) -B $(BUILD)/stress -DSFU_SANITIZE=thread
	$(ninja) -C $(BUILD)/stress stress
	scripts/run-stress $(BUILD)/stress/stress

fuzzers: $(installed)
	$(configure) -B $(BUILD)/fuzz -DSFU_FUZZ=ON -DCMAKE_C_COMPILER=clang -DSFU_SANITIZE=address,undefined
	$(ninja) -C $(BUILD)/fuzz fuzzers

fuzz: fuzzers ## every fuzzer for FUZZ_SECONDS (60); FUZZ='fuzz_rtp fuzz_stun' for some
	scripts/run-fuzzers $(BUILD)/fuzz/fuzzers $(FUZZ_SECONDS) $(FUZZ)

bench: dev ## benchmarks: the steps of the packet path (pytest-benchmark), then the native programs
	$(python) -m pytest bench --benchmark-only --benchmark-columns=min,median,iqr,rounds --benchmark-sort=name -p no:cacheprovider
	$(configure) -B $(BUILD)/bench
	$(ninja) -C $(BUILD)/bench bench
	set -e; for program in $(BUILD)/bench/bench/*; do echo "$$program"; "$$program"; done

bench-page: dev web ## what the page costs, against its budgets; sizes alone decide whether it passes
	$(python) -m bench.page

clean: ## what was built, but not the virtual environment
	rm -rf $(BUILD) sfu/web/dist
	find sfu -name '*.so' -delete
