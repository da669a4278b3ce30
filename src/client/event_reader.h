#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::client {

// One event of a stream, as its server has sent it.
struct Event {
  std::string name;  // "message" where it has none of its own.
  std::string data;  // Lines are parted by line feeds.
  std::string id;    // That of the last event which had one.
};

// Takes a text/event-stream apart (WHATWG HTML §9.2.6), however it is cut into pieces. A byte order
// mark and `retry` are not looked for: our server sends none.
//
// Thread-compatible.
class EventReader {
 public:
  void Feed(std::string_view bytes);
  // The next whole event; nullopt until more comes.
  std::optional<Event> Next();
  // Bytes of an event that has not ended.
  std::size_t pending() const { return line_.size() + event_.data.size(); }

 private:
  void TakeLine(std::string_view line);

  std::string line_;
  bool has_carriage_return_ = false;  // The last line ended with one: a line feed is of its end.
  Event event_{.name = "", .data = "", .id = ""};
  bool has_data_ = false;
  std::deque<Event> events_;
};

}  // namespace rollcall::client
