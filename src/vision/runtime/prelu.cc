#include "vision/runtime/prelu.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace rollcall::vision::runtime {
namespace {

// Numbers of fields as onnx.proto has them.
constexpr int kModelGraph = 7;
constexpr int kModelOperators = 8;
constexpr int kOperatorsDomain = 1;
constexpr int kOperatorsVersion = 2;
constexpr int kGraphNode = 1;
constexpr int kGraphInitializer = 5;
constexpr int kNodeInput = 1;
constexpr int kNodeOutput = 2;
constexpr int kNodeType = 4;
constexpr int kNodeDomain = 7;
constexpr int kTensorDims = 1;
constexpr int kTensorType = 2;
constexpr int kTensorFloats = 4;
constexpr int kTensorName = 8;
constexpr int kTensorRaw = 9;
constexpr int kTensorPlace = 14;  // Elsewhere: beside the file, where only its path leads.
constexpr std::uint64_t kFloat = 1;
constexpr std::uint64_t kBroadcasts = 7;  // Since this version a product extends its operands.

// How a field's value is written, as the encoding of Protocol Buffers has it.
enum class Wire : std::uint8_t { kVarint = 0, kEightBytes = 1, kBytes = 2, kFourBytes = 5 };

struct Field {
  int number = 0;
  Wire wire = Wire::kVarint;
  std::uint64_t varint = 0;
  std::string_view bytes;  // Of kBytes.
  std::string_view whole;  // With its tag.
};

// The fields of one message, in their order.
class Reader {
 public:
  explicit Reader(std::string_view message) : rest_(message) {}

  // Nothing at the end, or where this is no message.
  std::optional<Field> Next() {
    const std::string_view before = rest_;
    std::uint64_t tag = 0;
    if (rest_.empty() || !Varint(tag)) return std::nullopt;
    Field field{
        .number = static_cast<int>(tag >> 3), .wire = Wire(tag & 7), .bytes = {}, .whole = {}};
    std::uint64_t size = 0;
    switch (field.wire) {
      case Wire::kVarint:
        if (!Varint(field.varint)) return std::nullopt;
        break;
      case Wire::kEightBytes:
        size = 8;
        break;
      case Wire::kFourBytes:
        size = 4;
        break;
      case Wire::kBytes:
        if (!Varint(size)) return std::nullopt;
        break;
      default:
        return Bad();
    }
    if (size > rest_.size()) return Bad();
    field.bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    field.whole = before.substr(0, before.size() - rest_.size());
    return field;
  }

  bool is_bad() const { return is_bad_; }

 private:
  bool Varint(std::uint64_t& value) {
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return true;
    }
    Bad();
    return false;
  }

  std::optional<Field> Bad() {
    is_bad_ = true;
    return std::nullopt;
  }

  std::string_view rest_;
  bool is_bad_ = false;
};

void AppendVarint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void AppendNumber(int field, std::uint64_t value, std::string& out) {
  AppendVarint(static_cast<std::uint64_t>(field) << 3, out);
  AppendVarint(value, out);
}

void AppendBytes(int field, std::string_view bytes, std::string& out) {
  AppendVarint(static_cast<std::uint64_t>(field) << 3 | 2, out);
  AppendVarint(bytes.size(), out);
  out += bytes;
}

struct Constant {
  std::string dims;  // Fields of a tensor.
  std::vector<float> values;
};

// Nothing if its floats do not stand in it as bytes.
std::optional<Constant> ReadConstant(std::string_view tensor) {
  Constant constant;
  bool is_float = false;
  Reader fields(tensor);
  while (const auto field = fields.Next()) {
    if (field->number == kTensorDims) constant.dims += field->whole;
    if (field->number == kTensorType) is_float = field->varint == kFloat;
    const bool is_data = field->number == kTensorFloats || field->number == kTensorRaw;
    if (!is_data || field->wire != Wire::kBytes || field->bytes.empty()) continue;
    constant.values.resize(field->bytes.size() / sizeof(float));
    std::memcpy(constant.values.data(), field->bytes.data(),
                constant.values.size() * sizeof(float));
  }
  if (!is_float || constant.values.empty()) return std::nullopt;
  return constant;
}

void AppendConstant(std::string_view name, const Constant& like, std::vector<float> values,
                    std::string& graph) {
  std::string tensor = like.dims;
  AppendNumber(kTensorType, kFloat, tensor);
  AppendBytes(kTensorName, name, tensor);
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  AppendBytes(kTensorRaw, {bytes, values.size() * sizeof(float)}, tensor);
  AppendBytes(kGraphInitializer, tensor, graph);
}

void AppendNode(std::string_view type, const std::vector<std::string_view>& inputs,
                std::string_view output, std::string& graph) {
  std::string node;
  for (const std::string_view input : inputs) AppendBytes(kNodeInput, input, node);
  AppendBytes(kNodeOutput, output, node);
  AppendBytes(kNodeType, type, node);
  AppendBytes(kGraphNode, node, graph);
}

struct PRelu {
  std::string_view x;
  std::string_view slope;
  std::string_view y;
};

std::optional<PRelu> ReadPRelu(std::string_view node) {
  std::vector<std::string_view> inputs;
  PRelu found;
  bool is_prelu = false;
  Reader fields(node);
  while (const auto field = fields.Next()) {
    if (field->number == kNodeInput) inputs.push_back(field->bytes);
    if (field->number == kNodeOutput) found.y = field->bytes;
    if (field->number == kNodeType) is_prelu = field->bytes == "PRelu";
    if (field->number == kNodeDomain && !field->bytes.empty()) return std::nullopt;
  }
  if (fields.is_bad() || !is_prelu || inputs.size() != 2) return std::nullopt;
  found.x = inputs[0];
  found.slope = inputs[1];
  return found;
}

using Tensors = std::map<std::string_view, std::string_view>;  // By name.

// Nothing if one of them is elsewhere.
std::optional<Tensors> ReadTensors(std::string_view graph) {
  Tensors tensors;
  Reader fields(graph);
  while (const auto field = fields.Next()) {
    if (field->number != kGraphInitializer) continue;
    Reader parts(field->bytes);
    while (const auto part = parts.Next()) {
      if (part->number == kTensorName) tensors[part->bytes] = field->bytes;
      if (part->number == kTensorPlace && part->varint != 0) return std::nullopt;
    }
    if (parts.is_bad()) return std::nullopt;
  }
  if (fields.is_bad()) return std::nullopt;
  return tensors;
}

// Every step is one that ONNX Runtime does in the layout of its convolutions.
void AppendReplacement(const PRelu& prelu, const Constant& slope, std::string& graph) {
  const std::string name(prelu.y);
  std::vector<float> negated = slope.values;
  for (float& value : negated) value = -value;
  AppendConstant(name + "/minus_one", slope, std::vector<float>(negated.size(), -1), graph);
  AppendConstant(name + "/minus_slope", slope, std::move(negated), graph);
  AppendNode("Relu", {prelu.x}, name + "/above", graph);
  AppendNode("Mul", {prelu.x, name + "/minus_one"}, name + "/minus_x", graph);
  AppendNode("Relu", {name + "/minus_x"}, name + "/below", graph);
  AppendNode("Mul", {name + "/below", name + "/minus_slope"}, name + "/scaled", graph);
  AppendNode("Add", {name + "/above", name + "/scaled"}, prelu.y, graph);
}

// Nothing if there is none.
std::optional<std::string> ReplaceIn(std::string_view graph) {
  const auto tensors = ReadTensors(graph);
  if (!tensors) return std::nullopt;
  bool is_changed = false;
  std::string replaced;
  Reader fields(graph);
  while (const auto field = fields.Next()) {
    const auto prelu = field->number == kGraphNode ? ReadPRelu(field->bytes) : std::nullopt;
    const auto found = prelu ? tensors->find(prelu->slope) : tensors->end();
    const auto slope = found == tensors->end() ? std::nullopt : ReadConstant(found->second);
    if (!slope) {
      replaced += field->whole;
      continue;
    }
    AppendReplacement(*prelu, *slope, replaced);
    is_changed = true;
  }
  return is_changed ? std::optional(std::move(replaced)) : std::nullopt;
}

// Of ONNX's own operators, not of somebody's.
std::uint64_t VersionOf(std::string_view operators) {
  std::uint64_t version = 0;
  Reader fields(operators);
  while (const auto field = fields.Next()) {
    if (field->number == kOperatorsDomain && !field->bytes.empty()) return 0;
    if (field->number == kOperatorsVersion) version = field->varint;
  }
  return version;
}

}  // namespace

std::optional<std::string> ReplacePRelu(std::string_view model) {
  bool is_changed = false;
  std::uint64_t version = 0;
  std::string replaced;
  Reader fields(model);
  while (const auto field = fields.Next()) {
    if (field->number == kModelOperators) version = std::max(version, VersionOf(field->bytes));
    const auto graph = field->number == kModelGraph ? ReplaceIn(field->bytes) : std::nullopt;
    if (graph) {
      AppendBytes(kModelGraph, *graph, replaced);
      is_changed = true;
    } else {
      replaced += field->whole;
    }
  }
  if (fields.is_bad() || !is_changed || version < kBroadcasts) return std::nullopt;
  return replaced;
}

}  // namespace rollcall::vision::runtime
