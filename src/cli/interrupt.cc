#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "cli/exit_code.h"

namespace rollcall::cli {
namespace {

// A signal handler can reach nothing else.
std::atomic<int> g_interrupts{0};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
int g_depth = 0;                   // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void OnSignal(int /*number*/) {
  if (g_interrupts.fetch_add(1) >= 1) ::_exit(static_cast<int>(ExitCode::kCancelled));
}

void Install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  // No SA_RESTART: a wait for the engine ends, so that the signal is seen.
  for (const int number : {SIGINT, SIGTERM}) ::sigaction(number, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  if (g_depth++ > 0) return;
  g_interrupts = 0;
  Install(OnSignal);
}

Interrupt::~Interrupt() {
  if (--g_depth == 0) Install(SIG_DFL);
}

bool Interrupt::has_come() const { return g_interrupts > 0; }

}  // namespace rollcall::cli
