#!/usr/bin/env bash
# Installs the Debian packages paretod needs. Usage: deploy/packages.sh [build|test|lab]
# test includes build; lab is what training and tests/interop.sh need beside test.
# Does nothing, and needs no root, when they are all there.
set -euo pipefail

build=(build-essential cmake ninja-build pkg-config ca-certificates jq
       libuv1-dev libmicrohttpd-dev libsqlite3-dev libnlopt-dev libopenblas-serial-dev libcjson-dev libcurl4-openssl-dev libxxhash-dev
       libpcre2-dev libyaml-dev node-d3)
test=(libcmocka-dev sqlite3 python3 python3-pytest python3-selenium python3-jsonschema python3-yaml
      chromium chromium-driver
      clang libclang-rt-14-dev)
lab=(python3-venv python3-numpy python3-torch curl git)

# chromedriver asks for "localhost", which a bare chroot without /etc/hosts does not know
getent hosts localhost >/dev/null || test+=(libnss-myhostname)

wanted=("${build[@]}")
case "${1:-build}" in
build) ;;
test) wanted+=("${test[@]}") ;;
lab) wanted+=("${test[@]}" "${lab[@]}") ;;
*) echo "usage: deploy/packages.sh [build|test|lab]" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
else
    echo "These packages are missing and need root or sudo to install: ${missing[*]}" >&2
    exit 1
fi
echo "installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -qq &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
           apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install the packages; the lines above say why" >&2
    exit 1
fi
