#!/usr/bin/env python3
"""The bench scripts on a few hundred posts, so that they can't rot: test_bench.py ANPSEARCH

Figures mean nothing here; what is checked is that every measure comes, with numbers in it, and that
a wrong answer stops a run. Without network and Rust: the peer is a stub. The incremental bench and
that of queries are run where bench_incremental and bench_query stand beside the program (tools/zig
build bench), else skipped.
"""
import json
import os
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(sys.argv[1])
SYNTH = os.path.join(os.path.dirname(PROGRAM), "anp-synth")
BENCH = os.path.join(os.path.dirname(PROGRAM), "bench_incremental")
QUERY = os.path.join(os.path.dirname(PROGRAM), "bench_query")
POSTS = 200

STUB = """#!/usr/bin/env python3
import json, os, sys
if sys.argv[1] == "build":
    posts = [json.loads(line) for line in open(sys.argv[2])]
    raw = sum(len((p["title"] + "\\n" + p["body"]).encode()) for p in posts) + %d
    os.mkdir(sys.argv[3])
    print(json.dumps({"peer": "stub 1", "docs": len(posts), "raw_bytes": raw, "index_bytes": 1000,
                      "seconds": 1.0, "commit_seconds": 0.9999}))
else:
    for line in sys.stdin:
        assert line.startswith("COUNT\\t")
        print(0)
"""


# A peer that query.py asks: our own programs under the verbs, totals of COUNT so much too high.
ASKED = """#!/usr/bin/env python3
import json, os, subprocess, sys
verb, rest = sys.argv[1], sys.argv[2:]
db = os.path.join(rest[1 if verb == "build" else 0], "posts.db")
if verb == "build":
    os.mkdir(rest[1])
    posts = [json.loads(line) for line in open(rest[0])]
    subprocess.run([%r, "index", "--db", db, "--store", "none", "--analyzer", "plain",
                    "--title-weight", "1", rest[0]], check=True, stderr=subprocess.DEVNULL)
    print(json.dumps({"peer": "stub 1", "docs": len(posts), "raw_bytes": sum(
        len((p["title"] + "\\n" + p["body"]).encode()) for p in posts)}))
    sys.exit()
words = [%r, "--db", db]
if verb == "query":
    sys.exit(subprocess.run(words + ["--serve"]).returncode)
words += ["--queries", rest[1], "--commands", rest[2], "--repeats", rest[3], "--format", "tsv"]
for row in subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines():
    cells = row.split("\\t")
    if cells[0] == "COUNT":
        cells[3] = str(int(cells[3]) + %d)
    print("\\t".join(cells))
"""


class Skipped(Exception):
    pass


def run(script, *args):
    return subprocess.run([sys.executable, os.path.join(ROOT, "bench", script), "--program",
                           PROGRAM] + [str(arg) for arg in args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)


def measures(done, path):
    """The objects of a raw run by measure; the table must have been printed, and no error."""
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "\n|" in done.stdout and not done.stderr, (done.stdout, done.stderr)
    found = {}
    for line in open(path):
        row = json.loads(line)
        found.setdefault(row.pop("measure"), []).append(row)
    head, = found["head"]
    assert head["machine"]["cores"] >= 1 and head["version"].startswith("anpsearch "), head
    assert head["date"] and head["command"] and head["commit"], head
    return found


def positive(row, *names):
    for name in names:
        assert row[name] > 0, (name, row)


def corpus(folder, count):
    path = os.path.join(folder, "posts.jsonl")
    subprocess.run([SYNTH, "--count", str(count), "--out", path], check=True, timeout=60)
    return path


def stub(folder, extra):
    path = os.path.join(folder, "stub")
    with open(path, "w") as out:
        out.write(STUB % extra)
    os.chmod(path, 0o755)
    return path


def build(folder, peer):
    return run("build.py", "--articles", corpus(folder, POSTS), "--runs", 2, "--posts", POSTS,
               "--peers", peer, "--synth", SYNTH, "--folder", folder)


def test_build_beside_a_peer(folder):
    done = build(folder, "stub=" + stub(folder, 0))
    found = measures(done, os.path.join(folder, "build.jsonl"))
    sides = [row["side"] for row in found["build"]]
    assert sides == ["stub 1", "anpsearch"] * 2, sides  # by turns
    for row in found["build"]:
        positive(row, "seconds", "cpu_seconds", "file_bytes")
    positive(found["build"][1], "peak_bytes", "anon_bytes")
    counts = found["agreement"][0]["counts"]
    assert len(counts) >= 10 and any(ours > 0 for ours, _ in counts.values()), counts
    assert min(ours for ours, _ in counts.values()) >= 0, counts
    assert sum(t["bytes"] for t in found["tables"][0]["tables"]) > 0
    assert [row["posts"] for row in found["whole_way"]] == [POSTS] * 2
    for words in ("| stub 1 ", "| anpsearch ", "over the first", "compact --keep-order"):
        assert words in done.stdout, (words, done.stdout)
    assert "posts.db" not in os.listdir(folder) and "peer-stub" not in os.listdir(folder)


def test_build_alone(folder):
    done = build(folder, "none")
    found = measures(done, os.path.join(folder, "build.jsonl"))
    assert [row["side"] for row in found["build"]] == ["anpsearch"] * 2
    assert "last merge" not in done.stdout and "agreement" not in found


def test_build_stops_at_another_text(folder):
    done = build(folder, "stub=" + stub(folder, 1))
    assert done.returncode == 1 and "another text" in done.stderr, (done.stdout, done.stderr)


def test_a_failing_program_stops_a_run(folder):
    done = run("build.py", "--articles", corpus(folder, 3), "--peers", "none", "--memory", "much",
               "--synth", SYNTH, "--folder", folder)
    assert done.returncode == 1 and "--memory" in done.stderr, (done.stdout, done.stderr)


def test_scale(folder):
    done = run("scale.py", "--posts", "100,%d" % POSTS, "--fresh", 2, "--similar", 2, "--log", 40,
               "--synth", SYNTH, "--folder", folder)
    found = measures(done, os.path.join(folder, "scale.jsonl"))
    assert [row["posts"] for row in found["build"]] == [100, POSTS]
    for row in found["build"]:
        positive(row, "seconds", "posts_per_s", "mb_per_s", "peak_bytes", "anon_bytes",
                 "file_bytes", "jsonl_bytes")
        assert row["anon_bytes"] < row["peak_bytes"], row
        assert len(row["posts_per_s_by_step"]) == len(row["cpu_seconds_by_step"]) == 4, row
        assert 0 <= sum(row["cpu_seconds_by_step"]) <= row["cpu_seconds"] + 0.02, row
        assert row["jsonl_bytes"] > 3000 * row["posts"], row
    states = {row["state"] for row in found["first_answer"]}
    assert states >= {"built", "log filled"}, states
    for row in found["first_answer"]:
        positive(row, "p50_us", "p99_us", "true_p50_us")
    totals = {row["query"]: row["total"] for row in found["query"] if row["posts"] == POSTS}
    assert totals["*"] >= POSTS and totals["redis"] > 0, totals
    assert len(found["similar"]) == 2 and found["similar"][0]["ids"] == 2
    depths = [row["words"][1] for row in found["verify"]]
    assert depths[:2] == ["--quick", "--full"], depths
    assert not [name for name in os.listdir(folder) if ".db" in name], os.listdir(folder)


def test_scale_of_a_kept_index(folder):
    args = ["--posts", 50, "--fresh", 1, "--similar", 0, "--log", 8, "--synth", SYNTH, "--folder",
            folder, "--keep", "--reuse", "--store", "none"]
    measures(run("scale.py", *args), os.path.join(folder, "scale.jsonl"))
    found = measures(run("scale.py", *args), os.path.join(folder, "scale.jsonl"))
    assert "build" not in found and "similar" not in found and found["query"]


def test_incremental(folder):
    if not os.path.exists(BENCH):
        raise Skipped("no bench_incremental beside the program")
    done = run("incremental.py", "--posts", POSTS, "--singles", 20, "--batches", 3, "--size", 10,
               "--commits", 5, "--folder", folder)
    found = measures(done, os.path.join(folder, "incremental.jsonl"))
    single, = found["singles"]
    for phase in ("add", "commit", "snapshot", "query", "all", "least"):
        times = single[phase]
        assert 0 < times["p50_us"] <= times["p99_us"] <= times["most_us"], single
    assert single["all"]["p50_us"] > single["commit"]["p50_us"], single
    assert (single["posts_before"], single["posts_after"]) == (POSTS, POSTS + 20), single
    batch, = found["batches"]
    assert batch["posts_after"] == batch["posts_before"] + 30, batch
    positive(batch, "posts_per_s")
    snapshot, = found["snapshots"]
    assert len(snapshot["by_log"]) == snapshot["count"], snapshot
    replaced, = found["replace"]
    assert replaced["replaced"] == POSTS // 5 and replaced["count"] == 5, replaced
    assert replaced["posts_after"] == replaced["posts_before"], replaced
    packed, = found["packed"]
    positive(packed, "file_bytes", "packed_bytes", "over_packed")


def need_bench_query():
    if not os.path.exists(QUERY):
        raise Skipped("no bench_query beside the program")


def test_bench_query_alone(folder):
    """What `tools/zig build bench` runs: the samples, all commands, all kinds."""
    need_bench_query()
    out = os.path.join(folder, "raw.jsonl")
    done = subprocess.run([QUERY, "--repeats", "1", "--threads", "1,2", "--seconds", "0.02",
                           "--out", out], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "20 posts" in done.stderr, (done.stdout, done.stderr)
    rows = [json.loads(line) for line in open(out)]
    cells = {(r["command"], r["kind"]): r for r in rows if r["measure"] == "cell"}
    assert len(cells) == 5 * 6, sorted(cells)
    for row in cells.values():
        positive(row, "mean_us", "p50_us", "p99_us", "queries")
    batches = [r for r in rows if r["measure"] == "batch"]
    assert len(batches) == 5 * 2 and all(r["queries_per_s"] > 0 for r in batches), batches
    found = {r["query"]: r["found"] for r in rows
             if r["measure"] == "query" and r["command"] == "COUNT"}
    assert found["cache"] > 0 and found["+cache -redis"] < found["cache"], found
    assert found['"the cache"'] <= found["+the +index"] + found["cache"], found


def test_bench_query_kinds(folder):
    need_bench_query()
    path = os.path.join(folder, "queries")
    with open(path, "w") as out:
        out.write('{"query": "+\\"the who\\" +uk", "tags": []}\n{"query": "\\"caf\\u00e9 au\\""}\n'
                  "# no query\n+a +b\na b\na b\n+a b\na -b\n+alone\n")
    done = subprocess.run([QUERY, "--queries", path, "--kinds"], capture_output=True, text=True,
                          check=True, timeout=60)
    assert done.stdout.splitlines() == [
        'mixed\t+"the who" +uk', 'phrase\t"caf\u00e9 au"', "intersection\t+a +b", "union\ta b",
        "mixed\t+a b", "negated\ta -b", "term\t+alone", "term\ta", "term\tb"], done.stdout


def query(folder, extra, *more):
    need_bench_query()
    path = os.path.join(folder, "stub")
    with open(path, "w") as out:
        out.write(ASKED % (PROGRAM, QUERY, extra))
    os.chmod(path, 0o755)
    return subprocess.run([sys.executable, os.path.join(ROOT, "bench", "query.py"), "--bin",
                           os.path.dirname(PROGRAM), "--corpus", corpus(folder, 60), "--queries",
                           os.path.join(ROOT, "bench", "queries.txt"), "--folder", folder,
                           "--rounds", "2", "--repeats", "2", "--peers", "stub=" + path]
                          + list(more), capture_output=True, text=True, timeout=300)


def test_query_beside_a_peer(folder):
    done = query(folder, 0, "--passages", "40", "--first", "200", "--threads", "1", "--commands",
                 "COUNT,TOP_10,TOP_10_COUNT", "--mode", "anpsearch=", "--mode",
                 "blend 0.3=--blend 0.3", "--every", "2")
    assert done.returncode == 0 and "Ours alone" not in done.stdout, (done.stdout, done.stderr)
    stem = os.path.join(folder, "posts-passages-40-200")
    rows = [json.loads(line) for line in open(os.path.join(stem, "run.jsonl"))]
    assert rows[0]["measure"] == "head" and rows[0]["documents"] == 200, rows[0]
    cells = [r for r in rows if r["measure"] == "cell"]
    assert len(cells) == 3 * 3 * 6, len(cells)  # sides, commands, kinds
    for row in cells:
        positive(row, "mean", "p50", "p99", "count")
        assert len(row["round_means"]) == 2, row
    ratios = [r for r in rows if r["measure"] == "ratio"]
    assert len(ratios) == 2 * 3 * 6 and ratios[0]["best"] == "stub 1", ratios
    agreement, = [r for r in rows if r["measure"] == "agreement"]
    assert all(e == close == n for e, close, n in agreement["totals"].values()), agreement
    lists = agreement["lists"].values()
    assert lists and all(cell["different"] == cell["near"] == 0 for cell in lists), agreement
    assert len([r for r in rows if r["measure"] == "batch"]) == 2 * 3
    drawn = open(os.path.join(stem, "queries.svg")).read()
    assert drawn.count("<rect") > 3 * 3 * 6 and "stub 1" in drawn and drawn.endswith("</svg>\n")
    assert len(open(os.path.join(stem, "queries.jsonl")).readlines()) % 3 == 0
    for words in ("| stub 1 ", "| blend 0.3 ", "over the best peer"):
        assert words in done.stdout, (words, done.stdout)
    svg = os.path.join(folder, "growth.svg")
    grown = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "growth.py"),
                            os.path.join(stem, "run.jsonl"), "--side", "stub", "--svg", svg],
                           capture_output=True, text=True, check=True, timeout=60).stdout
    assert grown.count("| stub 1 ") == 3 * 6 and "1.0 |" in grown, grown
    assert "stub 1, union" in open(svg).read()
    # Another time with the index that is there.
    stamp = os.stat(os.path.join(stem, "stub", "posts.db")).st_ino
    done = query(folder, 0, "--passages", "40", "--first", "200", "--reuse", "--commands", "COUNT")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert os.stat(os.path.join(stem, "stub", "posts.db")).st_ino == stamp


def test_query_over_other_indexes(folder):
    done = query(folder, 0, "--commands", "COUNT,TOP_10", "--kept", "--reorder",
                 "--random-scores", "--mode", "plain=", "--mode", "blend=--blend 0.3")
    assert done.returncode == 0, (done.stdout, done.stderr)
    stem = os.path.join(folder, "posts")
    rows = [json.loads(line) for line in open(os.path.join(stem, "run.jsonl"))]
    sides = [r["side"] for r in rows if r["measure"] == "index"]
    assert sides == ["stub 1", "anpsearch, kept order", "anpsearch", "anpsearch, reordered",
                     "anpsearch, random scores"], sides
    cells = {r["side"] for r in rows if r["measure"] == "cell"}
    modes = {mode + index for mode in ("plain", "blend")
             for index in ("", ", kept order", ", reordered", ", random scores")}
    assert cells == modes | {"stub 1"}, cells
    first = json.loads(open(os.path.join(stem, "posts-scores.jsonl")).readline())
    assert all(0 <= score <= 100 for score in first["meta"]["score"].values()), first["meta"]
    assert "| TOP_10, blend, reordered " in done.stdout, done.stdout
    # Another index in its place is seen.
    for name in os.listdir(stem):
        if name.startswith("reordered.db"):
            os.remove(os.path.join(stem, name))
    other = os.path.join(folder, "other.jsonl")
    with open(other, "w") as out:
        out.write('{"id": "1", "title": "cache", "body": "the cache of the index"}\n')
    subprocess.run([PROGRAM, "index", "--db", os.path.join(stem, "reordered.db"), "--store", "none",
                    other], check=True, capture_output=True, timeout=60)
    done = query(folder, 0, "--commands", "COUNT", "--reorder", "--reuse-ours", "--mode", "plain=")
    assert done.returncode == 1 and "plain, reordered has other totals" in done.stderr, done.stderr


def test_query_sees_other_totals(folder):
    done = query(folder, 2, "--commands", "COUNT", "--kinds", "term,union")
    assert done.returncode == 0, (done.stdout, done.stderr)  # one peer alone may be wrong itself
    assert "| 0 of 22 | 0 | 22 |" in " ".join(done.stdout.split()), done.stdout
    rows = [json.loads(line) for line in open(os.path.join(folder, "posts", "run.jsonl"))]
    assert not [r for r in rows if r["measure"] == "ratio"], rows  # it is not a best one


def test_agreement_of_lists(folder):
    sys.path.insert(0, os.path.join(ROOT, "bench"))
    import agree
    ours = [("a", 3.0), ("b", 2.0)]
    wide = ours + [("c", 1.9), ("d", 1.0)]
    assert agree.of_lists(ours, wide, [("a", 9.0), ("b", 8.0)]) == "same"
    assert agree.of_lists(ours, wide, [("a", 9.0), ("c", 8.0)]) == "near"
    assert agree.of_lists(ours, wide, [("a", 9.0), ("d", 8.0)]) == "different"
    assert agree.of_lists(ours, wide, [("a", 9.0), ("x", 8.0)]) == "different"
    assert agree.of_lists(ours, wide, [("a", 9.0)]) == "different"
    mine = {("term", "x"): 3, ("term", "y"): 4}
    assert agree.alone(mine, [mine, {("term", "x"): 2}]) == []
    assert agree.alone(mine, [{("term", "x"): 2}, {("term", "x"): 2}]) == [["x", 3, 2]]
    key = ("phrase", '"a b"')
    assert agree.alone({key: 2}, [{key: 3}, {key: 3}]) == []  # across title and body
    assert agree.alone({key: 3}, [{key: 2}, {key: 2}]) == [['"a b"', 3, 2]]
    assert agree.totals({("term", "x"): 200, ("term", "y"): 5}, {
        ("term", "x"): 202, ("term", "y"): 7})[0] == {"term": [0, 1, 2]}


def main():
    passed = failed = skipped = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or not callable(test):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                passed += 1
            except Skipped as reason:
                skipped += 1
                print("skipped %s: %s" % (name, reason))
            except Exception:
                failed += 1
                print("FAILED %s" % name)
                traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
