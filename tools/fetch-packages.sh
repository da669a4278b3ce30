#!/usr/bin/env bash
# Brings the members named in tools/packages.lock.json into .deps/ (or $ROLLCALL_DEPS_DIR).
#
# Quiet and immediate when nothing is to be done; with --check only says so, by its exit status. Each package is fetched through the npm client's
# own configuration, checked against its pinned SHA-512, unpacked beside its place and renamed into
# it, so an interruption at any point leaves either the old folder or the new one.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
lock="$root/tools/packages.lock.json"
deps="${ROLLCALL_DEPS_DIR:-$root/.deps}"
stamp="$deps/stamps/packages"

fail() {
  echo "fetch-packages: $*" >&2
  exit 1
}

# A stamp holds a hash in its first line and the folders it stands for in the others.
is_current() {  # STAMP HASH
  local first folder
  [[ -f $1 ]] || return 1
  {
    read -r first
    [[ $first == "$2" ]] || return 1
    while read -r folder; do [[ -d $deps/$folder ]] || return 1; done
  } <"$1"
}

write_stamp() {  # STAMP HASH FOLDER...
  local file=$1
  shift
  printf '%s\n' "$@" >"$file.tmp"
  mv -f "$file.tmp" "$file"
}

read -r lock_hash _ < <(sha256sum "$lock")
is_current "$stamp" "$lock_hash" && exit 0
[[ ${1:-} == --check ]] && exit 1

command -v node >/dev/null || fail "Node is missing: install the Debian package 'nodejs'."
command -v npm >/dev/null || fail "npm is missing: install the Debian package 'npm'."
mkdir -p "$deps/stamps" "$deps/cache"

# Two set-ups at once: the second waits here and then finds nothing to do.
exec 9>"$deps/cache/.fetch.lock"
flock 9
is_current "$stamp" "$lock_hash" && exit 0
rm -rf "$deps"/cache/work.*
work="$(mktemp -d "$deps/cache/work.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# One line per package: index, hash of its entry, name@version, integrity, megabytes, folders.
# shellcheck disable=SC2016  # The program is JavaScript.
plan() {
  node -e '
    const lock = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    lock.packages.forEach((p, i) => {
      const hash = require("crypto").createHash("sha256").update(JSON.stringify(p)).digest("hex");
      const folders = p.unpack.map((u) => u.folder).join(" ");
      console.log([i, hash, `${p.name}@${p.version}`, p.integrity, p.size_mb, folders].join("\t"));
    });' "$lock"
}

integrity_of() {  # FILE
  node -e '
    const hash = require("crypto").createHash("sha512");
    require("fs").createReadStream(process.argv[1]).on("data", (d) => hash.update(d))
      .on("end", () => console.log("sha512-" + hash.digest("base64")));' "$1"
}

# Unpacks the members of package INDEX out of TARBALL, folder by folder.
unpack() {  # INDEX TARBALL
  node -e '
    const fs = require("fs"), path = require("path");
    const { execFileSync } = require("child_process");
    const [lock, index, tarball, deps, work] = process.argv.slice(1);
    const entry = JSON.parse(fs.readFileSync(lock, "utf8")).packages[Number(index)];
    for (const u of entry.unpack) {
      const made = fs.mkdtempSync(path.join(work, "folder-"));
      const strip = String(u.strip.split("/").length);
      execFileSync("tar", ["-xzf", tarball, "-C", made, "--no-same-owner",
                           "--strip-components", strip, ...u.members]);
      for (const [link, to] of Object.entries(u.links ?? {})) fs.symlinkSync(to, path.join(made, link));
      fs.chmodSync(made, 0o755);
      const place = path.join(deps, u.folder);
      fs.mkdirSync(path.dirname(place), { recursive: true });
      if (fs.existsSync(place)) fs.renameSync(place, fs.mkdtempSync(path.join(work, "old-")));
      fs.renameSync(made, place);
    }' "$lock" "$1" "$2" "$deps" "$work"
}

fetch() {  # INDEX HASH SPEC INTEGRITY MEGABYTES
  local tarball found
  echo "fetch-packages: $3 (${5} MB)"
  (cd "$work" && npm pack "$3" --ignore-scripts --loglevel=error --cache "$deps/cache/npm" \
    >"$work/npm.out" 2>"$work/npm.err") ||
    fail "npm could not fetch $3: $(grep -iE '^npm (error|err!)' "$work/npm.err" | head -n 2 | tr '\n' ' ')"
  tarball="$(find "$work" -maxdepth 1 -name '*.tgz' -print -quit)"
  [[ -n $tarball ]] || fail "npm fetched $3 but left no file."
  found="$(integrity_of "$tarball")"
  [[ $found == "$4" ]] ||
    fail "$3 is not the file that tools/packages.lock.json pins (found $found); nothing was unpacked."
  unpack "$1" "$tarball" || fail "$3 could not be unpacked into $deps (is the disk full?)."
  rm -rf "$tarball" "$deps/cache/npm"
}

all_folders=()
plan >"$work/plan"
while IFS=$'\t' read -r index hash spec integrity megabytes folder_list <&3; do
  read -ra folders <<<"$folder_list"
  all_folders+=("${folders[@]}")
  package_stamp="$deps/stamps/$(tr -c 'A-Za-z0-9.\n-' _ <<<"$spec")"
  is_current "$package_stamp" "$hash" && continue
  fetch "$index" "$hash" "$spec" "$integrity" "$megabytes"
  write_stamp "$package_stamp" "$hash" "${folders[@]}"
done 3<"$work/plan"
write_stamp "$stamp" "$lock_hash" "${all_folders[@]}"
