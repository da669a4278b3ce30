#include "worker/frame.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "domain/reasons.h"

namespace rollcall::worker {
namespace {

Frame SomeFrame() {
  return {.type = FrameType::kProgress,
          .body = {{"done", 3}, {"unit", "frames"}},
          .attachment = std::string("\0\xff raw", 6)};
}

std::string Encoded(const Frame& frame) { return EncodeFrame(frame).value(); }

void ExpectBroken(const std::string& bytes) {
  FrameReader reader;
  const auto frames = reader.Feed(bytes);
  ASSERT_FALSE(frames.ok());
  EXPECT_EQ(frames.error().reason, domain::reason::kProtocol);
  EXPECT_FALSE(reader.Feed(Encoded(SomeFrame())).ok()) << "a broken stream stays broken";
}

TEST(FrameReaderTest, GivesBackWhatWasEncoded) {
  FrameReader reader;
  const auto frames = reader.Feed(Encoded(SomeFrame()));
  ASSERT_TRUE(frames.ok());
  ASSERT_EQ(frames->size(), 1U);
  EXPECT_EQ(frames->front().type, FrameType::kProgress);
  EXPECT_EQ(frames->front().body, SomeFrame().body);
  EXPECT_EQ(frames->front().attachment, SomeFrame().attachment);
}

TEST(FrameReaderTest, PutsFramesTogetherFromSingleBytes) {
  const std::string bytes = Encoded(SomeFrame()) + Encoded({.type = FrameType::kCancel});
  FrameReader reader;
  std::size_t count = 0;
  for (const char byte : bytes) count += reader.Feed({&byte, 1}).value().size();
  EXPECT_EQ(count, 2U);
  EXPECT_TRUE(reader.Finish().ok());
}

TEST(FrameReaderTest, SaysThatAStreamEndedInTheMiddle) {
  const std::string bytes = Encoded(SomeFrame());
  FrameReader reader;
  ASSERT_TRUE(reader.Feed(bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_EQ(reader.Finish().error().reason, domain::reason::kProtocol);
}

TEST(FrameReaderTest, RefusesALengthAboveTheLimitBeforeItsBytesCome) {
  ExpectBroken(std::string("\x01\x00\x00\x01", 4));
}

TEST(FrameReaderTest, RefusesALengthTooShortForItsHead) {
  ExpectBroken(std::string("\x05\x00\x00\x00", 4));
}

TEST(FrameReaderTest, RefusesAnotherVersion) {
  std::string bytes = Encoded(SomeFrame());
  bytes[4] = 2;
  ExpectBroken(bytes);
}

TEST(FrameReaderTest, RefusesAnUnknownType) {
  std::string bytes = Encoded(SomeFrame());
  bytes[5] = 99;
  ExpectBroken(bytes);
}

TEST(FrameReaderTest, RefusesJsonLongerThanItsFrame) {
  std::string bytes = Encoded(SomeFrame());
  bytes[6] = '\x7f';
  bytes[7] = '\x7f';
  ExpectBroken(bytes);
}

TEST(FrameReaderTest, RefusesWhatIsNoJsonObject) {
  std::string bytes = Encoded({.type = FrameType::kPulse, .body = {{"seq", 1}}});
  bytes[10] = '[';
  ExpectBroken(bytes);
}

TEST(FrameReaderTest, RefusesJsonNestedTooDeep) {
  base::Json deep = base::Json::object();
  for (int i = 0; i < 2 * kFrameNestingMax; ++i) deep = {{"x", deep}};
  ExpectBroken(Encoded({.type = FrameType::kProgress, .body = deep}));
}

TEST(FrameReaderTest, SurvivesAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = Encoded(SomeFrame()) + Encoded(SomeFrame());
    for (int change = 0; change < 4; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random() & 0xff);
    }
    FrameReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
      if (!reader.Feed(std::string_view(bytes).substr(at, 7)).ok()) break;
    }
  }
}

TEST(EncodeFrameTest, RefusesAFrameAboveTheLimit) {
  const auto bytes = EncodeFrame({.type = FrameType::kSegmentReady,
                                  .body = base::Json::object(),
                                  .attachment = std::string(kFrameBytesMax, 'x')});
  EXPECT_EQ(bytes.error().reason, domain::reason::kProtocol);
}

TEST(EncodeFrameTest, ReplacesTextThatIsNotUtf8) {
  FrameReader reader;
  const auto frames =
      reader.Feed(Encoded({.type = FrameType::kLog, .body = {{"line", "a\xff z"}}}));
  ASSERT_TRUE(frames.ok());
  EXPECT_EQ(frames->front().body["line"], "a\xEF\xBF\xBD z");
}

}  // namespace
}  // namespace rollcall::worker
