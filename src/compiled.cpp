// The library eigengrad::compiled (see eigengrad/compiled/compiled.hpp).
#include <eigengrad/eigengrad.hpp>

namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_FOR(, float)
EIGENGRAD_COMPILED_FOR(, double)
}}  // namespace eigengrad::EIGENGRAD_ABI
