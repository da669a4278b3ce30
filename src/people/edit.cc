#include "people/edit.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "domain/reasons.h"

namespace rollcall::people {
namespace {

using base::Json;
using base::Result;
using domain::MediaTime;

// What the body of a kind holds.
struct KindRow {
  EditKind kind;
  std::string_view name;
  bool has_subject = false;
  bool has_other = false;
  bool may_have_other = false;
  bool has_label = false;
  bool has_name = false;
  bool has_at = false;
  bool has_span = false;
  bool has_box = false;
};

constexpr std::array<KindRow, 11> kKinds{{
    {.kind = EditKind::kLabel, .name = "label", .has_subject = true, .has_label = true},
    {.kind = EditKind::kName, .name = "name", .has_subject = true, .has_name = true},
    {.kind = EditKind::kMerge, .name = "merge", .has_subject = true, .has_other = true},
    {.kind = EditKind::kSame, .name = "same", .has_subject = true, .has_other = true},
    {.kind = EditKind::kSplit, .name = "split", .has_subject = true, .has_label = true},
    {.kind = EditKind::kMove, .name = "move", .has_subject = true, .has_other = true},
    {.kind = EditKind::kCut, .name = "cut", .has_subject = true, .has_at = true},
    {.kind = EditKind::kNot, .name = "not", .has_subject = true, .has_other = true},
    {.kind = EditKind::kIgnore, .name = "ignore", .has_subject = true},
    {.kind = EditKind::kFace,
     .name = "face",
     .has_other = true,
     .has_at = true,
     .has_span = true,
     .has_box = true},
    {.kind = EditKind::kExclude, .name = "exclude", .may_have_other = true, .has_span = true},
}};

const KindRow& RowOf(EditKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row;
  }
  return kKinds.front();
}

Json BoxJson(const domain::PixelBox& box) { return {box.x1, box.y1, box.x2, box.y2}; }

Json AnchorsJson(const std::vector<Anchor>& anchors) {
  Json list = Json::array();
  for (const Anchor& anchor : anchors) {
    Json sights = Json::array();
    for (const Sight& sight : anchor.sights) {
      sights.push_back({{"at_us", sight.at.count()}, {"box", BoxJson(sight.box)}});
    }
    list.push_back({{"track", anchor.piece.track_id},
                    {"from_us", anchor.piece.from.count()},
                    {"to_us", anchor.piece.to.count()},
                    {"sights", std::move(sights)}});
  }
  return list;
}

// Reads a body; what is missing or of another type is remembered.
class BodyReader {
 public:
  explicit BodyReader(const Json& body) : body_(body) {}

  std::int64_t Integer(const Json& json, const char* name) {
    const auto found = Member(json, name);
    if (found == nullptr || !found->is_number_integer()) return Bad<std::int64_t>();
    return found->get<std::int64_t>();
  }
  std::string Text(const char* name) {
    const auto found = Member(body_, name);
    if (found == nullptr || !found->is_string()) return Bad<std::string>();
    return found->get<std::string>();
  }
  MediaTime Time(const Json& json, const char* name) { return MediaTime{Integer(json, name)}; }
  MediaTime Time(const char* name) { return Time(body_, name); }
  std::int64_t Integer(const char* name) { return Integer(body_, name); }
  domain::PixelBox Box(const Json& json) {
    const auto found = Member(json, "box");
    constexpr std::size_t kCorners = 4;
    if (found == nullptr || !found->is_array() || found->size() != kCorners) {
      return Bad<domain::PixelBox>();
    }
    std::array<float, kCorners> corners{};
    for (std::size_t i = 0; i < kCorners; ++i) {
      if (!(*found)[i].is_number()) return Bad<domain::PixelBox>();
      corners[i] = (*found)[i].get<float>();
      if (!std::isfinite(corners[i])) return Bad<domain::PixelBox>();
    }
    return {.x1 = corners[0], .y1 = corners[1], .x2 = corners[2], .y2 = corners[3]};
  }
  domain::PixelBox Box() { return Box(body_); }
  std::vector<Anchor> Anchors(const char* name) {
    std::vector<Anchor> anchors;
    const auto found = Member(body_, name);
    if (found == nullptr || !found->is_array() || found->empty()) {
      is_bad_ = true;
      return anchors;
    }
    for (const Json& entry : *found) {
      Anchor anchor{.piece = {.track_id = Integer(entry, "track"),
                              .from = Time(entry, "from_us"),
                              .to = Time(entry, "to_us")},
                    .sights = {}};
      const auto sights = Member(entry, "sights");
      if (sights == nullptr || !sights->is_array() || sights->size() > kSightsMax) {
        is_bad_ = true;
        return anchors;
      }
      for (const Json& sight : *sights) {
        anchor.sights.push_back({.at = Time(sight, "at_us"), .box = Box(sight)});
      }
      anchors.push_back(std::move(anchor));
    }
    return anchors;
  }
  bool Has(const char* name) const { return body_.is_object() && body_.contains(name); }
  bool is_bad() const { return is_bad_; }

 private:
  static const Json* Member(const Json& json, const char* name) {
    if (!json.is_object()) return nullptr;
    const auto found = json.find(name);
    return found == json.end() ? nullptr : &*found;
  }
  template <typename T>
  T Bad() {
    is_bad_ = true;
    return T{};
  }

  const Json& body_;
  bool is_bad_ = false;
};

base::Error Damaged(std::int64_t sequence, std::string_view kind) {
  return domain::MakeError(domain::reason::kStoreDamaged,
                           "edit " + std::to_string(sequence) + " (" + std::string(kind) +
                               ") is none that a program of Rollcall has written");
}

}  // namespace

std::string_view EditKindName(EditKind kind) { return RowOf(kind).name; }

std::optional<EditKind> EditKindFromName(std::string_view name) {
  for (const KindRow& row : kKinds) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

Json BodyToJson(const Edit& edit) {
  const KindRow& row = RowOf(edit.kind);
  Json body{{"tracks", edit.tracks}};
  if (row.has_subject) body["subject"] = AnchorsJson(edit.subject);
  if (row.has_other || (row.may_have_other && !edit.other.empty())) {
    body["other"] = AnchorsJson(edit.other);
  }
  if (row.has_label) body["label"] = edit.label;
  if (row.has_name) body["name"] = edit.name;
  if (row.has_at) body["at_us"] = edit.at.count();
  if (row.has_span) {
    body["from_us"] = edit.from.count();
    body["to_us"] = edit.to.count();
  }
  if (row.has_box) body["box"] = BoxJson(edit.box);
  return body;
}

Result<Edit> EditFrom(std::int64_t sequence, std::string_view kind, const Json& body) {
  const auto known = EditKindFromName(kind);
  if (!known) return Damaged(sequence, kind);
  const KindRow& row = RowOf(*known);
  BodyReader reader(body);
  Edit edit{.sequence = sequence, .kind = *known, .tracks = reader.Text("tracks")};
  if (row.has_subject) edit.subject = reader.Anchors("subject");
  if (row.has_other || (row.may_have_other && reader.Has("other"))) {
    edit.other = reader.Anchors("other");
  }
  if (row.has_label) edit.label = static_cast<int>(reader.Integer("label"));
  if (row.has_name) edit.name = reader.Text("name");
  if (row.has_at) edit.at = reader.Time("at_us");
  if (row.has_span) {
    edit.from = reader.Time("from_us");
    edit.to = reader.Time("to_us");
  }
  if (row.has_box) edit.box = reader.Box();
  if (reader.is_bad()) return Damaged(sequence, kind);
  return edit;
}

}  // namespace rollcall::people
