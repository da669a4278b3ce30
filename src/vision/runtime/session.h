#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rollcall::vision::runtime {

// A named float tensor that somebody else owns, row-major.
struct TensorView {
  std::string_view name;
  std::vector<std::int64_t> shape;
  std::span<const float> values;
};

// An input or output as the model file declares it.
struct Port {
  std::string name;
  std::vector<std::int64_t> shape;  // -1 where the model takes any size.
  bool is_float = false;
};

// Execution providers of the linked ONNX Runtime by their setting names: "cpu", "cuda", …
std::vector<std::string> AvailableProviders();

// ERR_PROVIDER_MISSING unless it is one of them. Whether its device is there shows only when a
// session is made.
base::Result<void> CheckProvider(const std::string& provider);

// Version of the ONNX Runtime that really runs: "1.29.0".
std::string RuntimeVersion();

// One loaded network on one execution provider; the only user of ONNX Runtime.
//
// Denormal numbers count as zero (some weights hold them, and they cost a factor of seven), threads
// do not spin, operators run one after another and deterministically: the same input gives the
// same bits on the same machine.
//
// Not thread-safe: one per thread.
class Session {
 public:
  struct Options {
    std::string provider = "cpu";
    int threads = 1;  // Intra-op; at least 1.
  };

  // ERR_MODEL_MISSING (no such file), ERR_MODEL_ALTERED (not a network that can be run),
  // ERR_PROVIDER_MISSING (not in this ONNX Runtime, its device or library is not there, or it took
  // no part of this network): never another provider instead. ERR_BAD_PARAMS (threads).
  static base::Result<std::unique_ptr<Session>> Create(const std::filesystem::path& model,
                                                       const Options& options);
  virtual ~Session() = default;

  virtual const std::vector<Port>& inputs() const = 0;
  virtual const std::vector<Port>& outputs() const = 0;
  // The provider that computes, by its setting name, as the runtime itself reports it.
  virtual const std::string& provider() const = 0;
  // Operators on that provider, and operators that it left to the CPU (0 for "cpu").
  virtual int provider_operators() const = 0;
  virtual int cpu_operators() const = 0;

  // Runs the network once and gives the outputs called `wanted` (all, in the model's order, if
  // empty). Nothing is copied: inputs are read in place, outputs live until the next Run.
  // ERR_MODEL_ALTERED for names, shapes or element types that the model does not have.
  virtual base::Result<std::vector<TensorView>> Run(std::span<const TensorView> inputs,
                                                    std::span<const std::string> wanted) = 0;
};

}  // namespace rollcall::vision::runtime
