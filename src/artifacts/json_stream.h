#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "artifacts/output_file.h"
#include "base/json.h"
#include "base/result.h"

namespace rollcall::artifacts {

// Writes one JSON document part by part, so that it never lies in memory whole. The bytes are those
// of base::Json::dump() of the whole document, whose keys come in the order they are given here.
//
// Errors of the file are kept and said by Finish. Not thread-safe. Borrows the file.
class JsonStream {
 public:
  enum class Layout { kCompact, kIndented };  // dump(), dump(1).

  JsonStream(OutputFile& file, Layout layout) : file_(file), layout_(layout) {}

  void BeginObject() { Begin('{'); }
  void BeginArray() { Begin('['); }
  void EndObject() { End('}'); }
  void EndArray() { End(']'); }
  // Of what is begun or said next.
  void Key(std::string_view key);
  void Value(const base::Json& value);

  // Key and Value for each entry of an object.
  void Entries(const base::Json& object);

  // What went wrong, if anything did. Every object and array must have ended.
  base::Result<void> Finish() const;

 private:
  void Begin(char bracket);
  void End(char bracket);
  void Separate();  // Before a key or an element.
  void NewLine();
  void Write(std::string_view text);

  OutputFile& file_;
  const Layout layout_;
  std::vector<bool> has_entries_;  // Of each object and array that has not ended.
  bool has_key_ = false;
  base::Result<void> state_;
};

}  // namespace rollcall::artifacts
