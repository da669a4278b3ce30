#include "worker/messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown_text.h"
#include "domain/reasons.h"

namespace rollcall::worker {
namespace {

using base::Json;

// Reads the fields of one JSON object. The first field that is missing or of another type makes
// the whole body bad; the caller asks once, at the end.
class BodyReader {
 public:
  BodyReader(const Json& body, std::string_view what) : body_(body), what_(what) {}
  explicit BodyReader(const Frame& frame)
      : BodyReader(frame.body, FrameTypeName(static_cast<std::uint8_t>(frame.type)).value()) {}

  std::int64_t Integer(const char* name) {
    const Json* field = Field(name);
    if (field == nullptr || !field->is_number_integer()) return Bad(name), 0;
    if (field->is_number_unsigned() && field->get<std::uint64_t>() > INT64_MAX) return Bad(name), 0;
    return field->get<std::int64_t>();
  }
  // An integer that counts: not negative.
  std::int64_t Count(const char* name) {
    const std::int64_t value = Integer(name);
    if (value < 0) Bad(name);
    return value;
  }
  std::string Text(const char* name) {
    const Json* field = Field(name);
    if (field == nullptr || !field->is_string()) return Bad(name), std::string();
    return field->get<std::string>();
  }
  Json Object(const char* name) {
    const Json* field = Field(name);
    if (field == nullptr || !field->is_object()) return Bad(name), Json::object();
    return *field;
  }
  Json Array(const char* name) {
    const Json* field = Field(name);
    if (field == nullptr || !field->is_array()) return Bad(name), Json::array();
    return *field;
  }
  bool Has(const char* name) const { return Field(name) != nullptr; }
  void Bad(const char* name) {
    if (bad_.empty()) bad_ = name;
  }

  template <typename T>
  base::Result<T> Finish(T value) const {
    if (bad_.empty()) return value;
    return domain::MakeError(
        domain::reason::kProtocol,
        fmt::format("the field \"{}\" of a {} frame is missing or wrong", bad_, what_));
  }
  const std::string& bad() const { return bad_; }

 private:
  const Json* Field(const char* name) const {
    if (!body_.is_object()) return nullptr;
    const auto found = body_.find(name);
    return found == body_.end() ? nullptr : &*found;
  }

  const Json& body_;
  std::string_view what_;
  std::string bad_;
};

// What only some errors have is left out of the others, and passed over by who does not know it.
Json ErrorBody(const base::Error& error) {
  Json body = {{"code", base::ErrorCodeName(error.code)},
               {"reason", error.reason},
               {"message", base::ShownBytes(error.message)},
               {"hint", error.hint}};
  if (error.bytes_wanted > 0) body["bytes_wanted"] = error.bytes_wanted;
  return body;
}

base::Error ReadError(BodyReader& body) {
  const Json fields = body.Object("error");
  BodyReader reader(fields, "error");
  base::Error error{.code = base::ErrorCodeFromName(reader.Text("code")),
                    .reason = reader.Text("reason"),
                    .message = reader.Text("message"),
                    .hint = reader.Text("hint")};
  if (reader.Has("bytes_wanted")) error.bytes_wanted = reader.Count("bytes_wanted");
  if (!reader.bad().empty()) body.Bad("error");
  return error;
}

Json ArtifactBodies(const std::vector<domain::Artifact>& artifacts) {
  Json bodies = Json::array();
  for (const domain::Artifact& artifact : artifacts) {
    bodies.push_back({{"name", artifact.name},
                      {"path", artifact.path},
                      {"size_bytes", artifact.size_bytes},
                      {"sha256", artifact.sha256},
                      {"count", artifact.count}});
  }
  return bodies;
}

std::vector<domain::Artifact> ReadArtifacts(BodyReader& body, const char* name) {
  std::vector<domain::Artifact> artifacts;
  const Json bodies = body.Array(name);
  for (const Json& fields : bodies) {
    BodyReader reader(fields, "artifact");
    artifacts.push_back({.name = reader.Text("name"),
                         .path = reader.Text("path"),
                         .size_bytes = reader.Count("size_bytes"),
                         .sha256 = reader.Text("sha256"),
                         .count = reader.Integer("count")});
    if (!reader.bad().empty()) body.Bad(name);
  }
  return artifacts;
}

Json SpanBody(const domain::SegmentSpan& span) {
  return {{"number", span.number},
          {"pts_from_us", span.pts_from.count()},
          {"pts_to_us", span.pts_to.count()}};
}

domain::SegmentSpan ReadSpan(BodyReader& body) {
  return {.number = body.Count("number"),
          .pts_from = domain::MediaTime{body.Integer("pts_from_us")},
          .pts_to = domain::MediaTime{body.Integer("pts_to_us")}};
}

Json SpanBodies(const std::vector<domain::SegmentSpan>& spans) {
  Json bodies = Json::array();
  for (const domain::SegmentSpan& span : spans) bodies.push_back(SpanBody(span));
  return bodies;
}

std::vector<domain::SegmentSpan> ReadSpans(BodyReader& body, const char* name) {
  std::vector<domain::SegmentSpan> spans;
  const Json bodies = body.Array(name);
  for (const Json& fields : bodies) {
    BodyReader reader(fields, "segment");
    spans.push_back(ReadSpan(reader));
    if (!reader.bad().empty()) body.Bad(name);
  }
  return spans;
}

// The paths of an assignment need not be UTF-8, and have no zero byte: each ends with one.
std::string PathBytes(const domain::StageAssignment& stage) {
  std::string bytes = stage.staging_dir.string() + '\0' + stage.segment_shelf.string() + '\0';
  for (const domain::Artifact& input : stage.inputs) bytes += input.file.string() + '\0';
  return bytes;
}

// False if there are more or fewer than it has.
bool TakePaths(std::string_view bytes, domain::StageAssignment& stage) {
  std::vector<std::filesystem::path*> paths{&stage.staging_dir, &stage.segment_shelf};
  for (domain::Artifact& input : stage.inputs) paths.push_back(&input.file);
  for (std::filesystem::path* path : paths) {
    const std::size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return false;
    *path = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
  }
  return bytes.empty();
}

}  // namespace

Frame EncodeHello(const Hello& hello) {
  return {.type = FrameType::kHello, .body = {{"pid", hello.pid}}, .attachment = {}};
}

base::Result<Hello> DecodeHello(const Frame& frame) {
  BodyReader body(frame);
  return body.Finish(Hello{.pid = body.Count("pid")});
}

Frame EncodePulse(const Pulse& pulse) {
  return {.type = FrameType::kPulse, .body = {{"seq", pulse.seq}}, .attachment = {}};
}

base::Result<Pulse> DecodePulse(const Frame& frame) {
  BodyReader body(frame);
  Pulse pulse{.seq = body.Count("seq")};
  return body.Finish(pulse);
}

Frame EncodePhase(domain::Phase phase) {
  return {
      .type = FrameType::kPhase, .body = {{"phase", domain::PhaseName(phase)}}, .attachment = {}};
}

base::Result<domain::Phase> DecodePhase(const Frame& frame) {
  BodyReader body(frame);
  const auto phase = domain::PhaseFromName(body.Text("phase"));
  if (!phase) body.Bad("phase");
  return body.Finish(phase.value_or(domain::Phase::kStarting));
}

Frame EncodeProgress(const ProgressReport& report) {
  return {.type = FrameType::kProgress,
          .body = {{"done", report.done},
                   {"total", report.total},
                   {"unit", report.unit},
                   {"counters", report.counters},
                   {"position_us", report.position.count()}},
          .attachment = {}};
}

base::Result<ProgressReport> DecodeProgress(const Frame& frame) {
  BodyReader body(frame);
  ProgressReport report{.done = body.Count("done"),
                        .total = body.Count("total"),
                        .unit = body.Text("unit"),
                        .counters = body.Object("counters"),
                        .position = domain::MediaTime{body.Integer("position_us")}};
  return body.Finish(std::move(report));
}

Frame EncodeLog(std::string_view line) {
  return {.type = FrameType::kLog, .body = {{"line", line}}, .attachment = {}};
}

base::Result<std::string> DecodeLog(const Frame& frame) {
  BodyReader body(frame);
  std::string line = body.Text("line");
  return body.Finish(std::move(line));
}

Frame EncodeSegmentBegun(const domain::SegmentSpan& segment) {
  return {.type = FrameType::kSegmentBegun, .body = SpanBody(segment), .attachment = {}};
}

base::Result<domain::SegmentSpan> DecodeSegmentBegun(const Frame& frame) {
  BodyReader body(frame);
  const domain::SegmentSpan segment = ReadSpan(body);
  return body.Finish(segment);
}

Frame EncodeSegment(FrameType type, const domain::Segment& segment) {
  return {.type = type,
          .body = {{"number", segment.number},
                   {"pts_from_us", segment.pts_from.count()},
                   {"pts_to_us", segment.pts_to.count()},
                   {"path", segment.path},
                   {"size_bytes", segment.size_bytes},
                   {"sha256", segment.sha256},
                   {"counters_json", segment.counters_json}},
          .attachment = segment.resume_blob};
}

base::Result<domain::Segment> DecodeSegment(const Frame& frame) {
  BodyReader body(frame);
  domain::Segment segment{.number = body.Count("number"),
                          .pts_from = domain::MediaTime{body.Integer("pts_from_us")},
                          .pts_to = domain::MediaTime{body.Integer("pts_to_us")},
                          .path = body.Text("path"),
                          .size_bytes = body.Count("size_bytes"),
                          .sha256 = body.Text("sha256"),
                          .counters_json = body.Text("counters_json"),
                          .resume_blob = frame.attachment};
  return body.Finish(std::move(segment));
}

Frame EncodeDone(const Conclusion& conclusion) {
  Frame frame{.type = FrameType::kDone, .body = Json::object(), .attachment = {}};
  if (conclusion.output) {
    frame.body["result"] = conclusion.output->result;
    frame.body["artifacts"] = ArtifactBodies(conclusion.output->artifacts);
  } else {
    frame.body["error"] = ErrorBody(conclusion.error);
  }
  return frame;
}

base::Result<Conclusion> DecodeDone(const Frame& frame) {
  BodyReader body(frame);
  Conclusion conclusion;
  if (body.Has("error")) {
    conclusion.error = ReadError(body);
  } else {
    conclusion.output = domain::StageOutput{.result = body.Object("result"),
                                            .artifacts = ReadArtifacts(body, "artifacts")};
  }
  return body.Finish(std::move(conclusion));
}

Frame EncodeAssign(const Assignment& assignment) {
  const domain::StageAssignment& stage = assignment.stage;
  return {.type = FrameType::kAssign,
          .body = {{"subject_kind", stage.subject_kind},
                   {"subject_id", stage.subject_id},
                   {"stage", stage.stage},
                   {"job", stage.job},
                   {"work_key", stage.work_key},
                   {"token", stage.token},
                   {"params_json", stage.params_json},
                   {"inputs", ArtifactBodies(stage.inputs)},
                   {"skips", SpanBodies(stage.skips)},
                   {"crashes", stage.crashes},
                   {"segment_folder", stage.segment_folder.string()},
                   {"pulse_ms", assignment.pulse.count()},
                   {"progress_ms", assignment.progress.count()}},
          .attachment = PathBytes(stage)};
}

base::Result<Assignment> DecodeAssign(const Frame& frame) {
  BodyReader body(frame);
  Assignment assignment{.stage = {.subject_kind = body.Text("subject_kind"),
                                  .subject_id = body.Text("subject_id"),
                                  .stage = body.Text("stage"),
                                  .job = body.Text("job"),
                                  .work_key = body.Text("work_key"),
                                  .token = body.Count("token"),
                                  .params_json = body.Text("params_json"),
                                  .segment_folder = body.Text("segment_folder"),
                                  .inputs = ReadArtifacts(body, "inputs"),
                                  .segments = {},
                                  .skips = ReadSpans(body, "skips"),
                                  .crashes = static_cast<int>(body.Count("crashes"))},
                        .pulse = std::chrono::milliseconds{body.Count("pulse_ms")},
                        .progress = std::chrono::milliseconds{body.Count("progress_ms")}};
  if (!TakePaths(frame.attachment, assignment.stage)) body.Bad("staging_dir");
  return body.Finish(std::move(assignment));
}

Frame EncodeSegmentAck(const SegmentAck& ack) {
  Frame frame{.type = FrameType::kSegmentAck, .body = {{"number", ack.number}}, .attachment = {}};
  if (ack.error) frame.body["error"] = ErrorBody(*ack.error);
  return frame;
}

base::Result<SegmentAck> DecodeSegmentAck(const Frame& frame) {
  BodyReader body(frame);
  SegmentAck ack{.number = body.Count("number"), .error = std::nullopt};
  if (body.Has("error")) ack.error = ReadError(body);
  return body.Finish(std::move(ack));
}

}  // namespace rollcall::worker
