#include "client/event_reader.h"

#include <utility>

namespace rollcall::client {

void EventReader::Feed(std::string_view bytes) {
  for (const char c : bytes) {
    const bool is_rest_of_end = c == '\n' && has_carriage_return_;
    has_carriage_return_ = c == '\r';
    if (is_rest_of_end) continue;
    if (c == '\n' || c == '\r') {
      TakeLine(std::exchange(line_, {}));
    } else {
      line_ += c;
    }
  }
}

std::optional<Event> EventReader::Next() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void EventReader::TakeLine(std::string_view line) {
  if (line.empty()) {
    if (has_data_) {
      Event whole = event_;
      if (whole.name.empty()) whole.name = "message";
      events_.push_back(std::move(whole));
    }
    event_.name.clear();
    event_.data.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_.name = value;
  if (field == "id") event_.id = value;
  if (field != "data") return;
  if (has_data_) event_.data += '\n';
  event_.data += value;
  has_data_ = true;
}

}  // namespace rollcall::client
