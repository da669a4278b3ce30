#include "vision/runtime/testing/onnx_graph.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace rollcall::vision::runtime {
namespace {

// Protocol buffers: https://protobuf.dev/programming-guides/encoding. Field numbers: onnx.proto3.
std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7F));
  bytes += static_cast<char>(value);
  return bytes;
}

std::string Number(std::uint64_t field, std::uint64_t value) {
  return Varint(field << 3) + Varint(value);
}

std::string Message(std::uint64_t field, std::string_view body) {
  return Varint(field << 3 | 2) + Varint(body.size()) + std::string(body);
}

constexpr std::uint64_t kFloat = 1;

std::string ValueInfo(std::uint64_t field, std::string_view name, const OnnxGraph::Shape& shape) {
  std::string dimensions;
  for (const std::int64_t size : shape) {
    dimensions +=
        Message(1, size < 0 ? Message(2, "any") : Number(1, static_cast<std::uint64_t>(size)));
  }
  const std::string tensor = Number(1, kFloat) + Message(2, dimensions);
  return Message(field, Message(1, name) + Message(2, Message(1, tensor)));
}

}  // namespace

OnnxGraph& OnnxGraph::Input(std::string_view name, const Shape& shape) {
  parts_ += ValueInfo(11, name, shape);
  return *this;
}

OnnxGraph& OnnxGraph::Output(std::string_view name, const Shape& shape) {
  parts_ += ValueInfo(12, name, shape);
  return *this;
}

OnnxGraph& OnnxGraph::Constant(std::string_view name, const Shape& shape,
                               const std::vector<float>& values) {
  std::string tensor;
  for (const std::int64_t size : shape) tensor += Number(1, static_cast<std::uint64_t>(size));
  tensor += Number(2, kFloat) + Message(8, name);
  tensor += Message(9, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
  parts_ += Message(5, tensor);
  return *this;
}

OnnxGraph& OnnxGraph::AddNode(std::string_view type, const std::vector<std::string>& inputs,
                              std::string_view output, std::string_view attributes) {
  std::string node;
  for (const std::string& input : inputs) node += Message(1, input);
  node += Message(2, output) + Message(4, type) + std::string(attributes);
  parts_ += Message(1, node);
  return *this;
}

OnnxGraph& OnnxGraph::Node(std::string_view type, const std::vector<std::string>& inputs,
                           std::string_view output) {
  return AddNode(type, inputs, output, "");
}

OnnxGraph& OnnxGraph::MeanOfAll(std::string_view input, std::string_view output) {
  constexpr std::uint64_t kAttributeInt = 2;
  const std::string keep_dims = Message(1, "keepdims") + Number(3, 0) + Number(20, kAttributeInt);
  return AddNode("ReduceMean", {std::string(input)}, output, Message(5, keep_dims));
}

std::string OnnxGraph::Bytes() const {
  return Number(1, 7) + Message(2, "test") + Message(7, parts_ + Message(2, "graph")) +
         Message(8, Message(1, "") + Number(2, 13));
}

void OnnxGraph::Write(const std::filesystem::path& path) const {
  const auto written = base::WriteFileAtomic(path, Bytes());
  ASSERT_TRUE(written.ok()) << written.error().ToString();
}

}  // namespace rollcall::vision::runtime
