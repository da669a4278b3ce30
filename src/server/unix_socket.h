#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::server {

// Unix sockets by paths of any length. A socket address holds 107 bytes; a longer path is reached
// through the descriptor of its folder (/proc/self/fd/N/name).

// A listening socket at `path`, for this user only. Nothing that is there is replaced: an error
// then.
base::Result<base::UniqueFd> ListenAt(const std::filesystem::path& path);

// kUnavailable / ERR_ENGINE_UNAVAILABLE when nobody listens there.
base::Result<base::UniqueFd> ConnectTo(const std::filesystem::path& path);

}  // namespace rollcall::server
