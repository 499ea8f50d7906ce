// The shipped data sets are there, whatever the way in which the library came, and wherever the program runs.
#include <cstdio>

#include <eigengrad/data/datasets.hpp>

namespace eg = eigengrad;

int main() {
  std::printf("in %s\n", eg::data_directory().c_str());
  return eg::load_iris<float>().size() == 150 && eg::load_wine<float>().size() == 178 &&
                 eg::load_digits<double>().size() == 1797 && eg::load_breast_cancer<float>().size() == 569
             ? 0
             : 1;
}
