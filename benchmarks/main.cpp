#include <Eigen/Core>

#include "ways.hpp"
#if __has_include(<eigengrad/core/threads.hpp>)
#include <eigengrad/core/threads.hpp>
#endif
#if __has_include(<eigengrad/build_info.hpp>)
#include <eigengrad/build_info.hpp>
#endif
#include <eigengrad/version.hpp>

// eigengrad and Eigen by hand, in one program.
static void set_threads(int count) {
  Eigen::setNbThreads(count);
#if __has_include(<eigengrad/core/threads.hpp>)
  eigengrad::set_num_threads(count);
#endif
}

static std::string about() {
  std::ostringstream text;
  text << "eigengrad " << EIGENGRAD_VERSION_MAJOR << '.' << EIGENGRAD_VERSION_MINOR << '.' << EIGENGRAD_VERSION_PATCH;
#if __has_include(<eigengrad/build_info.hpp>)
  text << " (" << eigengrad::build_info() << ')';
#endif
  text << ", Eigen " << EIGEN_WORLD_VERSION << '.' << EIGEN_MAJOR_VERSION << '.' << EIGEN_MINOR_VERSION << " ("
       << Eigen::SimdInstructionSetsInUse() << "), " EIGENGRAD_BENCHMARK_COMPILER ", " EIGENGRAD_BENCHMARK_FLAGS;
  return text.str();
}

int main(int argc, char** argv) {
  Program program{about(), set_threads, {"eigengrad", "replayed", "by hand"}, network_works()};
  program.kinds.merge(tensor_works());
  program.kinds.merge(layer_works());
  program.kinds.merge(machine_works());
  return run(program, argc, argv);
}
