#!/bin/bash
# Builds the Debian package from a program that is already built. The same program and the same
# SOURCE_DATE_EPOCH give the same package, byte by byte.
set -euo pipefail

usage() {
  cat <<'HELP'
deploy/debian/build.sh [--fast] BINARY FOLDER

Builds qlik-roster_VERSION_ARCHITECTURE.deb in FOLDER from BINARY, which must run on this machine:
it writes the manual pages and completions itself. Prints the name of the package.

  --fast   compress little, for tests
HELP
}

compress=(-Zxz)
if [ "${1:-}" = --fast ]; then
  compress=(-Zgzip -z1)
  shift
fi
[ $# = 2 ] || { usage >&2; exit 2; }
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
source=$here/../..
binary=$(realpath "$1")
out=$(realpath "$2")
export LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
root=$work/root
doc=$root/usr/share/doc/qlik-roster
version=$("$binary" --version | cut -d' ' -f2)
# What is not released yet is older than the release: 0.2.0-rc.1 becomes 0.2.0~rc.1.
version=${version/-/\~}-1

case $(od -An -j18 -N2 -tu2 "$binary" | tr -d ' ') in
  62) architecture=amd64 strip=x86_64-linux-gnu-strip ;;
  183) architecture=arm64 strip=aarch64-linux-gnu-strip ;;
  *) echo "$1 is not a program for amd64 or arm64" >&2; exit 1 ;;
esac
command -v "$strip" >/dev/null || strip='strip'

# Puts a file in place: mode, where from, where to.
put() { install -D -m "$1" "$2" "$root/$3"; }

put 0755 "$binary" usr/bin/qlik-roster
"$strip" --strip-all --remove-section=.comment "$root/usr/bin/qlik-roster"

# A program without an interpreter is static and needs no library.
depends='libc6 (>= 2.36), libgcc-s1'
if ! readelf -l "$binary" | grep -q 'program interpreter'; then depends=; fi

"$binary" man "$root/usr/share/man/man1" 2>/dev/null
find "$root/usr/share/man" -type f -exec gzip -9n {} +
for completion in bash:bash-completion/completions/qlik-roster zsh:zsh/vendor-completions/_qlik-roster \
  fish:fish/vendor_completions.d/qlik-roster.fish; do
  "$binary" completions "${completion%%:*}" >"$work/completion"
  put 0644 "$work/completion" "usr/share/${completion#*:}"
done

for unit in "$source"/deploy/systemd/*.service "$source"/deploy/systemd/*.timer; do
  sed 's|/usr/local/bin/|/usr/bin/|' "$unit" >"$work/unit"
  put 0644 "$work/unit" "usr/lib/systemd/system/$(basename "$unit")"
done
put 0644 "$source/deploy/systemd/qlik-roster.toml" usr/share/doc/qlik-roster/examples/qlik-roster.toml
put 0644 "$source/config/example.toml" usr/share/doc/qlik-roster/examples/every-key.toml
for file in alerts.yaml dashboard.json; do
  put 0644 "$source/deploy/monitoring/$file" "usr/share/doc/qlik-roster/examples/$file"
done
put 0644 "$here/README.Debian" usr/share/doc/qlik-roster/README.Debian
put 0644 "$here/copyright" usr/share/doc/qlik-roster/copyright
put 0644 "$here/lintian-overrides" usr/share/lintian/overrides/qlik-roster
if [ -z "$depends" ]; then
  cat "$here/lintian-overrides.static" >>"$root/usr/share/lintian/overrides/qlik-roster"
fi
gzip -9n <"$source/CHANGELOG.md" >"$doc/changelog.gz"
gzip -9n >"$doc/changelog.Debian.gz" <<CHANGES
qlik-roster ($version) unstable; urgency=medium

  * The program's own changelog.gz, beside this file, says what is new.

 -- The qlik-roster authors <qlik-roster@example.com>  $(date -R -d "@$SOURCE_DATE_EPOCH")
CHANGES
# Secrets are for root alone; systemd passes them on.
install -d -m 0755 "$root/etc/qlik-roster"
install -d -m 0700 "$root/etc/qlik-roster/secrets"

install -d "$root/DEBIAN"
for script in postinst prerm postrm; do install -m 0755 "$here/$script" "$root/DEBIAN/$script"; done
# Debian counts kibibytes, a directory as one.
size=$(find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ n += int(($1 + 1023) / 1024) } END { print n }')
cat >"$root/DEBIAN/control" <<CONTROL
Package: qlik-roster
Version: $version
Architecture: $architecture
Maintainer: The qlik-roster authors <qlik-roster@example.com>
Installed-Size: $size
${depends:+Depends: $depends
}Recommends: ca-certificates
Section: net
Priority: optional
Description: copy of who may do what in Qlik Cloud tenants
 qlik-roster keeps a faithful, up-to-date copy of the users, roles and groups of
 Qlik Cloud tenants, and pushes signed webhooks that say what changed, with the
 values before and after. It is a single program with an embedded store; it
 needs no database and no message broker.
CONTROL
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 0644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

package=$out/qlik-roster_${version}_$architecture.deb
dpkg-deb --root-owner-group "${compress[@]}" --build "$root" "$package" >/dev/null
echo "$package"
