#!/usr/bin/env bash
# Builds and runs the XOR example over compilers, Eigen versions, language standards and optimisation levels: not every
# combination, but a set in which each pair that has broken libraries like this one meets. Warnings are errors, ours included.
set -euo pipefail
cd "$(dirname "$0")/.."
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

failures=0
# build_one <compiler> <Eigen's folder> <flags> ...
build_one() {
  local compiler=$1 eigen=$2 started
  shift 2
  if ! command -v "$compiler" >/dev/null; then say "skipped: there is no $compiler ($*)"; return; fi
  if [ ! -e "$eigen/Eigen/Core" ]; then say "skipped: there is no $eigen ($compiler $*)"; return; fi
  started=$SECONDS
  if "$compiler" "$@" -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror -Iinclude -isystem "$eigen" "$source" \
       -o "$work/program" && "$work/program" >"$work/output"; then
    say "ok: $compiler $* ($eigen, $((SECONDS - started)) s)"
  else
    say "FAILED: $compiler $* ($eigen)"
    failures=$((failures + 1))
  fi
}

build_one "${CXX:-g++}" "$eigen3" -std=c++20 -O0
build_one "${CXX:-g++}" "$eigen3" -std=c++2b -O3 -march=native -DNDEBUG
build_one "${CXX:-g++}" "$eigen5" -std=c++20 -O2 -fno-rtti
build_one "${CXX:-g++}" "$eigen3" -std=c++20 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
build_one clang++ "$eigen3" -std=c++20 -O2 -DEIGEN_NO_DEBUG
build_one clang++ "$eigen5" -std=c++2b -O3 -march=native
build_one clang++ "$eigen3" -std=c++20 -O0 -DEIGEN_MAX_ALIGN_BYTES=0
build_one clang++-19 "$eigen5" -std=c++20 -O3 -march=native -DNDEBUG
build_one clang++-19 "$eigen3" -std=c++2b -O0

# Initial parameters are the same bits whichever compiler and flags: C++ leaves the order of arguments to the compiler.
: >"$work/parameters"
for build in "${CXX:-g++} -O0" "${CXX:-g++} -O3 -march=native" "clang++ -O0" "clang++ -O3 -march=native" "clang++-19 -O2"; do
  read -ra command <<<"$build"
  command -v "${command[0]}" >/dev/null || continue
  if "${command[@]}" -std=c++20 -Iinclude -isystem "$eigen3" tests/packaging/initial_parameters.cpp -o "$work/program" \
       && "$work/program" >"$work/output" && { [ -s "$work/parameters" ] || cp "$work/output" "$work/parameters"; } \
       && cmp "$work/output" "$work/parameters"; then
    say "ok: initial parameters by $build"
  else
    say "FAILED: initial parameters by $build"
    failures=$((failures + 1))
  fi
done
# Flags that loosen the rules of floating-point arithmetic: right results, or a refusal. Plain -m32 is one of them.
install_wanted g++-multilib
for compiler in "${CXX:-g++}" clang++; do
  if ! command -v "$compiler" >/dev/null; then continue; fi
  if cmake -D CASE=float_flags -D SOURCE_DIR="$PWD" -D WORK_DIR="$PWD/$work" -D COMPILER="$compiler" \
       -D EIGEN_DIR="$eigen3" -P tests/packaging/run.cmake; then
    say "ok: $compiler under flags that loosen arithmetic"
  else
    say "FAILED: $compiler under flags that loosen arithmetic"
    failures=$((failures + 1))
  fi
done

# Every header together, as clang sees them without a sanitizer (the preset dev builds all tests and examples by clang).
headers=$(find include/eigengrad -name '*.hpp' -printf '#include <eigengrad/%P>\n' | sort)
has_header zlib.h || headers=$(grep -v '/io/' <<<"$headers")
echo "$headers" >"$work/every_header.cpp"
if command -v clang++ >/dev/null; then
  if clang++ -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror \
       -Iinclude -isystem "$eigen3" "$work/every_header.cpp"; then
    say "ok: clang++ on every header"
  else
    say "FAILED: clang++ on every header"
    failures=$((failures + 1))
  fi
fi

# What g++ compiles otherwise under -fsanitize=undefined, which takes fewer addresses for constants: the compiled library's
# instantiations, every header, all layers and losses. (The preset dev runs the tests under clang's sanitizers.)
failed=""
for unit in src/compiled.cpp "$work/every_header.cpp" tests/nn/*.cpp; do
  "${CXX:-g++}" -std=c++20 -fsyntax-only -fsanitize=undefined -Iinclude -Itests -isystem "$eigen3" "$unit" || failed+=" $unit"
done
if [ -z "$failed" ]; then
  say "ok: ${CXX:-g++} -fsanitize=undefined on headers and layers"
else
  say "FAILED: ${CXX:-g++} -fsanitize=undefined on$failed"
  failures=$((failures + 1))
fi

# Reads of uninitialised memory, which the sanitizers of g++ do not see.
if command -v valgrind >/dev/null; then
  "${CXX:-g++}" -std=c++20 -O1 -g -Iinclude -isystem "$eigen3" "$source" -o "$work/program"
  if valgrind --quiet --error-exitcode=1 --leak-check=full "$work/program" >"$work/output"; then
    say "ok: valgrind"
  else
    say "FAILED: valgrind"
    failures=$((failures + 1))
  fi
fi

if [ "$failures" -ne 0 ]; then
  say "$failures of the builds failed"
  exit 1
fi
say "all builds passed"
