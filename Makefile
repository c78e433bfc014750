# SPDX-License-Identifier: Apache-2.0
# Thin: everything real is in meson.build and scripts/.
.PHONY: all build check asan fuzz format clean

all: build

build/build.ninja:
	scripts/setup build
	meson setup build --buildtype=release

# The release binary: build/hinomi
build: build/build.ninja
	ninja -C build

# Everything there is to test; ends in "N passed, N failed, N skipped".
check:
	scripts/setup build test
	scripts/check

# Unit tests under AddressSanitizer and UndefinedBehaviorSanitizer.
asan:
	scripts/setup build
	scripts/check --only asan

# make fuzz T=json S=60
fuzz:
	scripts/setup build test
	scripts/fuzz $(T) $(S)

format:
	clang-format -i $$(git ls-files 'src/*.c' 'src/*.h' 'tests/*.c')

clean:
	rm -rf build build-asan build-fuzz
