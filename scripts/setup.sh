# shellcheck shell=bash
# Sourced by the other scripts: installs what is missing on Debian and Ubuntu, asking nothing.
#   install_needed [package ...]   what a build needs, and the packages named; stops when it cannot be had
#   install_wanted <package> ...   what is only good to have; says so when it cannot be had, and goes on

say() { printf '%s\n' "== $*"; }

# has_header <header> [compiler flags]
has_header() {
  local header=$1
  shift
  command -v g++ >/dev/null && printf '#include <%s>\n' "$header" | g++ -std=c++20 "$@" -E -x c++ - >/dev/null 2>&1
}

# Whether clang++ can link its libFuzzer.
has_libfuzzer() {
  local program
  program=$(mktemp) || return 1
  printf 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }\n' |
    clang++ -fsanitize=fuzzer,address -x c++ - -o "$program" >/dev/null 2>&1
  local status=$?
  rm -f "$program"
  return "$status"
}

# is_there <package>: asks for what the package brings, so that what was installed by other means counts too.
is_there() {
  case $1 in
    ninja-build) command -v ninja >/dev/null ;;
    libeigen3-dev) has_header Eigen/Core -I/usr/include/eigen3 -I/usr/local/include/eigen3 ;;
    libgtest-dev) has_header gtest/gtest.h ;;
    libclang-rt-*-dev) has_libfuzzer ;;
    zlib1g-dev) has_header zlib.h ;;
    rapidjson-dev) has_header rapidjson/reader.h ;;
    dataset-fashion-mnist) [ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] ;;
    g++-multilib) has_header vector -m32 ;;
    python3-pip) python3 -m pip --version >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing_of() {
  local package
  for package in "$@"; do is_there "$package" || printf '%s ' "$package"; done
}

# as_root <command> ...: fails where there is neither root nor a sudo that asks nothing.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    DEBIAN_FRONTEND=noninteractive "$@" </dev/null
  else
    command -v sudo >/dev/null && sudo -n env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
  fi
}

# apt_install <package> ...: refreshes the package lists only where installing fails without.
apt_install() {
  command -v apt-get >/dev/null || return 1
  as_root apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 && return
  as_root apt-get update >/dev/null 2>&1 && as_root apt-get install -y --no-install-recommends "$@" >/dev/null
}

install_needed() {
  local packages missing
  packages=(g++ cmake ninja-build libeigen3-dev zlib1g-dev "$@")
  missing=$(missing_of "${packages[@]}")
  if [ -n "$missing" ]; then
    say "installing: $missing"
    # shellcheck disable=SC2086  # a list of words
    apt_install $missing || true
    missing=$(missing_of "${packages[@]}")
  fi
  if [ -n "$missing" ]; then
    printf 'These are missing and could not be installed from here: %s\n' "$missing" >&2
    printf 'Please run this line, then this script again:\n\n    sudo apt-get update && sudo apt-get install -y %s\n\n' \
      "${missing% }" >&2
    exit 1
  fi
  use_new_enough_compiler
}

# C++20 needs g++ 12; Ubuntu 22.04 has 11 as g++ and offers 12 beside it.
use_new_enough_compiler() {
  if [ -n "${CXX:-}" ] || [ "$(g++ -dumpversion | cut -d. -f1)" -ge 12 ]; then return; fi
  command -v g++-12 >/dev/null || apt_install g++-12 || true
  if ! command -v g++-12 >/dev/null; then
    printf 'eigengrad needs g++ 12 or newer, or clang 14 or newer. Please run: sudo apt-get install -y g++-12\n' >&2
    exit 1
  fi
  export CXX=g++-12
}

install_wanted() {
  local package
  for package in $(missing_of "$@"); do
    say "installing: $package (optional)"
    apt_install "$package" || true
    is_there "$package" || say "no $package: it could not be installed, so what needs it is skipped"
  done
}
