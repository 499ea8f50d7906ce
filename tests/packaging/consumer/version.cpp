#include <cstdio>

#include <eigengrad/version.hpp>

int main() {
  std::printf("eigengrad %d.%d.%d\n", EIGENGRAD_VERSION_MAJOR, EIGENGRAD_VERSION_MINOR, EIGENGRAD_VERSION_PATCH);
}
