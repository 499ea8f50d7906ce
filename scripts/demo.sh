#!/usr/bin/env bash
# Installs what is missing, builds the examples, and shows networks that learn: logic gates, handwritten digits, and
# Fashion-MNIST where its images are installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_needed
install_wanted dataset-fashion-mnist

say "building the examples"
cmake --preset demo >/dev/null
cmake --build --preset demo
examples=$PWD/build/demo/examples
pictures=$PWD/build/demo/pictures
mkdir -p "$pictures"
cd "$pictures"  # examples write their pictures into the folder they are given, or else into the one they run in

show() {
  say "$1"
  "$examples/$1" "${@:2}"
}
show gates
show digits
if is_there dataset-fashion-mnist; then
  show fashion_mnist
else
  say "fashion_mnist: skipped; its images come with: sudo apt-get install -y dataset-fashion-mnist"
fi
say "drawing pictures"
for example in pictures activations gradient_descent regression vanishing_gradient; do
  "$examples/$example" "$pictures" >/dev/null
done

say "The pictures (SVG, open them in a browser) lie in $pictures:"
ls "$pictures"
