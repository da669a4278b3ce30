#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace rollcall::base {

// Text from outside (a file's name, a message, a line of a log), made fit for a terminal or a log.
// What could steer a terminal, break a line or turn its order round is written out instead:
// control characters (C0, DEL, C1), U+2028 and U+2029, the marks and overrides of writing
// direction, as "\x1b", "\n" or "\u{202e}"; bytes that are no UTF-8 as "\xf1". All else stays, a
// backslash too, so that a name which is shown is shown as it is spoken of.

// One line.
std::string Shown(std::string_view text);
// The same, but line feeds stay.
std::string ShownLines(std::string_view text);
// Only bytes that are no UTF-8 are written out: for JSON, which has its own way with the rest.
std::string ShownBytes(std::string_view text);

// Every text in `value` as Shown has it.
Json ShownValues(Json value);

// A JSON document as text, in which no character above stands raw: they are \uXXXX, which mean
// the same. `indent` as nlohmann's dump.
std::string ShownDocument(const Json& document, int indent);

}  // namespace rollcall::base
