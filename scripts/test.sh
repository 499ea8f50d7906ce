#!/usr/bin/env bash
# Installs what is missing, builds, and runs the whole test suite.
#   scripts/test.sh [preset [cmake options ...]]
# The presets are release (the default), dev (the same under AddressSanitizer and UndefinedBehaviorSanitizer) and tsan
# (what uses threads, under ThreadSanitizer); the last two are built by clang.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
preset=${1:-release}

packages=(libgtest-dev pkg-config)
case $preset in dev | tsan) packages+=(clang) ;; esac
install_needed "${packages[@]}"
install_wanted dataset-fashion-mnist universal-ctags valgrind

say "configuring ($preset)"
cmake --preset "$preset" "${@:2}"
say "building"
cmake --build --preset "$preset"
say "testing"
ctest --preset "$preset" -j "$(nproc)"
