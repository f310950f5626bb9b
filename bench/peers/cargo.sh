#!/bin/bash
# Builds a driver that is written in Rust with cargo and prints the path of the program:
#
#     cargo.sh PEER             PEER/Cargo.toml, PEER/src and PEER/crates.lock
#     cargo.sh PEER --relock    makes PEER/crates.lock of what cargo resolves now
#
# All lands in the git-ignored build/. Versions and hashes stand in crates.lock; where crates come
# from is cargo's own setting, so Cargo.lock is made here, with the source that cargo writes for the
# driver's first dependency, and cargo checks every crate against it (--locked). CARGO_JOBS: how
# many jobs at a time.
set -euo pipefail
peer=$1
cd "$(dirname "$0")/$peer"
target=$(cd ../../.. && pwd)/build/peers/$peer
crate=$target/crate
mkdir -p "$crate/src" "$target/probe/src"
for file in Cargo.toml src/*; do # only what is another: cargo makes anew what is newer
    cmp -s "$file" "$crate/$file" || cp "$file" "$crate/$file"
done

if [ "${2-}" = --relock ]; then
    rm -f "$crate/Cargo.lock"
    cargo generate-lockfile --quiet --manifest-path "$crate/Cargo.toml" >&2
    {
        echo "# The crates of this driver and all that they need, as cargo resolved them: name, version,"
        echo "# sha256 of the crate, what it depends on. ../cargo.sh makes Cargo.lock of it."
        awk '
            function line() { if (name != "") print name, version, hash, needs }
            /^\[\[package\]\]/ { line(); name = version = needs = ""; hash = "-"; next }
            /^name = / { name = $3 }
            /^version = / && name != "" { version = $3 }
            /^checksum = / { hash = $3 }
            /^ "/ {
                sub(/^ /, ""); sub(/,$/, ""); sub(/ /, "@")
                needs = needs (needs == "" ? "" : ",") $0
            }
            END { line() }' "$crate/Cargo.lock" | tr -d '"' | sed 's/ $//'
    } >crates.lock
fi

if ! [ "$target/source" -nt Cargo.toml ]; then
    dependency=$(awk -F' = ' '/^\[/ { on = $0 == "[dependencies]"; next } on && NF { print; exit }' \
        Cargo.toml)
    printf '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n%s\n' \
        "$dependency" >"$target/probe/Cargo.toml"
    touch "$target/probe/src/lib.rs"
    rm -f "$target/probe/Cargo.lock"
    (cd "$target/probe" && cargo generate-lockfile --quiet) >&2
    grep -m 1 '^source = ' "$target/probe/Cargo.lock" >"$target/source"
fi

awk -v source="$(cat "$target/source")" '
    BEGIN { print "version = 4" }
    /^#/ { next }
    {
        printf "\n[[package]]\nname = \"%s\"\nversion = \"%s\"\n", $1, $2
        if ($3 != "-") printf "%s\nchecksum = \"%s\"\n", source, $3
        if ($4 == "") next
        count = split($4, needs, ",")
        print "dependencies = ["
        for (i = 1; i <= count; i++) { sub("@", " ", needs[i]); printf " \"%s\",\n", needs[i] }
        print "]"
    }' crates.lock >"$crate/Cargo.lock"

RUSTFLAGS="${RUSTFLAGS:--C target-cpu=native}" \
    cargo build --manifest-path "$crate/Cargo.toml" --release --locked --quiet \
    --jobs "${CARGO_JOBS:-1}" --target-dir "$target" >&2
echo "$target/release/$peer-peer"
