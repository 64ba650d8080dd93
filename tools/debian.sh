#!/bin/sh
# Sees to the Debian packages that only some tests and benches need. Each argument is a file that a package
# brings, a colon, and the package. Root in continuous integration gets what is missing. Nobody else
# does: who works on a machine decides what is installed there, and is told what will be skipped. So is who
# has no apt-get, as on macOS.
set -eu

missing=
for pair in "$@"; do
    # The file may be a pattern.
    # shellcheck disable=SC2086
    set -- ${pair%:*}
    [ -e "$1" ] || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "make: what needs$missing is skipped: there is no apt-get on this $(uname -s)"
    exit 0
fi
if [ -z "${CI:-}" ] || [ "$(id -u)" -ne 0 ]; then
    echo "make: what needs$missing is skipped; on Debian: apt-get install$missing"
    exit 0
fi

echo "make: installing$missing"
# Else the package of PostgreSQL makes a server of its own, and starts it.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --yes --no-install-recommends -o Dpkg::Options::=--force-confold $missing >/dev/null
