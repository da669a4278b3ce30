#include "artifacts/json_stream.h"

#include "base/check.h"

namespace rollcall::artifacts {

void JsonStream::Key(std::string_view key) {
  ROLLCALL_CHECK(!has_key_ && !has_entries_.empty(), "a key in no object, or without a value");
  Separate();
  Write(base::Json(key).dump());
  Write(layout_ == Layout::kIndented ? ": " : ":");
  has_key_ = true;
}

void JsonStream::Value(const base::Json& value) {
  if (!has_key_) Separate();
  has_key_ = false;
  if (layout_ == Layout::kCompact) return Write(value.dump());
  // A text's own line breaks are escaped, so each one here is of the layout.
  const std::string text = value.dump(1);
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    Write(std::string_view(text).substr(begin, end - begin));
    NewLine();
  }
  Write(std::string_view(text).substr(begin));
}

void JsonStream::Entries(const base::Json& object) {
  for (const auto& [key, value] : object.items()) {
    Key(key);
    Value(value);
  }
}

base::Result<void> JsonStream::Finish() const {
  ROLLCALL_CHECK(has_entries_.empty() && !has_key_, "a document that has not ended");
  return state_;
}

void JsonStream::Begin(char bracket) {
  if (!has_key_) Separate();
  has_key_ = false;
  Write(std::string_view(&bracket, 1));
  has_entries_.push_back(false);
}

void JsonStream::End(char bracket) {
  ROLLCALL_CHECK(!has_entries_.empty() && !has_key_, "an end of nothing, or of a key");
  const bool had_entries = has_entries_.back();
  has_entries_.pop_back();
  if (had_entries && layout_ == Layout::kIndented) NewLine();
  Write(std::string_view(&bracket, 1));
}

void JsonStream::Separate() {
  if (has_entries_.empty()) return;
  if (has_entries_.back()) Write(",");
  has_entries_.back() = true;
  if (layout_ == Layout::kIndented) NewLine();
}

void JsonStream::NewLine() { Write("\n" + std::string(has_entries_.size(), ' ')); }

void JsonStream::Write(std::string_view text) {
  if (state_.ok()) state_ = file_.Append(text);
}

}  // namespace rollcall::artifacts
