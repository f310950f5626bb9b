#!/usr/bin/env python3
"""backup and compact from outside: test_maintain.py ANPSEARCH [WORD...]

As test_cli.py, whose helpers it uses.
"""

import os
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
            out += run("query", query, "--db", db, "--format", form, code=0).out
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
        lines += run("query", query, "--db", db, "--format", "tsv", code=None).out
    return lines + run("stats", "--db", db, "--json", code=0).out.split('"file_bytes"', maxsplit=1)[0]


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
