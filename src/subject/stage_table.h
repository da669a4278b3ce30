#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "domain/stage_handler.h"

namespace rollcall::subject {

// What a worker process has for its handlers.
struct HandlerOptions {
  int threads = 1;  // For inference.
};
using MakeHandler = std::function<std::unique_ptr<domain::StageHandler>(const HandlerOptions&)>;

// One stage of a kind of subjects, all that there is to know of it: a new stage is a row and a
// handler.
struct StageRow {
  std::string name;                // "detect": of queues, folders and commands.
  std::string title;               // "Find faces": for people.
  std::vector<std::string> needs;  // Rows before it, whose results it reads.
  MakeHandler handler;             // Null: it has its place, and nobody can run it yet.
  // Those of a request's parameters that change its result, by name.
  std::vector<std::string> parameters = {};
  std::vector<std::string> models = {};  // Roles of the model pack that it uses.
  std::string flag = {};                 // "detected": what the subject's registry calls its end.
  // Raised whenever its output for the same input changes, so that older results are not taken for
  // new ones.
  int revision = 1;
  bool reads_source = false;  // The subject's own file, not only results of what it needs.
};

// The stages of one kind of subjects, in the order in which a subject passes through them.
// Immutable.
class StageTable {
 public:
  // Each row's needs stand before it and can be run, no two rows have one name, and none has a '_'
  // in it, which ends the stage's name in that of a job: a programmer's duty, checked.
  explicit StageTable(std::vector<StageRow> rows);

  const std::vector<StageRow>& rows() const { return rows_; }
  // Null if there is none of that name.
  const StageRow* Find(std::string_view name) const;
  // Those that somebody can run.
  std::vector<const StageRow*> Runnable() const;
  // `name` and everything that it needs, in order; empty if it is none that can be run.
  std::vector<const StageRow*> UpTo(std::string_view name) const;
  // Names of everything that `name` needs, however far away, the nearest first.
  std::vector<std::string> Before(std::string_view name) const;
  // Whether `name` is `from`, or needs it, however far away.
  bool DependsOn(std::string_view name, std::string_view from) const;
  // {"validate": 2, …} of those that can be run: stands in everything that is planned, so that what
  // an older program planned or made is known.
  base::Json Revisions() const;
  // Whether parameters or a request (JSON) were written when those were not the ones of now.
  bool IsOfOlderRevision(const std::string& json_text) const;
  // The same of one stage and what it needs.
  bool IsOfOlderRevision(const std::string& json_text, std::string_view stage) const;

 private:
  std::vector<StageRow> rows_;
};

}  // namespace rollcall::subject
