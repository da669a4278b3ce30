#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "domain/stage_handler.h"
#include "worker/frame.h"

namespace rollcall::worker {

// The typed contents of frames. Each Decode… checks every field and returns kInternal /
// ERR_PROTOCOL for a body that is not what its type promises.

struct Hello {
  std::int64_t pid = 0;
};
Frame EncodeHello(const Hello& hello);
base::Result<Hello> DecodeHello(const Frame& frame);

struct Pulse {
  std::int64_t seq = 0;
};
Frame EncodePulse(const Pulse& pulse);
base::Result<Pulse> DecodePulse(const Frame& frame);

Frame EncodePhase(domain::Phase phase);
base::Result<domain::Phase> DecodePhase(const Frame& frame);

// domain::Progress that owns its text.
struct ProgressReport {
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;
  base::Json counters = base::Json::object();
  domain::MediaTime position{};
};
Frame EncodeProgress(const ProgressReport& report);
base::Result<ProgressReport> DecodeProgress(const Frame& frame);

Frame EncodeLog(std::string_view line);
base::Result<std::string> DecodeLog(const Frame& frame);

// Which segment is worked on from here on.
Frame EncodeSegmentBegun(const domain::SegmentSpan& segment);
base::Result<domain::SegmentSpan> DecodeSegmentBegun(const Frame& frame);

// `type` is kSegmentReady or kAssignSegment.
Frame EncodeSegment(FrameType type, const domain::Segment& segment);
base::Result<domain::Segment> DecodeSegment(const Frame& frame);

// What a handler returned: an output, or the error.
struct Conclusion {
  std::optional<domain::StageOutput> output;
  base::Error error;
};
Frame EncodeDone(const Conclusion& conclusion);
base::Result<Conclusion> DecodeDone(const Frame& frame);

// Without the segments, which went before, a frame each.
struct Assignment {
  domain::StageAssignment stage;
  std::chrono::milliseconds pulse{};
  std::chrono::milliseconds progress{};
};
Frame EncodeAssign(const Assignment& assignment);
base::Result<Assignment> DecodeAssign(const Frame& frame);

// The answer to a segment_ready: committed, or the error that the handler gets.
struct SegmentAck {
  std::int64_t number = 0;
  std::optional<base::Error> error;
};
Frame EncodeSegmentAck(const SegmentAck& ack);
base::Result<SegmentAck> DecodeSegmentAck(const Frame& frame);

}  // namespace rollcall::worker
