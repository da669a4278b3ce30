#include "base/shown_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace rollcall::base {
namespace {

// What the well-formed sequence at the front of `text` encodes.
char32_t CodeOf(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead;
  char32_t code = lead & (0xFFU >> (sequence.size() + 1));
  for (const char c : sequence.substr(1)) {
    code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return code;
}

// Steers a terminal, ends a line or turns the order of writing.
bool IsControl(char32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return true;
  return code == 0x61C || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

std::string WrittenOut(char32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  const auto number = static_cast<unsigned>(code);
  // U+0085 is two bytes: "\x85" would be another thing, a byte that is no UTF-8.
  return number < 0x80 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{{{:04x}}}", number);
}

// `write` says how a control character stands in the result, given its code and its bytes.
template <typename Write>
std::string Replaced(std::string_view text, Write write) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else if (const char32_t code = CodeOf(sequence); IsControl(code)) {
      shown += write(code, sequence);
    } else {
      shown += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  return shown;
}

}  // namespace

std::string Shown(std::string_view text) {
  return Replaced(text, [](char32_t code, std::string_view /*bytes*/) { return WrittenOut(code); });
}

std::string ShownLines(std::string_view text) {
  return Replaced(text, [](char32_t code, std::string_view /*bytes*/) {
    return code == '\n' ? "\n" : WrittenOut(code);
  });
}

std::string ShownBytes(std::string_view text) {
  return Replaced(text, [](char32_t /*code*/, std::string_view bytes) { return bytes; });
}

Json ShownValues(Json value) {
  if (value.is_string()) return Shown(value.get_ref<const std::string&>());
  if (value.is_array()) {
    for (Json& element : value) element = ShownValues(std::move(element));
    return value;
  }
  if (!value.is_object()) return value;
  Json shown = Json::object();
  for (auto& [name, member] : value.items()) shown[Shown(name)] = ShownValues(std::move(member));
  return shown;
}

std::string ShownDocument(const Json& document, int indent) {
  const std::string text = document.dump(indent, ' ', false, Json::error_handler_t::replace);
  // Within a text they can only be DEL and what is longer than a byte; the rest dump() has escaped.
  return Replaced(text, [](char32_t code, std::string_view /*bytes*/) {
    return code == '\n' ? "\n" : fmt::format("\\u{:04x}", static_cast<unsigned>(code));
  });
}

}  // namespace rollcall::base
