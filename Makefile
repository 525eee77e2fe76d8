# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
#
# The verbs of the house. Each brings what it needs; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

TOP := $(CURDIR)
PYTHON3 ?= python3
JOBS ?= $(shell nproc)
export VOX6_CACHE ?= $(HOME)/.cache/vox6

# ccache stands before the compilers; its object files are shared by all clones of this tree.
export PATH := /usr/lib/ccache:$(PATH)
export CCACHE_DIR := $(VOX6_CACHE)/ccache
export CCACHE_BASEDIR := $(TOP)
export CCACHE_NOHASHDIR := 1
export CCACHE_MAXSIZE := 2G

# Made by tools/setup.py: the locked environment; lib/ is seen as vox6 through build/path.
PY := $(TOP)/build/venv/bin/python
export PYTHONPATH := $(TOP)/build/path:$(TOP)

ALL_BOARDS := $(patsubst boards/%/board.json,%,$(sort $(wildcard boards/*/board.json)))
BOARD ?=
BOARDS := $(or $(BOARD),$(ALL_BOARDS))
port_of = $(shell $(PYTHON3) -c 'import json,sys; print(json.load(open(sys.argv[1]))["port"])' boards/$(1)/board.json)

# Our own C: formatted by clang-format, checked by lint.
C_FILES = $(shell git ls-files -co --exclude-standard -- 'ports/*.c' 'ports/*.h' 'boards/*.c' 'boards/*.h' 'host_tests/*.c' 'host_tests/*.h' 'tools/*.c' 'tools/*.h')
PY_DIRS = $(wildcard lib firmware boards ports host_tests tools)

PYTEST = $(PY) -m pytest -rs -p no:cacheprovider
ARGS ?=

ifeq ($(shell command -v $(PYTHON3)),)
$(error There is no python3. Remedy, as root: apt-get install python3)
endif

.PHONY: help setup setup-test call chain phone test soak fuzz lint format size bench boards bpf clean lock
.PHONY: need-call need-test siproxy64-router router-program

help: ## list the verbs
	@echo "vox6: make VERB [BOARD=...] [ARGS=...]"
	sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | while IFS=$$'\t' read -r verb text; do
	    printf '  %-16s %s\n' "$$verb" "$$text"
	done
	echo "Boards: $(ALL_BOARDS)"

setup: ## bring what `make call` needs: Debian packages, Python environment, sources, toolchain
	@$(PYTHON3) -m tools.setup call

setup-test: ## bring what `make test` needs: the same, and the peers and test tools
	@$(PYTHON3) -m tools.setup test

need-call:
	@$(PYTHON3) -m tools.setup --quiet call

need-test:
	@$(PYTHON3) -m tools.setup --quiet test

boards: need-call ## build the firmware of BOARD=..., or of every board
	@for board in $(BOARDS); do
	    $(MAKE) board-$$board
	done

# BUILD is relative, as ccache writes the names in dependency files so (CCACHE_BASEDIR): else a change of
# a generated header would rebuild nothing.
board-%:
	@port='$(call port_of,$*)'
	if [ -z "$$port" ]; then
	    echo "boards: there is no board $*. Remedy: BOARD= one of: $(ALL_BOARDS)" >&2
	    exit 1
	fi
	log=build/$*.log; mkdir -p build
	echo "boards: $* (ports/$$port), log in $$log"
	start=$$(date +%s.%N)
	if ! $(MAKE) -C ports/$$port -j$(JOBS) BOARD=$* BUILD=../../build/$* >$$log 2>&1; then
	    tail -n 30 $$log >&2
	    echo "boards: $* does not build; the whole log is $$log" >&2
	    exit 1
	fi
	awk -v a=$$start -v b=$$(date +%s.%N) 'BEGIN { printf "boards: $* built (%.1f s)\n", b - a }'

siproxy64-router: need-test ## one static program that mirrors SIP on a router, without Python (musl); ROUTER_CROSS=arm-linux-gnueabihf
	@$(MAKE) router-program

# BUILD is relative for the reason above. Another machine's program is not tried here.
router-program:
	@folder=build/router$(ROUTER_CROSS:%=-%); log=build/siproxy64-router.log; mkdir -p build
	echo "siproxy64-router: ports/router, log in $$log"
	start=$$(date +%s.%N)
	if ! $(MAKE) -C ports/router -j$(JOBS) CROSS=$(ROUTER_CROSS) BUILD=../../$$folder >$$log 2>&1; then
	    tail -n 30 $$log >&2
	    echo "siproxy64-router: it does not build; the whole log is $$log" >&2
	    exit 1
	fi
	if [ -z "$(ROUTER_CROSS)" ]; then
	    $$folder/siproxy64-router check 192.0.2.1=2001:db8::1 2>>$$log || { tail -n 5 $$log >&2; exit 1; }
	fi
	awk -v a=$$start -v b=$$(date +%s.%N) -v n=$$(stat -c %s $$folder/siproxy64-router) -v f=$$folder \
	    'BEGIN { printf "siproxy64-router: %s/siproxy64-router, %d octets (%.1f s)\n", f, n, b - a }'

bpf: ## compile the servers' data planes for the kernel (clang)
	@$(PYTHON3) tools/common/bpf_build.py build/bpf

call: boards ## the emulated board calls the host phone over IPv6, with sound; prints what happened
	@$(PY) -m tools.lab.call $(ARGS)

chain: boards need-test ## an IPv4-only phone, siproxy64 on an IPv4-only line and the emulated board call each other
	@$(PY) -m tools.lab.chain $(ARGS)

phone: ## a phone on this terminal: its screen as text, keys typed; BOARD=UNIX_HOST unless given
	@$(MAKE) boards BOARD=$(or $(BOARD),UNIX_HOST)
	$(PY) -m tools.panel --board $(or $(BOARD),UNIX_HOST) $(ARGS)

test: need-test ## lint, then all tests but the long ones (unit on both interpreters, sim, C, emulated, interop)
	@status=0
	$(MAKE) lint || status=1
	$(MAKE) boards BOARD= || status=1
	$(MAKE) bpf || status=1
	$(MAKE) router-program || status=1
	rm -rf build/pytest-cache
	$(PY) -m tools.run_tests build/pytest-cache $(ARGS) || status=1
	if [ $$status -ne 0 ]; then echo "make test: FAILED" >&2; fi
	exit $$status

soak: need-test boards bpf siproxy64-router ## the long forms of the tests
	@VOX6_HYPOTHESIS=soak $(PYTEST) -m soak --ignore=host_tests/bench host_tests $(ARGS)

fuzz: need-test ## fuzz each parser, of Python and of C, guided by coverage: ARGS="--seconds 60 --keep NAME..."
	@$(PY) -m host_tests.fuzz.parsers.campaign $(ARGS)

lint: need-test ## import rules, ruff, mypy --strict on lib and tools, clang-format
	@status=0
	step() { echo "lint: $$1"; shift; "$$@" || { status=1; echo "lint: the step above failed" >&2; }; }
	step "import rules" $(PY) -m tools.check_imports
	step "ruff check" $(PY) -m ruff check --no-cache $(PY_DIRS)
	step "ruff format" $(PY) -m ruff format --no-cache --check $(PY_DIRS)
	step "mypy --strict" $(PY) -m mypy $(wildcard build/path/vox6) tools
	c_format() { $(TOP)/build/venv/bin/clang-format --dry-run -Werror $(or $(C_FILES),/dev/null) 2>&1 |
	    { ! awk -F: '/ error: /{n[$$1]++} END {for (f in n) print f ": " n[f] " places"}' | grep . >&2; }; }
	step "clang-format" c_format
	exit $$status

format: need-test ## let ruff and clang-format rewrite our files
	@$(PY) -m ruff check --no-cache --fix-only -q $(PY_DIRS)
	$(PY) -m ruff format --no-cache $(PY_DIRS)
	$(TOP)/build/venv/bin/clang-format -i $(or $(C_FILES),/dev/null)

size: need-test ## text, data, bss of each board, its heap after boot and in a call; what siproxy64 takes
	@$(MAKE) boards BOARD=
	$(MAKE) router-program
	$(PY) -m tools.size $(BOARDS) $(ARGS)

bench: need-test boards bpf siproxy64-router ## the figures of host_tests/bench
	@files=$$(find host_tests/bench -maxdepth 1 -name '[a-z]*.py' 2>/dev/null | sort)
	if [ -z "$$files" ]; then echo "bench: host_tests/bench holds no benchmark yet" >&2; exit 1; fi
	status=0
	for file in $$files; do
	    echo "bench: $$file"
	    $(PY) $$file $(ARGS) || status=1
	done
	exit $$status

clean: ## remove build/ (downloads and object files stay in the cache)
	@rm -rf build

lock: ## make tools/requirements-*.lock anew from the .in files (network)
	@bash tools/lock.sh
