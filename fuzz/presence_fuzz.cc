// presence.pack as hostile bytes. The first byte chooses what the rest is: 'W' a whole pack, 'B'
// what stands between a right header and a right end: samples, tracks and sightings, whose numbers
// the next three bytes say. What is read is folded and measured, as the engine does.

#include <cstdint>
#include <string>
#include <string_view>

#include "artifacts/binary_codec.h"
#include "base/json.h"
#include "pipeline/people_likeness.h"
#include "pipeline/peoples_times.h"
#include "pipeline/presence_pack.h"

namespace {

namespace pipeline = rollcall::pipeline;
using rollcall::base::Json;

void ReadPack(std::string_view bytes) {
  const auto pack = pipeline::ParsePresencePack(bytes, "pack");
  if (!pack.ok()) return;
  const auto people = pipeline::MeasurePeople(*pack, {}, 0, {});
  if (!people.ok()) return;
  static_cast<void>(pipeline::PeopleLikeness(*pack, *people).Suggestions(10));
}

std::string WithEnds(std::string_view bytes) {
  if (bytes.size() < 3) return {};
  const auto count = [&](std::size_t i) {
    return static_cast<int>(static_cast<std::uint8_t>(bytes[i]));
  };
  const Json footer{{"tracks_sha256", "t"},
                    {"pictures", {0, 10'000'000}},
                    {"gaps", Json::array()},
                    {"groups", {{{"id", 1}, {"tracks", {1, 2}}, {"is_low_confidence", false}}}},
                    {"samples", count(0)},
                    {"tracks", count(1)},
                    {"sightings", count(2)}};
  std::string pack = "RCPRES1\n";
  rollcall::artifacts::BinaryWriter writer(pack);
  writer.Put(std::uint32_t{1});
  writer.Put(std::uint32_t{0});
  writer.PutBytes(bytes.substr(3));
  const std::string text = footer.dump();
  writer.PutBytes(text);
  writer.Put(static_cast<std::uint32_t>(text.size()));
  writer.PutBytes("RCPRESND");
  return pack;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'W') ReadPack(bytes);
  if (data[0] == 'B') ReadPack(WithEnds(bytes));
  return 0;
}
