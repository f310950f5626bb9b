#!/bin/bash
# Builds the driver of tantivy with cargo and prints the path of the program. Everything that is
# made lands in the git-ignored build/. Versions and hashes stand in crates.lock; where crates come
# from is cargo's own setting, so Cargo.lock is made here, with the source that cargo writes for the
# driver's first dependency, and cargo checks every crate against it (--locked).
set -euo pipefail
cd "$(dirname "$0")"
target=$(cd ../../.. && pwd)/build/peers/tantivy
crate=$target/crate
mkdir -p "$crate/src" "$target/probe/src"
cp Cargo.toml "$crate/"
cp -R src/. "$crate/src/"

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
    --target-dir "$target" >&2
echo "$target/release/tantivy-peer"
