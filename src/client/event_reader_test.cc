#include "client/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace rollcall::client {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Read(std::string_view text, std::size_t piece) {
  EventReader reader;
  std::vector<std::string> events;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    reader.Feed(text.substr(0, piece));
    while (const auto event = reader.Next()) {
      events.push_back(event->name + "|" + event->data + "|" + event->id);
    }
  }
  return events;
}

constexpr std::string_view kStream =
    ": alive\n\nevent: view\ndata: {\"a\":1}\nid: 7\n\ndata:one\ndata: two\n\nevent: lost\n\n"
    "id\r\ndata\r\n\r\nunknown: x\rdata:  y\r\rdata: not ended";

TEST(EventReaderTest, ReadsEventsHoweverTheyAreCut) {
  const auto expected =
      ElementsAre("view|{\"a\":1}|7", "message|one\ntwo|7", "message||", "message| y|");
  for (std::size_t piece = 1; piece <= kStream.size(); ++piece) {
    EXPECT_THAT(Read(kStream, piece), expected) << "pieces of " << piece;
  }
}

}  // namespace
}  // namespace rollcall::client
