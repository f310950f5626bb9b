#!/bin/bash
# Builds a driver that is written in C or C++ against a Debian package and prints the path of the
# program, in the git-ignored build/: native.sh PEER. PEER/packages.lock pins the packages: name,
# version. The stemmer and the JSON reader are those of deps/ (tools/bootstrap).
set -euo pipefail
peer=$1
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
target=$root/build/peers/$peer
mkdir -p "$target"
libraries=
while read -r package version library; do
    [ "${package:0:1}" = "#" ] && continue
    have=$(dpkg-query --show --showformat '${Version}' "$package" 2>/dev/null || true)
    if [ "$have" != "$version" ]; then
        echo "$peer: needs $package $version${have:+, not $have}: apt-get install $package=$version" >&2
        exit 1
    fi
    libraries="$libraries -l$library"
done <"$peer/packages.lock"

"$root/tools/bootstrap" >&2
deps=$root/deps
flags="-O2 -march=native -D_GNU_SOURCE -Wall -Wextra -I$deps/libstemmer/include -I$deps/yyjson"
stemmer=$(awk '/^[a-z]/ { on = $1 == "libstemmer" }
    on && $1 == "compile" { for (i = 2; i <= NF; i++) print $i }' "$root/tools/deps.lock")
objects=
for file in driver.c "$deps/yyjson/yyjson.c" $(printf "$deps/libstemmer/%s\n" $stemmer); do
    object=$target/$(basename "$file" .c).o
    gcc -std=gnu17 $flags -c "$file" -o "$object" >&2
    objects="$objects $object"
done
if [ -f "$peer/src/main.cc" ]; then
    g++ -std=c++17 $flags "$peer/src/main.cc" $objects -o "$target/$peer-peer" $libraries >&2
else
    gcc -std=gnu17 $flags "$peer/src/main.c" $objects -o "$target/$peer-peer" $libraries >&2
fi
echo "$target/$peer-peer"
