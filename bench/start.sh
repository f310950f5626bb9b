#!/bin/bash
# Where we start from: index, file size, queries and similar lists on 30,000 synthesised posts, with
# the program of zig-out/bin. Prints a raw run as bench/runs/ keeps it. Takes 300 MB in build/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
program=zig-out/bin/anpsearch folder=build/bench posts=30000 runs=5
corpus=$folder/posts.jsonl db=$folder/posts.db
mkdir -p $folder
[ -f $corpus ] || zig-out/bin/anp-synth --from 0 --count $posts --format jsonl --out $corpus

echo "date $(date -u +%F), commit $(git rev-parse --short HEAD), $($program --version)"
echo "machine $(nproc) cores, $(awk '/model name/ { sub(/.*: /, ""); print; exit }' /proc/cpuinfo)"
echo "corpus $posts synthesised posts, $(stat -c %s $corpus) bytes of JSON Lines"
echo
echo "index, $runs runs of: anpsearch index --db DB posts.jsonl"
for ((i = 0; i < runs; i++)); do
    rm -f $db $db-lock $db.witness
    $program index --db $db $corpus 2>&1 | tail -n 1
done
stat -c %s $db $corpus | paste - - |
    awk '{ printf "file %d bytes, %.2f of the JSON Lines\n", $1, $1 / $2 }'
echo
echo "queries, took_us of $runs runs, each one process: query --queries FILE --json --snippet 0"
cat >$folder/queries.txt <<'QUERIES'
cache invalidation
redis
"cache invalidation"
+cache +redis
stack:"redis caching" cache
quality:>=80 rollback
*
title:redis
cache AND NOT redis
release the lock before deploy
QUERIES
for ((i = 0; i < runs; i++)); do
    $program query --db $db --queries $folder/queries.txt --json --snippet 0 2>$folder/notes.txt |
        grep -o '"total":[0-9]*,"took_us":[0-9]*' | sed 's/.*://' >$folder/run-$i.txt
done
paste -d ' ' $folder/run-*.txt | paste - $folder/queries.txt
echo
echo "similar, took_us of $runs fresh processes: anpsearch similar --id 009715 --measure jaccard --json"
for ((i = 0; i < runs; i++)); do
    $program similar --db $db --id 009715 --measure jaccard --json | grep -o '"took_us":[0-9]*' | sed 's/.*://'
done | paste -s -d ' '
echo
echo "verify: $($program verify --db $db)"
