#include "domain/latin_letters.h"

#include <array>
#include <optional>

namespace rollcall::domain {
namespace {

constexpr char32_t kFirstLetter = 0xC0;
constexpr char32_t kFirstMark = 0x300;
constexpr char32_t kLastMark = 0x36F;

// U+00C0 to U+017F, in order, 16 to a line; nothing for × and ÷, which are no letters.
constexpr std::array<std::string_view, 192> kPlain{
    "a", "a", "a",  "a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",   // À
    "d", "n", "o",  "o",  "o", "o", "o",  "",  "o", "u", "u", "u", "u", "y", "th", "ss",  // Ð
    "a", "a", "a",  "a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",   // à
    "d", "n", "o",  "o",  "o", "o", "o",  "",  "o", "u", "u", "u", "u", "y", "th", "y",   // ð
    "a", "a", "a",  "a",  "a", "a", "c",  "c", "c", "c", "c", "c", "c", "c", "d",  "d",   // Ā
    "d", "d", "e",  "e",  "e", "e", "e",  "e", "e", "e", "e", "e", "g", "g", "g",  "g",   // Đ
    "g", "g", "g",  "g",  "h", "h", "h",  "h", "i", "i", "i", "i", "i", "i", "i",  "i",   // Ġ
    "i", "i", "ij", "ij", "j", "j", "k",  "k", "k", "l", "l", "l", "l", "l", "l",  "l",   // İ
    "l", "l", "l",  "n",  "n", "n", "n",  "n", "n", "n", "n", "n", "o", "o", "o",  "o",   // ŀ
    "o", "o", "oe", "oe", "r", "r", "r",  "r", "r", "r", "s", "s", "s", "s", "s",  "s",   // Ő
    "s", "s", "t",  "t",  "t", "t", "t",  "t", "u", "u", "u", "u", "u", "u", "u",  "u",   // Š
    "u", "u", "u",  "u",  "w", "w", "y",  "y", "y", "z", "z", "z", "z", "z", "z",  "s"};  // Ű

// The character that two bytes at `at` encode, if they do: no letter and no mark that is of
// interest here has another length.
std::optional<char32_t> TwoByteCharacter(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return std::nullopt;
  const auto lead = static_cast<unsigned char>(text[at]);
  const auto next = static_cast<unsigned char>(text[at + 1]);
  if ((lead & 0xE0U) != 0xC0U || (next & 0xC0U) != 0x80U) return std::nullopt;
  return ((lead & 0x1FU) << 6U) | (next & 0x3FU);
}

bool IsMark(char32_t character) { return character >= kFirstMark && character <= kLastMark; }

// Empty for what is no such letter.
std::string_view PlainLetter(char32_t character) {
  const bool is_in_table = character >= kFirstLetter && character - kFirstLetter < kPlain.size();
  return is_in_table ? kPlain[character - kFirstLetter] : std::string_view{};
}

}  // namespace

std::string WithPlainLatinLetters(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char32_t character = TwoByteCharacter(text, at).value_or(0);
    const std::string_view letter = PlainLetter(character);
    if (letter.empty() && !IsMark(character)) {
      plain += text[at];
      continue;
    }
    plain += letter;
    ++at;  // The character's second byte.
  }
  return plain;
}

}  // namespace rollcall::domain
