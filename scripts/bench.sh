#!/usr/bin/env bash
# Installs what is missing, builds the benchmarks, and compares eigengrad with Eigen by hand, and with libtorch and
# PyTorch where they are found: one table, and build/bench/bench.json and bench_*.svg. scripts/bench.sh --help has the options.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

driver=benchmarks/driver/bench.py
case " $* " in *" --help "* | *" -h "*) exec python3 -B "$driver" --help ;; esac
install_needed python3
python3 -B "$driver" --check-options "$@"

say "building"
libtorch=ON
case " $* " in *" --no-libtorch "*) libtorch=OFF ;; esac
cmake --preset bench -DEIGENGRAD_BENCHMARK_LIBTORCH="$libtorch" >/dev/null
cmake --build --preset bench
say "measuring"
exec python3 -B "$driver" "$@"
