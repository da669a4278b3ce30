#include "json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/file.h"
#include "base/json.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using Steady = std::chrono::steady_clock;

constexpr int kFullSecond = 1'000;                        // Readings.
constexpr auto kPeriod = std::chrono::microseconds{800};  // Between two readings; some to spare.

// Whether a file says that its work is done; nullopt if it is of a kind that does not say it.
std::optional<bool> SaysFinished(const fs::path& path, const Json& json) {
  const auto says = [&json](const char* where, const Json& what) {
    const Json::json_pointer pointer(where);
    return json.contains(pointer) && json.at(pointer) == what;
  };
  if (path.filename() == "meta.json") return says("/stages/detect/status", "ok");
  if (path.filename() == "state.json") return says("/states/detected", true);
  return std::nullopt;
}

}  // namespace

JsonReader::JsonReader(fs::path folder) : folder_(std::move(folder)) {
  thread_ = std::thread([this] { Run(); });
}

JsonReader::~JsonReader() { Stop(); }

void JsonReader::Stop() {
  is_ending_ = true;
  if (thread_.joinable()) thread_.join();
}

void JsonReader::Follow(const std::string& key) {
  base::MutexLock lock(mutex_);
  keys_.push_back(key);
}

std::string JsonReader::KeyOfTurn(std::size_t turn) {
  base::MutexLock lock(mutex_);
  if (keys_.empty()) return "";
  return turn % 4 == 0 ? keys_[turn / 4 % keys_.size()] : keys_.back();
}

void JsonReader::Run() {
  const auto began = Steady::now();
  auto due = began;
  std::chrono::seconds second{0};
  int in_second = 0;
  for (std::size_t turn = 0; !is_ending_; ++turn) {
    const int count = ReadFilesOf(KeyOfTurn(turn));
    ++turns_;
    const auto now = std::chrono::floor<std::chrono::seconds>(Steady::now() - began);
    if (now > second) {
      if (in_second >= kFullSecond) ++full_seconds_;
      second = now;
      in_second = 0;
    }
    in_second += count;
    due += kPeriod * std::max(count, 1);
    std::this_thread::sleep_until(due);  // At once when it is late.
  }
}

// The turn in the making may have read already; of two in a row one is the newest key's.
void JsonReader::AwaitReading() {
  const std::int64_t seen = turns_ + 3;
  while (turns_ < seen) std::this_thread::sleep_for(kPeriod);
}

int JsonReader::ReadFilesOf(const std::string& key) {
  int count = 0;
  if (key.empty()) return count;
  for (const fs::path& folder :
       {folder_ / "episodes" / key, folder_ / "jobs" / ("detect_" + key)}) {
    std::error_code none_yet;
    for (const auto& entry : fs::directory_iterator(folder, none_yet)) {
      if (entry.path().extension() != ".json") continue;
      const auto text = base::ReadFile(entry.path());
      if (!text.ok()) continue;  // Replaced or moved between the listing and the reading.
      ++count;
      Judge(entry.path(), *text);
    }
  }
  return count;
}

void JsonReader::Judge(const fs::path& path, const std::string& text) {
  ++row_.rounds;
  const std::string name = path.lexically_relative(folder_).string();
  const auto json = base::ParseJson(text, name);
  if (!json.ok()) return row_.violations.push_back(name + " is no JSON");
  if (SaysFinished(path, *json) == true) {
    finished_.insert(path);
  } else if (finished_.contains(path)) {
    row_.violations.push_back(name + " says no more that it is finished");
  }
}

Row JsonReader::Finish() {
  Stop();
  base::MutexLock lock(mutex_);
  for (const std::string& key : keys_) {
    ReadFilesOf(key);
    for (const fs::path& path : {folder_ / "episodes" / key / "state.json",
                                 folder_ / "jobs" / ("detect_" + key) / "meta.json"}) {
      if (!finished_.contains(path)) {
        row_.violations.push_back(path.lexically_relative(folder_).string() +
                                  " was never finished");
      }
    }
  }
  row_.noted["seconds of 1,000 readings"] = full_seconds_;
  return std::move(row_);
}

}  // namespace rollcall::faults
