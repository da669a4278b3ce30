#include "vision/pack_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "domain/reasons.h"

namespace rollcall::vision {
namespace {

constexpr std::array<std::string_view, 5> kRoles{"detector", "landmarks", "embedder", "expression",
                                                 "pose"};

base::Error BadPack(std::string_view where, std::string message) {
  return domain::MakeError(domain::reason::kBadConfig, fmt::format("{}: {}", where, message),
                           "correct the pack's pack.toml, or install the pack again");
}

base::Result<std::string> Word(const toml::table& table, std::string_view key,
                               std::string_view where) {
  const auto word = table[key].value<std::string>();
  if (word && !word->empty()) return *word;
  return BadPack(where, fmt::format("'{}' is missing or not a word", key));
}

std::optional<ParamValue> ToParam(const toml::node& node) {
  if (const auto flag = node.as_boolean()) return ParamValue(flag->get());
  if (node.is_number()) return ParamValue(node.value<double>().value_or(0));
  if (const auto word = node.as_string()) return ParamValue(word->get());
  const toml::array* list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> words;
  for (const toml::node& element : *list) {
    if (!element.is_string()) return std::nullopt;
    words.push_back(element.as_string()->get());
  }
  return ParamValue(std::move(words));
}

base::Result<void> TakeParams(const toml::table& table, std::string_view where,
                              ParamTable& params) {
  constexpr std::array<std::string_view, 6> kOwnKeys{"kind",    "file",   "sha256",
                                                     "licence", "source", "params"};
  for (const auto& [key, node] : table) {
    if (std::ranges::count(kOwnKeys, key.str()) > 0) continue;
    std::optional<ParamValue> value = ToParam(node);
    if (!value)
      return BadPack(where, fmt::format("'{}' is no number, word or list of words", key.str()));
    if (!params.emplace(key.str(), std::move(*value)).second) {
      return BadPack(where, fmt::format("'{}' stands there twice", key.str()));
    }
  }
  return {};
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

base::Result<PackFile::Role> ParseRole(std::string name, const toml::table& table,
                                       const std::string& where) {
  PackFile::Role result;
  PackRole& role = result.role;
  role.role = std::move(name);
  ROLLCALL_TRY_ASSIGN(role.kind, Word(table, "kind", where));
  ROLLCALL_TRY_ASSIGN(role.file, Word(table, "file", where));
  ROLLCALL_TRY_ASSIGN(role.sha256, Word(table, "sha256", where));
  ROLLCALL_TRY_ASSIGN(role.licence, Word(table, "licence", where));
  ROLLCALL_TRY_ASSIGN(role.source, Word(table, "source", where));
  if (!IsSha256(role.sha256)) return BadPack(where, "'sha256' is not 64 lower-case hex digits");
  if (std::filesystem::path(role.file).filename() != role.file || role.file.starts_with('.')) {
    return BadPack(where, fmt::format("'file' is \"{}\", not a file in the pack", role.file));
  }
  ROLLCALL_TRY(TakeParams(table, where, result.params));
  if (const toml::table* params = table["params"].as_table()) {
    ROLLCALL_TRY(TakeParams(*params, where, result.params));
  }
  return result;
}

}  // namespace

base::Result<PackFile> ParsePackFile(std::string_view text, std::string_view where) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return BadPack(where, fmt::format("line {}, column {}: {}", error.source().begin.line,
                                      error.source().begin.column, error.description()));
  }
  PackFile pack;
  ROLLCALL_TRY_ASSIGN(pack.name, Word(table, "name", where));
  ROLLCALL_TRY_ASSIGN(pack.version, Word(table, "version", where));
  for (const auto& [key, node] : table) {
    if (key.str() == "name" || key.str() == "version") continue;
    if (std::ranges::count(kRoles, key.str()) == 0 || !node.is_table()) {
      return BadPack(where, fmt::format("nothing is known of '{}'", key.str()));
    }
    const std::string role_where = fmt::format("{}, [{}]", where, key.str());
    ROLLCALL_TRY_ASSIGN(PackFile::Role role,
                        ParseRole(std::string(key.str()), *node.as_table(), role_where));
    pack.roles.push_back(std::move(role));
  }
  // toml++ keeps keys by name; people know the roles in this order.
  std::ranges::sort(pack.roles, {}, [](const PackFile::Role& role) {
    return std::ranges::find(kRoles, role.role.role) - kRoles.begin();
  });
  if (pack.roles.empty()) return BadPack(where, "it has no role");
  return pack;
}

}  // namespace rollcall::vision
