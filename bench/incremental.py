#!/usr/bin/env python3
"""Adding to an index that is there: incremental.py [--posts 1000000] [OPTIONS]

Builds (or takes, --base FILE: it is changed) an index of that many synthesised posts, then runs
bench_incremental on it: single posts from JSON to found, batches, the first snapshot after commits,
and commits that replace a fifth of the posts; then what the file takes over the same posts packed:
by `compact` where this version has it, else by export into a new index.
"""
import argparse
import json
import os
import random
import subprocess
import sys

import measure
from measure import Failed, megabytes, table

SNAPSHOT_BATCH, SNAPSHOTS = 256, 20  # once round a log of 4,096 posts and a bit


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--posts", type=int, default=1000000, help="in the index before")
    p.add_argument("--base", help="an index of the first --posts synthesised posts; it is changed")
    p.add_argument("--singles", type=int, default=2000)
    p.add_argument("--batches", type=int, default=100)
    p.add_argument("--size", type=int, default=1000, help="posts a batch")
    p.add_argument("--commits", type=int, default=1000, help="that replace posts")
    p.add_argument("--replaced", type=float, default=0.2, help="share of --posts")
    p.add_argument("--memory", default="512M", help="of the build")
    p.add_argument("--keep", action="store_true", help="do not remove the index")
    p.add_argument("--program", default=os.path.join(measure.ROOT, "zig-out/bin/anpsearch"))
    p.add_argument("--folder", default=os.path.join(measure.ROOT, "build/bench"))
    p.add_argument("--out", help="the raw run (default FOLDER/incremental.jsonl)")
    return p.parse_args()


def beside(a, name):
    """A program that stands beside anpsearch."""
    path = os.path.join(os.path.dirname(a.program), name)
    if not os.path.exists(path):
        raise Failed("%s is not there: tools/zig build bench" % path)
    return path


def build_base(a, db):
    measure.remove_index(db)
    posts = subprocess.Popen([beside(a, "anp-synth"), "--count", str(a.posts)],
                             stdout=subprocess.PIPE)
    measure.run([a.program, "index", "--db", db, "--memory", a.memory, "-"], stdin=posts.stdout)
    posts.stdout.close()
    if posts.wait():
        raise Failed("anp-synth: exit %d" % posts.returncode)


def write_new(a, path, first, count):
    measure.run([beside(a, "anp-synth"), "--from", str(first), "--count", str(count), "--out",
                 path])


def write_replaced(a, path):
    """A share of the posts that are there, each with the same chance."""
    chosen = set(random.Random(9715).sample(range(a.posts), int(a.posts * a.replaced)))
    posts = subprocess.Popen([beside(a, "anp-synth"), "--count", str(a.posts)],
                             stdout=subprocess.PIPE)
    with open(path, "wb") as out:
        for i, line in enumerate(posts.stdout):
            if i in chosen:
                out.write(line)
    posts.wait()


def packed_bytes(a, db):
    """The size of the same posts, and how they were packed."""
    if measure.compactions(a.program):
        measure.run([a.program, "compact", "--db", db])
        return os.path.getsize(db), "compact"
    other = db + ".packed"
    measure.remove_index(other)
    posts = subprocess.Popen([a.program, "export", "--db", db], stdout=subprocess.PIPE)
    measure.run([a.program, "index", "--db", other, "--memory", a.memory, "-"],
                stdin=posts.stdout)
    posts.stdout.close()
    if posts.wait():
        raise Failed("export: exit %d" % posts.returncode)
    size = os.path.getsize(other)
    measure.remove_index(other)
    return size, "export and index"


def milliseconds(times):
    return ["%.3f" % (times[name] / 1e3) for name in ("p50_us", "p99_us", "most_us")]


def show(rows):
    single, batch, snap, replaced, packed = rows
    lines = [["one post: %s" % name] + milliseconds(single[name])
             for name in ("all", "add", "commit", "snapshot", "query")]
    lines.append(["two synced writes on this disk"] + milliseconds(single["least"]))
    lines.append(["a batch of %d" % batch["size"]] + milliseconds(batch["batch"]))
    lines.append(["first snapshot and query after %d more posts" % snap["size"]] +
                 milliseconds(snap["first"]))
    lines.append(["the next snapshot and query"] + milliseconds(snap["again"]))
    lines.append(["a commit that replaces %d" % (replaced["replaced"] // replaced["count"])] +
                 milliseconds(replaced["commit"]))
    table("At %s posts: ms" % "{:,}".format(single["posts_before"]),
          ["", "p50", "p99", "most"], lines)
    table("Throughput and size", ["", ""], [
        ["posts/s in batches of %d, analysis included" % batch["size"],
         "{:,.0f}".format(batch["posts_per_s"])],
        ["posts/s replaced, %d a commit" % (replaced["replaced"] // replaced["count"]),
         "{:,.0f}".format(replaced["posts_per_s"])],
        ["file, MB", megabytes(packed["file_bytes"])],
        ["packed (%s), MB" % packed["how"], megabytes(packed["packed_bytes"])],
        ["file over packed", "%.3f" % packed["over_packed"]],
    ])


def main():
    a = arguments()
    os.makedirs(a.folder, exist_ok=True)
    db = a.base or os.path.join(a.folder, "incremental.db")
    bench = beside(a, "bench_incremental")
    record = measure.Record(a.out or os.path.join(a.folder, "incremental.jsonl"), a.program,
                            corpus="synthesised posts", posts=a.posts)
    record.print_head()
    if not a.base:
        build_base(a, db)
    jsonl = os.path.join(a.folder, "incremental-posts.jsonl")
    rows, first = [], a.posts
    for name, count, size in (("singles", a.singles, 1), ("batches", a.batches, a.size),
                              ("snapshots", SNAPSHOTS, SNAPSHOT_BATCH), ("replace", a.commits, 0)):
        if name == "replace":
            write_replaced(a, jsonl)
        else:
            write_new(a, jsonl, first, count * size)
            first += count * size
        words = [bench, name, db, jsonl, str(count)] + ([str(size)] if size else [])
        rows.append(json.loads(measure.run(words)["out"]))
        record.write(rows[-1])
    os.remove(jsonl)
    if rows[-1]["posts_after"] != first:
        raise Failed("%d posts at the end, not %d" % (rows[-1]["posts_after"], first))
    size = os.path.getsize(db)
    packed, how = packed_bytes(a, db)
    rows.append(record.add("packed", file_bytes=size, packed_bytes=packed, how=how,
                           over_packed=size / packed))
    show(rows)
    if not a.keep:
        measure.remove_index(db)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        print("incremental.py: %s" % failure, file=sys.stderr)
        sys.exit(1)
