#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace rollcall::domain {

// The name of an episode on disk and in the API: `rhobh_s05_e03`, `rhobh-test-10-28`.
// Lower-case letters, digits, '-', '_', '.'; 1 to 100 characters; no leading '.' or '-', so that it
// is safe as a file name and as an argument.
class EpisodeKey {
 public:
  // From a title or a file name without its extension: `RHOBH_S05_E03_11062025` →
  // `rhobh_s05_e03`. The season is the last `S<digits>` that is a word of its own followed by an
  // `E<digits>` (also `S05E03`); what follows (a date) is dropped, but for a "-2" at the very end.
  // Without season and episode the name is lower-cased, Latin letters lose their accents
  // (`Émission` → `emission`), and other characters become '-'.
  // kInvalidArgument / ERR_BAD_EPISODE_KEY if nothing usable is left: see OfVideo.
  static base::Result<EpisodeKey> FromTitle(std::string_view title);

  // A key that somebody typed: normalised like a title, but a path separator, "..", or a character
  // that a key cannot have is refused instead of replaced.
  static base::Result<EpisodeKey> Parse(std::string_view text);

  // `video-1a2b3c4d`, from the first eight digits of the fingerprint: for a video whose name gives
  // no key because it is in another script.
  static EpisodeKey OfVideo(std::string_view fingerprint);

  const std::string& text() const { return text_; }
  // This key with "-2", "-3", … : what is offered when the plain one is taken.
  EpisodeKey WithSuffix(int number) const;

  friend bool operator==(const EpisodeKey&, const EpisodeKey&) = default;
  friend auto operator<=>(const EpisodeKey&, const EpisodeKey&) = default;

 private:
  explicit EpisodeKey(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace rollcall::domain
