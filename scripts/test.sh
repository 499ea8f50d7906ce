#!/usr/bin/env bash
# Installs what is missing, builds, and runs the whole test suite.
#   scripts/test.sh [preset]     release (the default), or dev: the same under sanitizers
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
preset=${1:-release}

install_needed libgtest-dev libbenchmark-dev pkg-config
install_wanted dataset-fashion-mnist

say "configuring ($preset)"
cmake --preset "$preset"
say "building"
cmake --build --preset "$preset"
say "testing"
ctest --preset "$preset" -j "$(nproc)"
