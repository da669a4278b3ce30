#include "jobs/testing/batch_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"

namespace rollcall::jobs {
namespace {

constexpr const char* kBatch = "batch";

class PredictStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override {
    const domain::StageAssignment& assignment = context.assignment();
    context.SetPhase(domain::Phase::kWork);
    domain::Segment segment{.number = 0, .resume_blob = "half"};
    if (assignment.segments.empty()) {
      ROLLCALL_TRY_ASSIGN(segment, context.CommitSegment(segment, "predicted"));
    } else {
      segment = assignment.segments.front();
    }
    // What is committed can be read again where the runtime says.
    ROLLCALL_TRY_ASSIGN(const std::string bytes, base::ReadFile(segment.file));
    const std::string name = fmt::format("batches/{}/predictions.txt", assignment.subject_id);
    const domain::Artifact artifact{.name = name,
                                    .path = fmt::format("{}.g{}", name, assignment.token),
                                    .size_bytes = std::ssize(bytes),
                                    .sha256 = base::Sha256(bytes)};
    const std::filesystem::path path = assignment.staging_dir / artifact.path;
    ROLLCALL_TRY(base::MakeFolders(path.parent_path()));
    ROLLCALL_TRY(base::WriteFileAtomic(path, bytes));
    return domain::StageOutput{.result = {{"predictions", 1}}, .artifacts = {artifact}};
  }
};

class BatchFiles final : public subject::SubjectFiles {
 public:
  std::vector<subject::Area> Areas() const override { return {{.name = "batches"}}; }
  std::filesystem::path SegmentFolder(std::string_view id, std::string_view stage) const override {
    return std::filesystem::path("batches") / id / "segments" / stage;
  }
  base::Result<bool> MaySweep(store::JobStore& store, std::string_view id) const override {
    ROLLCALL_TRY_ASSIGN(const auto run, store.RunLatest({kBatch, std::string(id)}, "predict"));
    return run.has_value();
  }
};

class BatchProjection final : public subject::SubjectProjection {
 public:
  base::Result<subject::Labels> LabelsOf(store::JobStore& /*store*/,
                                         const store::Subject& subject) const override {
    return subject::Labels{.fixed = {{"batch_id", subject.id}}};
  }
  bool has_documents() const override { return true; }
  base::Result<subject::Document> Registry(store::JobStore& /*store*/,
                                           const subject::SubjectFacts& facts) const override {
    base::Json document = subject::DocumentHeading(facts.epoch, facts.seq());
    for (const subject::StageFacts& stage : facts.stages) {
      document[stage.row->flag] = stage.is_true();
    }
    return Named(facts, "batch.json", document);
  }
  base::Result<subject::Document> Activity(store::JobStore& /*store*/,
                                           const subject::SubjectFacts& facts,
                                           base::WallTime /*now*/) const override {
    base::Json document = subject::DocumentHeading(facts.epoch, facts.seq());
    document["is_active"] = std::ranges::any_of(
        facts.stages, [](const subject::StageFacts& stage) { return stage.is_active(); });
    return Named(facts, "active.json", document);
  }
  base::Result<std::vector<std::string>> Known(store::JobStore& store) const override {
    ROLLCALL_TRY_ASSIGN(const auto jobs, store.JobList());
    std::vector<std::string> ids;
    for (const store::Job& job : jobs) {
      if (job.subject.kind == kBatch) ids.push_back(job.subject.id);
    }
    return ids;
  }

 private:
  static subject::Document Named(const subject::SubjectFacts& facts, const char* name,
                                 const base::Json& document) {
    return {.path = std::filesystem::path("batches") / facts.subject.id / name,
            .text = subject::DocumentText(document)};
  }
};

}  // namespace

std::unique_ptr<domain::StageHandler> MakePredictStage() {
  return std::make_unique<PredictStage>();
}

subject::SubjectKind BatchKind() {
  static const subject::StageTable stages{
      {{.name = "predict",
        .title = "Predict",
        .needs = {},
        .handler = [](const subject::HandlerOptions&) { return MakePredictStage(); },
        .flag = "predicted"}}};
  static const BatchFiles files;
  static const BatchProjection projection;
  return {.name = kBatch, .stages = stages, .files = files, .projection = projection};
}

}  // namespace rollcall::jobs
