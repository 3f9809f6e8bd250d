#!/bin/bash
# Makes what a user downloads, from a clean checkout. The same commit with the same toolchain gives
# the same files, byte by byte.
set -euo pipefail

usage() {
  cat <<'HELP'
deploy/release.sh [--binary FILE] [--fast] [--dirty] FOLDER

Writes into FOLDER, which must be empty or not exist:

  qlik-roster-VERSION-TARGET.tar.gz       the program, manual pages, completions, units, samples
  qlik-roster_VERSION-1_ARCHITECTURE.deb  the same as a Debian package
  qlik-roster-VERSION.tgz                 the Helm chart
  qlik-roster-VERSION-TARGET.cdx.json     the bill of materials, in CycloneDX
  SHA256SUMS                              the checksums of these

The program is static: for x86-64 with musl if rustup has that target, else with glibc.

  --binary FILE  take this program instead of building one
  --fast         compress little, for tests
  --dirty        work from a checkout with changes
HELP
}

binary="" fast=() level=-9 dirty=""
while [ $# -gt 0 ]; do
  case $1 in
    --binary) binary=$(realpath "$2"); shift ;;
    --fast) fast=(--fast) level=-1 ;;
    --dirty) dirty=1 ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "unknown option: $1" >&2; usage >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
[ $# = 1 ] || { usage >&2; exit 2; }
mkdir -p "$1"
out=$(realpath "$1")
if [ -n "$(ls -A "$out")" ]; then echo "$out is not empty" >&2; exit 1; fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ -z "$dirty" ] && [ -n "$(git status --porcelain)" ]; then
  echo "the checkout has changes: commit them, or use --dirty" >&2
  exit 1
fi
export LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
umask 022
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# Whether the standard library for a target is installed, or can be.
has_target() {
  [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ] ||
    { command -v rustup >/dev/null && rustup target add "$1" >/dev/null 2>&1; }
}

target=x86_64-unknown-linux-gnu
if [ -z "$binary" ]; then
  if command -v musl-gcc >/dev/null && has_target x86_64-unknown-linux-musl; then
    target=x86_64-unknown-linux-musl
  else
    echo "there is no musl: the program gets glibc" >&2
  fi
  # Paths of this machine must not get into the program.
  cargo_home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
  flags=(
    -C target-feature=+crt-static
    --remap-path-prefix="$PWD=/qlik-roster" --remap-path-prefix="$cargo_home=/cargo"
    --remap-path-prefix="$work=/build"
  )
  CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}")
  export CARGO_ENCODED_RUSTFLAGS
  export CFLAGS="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$work=/build"
  # With traces: whoever installs a package cannot build it again, and without the variables that say
  # where to send them they cost nothing.
  cargo build --release --locked --features otel --bin qlik-roster --target "$target" \
    --target-dir "$work/target"
  binary=$work/target/$target/release/qlik-roster
  unset CARGO_ENCODED_RUSTFLAGS CFLAGS
fi
version=$("$binary" --version | cut -d' ' -f2)

# Packs a folder, the same way each time: pack FOLDER NAME ARCHIVE.
pack() {
  tar --create --directory="$1" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
    --numeric-owner --format=ustar "$2" | gzip "$level" -n >"$3"
}

name=qlik-roster-$version-$target
root=$work/$name
install -D -m 0755 "$binary" "$root/qlik-roster"
strip --strip-all --remove-section=.comment "$root/qlik-roster"
"$binary" man "$root/man1" 2>/dev/null
mkdir "$root/completions"
for shell in bash zsh fish; do
  "$binary" completions "$shell" >"$root/completions/qlik-roster.$shell"
done
cp -r deploy/systemd deploy/monitoring config CHANGELOG.md LICENSE-APACHE LICENSE-MIT README.md "$root"
chmod -R u=rwX,go=rX "$root"
pack "$work" "$name" "$out/$name.tar.gz"

deploy/debian/build.sh "${fast[@]}" "$binary" "$out" >/dev/null

mkdir "$work/chart"
cp -r deploy/kubernetes/helm/qlik-roster "$work/chart/"
chmod -R u=rwX,go=rX "$work/chart"
pack "$work/chart" qlik-roster "$out/qlik-roster-$version.tgz"

python3 deploy/release/bom.py "$target" >"$out/$name.cdx.json"

(cd "$out" && sha256sum -- *.* >"$work/SHA256SUMS")
cp "$work/SHA256SUMS" "$out/"
ls "$out"
