#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/result.h"

namespace rollcall::api {

// What a client asks for, and what it is answered, as values: a route is a function from one to the
// other and knows no socket.

// Of the API as commands and engine speak it with each other: raised when one of another version
// would misunderstand. 1 was JSON-RPC.
inline constexpr int kProtocol = 2;

using Fields = std::vector<std::pair<std::string, std::string>>;

// Where a request came from decides what it may do.
enum class Door {
  kUnixSocket,  // This user, by the permissions of the socket.
  kTcp,
};

struct Request {
  std::string method = "GET";
  std::vector<std::string> path;           // Decoded segments: {"api", "jobs", "12"}.
  Fields query;                            // Decoded, in their order.
  Fields fields;                           // Of the head, names in lower case.
  base::Json body = base::Json::object();  // Of a request that has one.
  Door door = Door::kTcp;

  // The first of that name; nullopt if there is none.
  std::optional<std::string> Query(std::string_view name) const;
  std::optional<std::string> Field(std::string_view name) const;
  // "/api/jobs/12", encoded again.
  std::string Path() const;
  // The same with its query: "/api/jobs?limit=5".
  std::string Target() const;
};

// What a client of this user asks for.
Request Get(std::vector<std::string> path, Fields query = {});
Request Post(std::vector<std::string> path, base::Json body = base::Json::object());
Request Delete(std::vector<std::string> path, Fields query = {});

// Bytes of a file, or of a part of it, that go out without being held.
struct FileBody {
  std::filesystem::path path;
  std::string content_type;
  // What whoever keeps it calls it, where that is not how it is asked for: any text.
  std::string name = {};
};

// What one client of an event stream is sent, as text/event-stream. It is asked when something may
// have changed, and only once the client has taken what it was given before: nothing piles up for
// one that reads slowly.
//
// Called by one thread at a time, which may block.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // What has happened since the last call; empty if nothing has.
  virtual std::string Take() = 0;
  // Nothing will come any more.
  virtual bool is_over() const { return false; }
  // How long it may be left unasked although nothing has happened.
  virtual std::chrono::milliseconds patience() const { return std::chrono::hours{1}; }
};

struct Answer {
  int status = 200;
  Fields fields;  // Besides those that every answer has.
  std::string content_type = "application/json";
  std::string body;
  std::optional<FileBody> file;         // Instead of `body`.
  std::shared_ptr<EventStream> events;  // Instead of `body`; shared with whoever asks it.
};

// What a client makes of an answer without a file or events: its document; the error of which a
// problem tells; {"text": …} for what is no JSON. kInternal / ERR_PROTOCOL for what is not as its
// type says.
base::Result<base::Json> DocumentOf(const Answer& answer);

// Whether an If-None-Match or If-Match field's value has this entity tag, "*" or a weak one of it
// among its members.
bool NamesTag(std::string_view field, std::string_view tag);

// `answer` to a GET as whoever has asked before needs it: with an ETag of its bytes, 304 without
// them where they are what `request` says that its client has.
Answer WithTag(const Request& request, Answer answer);

Answer JsonAnswer(const base::Json& document, int status = 200);
// `instance`: Request::Path().
Answer ProblemAnswer(const base::Error& error, std::string_view instance);

}  // namespace rollcall::api
