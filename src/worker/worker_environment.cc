#include "worker/worker_environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "worker/process_table.h"

extern char** environ;

namespace rollcall::worker {
namespace {

constexpr std::array<std::string_view, 17> kNames{
    // Language and time zone: of messages only, results have none.
    "LANG", "LANGUAGE", "TZ", "TZDIR",
    // How the program and its libraries are found, and how the C library behaves.
    "PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES",
    // Test builds: sanitizers, coverage, failpoints (base/failpoint.h).
    "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE",
    "GCOV_PREFIX", "GCOV_PREFIX_STRIP", "ROLLCALL_FAIL", "ROLLCALL_FAIL_COUNT"};

constexpr std::array<std::string_view, 15> kPrefixes{
    "LC_", "MALLOC_",
    // Threads of libraries that compute.
    "OMP_", "GOMP_", "KMP_", "OPENBLAS_", "MKL_",
    // What computes: ONNX Runtime and the drivers of its providers.
    "ORT_", "CUDA_", "NVIDIA_", "OPENVINO_", "ROCR_", "HIP_", "MIOPEN_", "ZES_"};

}  // namespace

bool IsHandedToWorkers(std::string_view name) {
  const auto is_begin = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return std::ranges::find(kNames, name) != kNames.end() ||
         std::ranges::any_of(kPrefixes, is_begin);
}

std::vector<std::string> WorkerEnvironment::Entries() const {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (IsHandedToWorkers(text.substr(0, text.find('=')))) entries.emplace_back(text);
  }
  entries.push_back(std::string(kAttemptVariable) + "=" + std::string(attempt_uuid));
  if (!temporary_folder.empty()) entries.push_back("TMPDIR=" + temporary_folder.string());
  return entries;
}

}  // namespace rollcall::worker
