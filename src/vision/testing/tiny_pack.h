#pragma once

#include <filesystem>
#include <string>

namespace rollcall::vision {

// pack.toml of a pack with one SCRFD detector of 64×64 pixels, "detector.onnx", with this hash.
std::string TinyPackToml(const std::string& sha256);

// Writes that pack into `folder`. Its network finds one face in every picture that is not black: at
// the middle of its input, 16 × 16 pixels, score 0.9, eyes and all.
void WriteTinyPack(const std::filesystem::path& folder);

}  // namespace rollcall::vision
