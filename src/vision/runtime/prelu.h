#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rollcall::vision::runtime {

// The network with max(x, 0) + max(-x, 0) * -slope in the place of PRelu(x, slope), wherever the
// slopes are constants that stand in the file. The results are the same numbers, as one of the
// terms is always zero (a zero may have the other sign). ONNX Runtime's own kernel takes one
// element after another on a CPU, with a branch for each, and wants another layout than the
// convolutions around it: half the time of a face embedding. Nothing, if there is none in `model`
// or if it is no ONNX file.
std::optional<std::string> ReplacePRelu(std::string_view model);

}  // namespace rollcall::vision::runtime
