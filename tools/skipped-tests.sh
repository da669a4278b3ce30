#!/usr/bin/env bash
# Says which tests of the last run of ctest were skipped, and why, and what else was not tried.
# Fails if one was skipped, or is disabled, for another reason than that the shared media are missing.
#   skipped-tests.sh BUILD-FOLDER CTEST-OUTPUT
set -euo pipefail

log="$1/Testing/Temporary/LastTest.log"
[[ -r $log ]] || exit 0
# The names of what ctest did not run to an end; then, of those, what they said.
awk '
  FNR == NR {
    if (/\*\*\*(Skipped|Not Run)/ && match($0, /Test +#[0-9]+: [^ ]+/)) {
      name = substr($0, RSTART, RLENGTH)
      sub(/^Test +#[0-9]+: /, "", name)
      skipped[name] = "it said nothing"
      order[++count] = name
      if (/Disabled/) skipped[name] = "it is disabled"
    }
    next
  }
  /^[0-9]+\/[0-9]+ Test: / { name = $3; said = 0; next }
  /^not tried: / { if (!told[$0]++) print "  " $0 " (" name ")"; next }
  !(name in skipped) || skipped[name] ~ /shared media/ { next }
  /shared media/ { skipped[name] = $0; next }
  said { skipped[name] = $0; said = 0; next }
  /: Skipped$/ { said = 1 }
  END {
    for (i = 1; i <= count; ++i) {
      name = order[i]
      is_bad = skipped[name] !~ /shared media/
      bad += is_bad
      print (is_bad ? "SKIPPED " : "  skipped ") name ": " skipped[name]
    }
    if (bad) print bad " tests were not done, and not for want of the shared media."
    exit bad > 0
  }
' "$2" "$log"
