// The libraries eigengrad::compiled and eigengrad::development (see eigengrad/compiled/compiled.hpp).
#include <eigengrad/eigengrad.hpp>

namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_FOR(, float)
EIGENGRAD_COMPILED_FOR(, double)
EIGENGRAD_COMPILED_ONCE()
EIGENGRAD_COMPILED_OPERATIONS(, float)
EIGENGRAD_COMPILED_OPERATIONS(, double)
#if defined(EIGENGRAD_DEVELOPMENT)
EIGENGRAD_COMPILED_BLOCKS(, float)
EIGENGRAD_COMPILED_BLOCKS(, double)
#endif
}}  // namespace eigengrad::EIGENGRAD_ABI
