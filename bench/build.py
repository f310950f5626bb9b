#!/usr/bin/env python3
"""Building an index, beside peers: build.py --articles DOCS.jsonl [OPTIONS]

By turns in the same run, each --runs times: the peers and `anpsearch index --store none --analyzer
plain --title-weight 1`, the same text and analysis, positions in all. MB/s are 10^6 bytes of raw
text (title, newline, body) a second, from the start of the process to its end; for a peer also
without its last merge into one segment. Then the file's tables, its size after each compaction, and
the whole way from JSON Lines with stored posts and sketches, on synthesised posts.

The articles have an id, a title, and a body, text or content. A peer is the name of a folder in
peers/ (its build.sh makes the driver) or NAME=PROGRAM.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

import measure
from measure import Failed, mebibytes, megabytes, spread, table, with_spread

# Of the corpora that we have each finds something; looked for in both, to see that they index the
# same words.
PROBES = [
    "error", "network", "the", "windows", "cache", "héllo", "2020", "x86", "object", "returned",
    "protocols", "configuring", '"red hat"', '"this document"', '"the method"', "+server +client",
    "table row", "utf8", "c", "running runs ran",
]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--articles", required=True, help="JSON Lines with id, title and body or text")
    p.add_argument("--runs", type=int, default=3, help="of each side (default 3)")
    p.add_argument("--posts", type=int, default=100000, help="synthesised, for the second part")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--memory", default="512M", help="of anpsearch index")
    p.add_argument("--peers", default="tantivy", help="with commas, the first is what the others "
                   "are compared with; none: no peer (default tantivy)")
    p.add_argument("--program", default=os.path.join(measure.ROOT, "zig-out/bin/anpsearch"))
    p.add_argument("--synth", default=os.path.join(measure.ROOT, "zig-out/bin/anp-synth"))
    p.add_argument("--folder", default=os.path.join(measure.ROOT, "build/bench"))
    p.add_argument("--out", help="the raw run (default FOLDER/build.jsonl)")
    return p.parse_args()


def text_of(path):
    """How many documents, and how many bytes of title, newline, body."""
    documents = raw = 0
    with open(path, "rb") as lines:
        for line in lines:
            post = json.loads(line)
            body = post.get("body", post.get("text", post.get("content", "")))
            raw += len(post.get("title", "").encode()) + 1 + len(body.encode())
            documents += 1
    return documents, raw


def build_ours(program, db, corpus, options):
    measure.remove_index(db)
    took = measure.run([program, "index", "--db", db] + options + [corpus])
    took["file_bytes"] = os.path.getsize(db)
    return took


class Peer:
    """A driver, and what its builds took."""

    def __init__(self, name, folder):
        self.name, _, self.program = name.partition("=")
        self.index = os.path.join(folder, "peer-" + self.name)
        self.runs = []
        if not self.program:
            script = os.path.join(measure.ROOT, "bench/peers", self.name, "build.sh")
            if not os.path.exists(script):
                raise Failed("no peer %s" % self.name)
            self.program = measure.run([script])["out"].strip()

    def build(self, corpus, threads):
        self.remove()
        took = measure.run([self.program, "build", corpus, self.index, str(threads)])
        report = json.loads(took["out"])
        took["file_bytes"] = report["index_bytes"]
        took["merge_seconds"] = report["seconds"] - report["commit_seconds"]
        took["docs"], took["raw_bytes"] = report["docs"], report["raw_bytes"]
        self.name = report["peer"]
        self.runs.append(took)
        return took

    def counts(self):
        lines = "".join("COUNT\t%s\n" % probe for probe in PROBES)
        done = subprocess.run([self.program, "query", self.index], input=lines,
                              capture_output=True, text=True, check=True)
        return [int(line) for line in done.stdout.split()]

    def remove(self):
        shutil.rmtree(self.index, ignore_errors=True)


def plain_numbers(took):
    return {name: took[name] for name in ("seconds", "cpu_seconds", "others_cpu_seconds",
                                          "peak_bytes", "anon_bytes", "file_bytes",
                                          "merge_seconds") if name in took}


def our_counts(a, db):
    counts = []
    for probe in PROBES:
        got = measure.run([a.program, "query", "--db", db, "--count", "--stopwords", "none", "--",
                           probe], may_fail=True)
        counts.append(int(got["out"] or -1))
    return counts


def agreement(a, record, db, peer):
    """How many of the probes match equally many documents on both sides."""
    counts = {probe: [x, y] for probe, x, y in zip(PROBES, our_counts(a, db), peer.counts())}
    record.add("agreement", side=peer.name, counts=counts)
    differ = {probe: c for probe, c in counts.items() if c[0] != c[1]}
    print("%s: counts of %d queries equal in %d; else (ours, theirs): %s\n" % (
        peer.name, len(counts), len(counts) - len(differ), differ))


def middle(runs, name):
    return spread(run[name] for run in runs)["median"]


def row_of(name, speeds, runs, raw, base):
    return [name, with_spread(speeds), "%.2f" % (spread(speeds)["median"] / base),
            "%.1f" % middle(runs, "cpu_seconds"), "%.1f" % middle(runs, "others_cpu_seconds"),
            mebibytes(middle(runs, "peak_bytes")), mebibytes(middle(runs, "anon_bytes")),
            "%.3f" % (runs[-1]["file_bytes"] / raw)]


def side_by_side(a, record, documents, raw):
    """All sides by turns. The last index of ours stays, for what is measured of it."""
    db = os.path.join(a.folder, "articles.db")
    options = ["--store", "none", "--analyzer", "plain", "--title-weight", "1", "--threads",
               str(a.threads), "--memory", a.memory]
    peers = [Peer(name, a.folder) for name in a.peers.split(",") if name != "none"]
    ours = []
    for number in range(a.runs):
        for peer in peers:
            took = peer.build(a.articles, a.threads)
            if (took["docs"], took["raw_bytes"]) != (documents, raw):
                raise Failed("%s was given another text" % peer.name)
            record.add("build", side=peer.name, run=number, **plain_numbers(took))
        ours.append(build_ours(a.program, db, a.articles, options))
        record.add("build", side="anpsearch", run=number, **plain_numbers(ours[-1]))
    if measure.stats(a.program, db)["posts_live"] != documents:
        raise Failed("anpsearch did not index every document")
    rows, base = [], None
    for name, runs in [(peer.name, peer.runs) for peer in peers] + [("anpsearch", ours)]:
        speeds = [raw / 1e6 / t["seconds"] for t in runs]
        base = base or spread(speeds)["median"]
        rows.append(row_of(name, speeds, runs, raw, base))
        if "merge_seconds" in runs[0]:
            early = [raw / 1e6 / (t["seconds"] - t["merge_seconds"]) for t in runs]
            rows.append([name + ", before its last merge", with_spread(early), "%.2f" % (
                spread(early)["median"] / base)] + [""] * 5)
    table("Bulk build: %s documents, %s MB of text, %d threads, median (least to most) of %d" % (
        "{:,}".format(documents), megabytes(raw), a.threads, a.runs),
        ["", "MB/s of text", "over the first", "CPU s", "CPU s of others", "peak MiB",
         "of it anonymous", "file / text"], rows)
    for peer in peers:
        agreement(a, record, db, peer)
        peer.remove()
    return db


def parts(a, record, db, raw):
    """The tables of the file, and the file after each compaction, over the raw text."""
    found = measure.stats(a.program, db)
    tables = [t for t in found["tables"] if t["entries"]]
    record.add("tables", file_bytes=found["file_bytes"], tables=tables)
    rows = [[t["name"], "{:,}".format(t["entries"]), megabytes(t["bytes"]),
             "%.4f" % (t["bytes"] / raw)]
            for t in sorted(tables, key=lambda t: -t["bytes"])]
    rest = found["file_bytes"] - sum(t["bytes"] for t in tables)
    rows.append(["free pages and the rest", "", megabytes(rest), "%.4f" % (rest / raw)])
    rows.append(["file", "", megabytes(found["file_bytes"]), "%.4f" % (found["file_bytes"] / raw)])
    table("The file, by table, as it was built", ["", "entries", "MB", "over text"], rows)
    known = measure.compactions(a.program)
    rows = []
    for options in [["--keep-order"], []]:
        name = " ".join(["compact"] + options)
        if options not in known:
            rows.append([name, "not yet", "", "", ""])
            continue
        took = measure.run([a.program, "compact", "--db", db] + options)
        size = os.path.getsize(db)
        record.add("compact", options=options, file_bytes=size, seconds=took["seconds"],
                   peak_bytes=took["peak_bytes"])
        rows.append([name, megabytes(size), "%.4f" % (size / raw), "%.1f" % took["seconds"],
                     mebibytes(took["peak_bytes"])])
    table("The file, after", ["", "MB", "over text", "seconds", "peak MiB"], rows)


def whole_way(a, record):
    """From JSON Lines, with stored posts and sketches."""
    corpus, db = os.path.join(a.folder, "posts-%d.jsonl" % a.posts), os.path.join(a.folder, "p.db")
    if not os.path.exists(corpus):
        measure.run([a.synth, "--count", str(a.posts), "--out", corpus + ".part"])
        os.rename(corpus + ".part", corpus)
    size = os.path.getsize(corpus)
    options = ["--threads", str(a.threads), "--memory", a.memory]
    runs = []
    for number in range(a.runs):
        runs.append(build_ours(a.program, db, corpus, options))
        record.add("whole_way", run=number, posts=a.posts, jsonl_bytes=size,
                   **plain_numbers(runs[-1]))
    found = measure.stats(a.program, db)
    record.add("whole_way_tables", file_bytes=found["file_bytes"], tables=found["tables"])
    table("Stored posts and sketches, from JSON Lines: %s posts, %s MB, %d threads" % (
        "{:,}".format(a.posts), megabytes(size), a.threads),
        ["", "MB/s of JSON Lines", "posts/s", "CPU s", "CPU s of others", "peak MiB",
         "of it anonymous", "file / JSON Lines"],
        [["anpsearch index", with_spread(size / 1e6 / t["seconds"] for t in runs),
          "%.0f" % (a.posts / middle(runs, "seconds")), "%.1f" % middle(runs, "cpu_seconds"),
          "%.1f" % middle(runs, "others_cpu_seconds"), mebibytes(middle(runs, "peak_bytes")),
          mebibytes(middle(runs, "anon_bytes")),
          "%.3f" % (runs[-1]["file_bytes"] / size)]])
    measure.remove_index(db)


def main():
    a = arguments()
    os.makedirs(a.folder, exist_ok=True)
    documents, raw = text_of(a.articles)  # and the corpus is in the page cache now
    record = measure.Record(a.out or os.path.join(a.folder, "build.jsonl"), a.program,
                            corpus=os.path.basename(a.articles), documents=documents,
                            raw_bytes=raw)
    record.print_head()
    db = side_by_side(a, record, documents, raw)
    parts(a, record, db, raw)
    measure.remove_index(db)
    if a.posts:
        whole_way(a, record)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        print("build.py: %s" % failure, file=sys.stderr)
        sys.exit(1)
