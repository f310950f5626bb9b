#!/usr/bin/env python3
"""backup and compact from outside: test_maintain.py ANPSEARCH [WORD...]

As test_cli.py, whose helpers it uses.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_cli as cli  # noqa: E402 pylint: disable=wrong-import-position
from test_cli import check, equal, make_index, on_terminal, refuse, run  # noqa: E402

QUERIES = ["cache", "queue rules", '"cache entries"', "*", "title:cache -queue", "zebra"]


def answers(db):
    """What an index says, but for the time it took."""
    out = run("export", "--db", db, code=0).out
    for query in QUERIES:
        for form in ("tsv", "ids"):
            out += run("query", query, "--db", db, "--format", form).out
    return out + run("similar", "--id", "p1", "--db", db, "--format", "tsv", code=0).out


def make_large(posts=3000, name="large.jsonl"):
    """An index whose copying takes a while."""
    with open(name, "w", encoding="utf-8") as file:
        for i in range(posts):
            words = " ".join(f"w{(i * 7919 + j * j) % 50000}" for j in range(600))
            file.write(f'{{"id":"q{i}","title":"T {i}","body":"{words}"}}\n')
    return run("index", name, code=0)


def names_of(start):
    return sorted(name for name in os.listdir(".") if name.startswith(start))


# ---- backup ----------------------------------------------------------------------------------


def test_backup():
    make_index()
    run("delete", "--id", "p2", code=0)
    done = run("backup", "copy.db", code=0)
    equal(done.out, "")
    check(done.err.startswith("backed up 3 posts: "), done.err)
    equal(names_of("copy"), ["copy.db", "copy.db.witness"])
    run("verify", "--db", "copy.db", code=0)
    equal(answers("copy.db"), answers("anpsearch.db"))
    equal(len(run("terms", "--db", "copy.db", code=0).lines()),
          len(run("terms", code=0).lines()))
    run("index", "posts.jsonl", "--db", "copy.db", code=0)
    equal(len(run("query", "*", "--db", "copy.db", "--format", "ids", code=0).lines()), 4)
    equal(len(run("query", "*", "--format", "ids", code=0).lines()), 3)
    run("verify", "--db", "copy.db", code=0)


def test_backup_overwrites_nothing():
    make_index()
    with open("there", "w", encoding="utf-8") as file:
        file.write("mine")
    os.mkdir("folder")
    for name in ("there", "folder", "anpsearch.db"):
        refuse("backup", name, code=3, names=[name, "exists", "overwritten"])
    with open("there", encoding="utf-8") as file:
        equal(file.read(), "mine")
    refuse("backup", "no/such/copy.db", code=3, names=["no/such"])
    refuse("backup", "copy.db", "--db", "none.db", code=3, names=["none.db"])
    refuse("backup", names=["backup"])
    refuse("backup", "a", "b", names=["b"])
    equal(names_of("copy"), [])


def test_backup_of_a_damaged_index():
    make_large(300)
    with open("anpsearch.db", "r+b") as file:
        whole = file.read()
        at = whole.index(b"q77\x28\xb5\x2f\xfd") + 30 # within a stored post's frame
        file.seek(at)
        file.write(bytes([whole[at] ^ 1]))
    refuse("backup", "copy.db", code=3, names=["anpsearch.db", "damaged"])
    equal(names_of("copy"), [])


def test_backup_on_a_terminal():
    make_large()
    text = on_terminal("backup", "copy.db", stream="err")
    check("copying" in text and "%" in text and "backed up" in text, repr(text))


def interrupted(command, start, number):
    """Whether a signal came in time; then nothing must be left."""
    for wait in (0.002, 0.01, 0.03, 0.05, 0.1):
        with subprocess.Popen(
            [cli.PROGRAM, *command], env=cli.environment({}), stderr=subprocess.PIPE
        ) as child:
            time.sleep(wait)
            child.send_signal(number)
            child.communicate(timeout=60)
        if number == signal.SIGKILL or child.returncode in (130, 143):
            return child.returncode
        for name in names_of(start):
            os.unlink(name)
    return None


def test_backup_interrupted():
    make_large()
    before = answers_of_large()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        seen = interrupted(["backup", "copy.db"], "copy", number)
        check(seen in (code, None), f"exit status {seen}")
        equal(names_of("copy"), [])
    for _ in range(5):
        interrupted(["backup", "copy.db"], "copy", signal.SIGKILL)
        if os.path.exists("copy.db"):
            run("verify", "--db", "copy.db", code=0)
            for name in names_of("copy"):
                os.unlink(name)
    run("backup", "copy.db", code=0)
    equal(names_of("copy"), ["copy.db", "copy.db.witness"])
    run("verify", "--db", "copy.db", code=0)
    equal(answers_of_large("copy.db"), before)


def answers_of_large(db="anpsearch.db"):
    lines = ""
    for query in ("w1", "w7 w77", '"w1 w2"', "*"):
        lines += run("query", query, "--db", db, "--format", "tsv").out
    stats = run("stats", "--db", db, "--json", code=0).out
    return lines + stats.split('"file_bytes"', maxsplit=1)[0]


# ---- compact ---------------------------------------------------------------------------------


def stats_of(db="anpsearch.db"):
    return json.loads(run("stats", "--db", db, "--json", code=0).out)


def test_compact_in_place():
    make_index()
    cli.write_posts("again.jsonl", cli.POSTS[:2])
    run("index", "again.jsonl", code=0)
    run("delete", "--id", "p4", code=0)
    before, terms = answers("anpsearch.db"), run("terms", code=0).out
    equal(stats_of()["posts_deleted"], 3)
    done = run("compact", code=0)
    equal(done.out, "")
    check(done.err.startswith("compacted 3 posts: "), done.err)
    equal(names_of(""), sorted(["again.jsonl", "anpsearch.db", "anpsearch.db-lock",
                                "anpsearch.db.witness", "posts.jsonl"]))
    equal(answers("anpsearch.db"), before)
    equal(run("terms", code=0).out, terms)
    after = stats_of()
    equal([after["posts_live"], after["posts_deleted"], after["log_posts"]], [3, 0, 0])
    equal(after["terms"], len(terms.splitlines()))
    run("verify", code=0)
    run("index", "posts.jsonl", code=0)
    equal(stats_of()["posts_live"], 4)
    run("verify", code=0)


def test_compact_to_a_new_file():
    make_index()
    run("delete", "--id", "p4", code=0)
    run("compact", "new.db", code=0)
    equal(names_of("new"), ["new.db", "new.db.witness"])
    equal(stats_of("new.db")["posts_deleted"], 0)
    equal(stats_of()["posts_deleted"], 1)
    equal(answers("new.db"), answers("anpsearch.db"))
    run("verify", "--db", "new.db", code=0)
    refuse("compact", "new.db", code=3, names=["new.db", "exists", "overwritten"])
    refuse("compact", "--db", "none.db", code=3, names=["none.db"])
    refuse("compact", "a", "b", names=["b"])
    equal(names_of("a"), ["anpsearch.db", "anpsearch.db-lock", "anpsearch.db.witness"])


def sorted_answers(db="anpsearch.db"):
    """Hits and scores of every query and of similar posts, exact ties in any order."""
    out = []
    queries = ("w1", "w7 w77", '"w1 w2"', "+w3 +w9", "w11 w12 w13")
    for ask in [("query", query) for query in queries] + [("similar", "--id", "q5")]:
        text = run(*ask, "--db", db, "-k", "1000", "--format", "tsv").out
        out.append(sorted(line.split("\t")[1:] for line in text.splitlines()))
    out.append(sorted(run("export", "--db", db, code=0).lines()))
    return out


def test_compact_reorder():
    make_large(700)
    run("delete", "--id", *[f"q{i}" for i in range(0, 700, 9)], code=0)
    before = sorted_answers()
    for form in (["--reorder"], ["--reorder", "--threads", "1", "--memory", "1M"], ["--keep-order"], []):
        run("compact", *form, code=0)
        run("verify", code=0)
        equal(sorted_answers(), before)


def scores(db="anpsearch.db"):
    """Of hits, whatever posts stand for exact ties."""
    out = []
    for query in ("w1", "w7 w77", '"w1 w2"', "+w3 +w9", "w11 w12 w13"):
        text = run("query", query, "--db", db, "-k", "1000", "--format", "tsv").out
        out.append([line.split("\t")[2] for line in text.splitlines()])
    check(all(len(list) > 2 for list in out[:2]), "few hits")
    return out


def test_compact_orders():
    make_large(8192)
    before = scores()
    order = run("export", code=0).lines()
    run("compact", "--keep-order", "kept.db", code=0)
    equal(run("export", "--db", "kept.db", code=0).lines(), order)
    run("compact", "moved.db", code=0)
    moved = run("export", "--db", "moved.db", code=0).lines()
    check(moved != order, "nothing moved")
    equal(sorted(moved), sorted(order))
    run("verify", "--db", "moved.db", code=0)
    equal(scores("moved.db"), before)
    refuse("compact", "--reorder", "--keep-order", names=["--reorder", "--keep-order"])


def test_compact_interrupted():
    make_large(900)
    before = sorted_answers()
    files = names_of("anpsearch.db")
    for form in ([], ["--reorder"]):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with subprocess.Popen([cli.PROGRAM, "compact", *form], env=cli.environment({}),
                                  stderr=subprocess.PIPE) as child:
                time.sleep(0.1)
                child.send_signal(number)
                said = child.communicate(timeout=60)[1].decode()
            check(child.returncode in (code, 0), f"exit status {child.returncode}: {said}")
            check(child.returncode == 0 or "as it was" in said, said)
            equal(names_of("anpsearch.db"), files)
    for wait in (0.02, 0.1, 0.2, 0.4, 0.6):
        with subprocess.Popen([cli.PROGRAM, "compact", "--reorder"], env=cli.environment({}),
                              stderr=subprocess.DEVNULL) as child:
            time.sleep(wait)
            child.kill()
            child.wait()
        run("verify", code=0)
    equal(sorted_answers(), before)
    run("compact", code=0)
    equal(names_of("anpsearch.db"), files)
    equal(sorted_answers(), before)


def test_compact_while_others_work():
    make_large(600)
    script = "for i in $(seq 12); do printf '{\"id\":\"n%d\",\"body\":\"fresh\"}\\n' $i |"
    script += f" {cli.PROGRAM} index - || exit 1; {cli.PROGRAM} query fresh --count || exit 1; done"
    with subprocess.Popen(["sh", "-c", script], env=cli.environment({}), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        for _ in range(4):
            run("compact", code=0)
        out, err = child.communicate(timeout=120)
    equal(child.returncode, 0, err.decode())
    equal(out.decode().split(), [str(i + 1) for i in range(12)])
    run("verify", code=0)
    equal(stats_of()["posts_live"], 612)


# ---- Damage and read-only media ----------------------------------------------------------------


def test_export_of_a_damaged_index():
    make_large(300)
    whole = run("export", code=0).lines()
    with open("anpsearch.db", "r+b") as file:
        data = file.read()
        for name in (b"q77", b"q200"):
            at = data.index(name + b"\x28\xb5\x2f\xfd") + 30  # within a stored post's frame
            file.seek(at)
            file.write(bytes([data[at] ^ 1]))
    kept = [line for line in whole if json.loads(line)["id"] not in ("q77", "q200")]
    for words in ([], ["--out", "saved.jsonl"]):
        done = run("export", *words, code=3)
        got = done.lines()
        if words:
            with open("saved.jsonl", encoding="utf-8") as file:
                got = file.read().splitlines()
        equal(got, kept)
        for number in ("key 77;", "key 200;", "2 posts could not be read"):
            check(number in done.err, done.err)
        equal(done.err.count("\n"), 3, done.err)


def as_nobody(*words):
    """The command without root's rights, or None where that cannot be had."""
    if os.geteuid() != 0:
        return run(*words)
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return None
    plain = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", cli.PROGRAM]
    try:
        os.stat(cli.PROGRAM)
        done = subprocess.run([*plain, *words], capture_output=True, check=False, timeout=60)
    except OSError:
        return None
    return cli.Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_read_only_medium():
    make_index()
    os.remove("anpsearch.db-lock")
    asked = [["query", "cache"], ["show", "--id", "p1"], ["stats", "--json"], ["export"]]
    expected = [run(*words, code=0).out for words in asked]
    if os.path.exists("anpsearch.db-lock"):
        os.remove("anpsearch.db-lock")
    for name in names_of("anpsearch.db"):
        os.chmod(name, 0o444)
    os.chmod(".", 0o555)
    try:
        probe = as_nobody("--version")
        if probe is None or probe.code != 0:
            print("skipped: a read-only medium: no way to run without root's rights here")
            return
        for words, out in zip(asked, expected):
            done = as_nobody(*words)
            equal([done.code, done.err if done.code else ""], [0, ""], words)
            if words[0] in ("show", "export"):
                equal(done.out, out, words)
        done = as_nobody("compact")
        equal([done.code, done.out], [3, ""])
        check("anpsearch.db" in done.err, done.err)
    finally:
        os.chmod(".", 0o755)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cli.PROGRAM = os.path.abspath(sys.argv[1])
    for test in [name for name in vars(cli) if name.startswith("test_")]:
        delattr(cli, test)
    for test, function in list(globals().items()):
        if test.startswith("test_"):
            setattr(cli, test, function)
    sys.exit(cli.main())
