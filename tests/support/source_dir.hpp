#pragma once

#include <string>

namespace support {

/// The project's folder. (A function, as only the file that has it need be compiled anew in another folder.)
std::string source_dir();

}  // namespace support
