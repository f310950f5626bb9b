#!/bin/bash
# Durability, proved at length: `bench/durability.sh [OUTPUT]`. The figures go to the terminal and
# into OUTPUT.
#
#     kill -9      at every change of a file that each scenario makes (before it, amid it, after
#                  it), and at 120 random moments of each scenario
#     power        400 images of power failures and 400 torn meta pages of each scenario, from
#                  recorded writes and syncs
#     fail         every allocation, and every call with EIO, ENOSPC, EINTR, failing once (with
#                  small windows 500 and 100 of each scenario)
#     flips        5,000 flipped bits; 100 whole files
#     soak         1 writer, 8 readers, verify and backup for ANP_SOAK_SECONDS (600), from batch
#                  ANP_SOAK_FROM (4,080: just before the first window is full) on
#
# All but the soak are done a second time in a build with windows of 64 posts (-Dsmall), where they
# meet merges of windows and groups.
#
# The scenarios stand in tests/faults/work.c; the same tests run with small numbers in tools/test.
# Words in ANP_DURABILITY choose among the parts, ANP_SCENARIO=WORD among scenarios. Files lie in TMPDIR (default: memory, where syncs
# cost nothing; the replayed failures do not depend on it). Takes some 30 minutes, and the soak.
set -euo pipefail
cd "$(dirname "$0")/.."
output=${1:-/dev/null}
parts=${ANP_DURABILITY:-kill power fail flips soak}
export ANP_FAULTS=full ANP_SOAK_FROM=${ANP_SOAK_FROM:-4080}
[ -n "${TMPDIR:-}" ] || { [ -d /dev/shm ] && export TMPDIR=/dev/shm; }

{
    echo "anpsearch $(git rev-parse --short HEAD), $(nproc) processors: $(
        sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    for part in $parts; do
        echo "== $part"
        tools/zig build -Doptimize=fast test -- "faults/$part" 2>&1 || echo "== $part FAILED"
        [ "$part" = soak ] && continue
        echo "== $part, small windows"
        tools/zig build -Doptimize=fast -Dsmall test -- "faults/$part" 2>&1 ||
            echo "== $part FAILED"
    done
} | tee "$output"
