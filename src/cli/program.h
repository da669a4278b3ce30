#pragma once

namespace rollcall::cli {

// The program `rollcall`: reads the command line, does what it says; the exit code.
int Main(int argc, char** argv);

}  // namespace rollcall::cli
