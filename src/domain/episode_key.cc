#include "domain/episode_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "domain/latin_letters.h"
#include "domain/reasons.h"

namespace rollcall::domain {
namespace {

constexpr std::size_t kLengthMax = 100;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsKeyCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

std::string Lowered(std::string_view text) {
  std::string lowered = WithPlainLatinLetters(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), Lower);
  return lowered;
}

// Cuts separators from both ends.
std::string Trimmed(std::string text) {
  constexpr std::string_view kEdges = "-_. ";
  const auto first = text.find_first_not_of(kEdges);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kEdges) - first + 1);
}

std::string Slug(std::string_view text) {
  std::string slug = Lowered(text);
  for (char& c : slug) {
    if (!IsKeyCharacter(c)) c = '-';
  }
  // Two dots would read as a way out of the data directory.
  slug.erase(
      std::unique(slug.begin(), slug.end(), [](char a, char b) { return a == '.' && b == '.'; }),
      slug.end());
  return Trimmed(std::move(slug));
}

// `show_s05_e03` from a title that names season and episode as words of their own.
std::optional<std::string> SeasonEpisode(const std::string& lowered) {
  static const std::regex kPattern(
      "(?:^|[^a-z0-9])s([0-9]{1,4})[^a-z0-9]*e([0-9]{1,4})(?![a-z0-9])");
  std::optional<std::smatch> last;
  for (std::sregex_iterator it(lowered.begin(), lowered.end(), kPattern), end; it != end; ++it) {
    last = *it;
  }
  if (!last) return std::nullopt;
  const std::string show = Slug(lowered.substr(0, static_cast<std::size_t>(last->position())));
  const std::string place =
      fmt::format("s{:02}_e{:02}", std::stoi(last->str(1)), std::stoi(last->str(2)));
  // "-2" tells a second video of the same episode apart and stays; a date does not.
  static const std::regex kSuffix("^-[0-9]{1,3}$");
  const std::string rest = last->suffix().str();
  const std::string suffix = std::regex_match(rest, kSuffix) ? rest : "";
  return (show.empty() ? place : show + "_" + place) + suffix;
}

base::Error BadKey(std::string_view text, std::string_view why) {
  return MakeError(reason::kBadKey, fmt::format("\"{}\" cannot name an episode: {}", text, why));
}

}  // namespace

base::Result<EpisodeKey> EpisodeKey::FromTitle(std::string_view title) {
  const std::string lowered = Lowered(title);
  std::string text = SeasonEpisode(lowered).value_or(Slug(lowered));
  if (text.size() > kLengthMax) text = Trimmed(text.substr(0, kLengthMax));
  if (text.empty()) {
    base::Error error = BadKey(title, "it has no letter a…z or digit");
    error.hint = "name it yourself: --episode KEY";
    return error;
  }
  return EpisodeKey(std::move(text));
}

base::Result<EpisodeKey> EpisodeKey::Parse(std::string_view text) {
  const std::string lowered = Lowered(text);
  if (lowered.empty()) return BadKey(text, "it is empty");
  if (lowered.size() > kLengthMax) return BadKey(text, "it is longer than 100 characters");
  if (lowered.find("..") != std::string::npos) return BadKey(text, "it contains \"..\"");
  if (!std::all_of(lowered.begin(), lowered.end(), IsKeyCharacter)) {
    return BadKey(text, "it contains a character other than letters, digits, '-', '_' and '.'");
  }
  if (lowered.front() == '.' || lowered.front() == '-') {
    return BadKey(text, "it begins with '.' or '-'");
  }
  return FromTitle(lowered);
}

EpisodeKey EpisodeKey::OfVideo(std::string_view fingerprint) {
  return EpisodeKey(fmt::format("video-{}", fingerprint.substr(0, 8)));
}

EpisodeKey EpisodeKey::WithSuffix(int number) const {
  const std::string suffix = fmt::format("-{}", number);
  return EpisodeKey(Trimmed(text_.substr(0, kLengthMax - suffix.size())) + suffix);
}

}  // namespace rollcall::domain
