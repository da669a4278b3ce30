#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "api/http.h"

namespace rollcall::server {

// The head of an answer as it goes out, with its empty line. No `content_length`: its end is that
// of the connection, or it has no body.
std::string HeadOf(const api::Answer& answer, bool keeps_alive,
                   std::optional<std::uint64_t> content_length);

// RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(std::time_t at);

// An entity tag of a file: another whenever it was replaced or written to. Strong as long as the
// clock of its file system tells two writes apart.
std::string TagOf(const struct stat& facts);

// A Content-Disposition (RFC 6266): a name that every client understands, and beside it the whole
// one (RFC 8187). Of any bytes; those that are no UTF-8 are written out.
std::string DispositionOf(std::string_view name);

}  // namespace rollcall::server
