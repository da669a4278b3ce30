#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/data_directory.h"
#include "base/held_folder.h"
#include "base/json.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "client/api_client.h"

namespace rollcall::app {

// A command's way to the engine that owns the data directory. Where none runs, the command starts
// one as its child, in a session of its own (a Ctrl-C at the terminal is for the command, not for
// the engine); the kernel kills that engine if the command is killed.
//
// Thread-compatible; to be used by the process's main thread only: the kernel ties the child's life
// to the thread that began it.
class EngineLink {
 public:
  enum class WhenNone { kStart, kRefuse };
  struct Options {
    WhenNone when_none = WhenNone::kStart;
    // The engine's command line; `--data DIR` and the like stand in it already.
    std::vector<std::string> engine_argv;
    // How long one that starts or ends elsewhere is waited for.
    std::chrono::milliseconds patience{40'000};
    // Asked while Open waits: ERR_CANCELLED when true.
    std::function<bool()> is_given_up = [] { return false; };
  };

  // ERR_STORE_IN_USE when another owner neither answers nor ends; what the engine says when it
  // cannot start; ERR_ENGINE_UNAVAILABLE when it dies without a word, or none is to be started;
  // ERR_ENGINE_OTHER_VERSION when the one that is there speaks otherwise than this program;
  // ERR_DATA_DIRECTORY_MOVED, now and later, when the directory is not where it was.
  static base::Result<std::unique_ptr<EngineLink>> Open(const DataDirectory& data, Options options);
  // Says goodbye. An engine of ours ends with us unless others still need it: work that others
  // submitted, or commands that talk to it.
  ~EngineLink();
  EngineLink(const EngineLink&) = delete;
  EngineLink& operator=(const EngineLink&) = delete;

  // As ApiClient. A lost engine is not replaced by itself: see Reopen.
  base::Result<base::Json> Ask(const api::Request& request,
                               const client::ApiClient::Meanwhile& meanwhile = {});
  base::Result<void> Listen(const api::Request& request);
  base::Result<std::optional<client::Event>> Next(std::chrono::milliseconds limit);
  bool is_lost() const { return client_ == nullptr || client_->is_lost(); }

  // After a lost connection: to the engine that is there now, or to a new one.
  base::Result<void> Reopen();
  // Whether this command began the engine that it talks to.
  bool has_started_engine() const { return child_ > 0; }

 private:
  EngineLink(const DataDirectory& data, base::HeldFolder folder, Options options)
      : data_(data), folder_(std::move(folder)), options_(std::move(options)) {}

  base::Result<void> Connect();
  // Ok when the child serves.
  base::Result<void> StartChild();
  base::Result<void> ReadReadiness(base::UniqueFd pipe);
  void ReapChild(std::chrono::milliseconds limit);

  DataDirectory data_;
  base::HeldFolder folder_;  // An engine in another one of that name would be another's.
  Options options_;
  pid_t child_ = 0;
  std::unique_ptr<client::ApiClient> client_;
};

// What an engine writes to its standard output when it serves, or cannot: read by EngineLink.
inline constexpr std::string_view kEngineReady = "ready";
std::string EngineRefusal(const base::Error& error);

// What a program says that knows the engine's words of before HTTP, and gives up at once when it is
// told this: one line.
std::string AnswerToOlderCommand();

}  // namespace rollcall::app
