#!/usr/bin/env python3
"""Queries beside peers: query.py [--corpus DOCS.jsonl | --synth N] [OPTIONS]

Builds an index of each side (ours: `index --store none --analyzer plain --title-weight 1`, then
`compact`; with --kept and --reorder one more each, by `compact --keep-order` and `--reorder`; with
--random-scores one more, of the same posts with scores), asks all sides the same queries by turns in --rounds rounds, command by
command, one thread each, and prints for each command and kind of query mean / p50 / p99 in
microseconds of the least time of each query, and ours over the best peer's. Totals must agree, and the best ten up to the peers' one-byte lengths. A cell of a peer
whose totals are not even close in more than a twentieth of the queries of the kind is shown in
brackets and is not a best one.

In FOLDER/CORPUS/: the indexes, the raw run (run.jsonl), each query's times (queries.jsonl), a plot
of each file of queries. Without --corpus: 20,000 synthesised posts. A peer is the name of a folder in peers/ (its build.sh
makes the driver) or NAME=PROGRAM; one that cannot be built here is left out, and said so.
"""
import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys

import agree
import corpus
import measure
import plot
from measure import Failed, percentile, table

COMMANDS = "COUNT,TOP_10,TOP_100,TOP_1000,TOP_10_COUNT"
KINDS = ["term", "intersection", "union", "phrase", "mixed", "negated"]
SHARED = os.path.join(measure.ROOT, "..", "shared", "queries")
NAMES = {"--keep-order": "kept order", "--reorder": "reordered"}  # of orders, by compact's option
AGREES = 0.95  # of the totals of a kind are equal or close


def default_queries():
    found = [os.path.join(SHARED, name) for name in ("game.jsonl", "articles.jsonl")]
    found = [path for path in found if os.path.exists(path)]
    return found or [os.path.join(measure.ROOT, "bench/queries.txt")]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--corpus", help="JSON Lines with id, title and body or text")
    p.add_argument("--synth", type=int, default=20000, metavar="N", help="or so many posts")
    p.add_argument("--passages", type=int, default=0, metavar="WORDS",
                   help="cut the corpus into passages of so many words")
    p.add_argument("--first", type=int, default=0, metavar="N", help="of its documents or passages")
    p.add_argument("--queries", action="append", help="a file; may be given again (default: those "
                   "of ../shared/queries, else bench/queries.txt)")
    p.add_argument("--peers", default="tantivy,lucene,seekstorm,sqlite,xapian", help="or none")
    p.add_argument("--once", default="sqlite,xapian", help="peers too slow for more than one round "
                   "and two runs of a query")
    p.add_argument("--mode", action="append", metavar="NAME=OPTIONS", help="of bench_query, for a "
                   "side of ours: may be given again (default anpsearch=: blend 0)")
    p.add_argument("--kept", action="store_true", help="each mode also over an index of ours that "
                   "is compacted with --keep-order: MODE, kept order")
    p.add_argument("--reorder", action="store_true", help="each mode also over an index of ours "
                   "that is compacted with --reorder: MODE, reordered")
    p.add_argument("--random-scores", action="store_true", help="each mode also over an index of "
                   "ours whose posts have scores drawn at random: MODE, random scores")
    p.add_argument("--commands", default=COMMANDS)
    p.add_argument("--kinds", default=",".join(KINDS), help="of queries")
    p.add_argument("--every", type=int, default=1, metavar="N", help="n-th query of a kind only")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--repeats", type=int, default=10, help="of a query in a round, at most")
    p.add_argument("--budget-us", type=int, default=100000, help="after three of them")
    p.add_argument("--threads", default="", help="1,2: also ours over so many threads")
    p.add_argument("--reuse", action="store_true", help="peers' indexes that are in the folder")
    p.add_argument("--reuse-ours", action="store_true", help="and ours")
    p.add_argument("--lock", help="a file that is locked while something is timed")
    p.add_argument("--bin", default=os.path.join(measure.ROOT, "zig-out/bin"), help="our programs")
    p.add_argument("--folder", default=os.path.join(measure.ROOT, "build/bench/query"))
    p.add_argument("--out", help="the raw run (default FOLDER/CORPUS/run.jsonl)")
    a = p.parse_args()
    a.queries = a.queries or default_queries()
    a.modes = [mode.partition("=")[::2] for mode in a.mode or ["anpsearch="]]
    return a


# ---- the sides -----------------------------------------------------------------------------------


class Side:
    """A program that is asked: words before the bench's own arguments, and what it answered."""

    def __init__(self, name, once=False):
        self.name, self.once = name, once
        self.found, self.us, self.round_means = {}, {}, {}

    def take(self, output):
        """Lines of `bench`: keeps the least time; means of this round by cell."""
        cells = {}
        for row in output.splitlines():
            command, kind, query, found, us = row.split("\t")
            at = command, kind, query
            self.found[at] = int(found)
            if int(found) >= 0:
                self.us[at] = min(float(us), self.us.get(at, float("inf")))
                cells.setdefault((command, kind), []).append(float(us))
        for at, times in cells.items():
            self.round_means.setdefault(at, []).append(sum(times) / len(times))

    def cell(self, command, kind):
        """What a table says of it; None when a query of the kind could not be asked."""
        asked = [f for (c, k, _), f in self.found.items() if (c, k) == (command, kind)]
        times = [us for (c, k, _), us in self.us.items() if (c, k) == (command, kind)]
        if not times or len(times) < len(asked):
            return None
        means = self.round_means[command, kind]
        return {"count": len(times), "mean": sum(times) / len(times),
                "p50": percentile(times, 50), "p99": percentile(times, 99),
                "round_means": [round(m, 3) for m in means]}

    def totals(self):
        """{(kind, query): found} of the commands that count."""
        return {(kind, query): found for (command, kind, query), found in self.found.items()
                if command == "COUNT"} or {
                    (kind, query): found for (command, kind, query), found in self.found.items()
                    if command.endswith("_COUNT")}


class Ours(Side):
    def __init__(self, a, name, options, db):
        super().__init__(name)
        self.program = [os.path.join(a.bin, "bench_query"), "--db", db] + options.split()
        self.plain = not options

    def bench(self, queries, command, repeats, budget):
        return self.program + ["--queries", queries, "--commands", command, "--repeats",
                               str(repeats), "--budget-us", str(budget), "--format", "tsv"]

    def ask(self):
        return self.program + ["--serve"]


class Peer(Side):
    def __init__(self, a, name, folder):
        self.short, _, self.program = name.partition("=")
        super().__init__(self.short, self.short in a.once.split(","))
        self.index = os.path.join(folder, self.short)
        if not self.program:
            script = os.path.join(measure.ROOT, "bench/peers", self.short, "build.sh")
            if not os.path.exists(script):
                raise Failed("no peer %s" % self.short)
            self.program = measure.run([script])["out"].strip()

    def build(self, a, docs):
        """Or takes the one that is there; what the build said."""
        said = self.index + ".json"
        if not (a.reuse and os.path.exists(said)):
            shutil.rmtree(self.index, ignore_errors=True)
            took = measure.run([self.program, "build", docs, self.index])
            with open(said, "w") as out:
                out.write(took["out"])
        with open(said) as report:
            report = json.load(report)
        self.name = report["peer"]
        return report

    def bench(self, queries, command, repeats, budget):
        if self.once:
            repeats = min(repeats, 2)
        return [self.program, "bench", self.index, queries, command, str(repeats), str(budget)]

    def ask(self):
        return [self.program, "query", self.index]


def build_peers(a, record, folder, docs, documents, raw):
    peers = []
    for name in [] if a.peers == "none" else a.peers.split(","):
        try:
            peer = Peer(a, name, folder)
        except Failed as failure:
            if "no peer" in str(failure):
                raise
            print("left out: %s\n" % failure)
            record.add("left_out", side=name, why=str(failure))
            continue
        report = peer.build(a, docs)
        if (report["docs"], report["raw_bytes"]) != (documents, raw):
            raise Failed("%s was given another text: remove %s" % (peer.name, peer.index))
        record.add("index", side=peer.name, **report)
        peers.append(peer)
    return peers


def compact_to(a, record, db, other, flag, documents):
    measure.remove_index(other)
    packed = measure.run([os.path.join(a.bin, "anpsearch"), "compact", flag, "--db", db, other])
    record.add("index", side="anpsearch, " + NAMES[flag], docs=documents,
               compact_seconds=packed["seconds"], index_bytes=os.path.getsize(other))


def build_ours(a, record, db, side, docs, documents, kept=None):
    """kept: where an index in the order of adding is to be, beside the one at db."""
    program = os.path.join(a.bin, "anpsearch")
    if not (a.reuse_ours and os.path.exists(db) and (not kept or os.path.exists(kept))):
        measure.remove_index(db)
        took = measure.run([program, "index", "--db", db, "--store", "none", "--analyzer", "plain",
                            "--title-weight", "1", docs])
        if kept:
            compact_to(a, record, db, kept, "--keep-order", documents)
        packed = measure.run([program, "compact", "--db", db])
        record.add("index", side=side, docs=documents, seconds=took["seconds"],
                   compact_seconds=packed["seconds"], index_bytes=os.path.getsize(db))
    if measure.stats(program, db)["posts_live"] != documents:
        raise Failed("%s has other posts than the corpus" % db)
    return db


def build_all_ours(a, record, folder, docs, documents):
    """{what a mode's name gets: its index}"""
    path = os.path.join(folder, "ours.db")
    kept = os.path.join(folder, "kept.db") if a.kept else None
    dbs = {"": build_ours(a, record, path, "anpsearch", docs, documents, kept)}
    if a.kept:
        dbs[", kept order"] = kept
    if a.reorder:
        other = dbs[", reordered"] = os.path.join(folder, "reordered.db")
        if not (a.reuse_ours and os.path.exists(other)):
            compact_to(a, record, path, other, "--reorder", documents)
    if a.random_scores:
        dbs[", random scores"] = build_ours(a, record, os.path.join(folder, "scores.db"),
                                            "anpsearch, random scores",
                                            corpus.with_scores(docs, folder), documents)
    return dbs


# ---- a run over one file of queries --------------------------------------------------------------


def read_queries(a, path, folder):
    """(kind, query) of a file, and the file in the drivers' form."""
    said = measure.run([os.path.join(a.bin, "bench_query"), "--queries", path, "--kinds"])["out"]
    seen, kept = {}, []
    for row in said.splitlines():
        kind, query = row.split("\t")
        seen[kind] = seen.get(kind, -1) + 1
        if kind in a.kinds.split(",") and seen[kind] % a.every == 0:
            kept.append((kind, query))
    if not kept:
        raise Failed("%s: no query is left" % path)
    tsv = os.path.join(folder, os.path.basename(path) + ".tsv")
    with open(tsv, "w", encoding="utf-8") as out:
        out.write("".join("%s\t%s\n" % pair for pair in kept))
    return kept, tsv


class Locked:
    """Nobody else's bench meanwhile, where all take the same lock."""

    def __init__(self, path):
        self.file = open(path, "w") if path else None

    def __enter__(self):
        if self.file:
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        if self.file:
            fcntl.flock(self.file, fcntl.LOCK_UN)


def ask_all(a, sides, tsv):
    """By turns: in each round each command is asked of all, another one first each round."""
    lock = Locked(a.lock)
    for number in range(a.rounds):
        for command in a.commands.split(","):
            for i in range(len(sides)):
                side = sides[(i + number) % len(sides)]
                if side.once and number:
                    continue
                words = side.bench(tsv, command, a.repeats, a.budget_us)
                with lock:
                    took = measure.run(words)
                side.take(took["out"])
            print("round %d of %d, %s" % (number + 1, a.rounds, command), file=sys.stderr)


def check(record, name, queries, ours, peers):
    """Who agrees with ours; {side name: {kind: share of equal totals}}."""
    shares, rows = {}, []
    mine = ours.totals()
    exact = [peer.short for peer in peers if peer.short == "xapian"]
    compared = {peer.short: peer.ask() for peer in peers if peer.short != "sqlite"}
    found, different = agree.lists(queries, ours.ask(), compared, exact) if compared else ({}, {})
    for peer in peers:
        equal, examples = agree.totals(mine, peer.totals())
        shares[peer.name] = {kind: close / all_ for kind, (_, close, all_) in equal.items()}
        lists = found.get(peer.short, {})
        record.add("agreement", queries=name, side=peer.name, totals=equal, other_totals=examples,
                   lists=lists, other_lists=different.get(peer.short, []))
        whole = {w: sum(cell[w] for cell in lists.values()) for w in ("same", "near", "different")}
        same, close, all_ = [sum(cell[i] for cell in equal.values()) for i in range(3)]
        rows.append([peer.name, "%d of %d" % (same, all_), close - same, all_ - close]
                    + ([whole[w] for w in ("same", "near", "different")] if lists else ["", "", ""])
                    + ["; ".join("%s: %s, ours %s" % (q, t, o) for q, o, t in examples[:2])])
    if rows:
        table("%s: agreement with ours" % name,
              ["", "equal totals", "close", "others", "best ten the same", "near", "different", "examples"], rows)
    alone = agree.alone(mine, [peer.totals() for peer in peers])
    record.add("ours_alone", queries=name, count=len(alone), examples=alone[:20])
    if alone:
        print("Ours alone gives another total in %d queries: %s\n" % (len(alone), alone[:5]))
    return shares, len(alone)


def check_indexes(ours, indexes):
    """A mode's totals, whatever the order of posts and their scores."""
    for i, side in enumerate(ours):
        if side.totals() != ours[i - i % indexes].totals():
            raise Failed("%s has other totals than in the order of the file" % side.name)


def best_of(peers, shares, command, kind):
    """The peer with the least mean, and the least p99 of all, among those that agree."""
    cells = [(peer.cell(command, kind), peer) for peer in peers]
    cells = [(cell, peer) for cell, peer in cells
             if cell and shares.get(peer.name, {}).get(kind, 1) >= AGREES]
    if not cells:
        return None
    cell, peer = min(cells, key=lambda pair: pair[0]["mean"])
    return peer.name, cell["mean"], min(cell["p99"] for cell, _ in cells)


def time_text(us):
    return "%.0f" % us if us >= 100 else "%.1f" % us


def show(record, name, sides, ours, peers, shares, commands, kinds):
    """The tables of one file of queries; the panels of its plot."""
    ratios, panels = [], []
    for command in commands:
        rows, groups = [], {kind: {} for kind in kinds}
        for side in sides:
            row = [side.name]
            for kind in kinds:
                cell = side.cell(command, kind)
                words = cell and " / ".join(time_text(cell[n]) for n in ("mean", "p50", "p99"))
                agrees = shares.get(side.name, {}).get(kind, 1) >= AGREES
                row.append(words if words and agrees else "(%s)" % words if words else "-")
                if cell:
                    groups[kind][side.name] = cell["mean"]
                    record.add("cell", queries=name, side=side.name, command=command, kind=kind,
                               agrees=agrees, **cell)
            rows.append(row)
        table("%s, %s: mean / p50 / p99, us" % (name, command), [""] + kinds, rows)
        panels.append((command, list(groups.items())))
        for mode in ours:
            row = ["%s, %s" % (command, mode.name)]
            for kind in kinds:
                best, cell = best_of(peers, shares, command, kind), mode.cell(command, kind)
                if not best or not cell:
                    row.append("-")
                    continue
                peer, mean, p99 = best
                row.append("%.2f (%s), p99 %.2f" % (cell["mean"] / mean, peer.split()[0],
                                                    cell["p99"] / p99))
                record.add("ratio", queries=name, side=mode.name, command=command, kind=kind,
                           best=peer, mean_ratio=cell["mean"] / mean, p99_ratio=cell["p99"] / p99)
            ratios.append(row)
    if peers:
        table("%s: ours over the best peer's mean (which one), and over the least p99" % name,
              [""] + kinds, ratios)
    return panels


def over_threads(a, record, name, ours, tsv):
    rows = []
    for mode in ours:
        raw = os.path.join(os.path.dirname(tsv), "threads.jsonl")
        with Locked(a.lock):
            measure.run(mode.program + ["--queries", tsv, "--commands", a.commands, "--repeats",
                                        "1", "--threads", a.threads, "--out", raw])
        for row in map(json.loads, open(raw)):
            if row["measure"] == "batch":
                record.add("batch", queries=name, side=mode.name, command=row["command"],
                           threads=row["threads"], queries_per_s=row["queries_per_s"])
                rows.append([mode.name, row["command"], row["threads"],
                             "%.0f" % row["queries_per_s"]])
        os.remove(raw)
    table("%s: the whole list over threads" % name, ["", "", "threads", "queries/s"], rows)


def keep_queries(path, name, sides):
    """Each query's least time at all sides: too much for the kept run, so beside it."""
    with open(path, "a", encoding="utf-8") as out:
        for at in sorted(sides[0].found):
            out.write(json.dumps({
                "queries": name, "command": at[0], "kind": at[1], "query": at[2],
                "found": {side.name: side.found.get(at) for side in sides},
                "us": {side.name: round(side.us[at], 2) for side in sides if at in side.us},
            }, ensure_ascii=False) + "\n")


def main():
    a = arguments()
    for name in ("anpsearch", "bench_query"):
        if not os.path.exists(os.path.join(a.bin, name)):
            raise Failed("no %s in %s: tools/zig build -Doptimize=fast install bench" % (
                name, a.bin))
    os.makedirs(a.folder, exist_ok=True)
    docs = (corpus.prepare(a.corpus, a.folder, a.passages, a.first) if a.corpus else
            corpus.synthesised(os.path.join(a.bin, "anp-synth"), a.synth, a.folder))
    documents, raw = corpus.size_of(docs)
    stem = os.path.basename(docs).rsplit(".", 1)[0]
    folder = os.path.join(a.folder, stem)
    os.makedirs(folder, exist_ok=True)
    out = a.out or os.path.join(folder, "run.jsonl")
    record = measure.Record(out, os.path.join(a.bin, "anpsearch"), corpus=stem,
                            documents=documents, raw_bytes=raw)
    record.print_head()
    print("%s: %s documents, %s MB of text\n" % (stem, "{:,}".format(documents),
                                                 measure.megabytes(raw)))
    peers = build_peers(a, record, folder, docs, documents, raw)
    dbs = build_all_ours(a, record, folder, docs, documents)
    beside = os.path.join(folder, "queries.jsonl")
    open(beside, "w").close()
    failed, commands = 0, a.commands.split(",")
    for path in a.queries:
        name = os.path.basename(path)
        queries, tsv = read_queries(a, path, folder)
        ours = [Ours(a, mode + index, options, db) for mode, options in a.modes
                for index, db in dbs.items()]
        for peer in peers:
            peer.found, peer.us, peer.round_means = {}, {}, {}
        sides = ours + peers
        ask_all(a, sides, tsv)
        check_indexes(ours, len(dbs))
        keep_queries(beside, name, sides)
        shares, alone = check(record, name, queries, ours[0], peers)
        kinds = [kind for kind in KINDS if any(kind == k for k, _ in queries)]
        panels = show(record, name, sides, ours, peers, shares, commands, kinds)
        plot.bars(os.path.join(folder, name.rsplit(".", 1)[0] + ".svg"),
                  "%s, %s: mean of each query's least time" % (stem, name), "us", panels,
                  [side.name for side in sides])
        if a.threads:
            over_threads(a, record, name, ours, tsv)
        failed += alone
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failed, subprocess.CalledProcessError) as failure:
        print("query.py: %s" % failure, file=sys.stderr)
        sys.exit(1)
