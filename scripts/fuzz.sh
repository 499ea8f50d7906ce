#!/usr/bin/env bash
# Runs the readers' fuzz targets (tests/fuzz/*.cpp) by clang's libFuzzer under AddressSanitizer and
# UndefinedBehaviorSanitizer, two at a time, from the stored corpus on.
#   scripts/fuzz.sh [seconds each [target ...]]
# What is found new is kept in build/fuzz/corpus; an input that fails lies in build/fuzz as <target>-crash-...
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(csv idx gzip npy npz safetensors)

install_needed clang
clang_version=$(clang++ -dumpversion | cut -d. -f1)
install_wanted "libclang-rt-$clang_version-dev" rapidjson-dev
if ! has_libfuzzer; then
  say "skipped: clang++ $clang_version has no libFuzzer (Debian, Ubuntu: apt-get install libclang-rt-$clang_version-dev)"
  exit 0
fi
if ! has_header rapidjson/reader.h; then
  say "skipped: safetensors (Debian, Ubuntu: apt-get install rapidjson-dev)"
  mapfile -t targets < <(printf '%s\n' "${targets[@]}" | grep -v '^safetensors$')
fi

work=build/fuzz
eigen=${EIGENGRAD_EIGEN_INCLUDE_DIR:-/usr/include/eigen3}
mkdir -p "$work"

build() {
  clang++ -std=c++20 -O1 -g1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Wall -Wextra -Werror \
    -Iinclude -isystem "$eigen" "tests/fuzz/$1.cpp" -o "$work/$1" -lz
}
# No input may take more than 10 seconds or 512 MB.
run() {
  mkdir -p "$work/corpus/$1"
  "$work/$1" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=512 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$work/$1-" "$work/corpus/$1" "tests/fuzz/corpus/$1" >"$work/$1.log" 2>&1
}

# in_pairs <function>: for every target, two at a time; stops when one fails.
in_pairs() {
  local i target status=0
  for ((i = 0; i < ${#targets[@]}; i += 2)); do
    local jobs=()
    for target in "${targets[@]:i:2}"; do
      "$1" "$target" &
      jobs+=("$!")
    done
    for ((j = 0; j < ${#jobs[@]}; ++j)); do
      if ! wait "${jobs[j]}"; then
        say "FAILED: $1 ${targets[i + j]}"
        [ ! -e "$work/${targets[i + j]}.log" ] || tail -40 "$work/${targets[i + j]}.log"
        status=1
      fi
    done
  done
  return "$status"
}

say "building ${targets[*]}"
in_pairs build
say "fuzzing, $seconds s each"
in_pairs run
for target in "${targets[@]}"; do
  say "ok: $target, $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log") inputs"
done
