#include "pipeline/manifest.h"

#include "artifacts/parquet.h"

namespace rollcall::pipeline {

using artifacts::Column;
using artifacts::ColumnType;

base::Result<void> WriteManifest(const std::filesystem::path& path, const std::string& episode_id,
                                 const Manifest& manifest, const OnRow& on_row) {
  ROLLCALL_TRY_ASSIGN(const auto writer,
                      artifacts::ParquetWriter::Create(path, {{"episode_id", ColumnType::kText},
                                                              {"frame_id", ColumnType::kInt64},
                                                              {"ts_ms", ColumnType::kInt64},
                                                              {"pts_us", ColumnType::kInt64},
                                                              {"until_us", ColumnType::kInt64},
                                                              {"keyframe", ColumnType::kBool},
                                                              {"gradual", ColumnType::kBool},
                                                              {"disposable", ColumnType::kBool},
                                                              {"decode_order", ColumnType::kInt64},
                                                              {"sampled", ColumnType::kBool}}));
  auto next_sample = manifest.plan.begin();
  for (std::size_t i = 0; i < manifest.index.packets.size(); ++i) {
    const media::PacketEntry& packet = manifest.index.packets[i];
    const auto frame_id = static_cast<std::int64_t>(i);
    const bool is_sampled = next_sample != manifest.plan.end() && *next_sample == frame_id;
    if (is_sampled) ++next_sample;
    writer->Text(episode_id);
    writer->Int64(frame_id);
    writer->Int64(domain::ToMillis(packet.pts));
    writer->Int64(packet.pts.count());
    writer->Int64(manifest.index.ShownUntil(frame_id).count());
    writer->Bool(packet.is_keyframe);
    writer->Bool(packet.is_gradual);
    writer->Bool(packet.is_disposable);
    writer->Int64(packet.decode_order);
    writer->Bool(is_sampled);
    ROLLCALL_TRY(writer->EndRow());
    if (on_row) ROLLCALL_TRY(on_row());
  }
  return writer->Finish();
}

base::Result<Manifest> ReadManifest(const std::filesystem::path& path, const OnRow& on_row) {
  Manifest manifest;
  ROLLCALL_TRY(artifacts::ReadParquet(
      path,
      {{"pts_us", ColumnType::kInt64},
       {"keyframe", ColumnType::kBool},
       {"disposable", ColumnType::kBool},
       {"decode_order", ColumnType::kInt64},
       {"sampled", ColumnType::kBool},
       {"until_us", ColumnType::kInt64},
       {"gradual", ColumnType::kBool}},
      [&](const artifacts::ParquetRow& row) -> base::Result<void> {
        if (on_row) ROLLCALL_TRY(on_row());
        if (row.Bool(4)) {
          manifest.plan.push_back(static_cast<std::int64_t>(manifest.index.packets.size()));
        }
        manifest.index.packets.push_back({.pts = domain::MediaTime{row.Int(0)},
                                          .is_keyframe = row.Bool(1),
                                          .is_gradual = row.Bool(6),
                                          .is_disposable = row.Bool(2),
                                          .decode_order = static_cast<std::uint32_t>(row.Int(3))});
        manifest.index.end = domain::MediaTime{row.Int(5)};
        return {};
      }));
  return manifest;
}

}  // namespace rollcall::pipeline
