#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::vision::runtime {

// Builds a small network and writes it as an ONNX file, so that tests need no model from elsewhere.
// 32-bit floats, operator set 13.
class OnnxGraph {
 public:
  using Shape = std::vector<std::int64_t>;

  // -1 in a shape: any size.
  OnnxGraph& Input(std::string_view name, const Shape& shape);
  OnnxGraph& Output(std::string_view name, const Shape& shape);
  OnnxGraph& Constant(std::string_view name, const Shape& shape, const std::vector<float>& values);
  OnnxGraph& Node(std::string_view type, const std::vector<std::string>& inputs,
                  std::string_view output);
  // ReduceMean over everything: a scalar.
  OnnxGraph& MeanOfAll(std::string_view input, std::string_view output);

  std::string Bytes() const;
  void Write(const std::filesystem::path& path) const;

 private:
  OnnxGraph& AddNode(std::string_view type, const std::vector<std::string>& inputs,
                     std::string_view output, std::string_view attributes);

  std::string parts_;  // Fields of GraphProto.
};

}  // namespace rollcall::vision::runtime
