#include "worker/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "domain/reasons.h"

namespace rollcall::worker {
namespace {

using base::Json;

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHeadBytes = 6;  // Version, type, length of the JSON.

struct TypeName {
  FrameType type;
  std::string_view name;
};

constexpr std::array<TypeName, 13> kTypeNames{{
    {FrameType::kHello, "hello"},
    {FrameType::kPulse, "pulse"},
    {FrameType::kPhase, "phase"},
    {FrameType::kProgress, "progress"},
    {FrameType::kLog, "log"},
    {FrameType::kSegmentReady, "segment_ready"},
    {FrameType::kDone, "done"},
    {FrameType::kSegmentBegun, "segment_begun"},
    {FrameType::kAssignSegment, "assign_segment"},
    {FrameType::kAssign, "assign"},
    {FrameType::kSegmentAck, "segment_ack"},
    {FrameType::kCancel, "cancel"},
    {FrameType::kDrain, "drain"},
}};

base::Error ProtocolError(std::string message) {
  return domain::MakeError(domain::reason::kProtocol, std::move(message));
}

void AppendU32(std::string& out, std::size_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out += static_cast<char>(static_cast<unsigned char>((value >> shift) & 0xff));
  }
}

std::size_t ReadU32(std::string_view bytes) {
  std::size_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

// How deep arrays and objects stand in one another: dumping a document recurses once per level, so
// the other side must not choose how deep.
int NestingDepth(std::string_view json) {
  int depth = 0;
  int deepest = 0;
  bool is_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (is_text) {
      if (c == '\\') ++i;
      if (c == '"') is_text = false;
    } else if (c == '"') {
      is_text = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

std::optional<std::string_view> FrameTypeName(std::uint8_t type) {
  for (const TypeName& known : kTypeNames) {
    if (static_cast<std::uint8_t>(known.type) == type) return known.name;
  }
  return std::nullopt;
}

base::Result<std::string> EncodeFrame(const Frame& frame) {
  const std::string json = frame.body.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::size_t length = kHeadBytes + json.size() + frame.attachment.size();
  if (length > kFrameBytesMax) {
    return ProtocolError(fmt::format("a {} frame of {} bytes is longer than {}",
                                     FrameTypeName(static_cast<std::uint8_t>(frame.type)).value(),
                                     length, kFrameBytesMax));
  }
  std::string bytes;
  bytes.reserve(kLengthBytes + length);
  AppendU32(bytes, length);
  bytes += static_cast<char>(kFrameVersion);
  bytes += static_cast<char>(frame.type);
  AppendU32(bytes, json.size());
  bytes += json;
  bytes += frame.attachment;
  return bytes;
}

base::Error FrameReader::Broken(std::string_view why) {
  error_ = ProtocolError(fmt::format("the worker protocol is broken: {}", why));
  buffer_.clear();
  consumed_ = 0;
  return *error_;
}

base::Result<std::vector<Frame>> FrameReader::Feed(std::string_view bytes) {
  if (error_) return *error_;
  buffer_.append(bytes);
  std::vector<Frame> frames;
  while (true) {
    ROLLCALL_TRY_ASSIGN(auto frame, Next());
    if (!frame) break;
    frames.push_back(*std::move(frame));
  }
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  return frames;
}

base::Result<std::optional<Frame>> FrameReader::Next() {
  const std::string_view rest = std::string_view(buffer_).substr(consumed_);
  if (rest.size() < kLengthBytes) return std::optional<Frame>{};
  const std::size_t length = ReadU32(rest);
  if (length > kFrameBytesMax) return Broken(fmt::format("a frame of {} bytes", length));
  if (length < kHeadBytes) return Broken(fmt::format("a frame of only {} bytes", length));
  if (rest.size() < kLengthBytes + length) return std::optional<Frame>{};

  const std::string_view content = rest.substr(kLengthBytes, length);
  const auto version = static_cast<std::uint8_t>(content[0]);
  if (version != kFrameVersion) return Broken(fmt::format("version {}", version));
  const auto type = static_cast<std::uint8_t>(content[1]);
  if (!FrameTypeName(type)) return Broken(fmt::format("a frame of type {}", type));
  const std::size_t json_length = ReadU32(content.substr(2));
  if (json_length > length - kHeadBytes) return Broken("the JSON is longer than its frame");

  const std::string_view json = content.substr(kHeadBytes, json_length);
  if (NestingDepth(json) > kFrameNestingMax) return Broken("the JSON is nested too deep");
  Frame frame{.type = static_cast<FrameType>(type),
              .body = Json::parse(json, nullptr, /*allow_exceptions=*/false),
              .attachment = std::string(content.substr(kHeadBytes + json_length))};
  if (!frame.body.is_object()) return Broken("the JSON is no object");
  consumed_ += kLengthBytes + length;
  return std::optional<Frame>(std::move(frame));
}

base::Result<void> FrameReader::Finish() const {
  if (error_) return *error_;
  if (!buffer_.empty()) {
    return ProtocolError(
        fmt::format("the stream ended in the middle of a frame, after {} bytes", buffer_.size()));
  }
  return {};
}

}  // namespace rollcall::worker
