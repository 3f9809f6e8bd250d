#!/bin/bash
# Makes a release twice, installs it on a bare Debian, and starts it there as systemd would.
set -euo pipefail

usage() {
  cat <<'HELP'
tests/deploy/bare.sh [PACKAGE]

Clones the checkout twice, makes a release of each and compares them. Then makes a bare Debian
with debootstrap, installs the package in it and starts the daemon there with a notify socket.
With a PACKAGE, installs that one and makes no release. Needs root, debootstrap and an hour.
HELP
}

[ "${1:-}" != --help ] || { usage; exit 0; }
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
source=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
package=${1:-}

if [ -z "$package" ]; then
  for copy in one other; do
    git clone --quiet --no-hardlinks "$source" "$work/$copy"
    "$work/$copy/deploy/release.sh" "$work/release-$copy"
  done
  diff --recursive "$work/release-one" "$work/release-other"
  echo "both releases are the same"
  package=$(echo "$work"/release-one/*.deb)
fi

debian=$work/debian
# shellcheck disable=SC2016 # `$(SITE)` is apt's.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)
debootstrap --variant=minbase bookworm "$debian" "$mirror" >"$work/debootstrap.log" ||
  { tail "$work/debootstrap.log" >&2; exit 1; }
cp "$package" "$debian/tmp/qlik-roster.deb"
chroot "$debian" dpkg --install /tmp/qlik-roster.deb
chroot "$debian" qlik-roster --version
python3 "$here/start.py" "$debian"
chroot "$debian" dpkg --purge qlik-roster
if [ -e "$debian/usr/bin/qlik-roster" ]; then
  echo "the program was not removed" >&2
  exit 1
fi
