// The libraries eigengrad::compiled and eigengrad::development (see eigengrad/compiled/compiled.hpp).
#include <eigengrad/eigengrad.hpp>

namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_ALL()
}}  // namespace eigengrad::EIGENGRAD_ABI
