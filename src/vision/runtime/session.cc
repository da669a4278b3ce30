#include "vision/runtime/session.h"

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>

#include "base/check.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "vision/runtime/prelu.h"

namespace rollcall::vision::runtime {
namespace {

namespace reason = domain::reason;

struct Provider {
  std::string_view setting;
  std::string_view library_name;  // As ONNX Runtime calls it.
};
constexpr std::array<Provider, 9> kProviders{{
    {"cpu", "CPUExecutionProvider"},
    {"cuda", "CUDAExecutionProvider"},
    {"tensorrt", "TensorrtExecutionProvider"},
    {"openvino", "OpenVINOExecutionProvider"},
    {"migraphx", "MIGraphXExecutionProvider"},
    {"webgpu", "WebGpuExecutionProvider"},
    {"coreml", "CoreMLExecutionProvider"},
    {"dnnl", "DnnlExecutionProvider"},
    {"xnnpack", "XnnpackExecutionProvider"},
}};

std::string SettingName(std::string_view library_name) {
  const auto* found = std::ranges::find(kProviders, library_name, &Provider::library_name);
  return std::string(found == kProviders.end() ? library_name : found->setting);
}

std::string JoinedProviders() {
  std::string joined;
  for (const std::string& name : AvailableProviders()) {
    joined += (joined.empty() ? "" : ", ") + name;
  }
  return joined;
}

// Appends the provider; ONNX Runtime throws when its library or device is not there.
void AppendProvider(Ort::SessionOptions& options, std::string_view setting) {
  if (setting == "cpu") return;
  if (setting == "cuda") {
    Ort::CUDAProviderOptions cuda;
    // The default search times convolution algorithms, so that two runs may differ in bits.
    cuda.Update({{"cudnn_conv_algo_search", "DEFAULT"}, {"use_tf32", "0"}});
    options.AppendExecutionProvider_CUDA_V2(*cuda);
    return;
  }
  if (setting == "tensorrt") {
    Ort::TensorRTProviderOptions tensorrt;
    options.AppendExecutionProvider_TensorRT_V2(*tensorrt);
    return;
  }
  const auto* found = std::ranges::find(kProviders, setting, &Provider::setting);
  std::string_view name = found == kProviders.end() ? setting : found->library_name;
  if (name.ends_with("ExecutionProvider")) name.remove_suffix(17);
  options.AppendExecutionProvider(std::string(name));
}

base::Result<Ort::SessionOptions> MakeOptions(const Session::Options& wanted) {
  ROLLCALL_TRY(CheckProvider(wanted.provider));
  Ort::SessionOptions options;
  options.SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_ALL);
  options.SetIntraOpNumThreads(wanted.threads);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ExecutionMode::ORT_SEQUENTIAL);
  options.SetDeterministicCompute(true);
  options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);  // What goes wrong comes back as a Result.
  options.AddConfigEntry("session.set_denormal_as_zero", "1");
  options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  options.AddConfigEntry("session.inter_op.allow_spinning", "0");
  options.AddConfigEntry("session.record_ep_graph_assignment_info", "1");
  try {
    AppendProvider(options, wanted.provider);
  } catch (const Ort::Exception& thrown) {
    return domain::MakeError(
        reason::kProviderMissing,
        fmt::format("execution provider '{}' does not start: {}", wanted.provider, thrown.what()));
  }
  return options;
}

// Treats denormal numbers as zero on this thread for as long as it lives. ONNX Runtime's own option
// reaches only the threads of its pools and the thread that made the first session of the process;
// with one thread per session it is the caller's thread that computes.
class DenormalsAsZero {
 public:
  DenormalsAsZero() : before_(Read()) { Write(before_ | kFlags); }
  ~DenormalsAsZero() { Write(before_); }
  DenormalsAsZero(const DenormalsAsZero&) = delete;
  DenormalsAsZero& operator=(const DenormalsAsZero&) = delete;

 private:
#if defined(__x86_64__)
  using Register = unsigned;
  static constexpr Register kFlags = 0x8040;  // MXCSR: flush to zero, denormals are zero.
  static Register Read() { return _mm_getcsr(); }
  static void Write(Register value) { _mm_setcsr(value); }
#elif defined(__aarch64__)
  using Register = std::uint64_t;
  static constexpr Register kFlags = std::uint64_t{1} << 24;  // FPCR.FZ
  static Register Read() {
    Register value = 0;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void Write(Register value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
  using Register = unsigned;
  static constexpr Register kFlags = 0;
  static Register Read() { return 0; }
  static void Write(Register) {}
#endif
  Register before_;
};

std::int64_t ElementCount(std::span<const std::int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

Port MakePort(std::string name, const Ort::TypeInfo& type) {
  Port port{.name = std::move(name), .shape = {}, .is_float = false};
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return port;
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  port.is_float = tensor.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  port.shape = tensor.GetShape();
  return port;
}

// Nothing if it has none; what is wrong with the file is said by who loads it.
std::optional<std::string> WithoutPRelu(const std::filesystem::path& model) {
  const auto bytes = base::ReadFile(model);
  return bytes.ok() ? ReplacePRelu(*bytes) : std::nullopt;
}

// Throws Ort::Exception.
Ort::Session Load(const Ort::Env& environment, const std::filesystem::path& model,
                  const Ort::SessionOptions& options, std::string_view provider) {
  const auto replaced = provider == "cpu" ? WithoutPRelu(model) : std::nullopt;
  if (replaced) {
    try {
      return {environment, replaced->data(), replaced->size(), options};
    } catch (const Ort::Exception&) {
      // Then as it is.
    }
  }
  return {environment, model.c_str(), options};
}

class OrtSession final : public Session {
 public:
  // Throws Ort::Exception. The environment is counted by ONNX Runtime itself: all sessions of the
  // process share one, made with the first and gone with the last.
  OrtSession(const std::filesystem::path& model, const Ort::SessionOptions& options,
             std::string_view provider)
      : environment_(ORT_LOGGING_LEVEL_FATAL, "rollcall"),
        session_(Load(environment_, model, options, provider)),
        memory_(Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault)) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
      inputs_.push_back(MakePort(session_.GetInputNameAllocated(i, allocator).get(),
                                 session_.GetInputTypeInfo(i)));
    }
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      outputs_.push_back(MakePort(session_.GetOutputNameAllocated(i, allocator).get(),
                                  session_.GetOutputTypeInfo(i)));
      output_names_.push_back(outputs_.back().name);
    }
    CountOperators(provider);
  }

  const std::vector<Port>& inputs() const override { return inputs_; }
  const std::vector<Port>& outputs() const override { return outputs_; }
  const std::string& provider() const override { return provider_; }
  int provider_operators() const override { return provider_operators_; }
  int cpu_operators() const override { return cpu_operators_; }

  base::Result<std::vector<TensorView>> Run(std::span<const TensorView> inputs,
                                            std::span<const std::string> wanted) override {
    if (wanted.empty()) wanted = output_names_;
    const DenormalsAsZero here;
    try {
      return RunOrThrow(inputs, wanted);
    } catch (const Ort::Exception& thrown) {
      return domain::MakeError(reason::kModelAltered,
                               fmt::format("the network does not run: {}", thrown.what()));
    }
  }

 private:
  void CountOperators(std::string_view wanted) {
    std::map<std::string, int> counts;
    for (const auto& part : session_.GetEpGraphAssignmentInfo()) {
      counts[SettingName(part.GetEpName())] += static_cast<int>(part.GetNodes().size());
    }
    provider_ = wanted;
    provider_operators_ = counts[provider_];
    cpu_operators_ = provider_ == "cpu" ? 0 : counts["cpu"];
  }

  std::vector<TensorView> RunOrThrow(std::span<const TensorView> inputs,
                                     std::span<const std::string> wanted) {
    std::vector<std::string> names;
    std::vector<const char*> input_names;
    std::vector<Ort::Value> values;
    names.reserve(inputs.size());
    for (const TensorView& input : inputs) {
      ROLLCALL_CHECK(ElementCount(input.shape) == std::ssize(input.values));
      names.emplace_back(input.name);
      input_names.push_back(names.back().c_str());
      // ONNX Runtime takes inputs as mutable but does not write to them.
      values.push_back(Ort::Value::CreateTensor<float>(
          memory_, const_cast<float*>(input.values.data()), input.values.size(), input.shape.data(),
          input.shape.size()));
    }
    std::vector<const char*> output_names;
    for (const std::string& name : wanted) output_names.push_back(name.c_str());
    results_ = session_.Run(Ort::RunOptions{nullptr}, input_names.data(), values.data(),
                            values.size(), output_names.data(), output_names.size());
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < results_.size(); ++i) views.push_back(View(wanted[i], results_[i]));
    return views;
  }

  TensorView View(const std::string& name, const Ort::Value& value) const {
    const auto type = value.GetTensorTypeAndShapeInfo();
    if (type.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
      throw Ort::Exception("output " + name + " is not of 32-bit floats", ORT_FAIL);
    }
    const auto* port = &*std::ranges::find(outputs_, name, &Port::name);
    return {.name = port->name,
            .shape = type.GetShape(),
            .values = {value.GetTensorData<float>(), type.GetElementCount()}};
  }

  Ort::Env environment_;
  Ort::Session session_;
  Ort::MemoryInfo memory_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<std::string> output_names_;
  std::string provider_;
  int provider_operators_ = 0;
  int cpu_operators_ = 0;
  std::vector<Ort::Value> results_;
};

// Loading fails because of the file, or because of the provider that was asked for.
base::Error LoadError(const std::filesystem::path& model, const Session::Options& options,
                      const Ort::Exception& thrown) {
  const bool is_file = options.provider == "cpu" || thrown.GetOrtErrorCode() == ORT_NO_SUCHFILE ||
                       thrown.GetOrtErrorCode() == ORT_NO_MODEL ||
                       thrown.GetOrtErrorCode() == ORT_INVALID_PROTOBUF ||
                       thrown.GetOrtErrorCode() == ORT_INVALID_GRAPH;
  if (is_file) {
    return domain::MakeError(
        reason::kModelAltered,
        fmt::format("{} is not a network that can be run: {}", model.string(), thrown.what()));
  }
  return domain::MakeError(reason::kProviderMissing,
                           fmt::format("execution provider '{}' does not take {}: {}",
                                       options.provider, model.string(), thrown.what()));
}

}  // namespace

std::vector<std::string> AvailableProviders() {
  std::vector<std::string> names;
  for (const std::string& name : Ort::GetAvailableProviders()) names.push_back(SettingName(name));
  return names;
}

base::Result<void> CheckProvider(const std::string& provider) {
  if (std::ranges::count(AvailableProviders(), provider) > 0) return {};
  return domain::MakeError(
      reason::kProviderMissing,
      fmt::format("execution provider '{}' is not in this ONNX Runtime {} (it has: {})", provider,
                  RuntimeVersion(), JoinedProviders()));
}

std::string RuntimeVersion() { return OrtGetApiBase()->GetVersionString(); }

base::Result<std::unique_ptr<Session>> Session::Create(const std::filesystem::path& model,
                                                       const Options& options) {
  if (options.threads < 1) {
    return domain::MakeError(reason::kBadParams,
                             fmt::format("threads must be at least 1, not {}", options.threads));
  }
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(model, ignored)) {
    return domain::MakeError(reason::kModelMissing,
                             fmt::format("there is no model file {}", model.string()));
  }
  ROLLCALL_TRY_ASSIGN(const Ort::SessionOptions session_options, MakeOptions(options));
  const DenormalsAsZero here;  // And after it as before: the option below changes this thread.
  try {
    auto session = std::make_unique<OrtSession>(model, session_options, options.provider);
    if (options.provider != "cpu" && session->provider_operators() == 0) {
      return domain::MakeError(reason::kProviderMissing,
                               fmt::format("execution provider '{}' takes no part of {}",
                                           options.provider, model.string()));
    }
    return std::unique_ptr<Session>(std::move(session));
  } catch (const Ort::Exception& thrown) {
    return LoadError(model, options, thrown);
  }
}

}  // namespace rollcall::vision::runtime
