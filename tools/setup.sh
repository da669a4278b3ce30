# shellcheck shell=bash
# What ./run and ./test share: sourced, with `root` set to the repository's folder.
#
# A set-up is a list of steps. Each is idempotent and leaves nothing half made, so that an
# interrupted set-up goes on where it stopped, and two at once wait for each other.

deps="${ROLLCALL_DEPS_DIR:-$root/.deps}"
log="$root/build/setup.log"
step_seconds=()   # Estimated, at 50 Mbit/s on two cores.
step_sentences=()
step_commands=()

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Only one set-up at a time in this checkout; the lock goes with the process.
take_lock() {
  mkdir -p "$root/build"
  exec 8>"$root/build/.setup.lock"
  if ! flock -n 8; then
    echo "Another set-up is running here; waiting for it (its log: build/setup.log)."
    flock 8
  fi
}
drop_lock() { exec 8>&-; }

add_step() {  # SECONDS SENTENCE COMMAND...
  step_seconds+=("$1")
  step_sentences+=("$2")
  step_commands+=("${*:3}")
}

# The steps before any build, those that have something to do.
add_setup_steps() {  # LIST...
  need_toolchain
  if [[ -n $(missing_packages "$@") ]]; then
    add_step 90 "install Debian packages" install_packages "$@"
  fi
  if ! "$root/tools/fetch-packages.sh" --check; then
    add_step 60 "fetch libraries and models" fetch_packages
  fi
  add_step 1 "make the model pack" make_model_pack
}

build_seconds() {  # PRESET COLD-SECONDS
  if [[ -f $root/build/$1/.ninja_log ]]; then echo $(($2 / 4)); else echo "$2"; fi
}

time_left() {  # SECONDS
  if (($1 < 90)); then echo "$1 s"; else echo "$((($1 + 59) / 60)) min"; fi
}

# Runs the added steps, saying which one it is and how long all that is left will take; in the end,
# how long each has taken.
run_steps() {
  local i left seconds words began=$SECONDS began_step took=()
  : >"$log"
  for i in "${!step_commands[@]}"; do
    left=0
    for seconds in "${step_seconds[@]:i}"; do left=$((left + seconds)); done
    printf 'step %d of %d: %s (about %s left; log: build/setup.log)\n' \
      $((i + 1)) ${#step_commands[@]} "${step_sentences[i]}" "$(time_left "$left")" | tee -a "$log"
    read -ra words <<<"${step_commands[i]}"
    began_step=$SECONDS
    "${words[@]}"
    took+=("$(minutes $((SECONDS - began_step))) ${step_sentences[i]}")
  done
  printf '  took %s\n' "${took[@]}" "$(minutes $((SECONDS - began))) in all" | tee -a "$log"
}

minutes() {  # SECONDS
  printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# Runs a command into the log; on failure shows the log's end and stops.
logged() {  # SENTENCE-ON-FAILURE COMMAND...
  local sentence=$1
  shift
  "$@" >>"$log" 2>&1 && return
  tail -n 25 "$log" >&2
  fail "$sentence The whole log: build/setup.log"
}

# Before the first build of a preset only: afterwards the space is taken already.
need_space() {  # PRESET MEGABYTES
  local free
  [[ ! -f $root/build/$1/.ninja_log ]] || return 0
  free="$(df -Pm "$root" | awk 'NR == 2 { print $4 }')"
  ((free >= $2)) || fail "Set-up needs $2 MB of free disk in $root; there are $free MB."
}

need_toolchain() {
  local missing=() command
  for command in c++ cmake node npm tar; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  ((${#missing[@]} == 0)) ||
    fail "Missing: ${missing[*]}. Install a C++ toolchain, CMake, Node and npm: apt-get install -y build-essential cmake nodejs npm"
}

# Those of the named lists' Debian packages that are not installed.
missing_packages() {  # LIST...
  local wanted
  mapfile -t wanted < <(for list in "$@"; do grep -v '^#' "$root/tools/packages.$list.txt"; done)
  command -v dpkg-query >/dev/null || return 0
  { dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true; } |
    awk -v wanted="${wanted[*]}" '
      $1 == "installed" { have[$2] = 1 }
      END {
        count = split(wanted, names, " ")
        for (i = 1; i <= count; ++i) if (!(names[i] in have)) print names[i]
      }'
}

# Installs what is missing, or says which line to run.
install_packages() {  # LIST...
  local missing sudo=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0
  if ((EUID != 0)); then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo=(sudo -n)
    else
      fail "These Debian packages are missing; run this line and start again:
  sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
  fi
  logged "dpkg could not finish an earlier installation." "${sudo[@]}" dpkg --configure -a
  logged "The package lists could not be fetched." \
    "${sudo[@]}" apt-get -q -o DPkg::Lock::Timeout=300 update
  logged "These packages could not be installed: ${missing[*]}." \
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qy -o DPkg::Lock::Timeout=300 --no-install-recommends install "${missing[@]}"
}

# The fetched packages, one line each as they come, and the model pack made of them.
fetch_packages() {
  "$root/tools/fetch-packages.sh" 2>&1 | tee -a "$log" | sed -u 's/^fetch-packages:/ /' ||
    fail "The packages could not be fetched. The whole log: build/setup.log"
}
make_model_pack() {
  logged "The model pack could not be made." node "$root/tools/make-model-pack.mjs"
}

# A checkout that was moved or copied has a build folder that names its old place.
configure() {  # PRESET
  local cache="$root/build/$1/CMakeCache.txt"
  if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    rm -rf "${root:?}/build/$1"
  fi
  (cd "$root" && logged "CMake could not configure the preset $1." \
    cmake --preset "$1" "-DROLLCALL_DEPS_DIR=$deps") || exit 1
}

# Builds, showing how far it is and how long it will take.
build() {  # PRESET TARGET...
  local preset=$1 status
  shift
  set +e
  (cd "$root" && NINJA_STATUS='[%f/%t] ' cmake --build "build/$preset" ${@:+--target "$@"} 2>&1) |
    tee -a "$log" | show_build
  status=${PIPESTATUS[0]}
  set -e
  ((status == 0)) && return
  grep -nE 'FAILED|error:|Error ' "$log" | tail -n 15 >&2
  fail "The build of the preset $preset failed. The whole log: build/setup.log"
}

show_build() {
  local line finished total began=$SECONDS left shown=-10 percent
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    finished=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    percent=$((100 * finished / total))
    left=$(((SECONDS - began) * (total - finished) / (finished > 0 ? finished : 1)))
    if [[ -t 1 ]]; then
      printf '\r  built %d of %d, about %s left   ' "$finished" "$total" "$(time_left "$left")"
    elif ((percent >= shown + 10 && total > 20)); then
      shown=$percent
      echo "  built $finished of $total, about $(time_left "$left") left"
    fi
  done
  if [[ -t 1 && -n ${total:-} ]]; then printf '\n'; fi
}
