#!/usr/bin/env python3
"""Cost as the index grows: scale.py [--posts 100000,1000000,10000000] [OPTIONS]

For each number: that many synthesised posts go from anp-synth through a pipe into
`anpsearch index -`, so the JSON Lines never lie on disk. Measured: posts/s for each step of the way
(does size slow it down?), resident memory, a first answer in a fresh process beside `true` with the
log as the build left it and with a log that is nearly full, a fixed set of queries, similar posts
of twenty ids, verify, compact, and the file's size after each.

Posts/s over time counts what the synthesizer has written into the pipe: up to --memory of it is not
yet in the index. What is left to do after the last post went in is a figure of its own. The
synthesizer shares the processors and takes about 1 s of one for each GB. CPU seconds over time are
those of the indexing process alone: they tell whether size slows it down where the machine has
other work too.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import measure
from measure import Failed, mebibytes, megabytes, percentile, spread, table

STEP = 1 << 18  # four windows
LOG_BATCHES = 8
QUERIES = [
    "cache invalidation", "redis", '"cache invalidation"', "+cache +redis", "title:redis",
    'stack:"redis caching" cache', "quality:>=80 rollback", "cache AND NOT redis", "*",
    "release the lock before deploy",
]
QUERY_ROUNDS = 5


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--posts", default="100000,1000000,10000000", help="numbers, with commas")
    p.add_argument("--memory", default="512M", help="of anpsearch index")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--store", default="all")
    p.add_argument("--fresh", type=int, default=50, help="fresh processes a figure (default 50)")
    p.add_argument("--log", type=int, default=4000,
                   help="posts added in small batches for a full log (default 4000 of 4,096)")
    p.add_argument("--similar", type=int, default=20, help="ids (default 20)")
    p.add_argument("--no-kept", action="store_true", help="leave out compact --keep-order")
    p.add_argument("--keep", action="store_true", help="do not remove the index files")
    p.add_argument("--reuse", action="store_true", help="take an index file that a run kept")
    p.add_argument("--program", default=os.path.join(measure.ROOT, "zig-out/bin/anpsearch"))
    p.add_argument("--synth", default=os.path.join(measure.ROOT, "zig-out/bin/anp-synth"))
    p.add_argument("--folder", default=os.path.join(measure.ROOT, "build/bench"))
    p.add_argument("--out", help="the raw run (default FOLDER/scale.jsonl)")
    return p.parse_args()


class Posts:
    """Synthesised posts in a pipe, and when how many bytes had gone into it."""

    def __init__(self, synth, count, first=0):
        self.child = subprocess.Popen([synth, "--from", str(first), "--count", str(count)],
                                      stdout=subprocess.PIPE)
        self.start = time.monotonic()
        self.times = []  # (seconds, bytes written so far, CPU seconds of the indexer so far)

    def look(self, pid):
        self.note(lambda: measure.cpu_seconds_of(pid))

    def note(self, cpu_seconds):
        with open("/proc/%d/io" % self.child.pid) as counters:
            text = counters.read()
        written = int(text.partition("wchar:")[2].split()[0])
        if not self.times or written != self.times[-1][1]:
            self.times.append((time.monotonic() - self.start, written, cpu_seconds()))

    def end(self, cpu_seconds):
        """After the indexer: what was written since the last look counts too."""
        self.child.stdout.close()
        os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)  # its counters stay
        self.note(lambda: cpu_seconds)
        if self.child.wait():
            raise Failed("anp-synth: exit %d" % self.child.returncode)

    def steps(self, count, step):
        """Posts/s, and CPU seconds, of each step; every post has nearly the same size."""
        total = self.times[-1][1]
        rates, took, before, cpu_before = [], [], 0.0, 0.0
        for end in range(step, count + 1, step):
            share = total * end // count
            seconds, _, cpu = next(time for time in self.times if time[1] >= share)
            rates.append(round(step / max(seconds - before, 1e-9)))
            took.append(round(cpu - cpu_before, 2))
            before, cpu_before = seconds, cpu
        return rates, took


def feed(a, db, count, first, more=()):
    posts = Posts(a.synth, count, first)
    words = [a.program, "index", "--db", db, "--memory", a.memory, "--threads", str(a.threads)]
    took = measure.run(words + list(more) + ["-"], stdin=posts.child.stdout, also=posts.look)
    took["since_synth"] = time.monotonic() - posts.start
    posts.end(took["cpu_seconds"])
    return took, posts


def check_count(a, db, count):
    found = measure.stats(a.program, db)
    if found["posts_live"] != count:
        raise Failed("%d posts in the index, not %d" % (found["posts_live"], count))
    return found


def build(a, record, db, count):
    measure.remove_index(db)
    took, posts = feed(a, db, count, 0, ["--store", a.store])
    last, size, _ = posts.times[-1]
    found = check_count(a, db, count)
    step = min(STEP, max(1, count // 4))
    rates, cpu = posts.steps(count, step)
    return record.add(
        "build", posts=count, jsonl_bytes=size, seconds=took["seconds"],
        seconds_after_last_post=max(0.0, took["since_synth"] - last),
        posts_per_s=count / took["seconds"],
        mb_per_s=size / 1e6 / took["seconds"], step=step,
        posts_per_s_by_step=rates, cpu_seconds_by_step=cpu,
        cpu_seconds=took["cpu_seconds"], others_cpu_seconds=took["others_cpu_seconds"],
        peak_bytes=took["peak_bytes"], anon_bytes=took["anon_bytes"],
        file_bytes=os.path.getsize(db), log_posts=found["log_posts"], tables=found["tables"])


def one_hash(a):
    """A value that exactly one post has, and that only the index can find."""
    made = measure.run([a.synth, "--from", "7", "--count", "1"])
    return 'hash:"%s"' % json.loads(made["out"])["meta"]["hash"]


def first_answers(a, record, db, count, state):
    """A fresh process each: the rarest answer (one post), and a frequent word's ten best."""
    asked = {"one post": one_hash(a), "ten best of a frequent word": "redis"}
    log_posts = measure.stats(a.program, db)["log_posts"]
    rows = []
    for what, query in asked.items():
        words = [a.program, "query", "--db", db, "--snippet", "0", "--", query]
        took = measure.fresh_beside_true(words, a.fresh)
        rows.append(record.add("first_answer", posts=count, state=state, log_posts=log_posts,
                               what=what, query=query, **took))
    return rows


def fixed_queries(a, record, db, count, state):
    """All in one process, in rounds: the median of the library's own microseconds."""
    path = os.path.join(a.folder, "scale-queries.txt")
    with open(path, "w") as out:
        out.write("".join(query + "\n" for query in QUERIES))
    took = [[] for _ in QUERIES]
    totals = [0] * len(QUERIES)
    for _ in range(QUERY_ROUNDS):
        done = measure.run([a.program, "query", "--db", db, "--queries", path, "--json",
                            "--snippet", "0"])
        for i, line in enumerate(done["out"].splitlines()):
            answer = json.loads(line)
            took[i].append(answer["took_us"])
            totals[i] = answer["total"]
    return [record.add("query", posts=count, state=state, query=query, total=total,
                       took_us=spread(us))
            for query, total, us in zip(QUERIES, totals, took)]


def similar_posts(a, record, db, count, state):
    if a.store == "none" or not a.similar:
        return None
    took = []
    for i in range(a.similar):
        name = "%06d" % (i * count // a.similar)
        done = measure.run([a.program, "similar", "--db", db, "--id", name]
                           + ["--measure", "jaccard", "--json"])
        took.append(json.loads(done["out"])["took_us"])
    return record.add("similar", posts=count, state=state, ids=a.similar,
                      p50_us=percentile(took, 50), most_us=max(took))


def timed(a, record, db, count, name, words):
    took = measure.run([a.program] + words + ["--db", db])
    return record.add(name, posts=count, words=words, seconds=took["seconds"],
                      cpu_seconds=took["cpu_seconds"],
                      others_cpu_seconds=took["others_cpu_seconds"],
                      peak_bytes=took["peak_bytes"], anon_bytes=took["anon_bytes"],
                      file_bytes=os.path.getsize(db))


def one_size(a, record, count):
    db = os.path.join(a.folder, "scale-%d.db" % count)
    rows = {"count": count, "first": [], "ops": []}
    if not (a.reuse and os.path.exists(db)):
        rows["build"] = build(a, record, db, count)
    state = "built"
    rows["first"] += first_answers(a, record, db, count, state)
    rows["queries"] = fixed_queries(a, record, db, count, state)
    rows["similar"] = similar_posts(a, record, db, count, state)
    rows["ops"].append(timed(a, record, db, count, "verify", ["verify", "--quick"]))
    rows["ops"].append(timed(a, record, db, count, "verify", ["verify", "--full"]))
    batch = max(1, a.log // LOG_BATCHES)
    for i in range(LOG_BATCHES):
        feed(a, db, batch, count + i * batch)
    check_count(a, db, count + LOG_BATCHES * batch)
    rows["first"] += first_answers(a, record, db, count, "log filled")
    for options in measure.compactions(a.program)[:1 if a.no_kept else None]:
        rows["ops"].append(timed(a, record, db, count, "compact", ["compact"] + options))
        state = " ".join(["compact"] + options)
        rows["first"] += first_answers(a, record, db, count, state)
        rows["queries"] += fixed_queries(a, record, db, count, state)
        rows["ops"].append(timed(a, record, db, count, "verify", ["verify", "--full"]))
    if not a.keep:
        measure.remove_index(db)
    show(rows)


def show(rows):
    count = "{:,}".format(rows["count"])
    if "build" in rows:
        b = rows["build"]
        table("Build of %s synthesised posts, %s MB of JSON Lines" % (
            count, megabytes(b["jsonl_bytes"])),
            ["", "s", "of it after the last post", "posts/s", "MB/s", "CPU s",
             "CPU s of others", "peak MiB",
             "of it anonymous", "file MB", "file / JSON Lines"],
            [["anpsearch index -", "%.1f" % b["seconds"], "%.1f" % b["seconds_after_last_post"],
              "%.0f" % b["posts_per_s"], "%.1f" % b["mb_per_s"], "%.1f" % b["cpu_seconds"],
              "%.1f" % b["others_cpu_seconds"],
              mebibytes(b["peak_bytes"]), mebibytes(b["anon_bytes"]), megabytes(b["file_bytes"]),
              "%.3f" % (b["file_bytes"] / b["jsonl_bytes"])]])
        for what, name in (("posts/s", "posts_per_s_by_step"), ("CPU s", "cpu_seconds_by_step")):
            print("%s for each %s posts: %s\n" % (what, "{:,}".format(b["step"]),
                                                  " ".join(map(str, b[name]))))
    table("%s posts: the first answer of a fresh process" % count,
          ["", "posts in the log", "p50 ms", "p99 ms", "over true, ms"],
          [["%s, %s" % (r["state"], r["what"]), r["log_posts"], "%.2f" % (r["p50_us"] / 1e3),
            "%.2f" % (r["p99_us"] / 1e3), "%.2f" % (r["over_true_us"] / 1e3)]
           for r in rows["first"]])
    lines = [["%s, %s" % (r["state"], r["query"]), "{:,}".format(r["total"]),
              "%.0f" % r["took_us"]["median"], "%.0f" % r["took_us"]["least"],
              "%.0f" % r["took_us"]["most"]] for r in rows["queries"]]
    if rows["similar"]:
        lines.append(["similar, p50 of %d ids, fresh processes" % rows["similar"]["ids"], "",
                      "%.0f" % rows["similar"]["p50_us"], "", "%.0f" % rows["similar"]["most_us"]])
    table("%s posts: queries, top ten, µs of %d rounds" % (count, QUERY_ROUNDS),
          ["", "total", "median", "least", "most"], lines)
    table("%s posts: operations" % count,
          ["", "s", "CPU s", "CPU s of others", "peak MiB", "of it anonymous",
           "file after, MB"],
          [[" ".join(r["words"]), "%.2f" % r["seconds"], "%.2f" % r["cpu_seconds"],
            "%.2f" % r["others_cpu_seconds"], mebibytes(r["peak_bytes"]),
            mebibytes(r["anon_bytes"]), megabytes(r["file_bytes"])]
           for r in rows["ops"]])


def main():
    a = arguments()
    os.makedirs(a.folder, exist_ok=True)
    record = measure.Record(a.out or os.path.join(a.folder, "scale.jsonl"), a.program,
                            corpus="synthesised posts")
    record.print_head()
    for count in a.posts.split(","):
        one_size(a, record, int(count))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        print("scale.py: %s" % failure, file=sys.stderr)
        sys.exit(1)
