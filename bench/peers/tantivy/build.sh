#!/bin/bash
# Builds the driver of tantivy with cargo and prints the path of the program. Everything that is
# made lands in the git-ignored build/; versions and hashes stand in Cargo.lock.
set -euo pipefail
cd "$(dirname "$0")"
target=$(cd ../../.. && pwd)/build/peers/tantivy
RUSTFLAGS="${RUSTFLAGS:--C target-cpu=native}" \
    cargo build --release --locked --quiet --target-dir "$target" >&2
echo "$target/release/tantivy-peer"
