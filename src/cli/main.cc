#include "cli/program.h"

int main(int argc, char** argv) { return rollcall::cli::Main(argc, argv); }
