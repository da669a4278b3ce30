#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::worker {

// What a worker process is told by its environment: of ours what is on a list (language, time zone,
// how libraries are found and how many threads they take, graphics cards, sanitizers, failpoints),
// because passwords and keys of whoever starts an engine are nobody's business who decodes videos;
// and what the runtime says: the mark of the attempt, and where temporary files go.
struct WorkerEnvironment {
  std::string_view attempt_uuid;
  std::filesystem::path temporary_folder;  // Empty: none is named.

  // "NAME=value" each.
  std::vector<std::string> Entries() const;
};

// Whether a variable of this name is handed on.
bool IsHandedToWorkers(std::string_view name);

}  // namespace rollcall::worker
