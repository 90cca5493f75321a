#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   tests/aarch64_root.sh FOLDER
#
# Puts what Talus is built on, for aarch64, into FOLDER, as the root of a Debian: the packages of
# this machine's release, unpacked and not installed, so that nothing else on it changes. 200
# packages, 110 MB to load; a second run changes nothing.
set -euo pipefail

root=${1:?the folder of the root}
packages=(
  libc6-dev libgomp1 libstdc++6
  libopenmpi-dev libhdf5-dev libhwloc-dev libonig-dev libutf8proc-dev libxxhash-dev
  libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libboost-context-dev)

[ ! -f "$root/complete" ] || exit 0
. /etc/os-release
codename=$VERSION_CODENAME
[ "$codename" = bookworm ] && packages+=(catch2/bookworm-backports) || packages+=(catch2)

# An apt of its own for another processor: lists, state and downloads.
mkdir -p "$root"
work=$(mktemp -d /var/tmp/talus-root.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
touch "$work/status"
archive=$(apt-get update --print-uris | sed -n "s|^'\([^']*\)/dists/$codename/InRelease'.*|\1|p" |
  sed -n 1p)
[ -n "$archive" ] || {
  echo "tests/aarch64_root.sh: apt has no source for $codename's main part" >&2
  exit 1
}
printf 'deb %s %s main\n' "$archive" "$codename" "$archive" "$codename-backports" \
  > "$work/sources.list"
options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64
  -o "Dir::State::Lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache"
  -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o APT::Sandbox::User=root -o APT::Install-Recommends=false)
apt-get "${options[@]}" update
apt-get "${options[@]}" --yes --download-only install "${packages[@]}" > "$work/log" 2>&1 || {
  tail -n 30 "$work/log" >&2
  exit 1
}
for package in "$work"/cache/archives/*.deb; do
  dpkg-deb --extract "$package" "$root"
done

# A compiler follows links from this machine's root, not from its own.
find "$root" -type l -lname '/*' -print0 |
  while IFS= read -rd '' link; do
    ln -sfnr "$root$(readlink "$link")" "$link"
  done
touch "$root/complete"
