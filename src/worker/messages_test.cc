#include "worker/messages.h"

#include <gtest/gtest.h>

#include "domain/reasons.h"

namespace rollcall::worker {
namespace {

// Through the bytes, as between processes.
Frame OverTheWire(const Frame& frame) {
  FrameReader reader;
  return reader.Feed(EncodeFrame(frame).value()).value().at(0);
}

TEST(MessagesTest, CarriesASegmentWithItsOpaqueState) {
  const domain::Segment segment{.number = 4,
                                .pts_from = domain::MediaTime{40'000'000},
                                .pts_to = domain::MediaTime{50'000'000},
                                .path = "harvest/x/segments/detect/seg-00004.t7.0011aabb",
                                .size_bytes = 123,
                                .sha256 = "abc",
                                .counters_json = R"({"faces_detected":3})",
                                .resume_blob = std::string("\0\x01\xff", 3)};
  const auto decoded = DecodeSegment(OverTheWire(EncodeSegment(FrameType::kSegmentReady, segment)));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->number, 4);
  EXPECT_EQ(decoded->pts_to, segment.pts_to);
  EXPECT_EQ(decoded->path, segment.path);
  EXPECT_EQ(decoded->counters_json, segment.counters_json);
  EXPECT_EQ(decoded->resume_blob, segment.resume_blob);
}

TEST(MessagesTest, CarriesAnAssignmentWithAPathThatIsNotUtf8) {
  Assignment assignment;
  assignment.stage.subject_id = "x";
  assignment.stage.stage = "detect";
  assignment.stage.token = 7;
  assignment.stage.segment_shelf = "/data\xff";
  assignment.stage.staging_dir = "/data\xff/staging/u";
  assignment.stage.inputs = {
      {.name = "a", .path = "a.g1", .size_bytes = 5, .sha256 = "h", .count = 2}};
  assignment.stage.skips = {
      {.number = 3, .pts_from = std::chrono::seconds{30}, .pts_to = std::chrono::seconds{40}}};
  assignment.stage.crashes = 1;
  assignment.pulse = std::chrono::milliseconds{40};
  const auto decoded = DecodeAssign(OverTheWire(EncodeAssign(assignment)));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->stage.segment_shelf, "/data\xff");
  EXPECT_EQ(decoded->stage.staging_dir, "/data\xff/staging/u");
  EXPECT_EQ(decoded->stage.token, 7);
  EXPECT_EQ(decoded->stage.inputs.at(0).path, "a.g1");
  EXPECT_EQ(decoded->stage.skips, assignment.stage.skips);
  EXPECT_EQ(decoded->stage.crashes, 1);
  EXPECT_EQ(decoded->pulse, std::chrono::milliseconds{40});
}

TEST(MessagesTest, CarriesHowMuchRoomWasWantedAndDoesWithoutThatWord) {
  Conclusion conclusion{.output = std::nullopt,
                        .error = domain::MakeError(domain::reason::kDiskFull, "no room")};
  conclusion.error.bytes_wanted = 5'000'000'000;
  Frame frame = EncodeDone(conclusion);
  EXPECT_EQ(DecodeDone(OverTheWire(frame))->error.bytes_wanted, 5'000'000'000);
  frame.body["error"].erase("bytes_wanted");  // As an older worker says it.
  EXPECT_EQ(DecodeDone(OverTheWire(frame))->error.reason, "ERR_DISK_FULL");
  EXPECT_EQ(DecodeDone(OverTheWire(frame))->error.bytes_wanted, 0);
  frame.body["error"]["bytes_wanted"] = "much";
  EXPECT_FALSE(DecodeDone(OverTheWire(frame)).ok());
}

TEST(MessagesTest, CarriesWhichSegmentIsBegun) {
  const domain::SegmentSpan span{
      .number = 8, .pts_from = std::chrono::seconds{80}, .pts_to = std::chrono::seconds{90}};
  const auto decoded = DecodeSegmentBegun(OverTheWire(EncodeSegmentBegun(span)));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, span);
}

TEST(MessagesTest, CarriesAnErrorWithAllItsParts) {
  const Conclusion conclusion{
      .output = std::nullopt,
      .error = domain::MakeError(domain::reason::kVideoNotFound, "no /v.mp4", "look elsewhere")};
  const auto decoded = DecodeDone(OverTheWire(EncodeDone(conclusion)));
  ASSERT_TRUE(decoded.ok());
  EXPECT_FALSE(decoded->output.has_value());
  EXPECT_EQ(decoded->error.code, base::ErrorCode::kNotFound);
  EXPECT_EQ(decoded->error.ToString(), conclusion.error.ToString());
}

TEST(MessagesTest, CarriesAnOutput) {
  Conclusion conclusion;
  conclusion.output = domain::StageOutput{
      .result = {{"faces_detected", 3}},
      .artifacts = {{.name = "n", .path = "n.g2", .size_bytes = 9, .sha256 = "h", .count = 1}}};
  const auto decoded = DecodeDone(OverTheWire(EncodeDone(conclusion)));
  ASSERT_TRUE(decoded.ok() && decoded->output.has_value());
  EXPECT_EQ(decoded->output->result["faces_detected"], 3);
  EXPECT_EQ(decoded->output->artifacts.at(0).size_bytes, 9);
}

TEST(MessagesTest, RefusesABodyThatIsNotWhatItsTypePromises) {
  using base::Json;
  const auto is_refused = [](const auto& decoded) {
    return !decoded.ok() && decoded.error().reason == domain::reason::kProtocol;
  };
  EXPECT_TRUE(is_refused(DecodePulse({FrameType::kPulse, Json::object(), {}})));
  EXPECT_TRUE(is_refused(DecodePulse({FrameType::kPulse, {{"seq", "1"}}, {}})));
  EXPECT_TRUE(is_refused(DecodePulse({FrameType::kPulse, {{"seq", 1.5}}, {}})));
  EXPECT_TRUE(is_refused(DecodePulse({FrameType::kPulse, {{"seq", -1}}, {}})));
  EXPECT_TRUE(is_refused(DecodePulse({FrameType::kPulse, {{"seq", UINT64_MAX}}, {}})));
  EXPECT_TRUE(is_refused(DecodePhase({FrameType::kPhase, {{"phase", "lunch"}}, {}})));
  EXPECT_TRUE(is_refused(DecodeProgress({FrameType::kProgress, {{"done", 1}}, {}})));
  EXPECT_TRUE(is_refused(DecodeSegment({FrameType::kSegmentReady, {{"number", 0}}, {}})));
  EXPECT_TRUE(is_refused(DecodeSegmentBegun({FrameType::kSegmentBegun, {{"number", -1}}, {}})));
  EXPECT_TRUE(is_refused(DecodeDone({FrameType::kDone, {{"error", "bad"}}, {}})));
  EXPECT_TRUE(is_refused(DecodeDone({FrameType::kDone, {{"result", 1}}, {}})));
  Frame without_staging = EncodeAssign({});
  without_staging.attachment = "/data";
  EXPECT_TRUE(is_refused(DecodeAssign(without_staging)));
  const Json bad_artifact = {{"result", Json::object()}, {"artifacts", {{{"name", 1}}}}};
  EXPECT_TRUE(is_refused(DecodeDone({FrameType::kDone, bad_artifact, {}})));
}

}  // namespace
}  // namespace rollcall::worker
