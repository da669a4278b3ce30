// Linked into every program that links ONNX Runtime: switches its telemetry off.
//
// Microsoft's Linux builds from 1.29 keep a device id and an event store under ~/.cache/Microsoft
// and upload events over HTTPS, on by default. OrtApi::DisableTelemetryEvents comes too late (the
// store exists by then); only this variable, read when the first environment is made, prevents it.

#include <cstdlib>

extern "C" {
// Named so that the linker can be told to take this file in (cmake/ThirdParty.cmake).
[[gnu::constructor]] void rollcall_onnxruntime_telemetry_off() {
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
}
}
