#!/usr/bin/env bash
# Builds and runs the XOR example over compilers, Eigen versions, language standards and optimisation levels: not every
# combination, but a set in which each pair that has broken libraries like this one meets. Warnings are errors, ours included.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

install_needed libgtest-dev
install_wanted clang python3-pip

work=build/matrix
mkdir -p "$work"
source=examples/xor.cpp
[ -e "$source" ] || source=tests/packaging/consumer/version.cpp
eigen3=${EIGENGRAD_EIGEN_INCLUDE_DIR:-/usr/include/eigen3}
eigen5=$work/eigen5/eigency/eigen

# Eigen 5's headers, from a package on PyPI that carries them.
if [ ! -e "$eigen5/Eigen/Core" ]; then
  say "fetching the headers of Eigen 5"
  if python3 -m pip download --quiet --disable-pip-version-check --retries 1 --timeout 20 --no-deps \
       --only-binary=:all: --dest "$work/wheel" 'eigency>=5,<6' </dev/null; then
    python3 -m zipfile -e "$work"/wheel/eigency-5*.whl "$work/eigen5"
  else
    say "skipped: the builds with Eigen 5, as PyPI gave no package eigency"
  fi
fi

# in_turn <function> <word> ...: notes a call; call_all makes all calls noted, as many at a time as there are processors.
calls=()
in_turn() { calls+=("$(printf '%q ' "$@")"); }
call_all() {
  printf '%s\0' "${calls[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c '{}'
  calls=()
}
# report <status> <what was tried>
report() {
  if [ "$1" = 0 ]; then say "ok: $2"; else say "FAILED: $2"; echo "$2" >>"$work/failed"; fi
}

# build_one <compiler> <Eigen's folder> <flags> ...
build_one() {
  local compiler=$1 eigen=$2 started=$SECONDS status=0 program
  shift 2
  if ! command -v "$compiler" >/dev/null; then say "skipped: there is no $compiler ($*)"; return; fi
  if [ ! -e "$eigen/Eigen/Core" ]; then say "skipped: there is no $eigen ($compiler $*)"; return; fi
  program=$(mktemp -p "$work" --suffix=.program)
  { "$compiler" "$@" -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror -Iinclude -isystem "$eigen" "$source" \
      -o "$program" && "$program" >"$program.output"; } || status=1
  report "$status" "$compiler $* ($eigen, $((SECONDS - started)) s)"
}

# Initial parameters are the same bits whichever compiler and flags: C++ leaves the order of arguments to the compiler.
draw_parameters() {
  local status=0 program
  command -v "$1" >/dev/null || return 0
  program=$(mktemp -p "$work" --suffix=.parameters)
  { "$@" -std=c++20 -Iinclude -isystem "$eigen3" tests/packaging/initial_parameters.cpp -o "$program" &&
      "$program" >"$program.numbers"; } || status=1
  report "$status" "initial parameters by $*"
}

# Flags that loosen the rules of floating-point arithmetic: right results, or a refusal. g++'s are a test of the suite, but
# for -m32, which needs a package.
float_flags() {
  local status=0
  command -v "$1" >/dev/null || return 0
  cmake -D CASE=float_flags -D SOURCE_DIR="$PWD" -D WORK_DIR="$PWD/$work/$1" -D COMPILER="$1" -D EIGEN_DIR="$eigen3" \
    -D ONLY="$2" -P tests/packaging/run.cmake || status=1
  report "$status" "$1 under flags that loosen arithmetic"
}

# An example as clang sees it.
check_example() {
  local status=0
  command -v clang++ >/dev/null || return 0
  clang++ -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror -DEIGENGRAD_DATA_DIR='"data"' \
    -Iinclude -isystem "$eigen3" "$1" || status=1
  report "$status" "clang++ on $1"
}

# Every header together, as clang sees them without a sanitizer (the preset dev builds all tests by clang).
check_headers() {
  local status=0
  command -v clang++ >/dev/null || return 0
  clang++ -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror \
    -Iinclude -isystem "$eigen3" "$work/every_header.cpp" || status=1
  report "$status" "clang++ on every header"
}

# What g++ compiles otherwise under -fsanitize=undefined, which takes fewer addresses for constants: the compiled library's
# instantiations, every header, all layers and losses. (The preset dev runs the tests under clang's sanitizers.)
check_undefined() {
  local status=0
  "${CXX:-g++}" -std=c++20 -fsyntax-only -fsanitize=undefined -Iinclude -Itests -isystem "$eigen3" "$1" || status=1
  report "$status" "${CXX:-g++} -fsanitize=undefined on $1"
}

# Reads of uninitialised memory, which the sanitizers of g++ do not see.
check_memory() {
  local status=0
  command -v valgrind >/dev/null || return 0
  { "${CXX:-g++}" -std=c++20 -O1 -g -Iinclude -isystem "$eigen3" "$source" -o "$work/checked" &&
      valgrind --quiet --error-exitcode=1 --leak-check=full "$work/checked" >"$work/checked.output"; } || status=1
  report "$status" "valgrind"
}

install_wanted g++-multilib
headers=$(find include/eigengrad -name '*.hpp' -printf '#include <eigengrad/%P>\n' | sort)
has_header zlib.h || headers=$(grep -vE '(gzip|_gz|fashion_mnist)[.]hpp' <<<"$headers")
echo "$headers" >"$work/every_header.cpp"
rm -rf "$work"/failed "$work"/*.program* "$work"/*.parameters*
export work source eigen3 eigen5
export -f say report build_one draw_parameters float_flags check_example check_headers check_undefined check_memory

in_turn float_flags clang++ .
in_turn float_flags "${CXX:-g++}" m32
in_turn build_one "${CXX:-g++}" "$eigen3" -std=c++20 -O0
in_turn build_one "${CXX:-g++}" "$eigen3" -std=c++2b -O3 -march=native -DNDEBUG
in_turn build_one "${CXX:-g++}" "$eigen5" -std=c++20 -O2 -fno-rtti
in_turn build_one "${CXX:-g++}" "$eigen3" -std=c++20 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
in_turn build_one clang++ "$eigen3" -std=c++20 -O2 -DEIGEN_NO_DEBUG
in_turn build_one clang++ "$eigen5" -std=c++2b -O3 -march=native
in_turn build_one clang++ "$eigen3" -std=c++20 -O0 -DEIGEN_MAX_ALIGN_BYTES=0
in_turn build_one clang++-19 "$eigen5" -std=c++20 -O3 -march=native -DNDEBUG
in_turn build_one clang++-19 "$eigen3" -std=c++2b -O0
in_turn check_memory
in_turn check_headers
examples=(examples/*.cpp)
has_header zlib.h || mapfile -t examples < <(grep -LE '(gzip|_gz|fashion_mnist)[.]hpp' examples/*.cpp)
for unit in "${examples[@]}"; do in_turn check_example "$unit"; done
# Of the tests those that compare with nothing stored: they have every layer and loss once.
mapfile -t layers < <(grep -L 'support/fixture.hpp' tests/nn/*.cpp)
for unit in src/compiled.cpp "$work/every_header.cpp" "${layers[@]}"; do in_turn check_undefined "$unit"; done
in_turn draw_parameters "${CXX:-g++}" -O0
in_turn draw_parameters "${CXX:-g++}" -O3 -march=native
in_turn draw_parameters clang++ -O0
in_turn draw_parameters clang++ -O3 -march=native
in_turn draw_parameters clang++-19 -O2
call_all

drawn=("$work"/*.parameters.numbers)
for other in "${drawn[@]:1}"; do cmp "${drawn[0]}" "$other" || report 1 "initial parameters, which differ"; done

if [ -e "$work/failed" ]; then
  say "$(wc -l <"$work/failed") of the builds failed"
  exit 1
fi
say "all builds passed"
