# SPDX-License-Identifier: Apache-2.0
# Thin: everything real is in meson.build and scripts/. `make help` says what there is.
.PHONY: all help run build check bench asan fuzz install format clean
PREFIX ?= /usr/local
DEMO_DATA ?= data/demo
CONSOLE ?= enabled

.NOTPARALLEL:

all: build

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 18

run: setup-run build ## installs what is missing, builds, starts the server on loopback with the demonstration, says where and how to log in
	@exec build/hinomi serve --demo --data $(DEMO_DATA) $(ARGS)

build/build.ninja:
	meson setup build --buildtype=release

build: setup-build build/build.ninja ## installs what is missing, builds build/hinomi (CONSOLE=disabled: without the console)
	@[ "$(origin CONSOLE)" = file ] || meson configure build -Dconsole=$(CONSOLE)
	ninja -C build

check: setup-build setup-run setup-test ## every test there is; ends in "N passed, N failed, N skipped"
	scripts/check

asan: setup-build ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	scripts/check --only asan

fuzz: setup-build setup-test ## T=name S=seconds: one fuzz target, e.g. make fuzz T=json S=60
	scripts/fuzz $(T) $(S)

install: build ## DESTDIR= PREFIX=: program and content (PREFIX/bin/hinomi, PREFIX/share/hinomi)
	meson configure build -Dprefix=$(PREFIX)
	DESTDIR=$(abspath $(DESTDIR)) meson install -C build --quiet

format: ## clang-format over the C sources
	clang-format -i $$(git ls-files 'src/*.c' 'src/*.h' 'tests/*.c')

clean: ## removes what was built; data/ stays
	rm -rf build build-asan build-fuzz

.PHONY: setup-build setup-run setup-test
setup-build setup-run setup-test: setup-%:
	@scripts/setup $*

bench: setup-build build ## beside its peers (by cargo) on the same data, and the inner figures; ARGS="--only inner --rounds 3"
	bench/run.py $(ARGS)
