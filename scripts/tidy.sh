#!/usr/bin/env bash
# clang-tidy by .clang-tidy, a finding being an error: on every header and a sample of what instantiates them, as many
# files at a time as there are processors.
#   scripts/tidy.sh [all | file ...]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh
install_needed clang clang-tidy libgtest-dev
install_wanted zlib1g-dev rapidjson-dev

files=(src/compiled.cpp examples/differential_equation.cpp examples/digits.cpp tests/data/csv.cpp tests/nn/sequential.cpp
  tests/optim/lbfgs.cpp tests/transform/compile.cpp)
[ $# -eq 0 ] || files=("$@")
[ "${files[*]}" != all ] || files=(src/*.cpp examples/*.cpp tests/*/*.cpp)

work=build/tidy
mkdir -p "$work"
headers=$(find include/eigengrad -name '*.hpp' -printf '#include <eigengrad/%P>\n' | sort)
has_header zlib.h || headers=$(grep -vE '(gzip|_gz|fashion_mnist|npz|zip_writer)[.]hpp' <<<"$headers")
has_header rapidjson/reader.h || headers=$(grep -v 'safetensors' <<<"$headers")
echo "$headers" >"$work/every_header.cpp"

export eigen=${EIGENGRAD_EIGEN_INCLUDE_DIR:-/usr/include/eigen3}
look_at() {
  if clang-tidy --quiet --config-file=.clang-tidy --warnings-as-errors='*' "$1" -- -std=c++20 -Iinclude -Itests \
       -isystem "$eigen" -DEIGENGRAD_DATA_DIR='"data"' -DEIGENGRAD_SOURCE_DIR='"."' 2>"$work/${1//\//_}.log"; then
    say "ok: $1"
  else
    tail -3 "$work/${1//\//_}.log"
    say "FAILED: $1"
    return 1
  fi
}
export work
export -f look_at say
printf '%s\0' "$work/every_header.cpp" "${files[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'look_at "$1"' _ {}
