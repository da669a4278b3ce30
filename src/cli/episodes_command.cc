#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/path_text.h"
#include "cli/command.h"
#include "cli/requests.h"
#include "cli/results.h"
#include "cli/text_table.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;

struct EpisodeFlags {
  std::string video;
  std::string key;
  bool keeps_files = false;
};

// What became of a video that was to be added.
std::string AddedText(const Json& episode) {
  const std::string key = episode.at("episode_key");
  if (episode.at("is_new")) return fmt::format("added {}\n", key);
  if (episode.at("video_path_before").is_null()) return fmt::format("{} is known already\n", key);
  return fmt::format("same video as {}; its path is now {} (it was {})\n", key,
                     ShownPath(episode.at("video_path")),
                     ShownPath(episode.at("video_path_before")));
}

Result<ExitCode> Add(Session& session, const EpisodeFlags& flags) {
  const auto video = FullPath(flags.video);
  ROLLCALL_TRY_ASSIGN(
      const Json episode,
      session.Ask(api::Post({"api", "episodes"},
                            {{"video", base::PathToText(video)}, {"episode", flags.key}})));
  if (session.console().is_json()) {
    session.console().PrintDocument(episode);
  } else {
    session.console().Print(AddedText(episode));
  }
  return ExitCode::kOk;
}

// How far an episode is: its last finished stage, or what is wrong or runs.
std::string StandOf(const Json& episode, const Paint& paint) {
  const Json& states = episode.at("states");
  std::string stand = "registered";
  for (const auto& [flag, is_done] : states.items()) {
    if (is_done.get<bool>()) stand = flag;
  }
  if (!states.empty() && states.back().get<bool>()) stand = paint.Good("analysed");
  if (episode.value("older_results", false)) stand += paint.Warn(" (older times)");
  for (const auto& [stage, status] : episode.at("status").items()) {
    if (status == "running") return paint.Accent(stage + " running");
    if (status == "error") return paint.Bad(stage + " error");
  }
  return stand;
}

Result<ExitCode> ListEpisodes(Session& session) {
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(api::Get({"api", "episodes"})));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  TextTable table({"EPISODE", "STATE", "ADDED", "VIDEO"});
  for (const Json& episode : answer.at("episodes")) {
    table.Add({episode.at("episode_key"), StandOf(episode, console.paint()),
               episode.at("created_at").get<std::string>().substr(0, 10),
               ShownPath(episode.at("video_path"))});
  }
  console.Print(table.is_empty() ? "no episodes yet; `rollcall analyze VIDEO` adds one\n"
                                 : table.ToString(console.paint(), console.table_width()));
  return ExitCode::kOk;
}

Result<ExitCode> Show(Session& session, const EpisodeFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfEpisode(flags.key));
  ROLLCALL_TRY_ASSIGN(const Json episode, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(episode);
    return ExitCode::kOk;
  }
  const Paint paint = console.paint();
  std::string text = fmt::format(
      "{}\n  video        {}\n  title        {}\n  fingerprint  {}\n  added        {}\n\n",
      paint.Bold(episode.at("episode_key").get<std::string>()), ShownPath(episode.at("video_path")),
      episode.at("display").get<std::string>(),
      episode.at("fingerprint").get<std::string>().substr(0, 16),
      episode.at("created_at").get<std::string>());
  TextTable table({"STAGE", "STATUS", "FINISHED", "RESULT"});
  for (const Json& stage : episode.at("stages")) {
    table.Add({stage.at("name"), stage.at("status"), stage.at("finished_at"),
               stage.at("result").empty() ? "" : stage.at("result").dump()});
  }
  console.Print(text + table.ToString(paint) +
                fmt::format("\nfiles: `rollcall inspect {}`\n", flags.key));
  return ExitCode::kOk;
}

Result<ExitCode> Remove(Session& session, const EpisodeFlags& flags) {
  ROLLCALL_TRY_ASSIGN(api::Request request, OfEpisode(flags.key));
  request.method = "DELETE";
  request.query.emplace_back("keep_files", flags.keeps_files ? "true" : "false");
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  if (session.console().is_json()) {
    session.console().PrintDocument(answer);
  } else {
    session.console().Print(fmt::format("removed {}; the video itself was not touched\n",
                                        answer.at("episode_key").get<std::string>()));
  }
  return ExitCode::kOk;
}

}  // namespace

void AddEpisodes(CommandLine& line) {
  auto flags = std::make_shared<EpisodeFlags>();
  CLI::App* group = line.app.add_subcommand("episodes", "The videos that are known");
  group->require_subcommand(1);

  CLI::App* add = group->add_subcommand("add", "Register a video without analysing it");
  add->add_option("video", flags->video, "The video file; it stays where it is")->required();
  add->add_option("--episode", flags->key, "The episode's key")->type_name("KEY");
  AddGlobalFlags(line, add);
  OnChosenForVideo(line, add, flags->video,
                   [flags](Session& session) { return Add(session, *flags); });

  CLI::App* list = group->add_subcommand("list", "All episodes and how far they are");
  AddGlobalFlags(line, list);
  OnChosen(line, list, [](Session& session) { return ListEpisodes(session); });

  CLI::App* show = group->add_subcommand("show", "One episode and its stages");
  show->add_option("key", flags->key, "The episode's key")->required();
  AddGlobalFlags(line, show);
  OnChosen(line, show, [flags](Session& session) { return Show(session, *flags); });

  CLI::App* remove = group->add_subcommand("remove", "Forget an episode and delete its results");
  remove->add_option("key", flags->key, "The episode's key")->required();
  remove->add_flag("--keep-files", flags->keeps_files, "Leave its results on the disk");
  AddGlobalFlags(line, remove);
  OnChosen(line, remove, [flags](Session& session) { return Remove(session, *flags); });
}

}  // namespace rollcall::cli
