#!/usr/bin/env python3
"""The bench scripts on a few hundred posts, so that they can't rot: test_bench.py ANPSEARCH

Figures mean nothing here; what is checked is that every measure comes, with numbers in it, and that
a wrong answer stops a run. Without network and Rust: the peer is a stub. The incremental bench is
run where bench_incremental stands beside the program (tools/zig build bench), else skipped.
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
    for words in ("| stub 1 ", "| anpsearch ", "over the first", "compact --reorder"):
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
        assert len(row["posts_per_s_by_step"]) == 4, row
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
