#!/usr/bin/env bash
# What tools/skipped-tests.sh makes of what ctest leaves.
set -euo pipefail

judge=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/Testing/Temporary"

# The logs of one run: ctest's own line for each test, and what each said.
begin() { : >"$work/out"; : >"$work/Testing/Temporary/LastTest.log"; }
add() {  # NAME HOW OUTPUT
  printf '1/3 Test  #7: %s .....%s   0.01 sec\n' "$1" "$2" >>"$work/out"
  printf '1/3 Testing: %s\n1/3 Test: %s\nOutput:\n----\n%b\n<end of output>\n' "$1" "$1" "$3" \
    >>"$work/Testing/Temporary/LastTest.log"
}
expect() {  # STATUS SENTENCE
  local status=0 said
  said=$("$judge" "$work" "$work/out") || status=$?
  if [[ $status -ne $1 || $said != *"$2"* ]]; then
    printf 'wanted %s and "%s", got %s and:\n%s\n' "$1" "$2" "$status" "$said" >&2
    exit 1
  fi
}

begin
add A.Passes '   Passed' '[ RUN      ] A.Passes\n[       OK ] A.Passes (0 ms)'
expect 0 ''

add A.Media '***Skipped' '/a/b_test.cc:3: Skipped\nno shared media: clips are not read\n\n[  SKIPPED ] A.Media (0 ms)'
add bench.part '***Skipped' 'no shared media in /nowhere: not run'
expect 0 '  skipped A.Media: no shared media: clips are not read'

add A.Root '***Skipped' '/a/b_test.cc:9: Skipped\nroot writes everywhere\n\n[  SKIPPED ] A.Root (0 ms)'
expect 1 'SKIPPED A.Root: root writes everywhere'

begin
add A.Disabled '***Not Run (Disabled)' ''
expect 1 'SKIPPED A.Disabled: it is disabled'

begin
add A.Kernel '   Passed' 'not tried: no control group may be made here\n[       OK ] A.Kernel (0 ms)'
expect 0 '  not tried: no control group may be made here (A.Kernel)'
