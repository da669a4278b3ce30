#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/job_details.h"
#include "cli/requests.h"
#include "cli/terminal.h"
#include "cli/text_table.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;
namespace reason = domain::reason;

struct PeopleFlags {
  std::string key;
  std::string person;
  std::string name;
  std::string into;
  std::string piece;
  std::string at;
  std::string from;
  std::string to;
  std::vector<std::string> people;
  std::vector<std::string> pieces;
  std::vector<float> box;
  std::int64_t sequence = 0;
  std::int64_t track = 0;
};

// "61.5", "1:01.5", "1:02:03": seconds, with minutes and hours before them → milliseconds.
Result<std::int64_t> MillisOf(const std::string& typed) {
  double total = 0;
  std::string_view rest = typed;
  bool is_time = !typed.empty();
  for (int parts = 0; is_time && !rest.empty(); ++parts) {
    const std::string_view part = rest.substr(0, rest.find(':'));
    double value = 0;
    const auto [stop, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
    is_time = failure == std::errc{} && stop == part.data() + part.size() && value >= 0 &&
              value < 1e6 && parts < 3;
    total = 60 * total + value;
    rest = part.size() == rest.size() ? std::string_view() : rest.substr(part.size() + 1);
  }
  if (is_time && !typed.ends_with(':')) return std::llround(1000 * total);
  return domain::MakeError(reason::kBadParams, "\"" + base::Shown(typed) + "\" is no time",
                           "as 61.5, 1:01.5 or 1:02:03.25: hours, minutes and seconds");
}

std::string TimeText(const Json& ms) { return ExactDuration(ms.get<double>() / 1000); }

Result<api::Request> OfPeople(const std::string& key, std::vector<std::string> rest) {
  ROLLCALL_TRY_ASSIGN(api::Request request, OfEpisode(key));
  request.path.insert(request.path.end(), rest.begin(), rest.end());
  return request;
}

// A person as he is typed: by number, or by the name that somebody gave.
Result<std::int64_t> PersonTyped(const Json& people, const std::string& typed) {
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  if (failure == std::errc{} && stop == typed.data() + typed.size()) return number;
  for (const Json& person : people.at("people")) {
    if (person.at("name") == typed) return person.at("person").get<std::int64_t>();
  }
  return domain::MakeError(
      reason::kNoSuchPerson,
      fmt::format("{} has nobody called {}", people.at("episode_key").get<std::string>(),
                  base::Shown(typed)));
}

Result<Json> PeopleOf(Session& session, const std::string& key) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfPeople(key, {"people"}));
  return session.Ask(request);
}

std::string PeopleTable(const Json& people, const Console& console) {
  TextTable table({"PERSON", "NAME", "ON SCREEN", "SHARE", "TIMES", "FIRST", "LAST"});
  for (const Json& person : people.at("people")) {
    const bool is_named = person.at("is_named");
    table.Add({std::to_string(person.at("person").get<std::int64_t>()),
               is_named ? person.at("name").get<std::string>() : "-",
               fmt::format("{} ± {:.1f} s", TimeText(person.at("total_ms")),
                           std::ceil(person.at("error_ms").get<double>() / 100) / 10),
               fmt::format("{:.1f}%", 100 * person.at("share").get<double>()),
               std::to_string(person.at("appearances").get<std::int64_t>()),
               TimeText(person.at("first_ms")), TimeText(person.at("last_ms"))});
  }
  std::string text = table.is_empty() ? "nobody is on screen\n"
                                      : table.ToString(console.paint(), console.table_width());
  const Json& unattached = people.at("unattached");
  for (const Json& edit : unattached) {
    text += console.paint().Warn(fmt::format(
        "edit {} {}: {}\n", edit.at("sequence").get<std::int64_t>(),
        edit.at("is_partly").get<bool>() ? "holds on to a part only" : "holds on to nothing",
        edit.at("why").get<std::string>()));
  }
  if (!people.at("files_are_current").get<bool>()) {
    text += "the files do not say so yet; they follow\n";
  }
  return text;
}

Result<ExitCode> ListPeople(Session& session, const PeopleFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const Json people, PeopleOf(session, flags.key));
  if (session.console().is_json()) {
    session.console().PrintDocument(people);
  } else {
    session.console().Print(PeopleTable(people, session.console()));
  }
  return ExitCode::kOk;
}

Result<ExitCode> ShowPerson(Session& session, const PeopleFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const Json people, PeopleOf(session, flags.key));
  ROLLCALL_TRY_ASSIGN(const std::int64_t number, PersonTyped(people, flags.person));
  ROLLCALL_TRY_ASSIGN(const api::Request request,
                      OfPeople(flags.key, {"people", std::to_string(number)}));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  const Json& person = answer.at("person");
  std::string text = fmt::format("{}\n  on screen  {} ± {:.1f} s, {} times\n\n",
                                 console.paint().Bold(person.at("name").get<std::string>()),
                                 TimeText(person.at("total_ms")),
                                 std::ceil(person.at("error_ms").get<double>() / 100) / 10,
                                 person.at("appearances").get<std::int64_t>());
  TextTable pieces({"PIECE", "FROM", "TO"});
  for (const Json& piece : person.at("pieces")) {
    pieces.Add({piece.at("piece"), TimeText(piece.at("from_ms")), TimeText(piece.at("to_ms"))});
  }
  console.Print(text + pieces.ToString(console.paint(), console.table_width()));
  return ExitCode::kOk;
}

Result<ExitCode> SuggestPeople(Session& session, const PeopleFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfPeople(flags.key, {"people", "suggestions"}));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  TextTable table({"WHO", "MAY BE", "LIKENESS", "SETTLES"});
  for (const Json& pair : answer.at("suggestions")) {
    table.Add({pair.at("person").at("name"), pair.at("into").at("name"),
               fmt::format("{:.2f}", pair.at("cosine").get<double>()),
               TimeText(pair.at("settles_ms"))});
  }
  console.Print(table.is_empty() ? "no two of them are alike\n"
                                 : table.ToString(console.paint(), console.table_width()));
  return ExitCode::kOk;
}

Result<ExitCode> WhyTrack(Session& session, const PeopleFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request,
                      OfPeople(flags.key, {"tracks", std::to_string(flags.track)}));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  std::string text =
      fmt::format("track {}, {} to {}, {} faces\n", flags.track, TimeText(answer.at("start_ms")),
                  TimeText(answer.at("end_ms")), answer.at("faces").get<std::int64_t>());
  for (const Json& piece : answer.at("pieces")) {
    text += fmt::format("  {}: {}\n", piece.at("piece").get<std::string>(),
                        piece.at("why").get<std::string>());
  }
  for (const Json& like : answer.at("nearest")) {
    text += fmt::format("  like {} by {:.2f}\n", like.at("name").get<std::string>(),
                        like.at("cosine").get<double>());
  }
  console.Print(text);
  return ExitCode::kOk;
}

Result<ExitCode> ShowHistory(Session& session, const PeopleFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfPeople(flags.key, {"edits"}));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  TextTable table({"EDIT", "AT", "WHO", "SAID"});
  for (const Json& edit : answer.at("edits")) {
    if (edit.at("kind") == "label") continue;
    std::string said = edit.at("said");
    if (!edit.at("undone_by").is_null()) said += " (taken back)";
    table.Add({std::to_string(edit.at("sequence").get<std::int64_t>()), ShortTime(edit.at("at")),
               edit.at("who"), said});
  }
  console.Print(table.is_empty() ? "nothing was said of its people\n"
                                 : table.ToString(console.paint(), console.table_width()));
  return ExitCode::kOk;
}

// Sends it with a key, so that it can be sent again where no answer came: nothing is done twice.
Result<ExitCode> Say(Session& session, const PeopleFlags& flags, std::vector<std::string> path,
                     Json body) {
  const char* user = std::getenv("USER");
  if (user != nullptr && *user != '\0') body["who"] = user;
  ROLLCALL_TRY_ASSIGN(api::Request request, OfPeople(flags.key, std::move(path)));
  request.method = "POST";
  request.body = std::move(body);
  request.fields.emplace_back("idempotency-key", base::RandomId());
  auto answer = session.Ask(request);
  if (!answer.ok() && answer.error().reason == reason::kEngineUnavailable) {
    ROLLCALL_TRY_ASSIGN(app::EngineLink * engine, session.Engine());
    ROLLCALL_TRY(engine->Reopen());
    answer = session.Ask(request);
  }
  if (!answer.ok()) return std::move(answer).error();
  ROLLCALL_TRY_ASSIGN(const Json people, PeopleOf(session, flags.key));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument({{"edits", answer->at("edits")}, {"people", people.at("people")}});
    return ExitCode::kOk;
  }
  std::string text;
  for (const Json& edit : answer->at("edits")) {
    text += fmt::format("{}: {}\n", edit.at("sequence").get<std::int64_t>(),
                        edit.at("said").get<std::string>());
  }
  console.Print(text + "\n" + PeopleTable(people, console));
  return ExitCode::kOk;
}

// The members of an edit that were typed; people by name are looked up.
class EditTyped {
 public:
  EditTyped(Session& session, const PeopleFlags& flags, const char* kind)
      : session_(session), flags_(flags), body_{{"kind", kind}} {}

  Result<void> Person(const char* member, const std::string& typed) {
    ROLLCALL_TRY_ASSIGN(body_[member], Look(typed));
    return {};
  }
  Result<void> People(const std::vector<std::string>& typed) {
    Json list = Json::array();
    for (const std::string& each : typed) {
      ROLLCALL_TRY_ASSIGN(const std::int64_t number, Look(each));
      list.push_back(number);
    }
    body_["people"] = std::move(list);
    return {};
  }
  Result<void> Time(const char* member, const std::string& typed) {
    ROLLCALL_TRY_ASSIGN(body_[member], MillisOf(typed));
    return {};
  }
  void Put(const char* member, Json value) { body_[member] = std::move(value); }
  Result<ExitCode> Send() { return Say(session_, flags_, {"edits"}, std::move(body_)); }

 private:
  Result<std::int64_t> Look(const std::string& typed) {
    if (!people_) {
      ROLLCALL_TRY_ASSIGN(people_, PeopleOf(session_, flags_.key));
    }
    return PersonTyped(*people_, typed);
  }

  Session& session_;
  const PeopleFlags& flags_;
  Json body_;
  std::optional<Json> people_;
};

Result<ExitCode> NamePerson(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "name");
  ROLLCALL_TRY(edit.Person("person", flags.person));
  edit.Put("name", flags.name);
  return edit.Send();
}
Result<ExitCode> MergePeople(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "merge");
  ROLLCALL_TRY(edit.People(flags.people));
  ROLLCALL_TRY(edit.Person("into", flags.into));
  return edit.Send();
}
Result<ExitCode> SamePeople(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "same");
  ROLLCALL_TRY(edit.People(flags.people));
  return edit.Send();
}
Result<ExitCode> SplitPieces(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "split");
  edit.Put("pieces", flags.pieces);
  return edit.Send();
}
Result<ExitCode> MovePieces(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "move");
  edit.Put("pieces", flags.pieces);
  ROLLCALL_TRY(edit.Person("into", flags.into));
  return edit.Send();
}
Result<ExitCode> CutPiece(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "cut");
  edit.Put("piece", flags.piece);
  ROLLCALL_TRY(edit.Time("at_ms", flags.at));
  return edit.Send();
}
Result<ExitCode> NotPerson(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "not");
  edit.Put("pieces", flags.pieces);
  ROLLCALL_TRY(edit.Person("person", flags.person));
  return edit.Send();
}
Result<ExitCode> IgnoreFaces(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "ignore");
  if (!flags.pieces.empty()) edit.Put("pieces", flags.pieces);
  if (!flags.person.empty()) ROLLCALL_TRY(edit.Person("person", flags.person));
  return edit.Send();
}
Result<ExitCode> AddFace(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "face");
  ROLLCALL_TRY(edit.Person("person", flags.person));
  ROLLCALL_TRY(edit.Time("at_ms", flags.at));
  edit.Put("box", flags.box);
  if (!flags.from.empty()) ROLLCALL_TRY(edit.Time("from_ms", flags.from));
  if (!flags.to.empty()) ROLLCALL_TRY(edit.Time("to_ms", flags.to));
  return edit.Send();
}
Result<ExitCode> ExcludeTime(Session& session, const PeopleFlags& flags) {
  EditTyped edit(session, flags, "exclude");
  ROLLCALL_TRY(edit.Time("from_ms", flags.from));
  ROLLCALL_TRY(edit.Time("to_ms", flags.to));
  if (!flags.person.empty()) ROLLCALL_TRY(edit.Person("person", flags.person));
  return edit.Send();
}
Result<ExitCode> TakeBack(Session& session, const PeopleFlags& flags, const char* verb) {
  Json body = Json::object();
  if (flags.sequence > 0) body["sequence"] = flags.sequence;
  return Say(session, flags, {"edits", verb}, std::move(body));
}

using PeopleRun = Result<ExitCode> (*)(Session& session, const PeopleFlags& flags);

CLI::App* AddVerb(CommandLine& line, CLI::App* group, const std::shared_ptr<PeopleFlags>& flags,
                  const char* name, const char* text, PeopleRun run) {
  CLI::App* verb = group->add_subcommand(name, text);
  verb->add_option("key", flags->key, "The episode's key")->required()->type_name("KEY");
  AddGlobalFlags(line, verb);
  OnChosen(line, verb, [flags, run](Session& session) { return run(session, *flags); });
  return verb;
}

}  // namespace

void AddPeople(CommandLine& line) {
  auto flags = std::make_shared<PeopleFlags>();
  CLI::App* group = line.app.add_subcommand("people", "Who is who: name, merge, split, take back");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* text, PeopleRun run) {
    return AddVerb(line, group, flags, name, text, run);
  };
  const auto person = [&](CLI::App* verb, std::string& to) {
    return verb->add_option("person", to, "By number or name")->required()->type_name("PERSON");
  };
  const auto pieces = [&](CLI::App* verb) {
    return verb->add_option("pieces", flags->pieces, "As `people show` names them: 12, 12@61000")
        ->type_name("PIECE");
  };
  const auto into = [&](CLI::App* verb) {
    verb->add_option("--into", flags->into, "Who they are")->required()->type_name("PERSON");
  };

  add("list", "All of them, and how long each is on screen", ListPeople);
  person(add("show", "One of them, and the pieces of tracks that are theirs", ShowPerson),
         flags->person);
  add("suggest", "Pairs who may be one", SuggestPeople);
  add("why", "Why a face is where it is", WhyTrack)
      ->add_option("track", flags->track, "The track's number")
      ->required();
  CLI::App* name = add("name", "Give a person a name; an empty one takes it away", NamePerson);
  person(name, flags->person);
  name->add_option("name", flags->name, "The name")->required()->type_name("NAME");
  CLI::App* merge = add("merge", "These are somebody else, who keeps his name", MergePeople);
  merge->add_option("people", flags->people, "By number or name")->required()->type_name("PERSON");
  into(merge);
  add("same", "Two are one; who is longer on screen stays", SamePeople)
      ->add_option("people", flags->people, "Two of them")
      ->required()
      ->expected(2)
      ->type_name("PERSON");
  pieces(add("split", "These pieces are a person of their own", SplitPieces))->required();
  CLI::App* move = add("move", "These pieces are that person's", MovePieces);
  pieces(move)->required();
  into(move);
  CLI::App* cut = add("cut", "Two people share a track: cut it at a time", CutPiece);
  cut->add_option("piece", flags->piece, "As `people show` names it")->required();
  cut->add_option("at", flags->at, "As 61.5 or 1:01.5")->required()->type_name("TIME");
  CLI::App* not_one = add("not", "These pieces are not that person", NotPerson);
  pieces(not_one)->required();
  not_one->add_option("--person", flags->person, "Whom they are not")
      ->required()
      ->type_name("PERSON");
  CLI::App* ignore = add("ignore", "Not counted: a picture on the wall, a false face", IgnoreFaces);
  pieces(ignore);
  ignore->add_option("--person", flags->person, "All of a person")->type_name("PERSON");
  CLI::App* face = add("face", "A face that was missed", AddFace);
  person(face, flags->person);
  face->add_option("at", flags->at, "When")->required()->type_name("TIME");
  face->add_option("--box", flags->box, "Where: x1 y1 x2 y2 in pixels of the picture")
      ->required()
      ->expected(4);
  face->add_option("--from", flags->from, "From when it is there")->type_name("TIME");
  face->add_option("--to", flags->to, "Until when")->type_name("TIME");
  CLI::App* exclude = add("exclude", "A time that is not counted", ExcludeTime);
  exclude->add_option("from", flags->from, "From when")->required()->type_name("TIME");
  exclude->add_option("to", flags->to, "Until when")->required()->type_name("TIME");
  exclude->add_option("--person", flags->person, "Of this person only")->type_name("PERSON");
  for (const bool is_undo : {true, false}) {
    CLI::App* take =
        is_undo ? add("undo", "Take the newest edit back, or that of a number",
                      [](Session& session, const PeopleFlags& given) {
                        return TakeBack(session, given, "undo");
                      })
                : add("redo", "Let it stand again", [](Session& session, const PeopleFlags& given) {
                    return TakeBack(session, given, "redo");
                  });
    take->add_option("--edit", flags->sequence, "Its number in the history")->type_name("N");
  }
  add("history", "What was said, by whom, and what of it stands", ShowHistory);
}

}  // namespace rollcall::cli
