#!/bin/bash
# Runs all checks and tests, on a Debian machine with nothing but the Rust toolchain.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'HELP'
tests/run.sh [--long] [--release] [--help]

Installs what the tests need (Debian packages if something is missing, the webhook
receivers' own packages into target/receivers, the tools for deploy/ into target/deploy), then
checks format, lints and documentation, and runs all tests. Ends with the time that each step
took.

  --long     long crash loops and fuzzing as well (sets QLIK_ROSTER_LONG=1)
  --release  also make a release twice, compare the two, install it on a bare Debian and start
             it there; needs root
  --help     this text
HELP
}

release=
for argument in "$@"; do
  case $argument in
    --long) export QLIK_ROSTER_LONG=1 ;;
    --release) release=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "unknown option: $argument" >&2; usage >&2; exit 2 ;;
  esac
done

# A snapshot that differs is a failure, not a file to review.
export INSTA_UPDATE=no

times=()
report() {
  printf '\n=== Times\n'
  printf '%s\n' "${times[@]:-nothing was run}"
}
trap report EXIT

# step TITLE COMMAND...: a heading, the command, and its time. The first failure ends the script.
step() {
  local title=$1 start=$SECONDS status=0
  shift
  printf '\n=== %s\n' "$title"
  "$@" || status=$?
  times+=("$(printf '%5d s  %s%s' $((SECONDS - start)) "$title" "$([ $status = 0 ] || echo '  FAILED')")")
  return $status
}

have() { command -v "$1" >/dev/null 2>&1; }

# Debian's packages, only those that are missing, and only if we may install any.
debian() {
  local wanted=()
  have cc || wanted+=(gcc libc6-dev)
  { have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; } || wanted+=(python3 python3-venv python3-pip)
  have node || wanted+=(nodejs)
  have npm || wanted+=(npm)
  have promtool || wanted+=(prometheus)
  have systemd-analyze || wanted+=(systemd)
  have lintian || wanted+=(lintian)
  { have mkfs.ext4 || [ -x /sbin/mkfs.ext4 ]; } || wanted+=(e2fsprogs)
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || wanted+=(libfaketime)
  [ -z "$release" ] || have debootstrap || wanted+=(debootstrap)
  if [ ${#wanted[@]} = 0 ]; then
    echo "nothing is missing"
    return
  fi
  local as=()
  if [ "$(id -u)" != 0 ]; then
    have sudo || { echo "missing, and nobody to install it: ${wanted[*]}; tests that need it are left out"; return; }
    as=(sudo -n)
  fi
  have apt-get || { echo "missing, and this is not Debian: ${wanted[*]}; tests that need it are left out"; return; }
  echo "installing ${wanted[*]}"
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' apt "${wanted[@]}"
}

# Libraries of other languages, against which deliveries and signed assertions are tested.
# A failure in the middle of a step does not end it by itself: `step` looks at its status.
receivers() {
  local from=tests/receivers to=target/receivers
  if [ ! -d "$from" ]; then
    echo "there is no $from"
    return
  fi
  mkdir -p "$to"
  if [ -f "$from/requirements.txt" ] && have python3; then
    [ -x "$to/python/bin/python" ] || python3 -m venv "$to/python" || return
    # Not by `pip` itself: that names the folder in which it was made, and the checkout may have
    # moved.
    "$to/python/bin/python" -m pip install --quiet --disable-pip-version-check -r "$from/requirements.txt" || return
  fi
  if [ -f "$from/package.json" ] && have npm; then
    cp "$from"/package*.json "$to/" || return
    if [ -f "$to/package-lock.json" ]; then
      npm ci --prefix "$to" --silent --no-audit --no-fund
    else
      npm install --prefix "$to" --silent --no-audit --no-fund
    fi
  fi
}

# The tools that read what is in deploy/, in fixed versions.
deployment() {
  local to=target/deploy/python
  have python3 || { echo "python3 is not installed: left out"; return; }
  [ -x "$to/bin/python" ] || python3 -m venv "$to" || return
  "$to/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/deploy/requirements.txt
}

# Compiling cargo-deny takes minutes, so it is installed for long tests alone. Without it, a script
# checks what needs no advisories.
dependencies() {
  if ! have cargo-deny && [ -n "${QLIK_ROSTER_LONG:-}" ]; then
    cargo install --quiet --locked cargo-deny@0.20.2 --root target/tools || return
    PATH=$PWD/target/tools/bin:$PATH
  fi
  if ! have cargo-deny; then
    have python3 || { echo "cargo-deny and python3 are not installed: left out"; return; }
    python3 tests/dependencies.py
    return
  fi
  cargo deny check bans licenses sources || return
  if cargo deny fetch db; then
    cargo deny check advisories
  else
    echo "the database of advisories cannot be reached: advisories are left out"
  fi
}

# Links to private items are fine: the essays that open the layers point to the files in them.
documentation() {
  RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --locked --all-features --no-deps --quiet
}

step 'Packages of Debian' debian
step 'Packages of the receivers' receivers
step 'Tools for deploy/' deployment
# If they could be installed, a test that finds them missing fails.
if have python3 && have npm; then export QLIK_ROSTER_REQUIRE_FOREIGN=1; fi
if have python3 && have promtool && have lintian && have systemd-analyze; then export QLIK_ROSTER_REQUIRE_DEPLOY=1; fi
if have promtool; then export QLIK_ROSTER_REQUIRE_PROMTOOL=1; fi
step 'Format' cargo fmt --check
# Everything is tested as it is released, with all features. Without them it has to compile.
step 'Lints' cargo clippy --locked --all-targets --all-features --quiet -- -D warnings
step 'Without features' cargo check --locked --quiet
step 'Documentation' documentation
step 'Dependencies' dependencies
step 'Tests' cargo test --locked --all-features
if [ -n "${QLIK_ROSTER_LONG:-}" ]; then
  step 'Long tests of the store' cargo test --locked --all-features --test store_process -- --ignored --nocapture
fi
if [ -n "$release" ]; then step 'A release on a bare Debian' tests/deploy/bare.sh; fi
