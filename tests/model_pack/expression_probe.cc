// Runs an expression model: expression_probe MODEL < float32 faces (3×112×112 each).
// Prints one line of probabilities per face.

#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  constexpr std::size_t kFaceSize = 3UL * 112 * 112;
  std::vector<float> faces;
  std::vector<float> face(kFaceSize);
  while (std::fread(face.data(), sizeof(float), kFaceSize, stdin) == kFaceSize) {
    faces.insert(faces.end(), face.begin(), face.end());
  }
  const std::array<std::int64_t, 4> shape{static_cast<std::int64_t>(faces.size() / kFaceSize), 3,
                                          112, 112};
  const Ort::Env env(ORT_LOGGING_LEVEL_WARNING);
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(env, argv[1], options);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const auto input = Ort::Value::CreateTensor<float>(memory, faces.data(), faces.size(),
                                                     shape.data(), shape.size());
  const char* input_name = "input";
  const char* output_name = "probabilities";
  const auto outputs =
      session.Run(Ort::RunOptions{nullptr}, &input_name, &input, 1, &output_name, 1);
  const float* probabilities = outputs[0].GetTensorData<float>();
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (int label = 0; label < 7; ++label) std::printf("%.9g ", probabilities[i * 7 + label]);
    std::printf("\n");
  }
}
