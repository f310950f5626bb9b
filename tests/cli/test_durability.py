#!/usr/bin/env python3
"""The command while calls fail and kills come: test_durability.py ANPSEARCH [WORD...]

tests/faults does this to the library, at every point; this looks at what a user of the command
meets: the exit status, a message, and an index that `verify` finds whole. The faults come from
tests/faults/shim.c, compiled here with the pinned compiler and loaded before the C library.
ANP_FAULTS=full takes every point. The last line is `N passed, N failed, N skipped`.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FULL = os.environ.get("ANP_FAULTS") == "full"
POINTS = 10_000_000 if FULL else 10  # of each command and fault
POSTS = 120
STREAMS = 3  # the first calls ask whether messages can be written at all
DEATHS = 3  # before a change, amid it, after it


class Failure(Exception):
    pass


def check(held, what):
    if not held:
        raise Failure(what)


def compile_shim(folder):
    shim = os.path.join(folder, "shim.so")
    command = [os.path.join(ROOT, "deps", "zig"), "cc", "-shared", "-fPIC", "-O1"]
    command += ["-D_GNU_SOURCE", "-DSHIM_PRELOADED", "-I" + os.path.join(ROOT, "tests")]
    command += [os.path.join(ROOT, "tests", "faults", "shim.c"), "-o", shim]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return shim if done.returncode == 0 else None


def write_posts(path, first, count):
    with open(path, "w", encoding="utf-8") as out:
        for i in range(first, first + count):
            body = f"post{i}z on caches and queues " + "token owner shard " * (i % 30)
            out.write(json.dumps({"id": f"p{i}", "title": f"Post {i}", "body": body}) + "\n")


def run(*args, plan=None):
    """Runs the command under a plan; its exit status, standard error and the shim's counts."""
    env = dict(os.environ)
    env.pop("ANPSEARCH_DB", None)
    if plan is not None:
        env["LD_PRELOAD"] = SHIM
        env["SHIM_FOLDER"] = os.getcwd()
        env["SHIM_COUNTS"] = os.path.join(os.getcwd(), "counts")
        env.update({name: str(value) for name, value in plan.items()})
    done = subprocess.run([PROGRAM, *args], env=env, capture_output=True, timeout=120, check=False)
    counts = None
    if plan is not None and os.path.exists("counts"):
        with open("counts", encoding="ascii") as file:
            words = file.read().split()
        os.unlink("counts")
        counts = {"calls": int(words[0]), "changes": int(words[1]), "allocations": int(words[2])}
    return done.returncode, done.stderr.decode(), done.stdout.decode(), counts


def restore():
    """The index that each command begins with."""
    for name in os.listdir("."):
        if name.startswith("posts.db"):
            os.unlink(name)
    for name in os.listdir("base"):
        shutil.copy(os.path.join("base", name), name)


def check_whole(least, most, what):
    code, err, out, _ = run("verify", "--full", "--db", os.path.abspath("posts.db"))
    check(code == 0, f"{what}: verify ends with {code}: {out}{err}")
    code, err, out, _ = run("query", "--count", "*", "--db", os.path.abspath("posts.db"))
    check(code in (0, 1), f"{what}: query ends with {code}: {err}")
    check(least <= int(out) <= most, f"{what}: {out.strip()} posts, {least} to {most} expected")


def points(count):
    step = max(1, count // POINTS)
    return range(1, count + 1, step)


COMMANDS = [  # arguments, and the least and most posts that may be there afterwards
    (["index", "more.jsonl"], POSTS, 2 * POSTS),
    (["delete", "--id", "p1", "p2", "p3"], POSTS - 3, POSTS),
    (["query", "caches", "--json"], POSTS, POSTS),
    (["export", "--out", "out.jsonl"], POSTS, POSTS),
]


def prepare():
    os.mkdir("base")
    write_posts("first.jsonl", 0, POSTS)
    write_posts("more.jsonl", POSTS, POSTS)
    code, err, _, _ = run("index", "first.jsonl", "--db", os.path.abspath("base/posts.db"))
    check(code == 0, err)


def each_command(fault):
    prepare()
    for args, least, most in COMMANDS:
        restore()
        code, err, _, counts = run(*args, "--db", os.path.abspath("posts.db"), plan={})
        check(code == 0 and counts and counts["calls"] > 10, f"{args}: {code} {err} {counts}")
        fault(args, least, most, counts)


def test_calls_fail():
    def fault(args, least, most, counts):
        for code in (errno.EIO, errno.ENOSPC, errno.EINTR):
            for at in points(counts["calls"]):
                restore()
                plan = {"SHIM_CALL": at, "SHIM_CODE": code}
                status, err, _, _ = run(*args, "--db", os.path.abspath("posts.db"), plan=plan)
                what = f"{args[0]}, call {at} failed with {errno.errorcode[code]}"
                check(status in (0, 3), f"{what}: ends with {status}: {err}")
                told = status == 0 or len(err) > 20 or at <= STREAMS
                check(told, f"{what}: no message: {err!r}")
                check_whole(least, most, what)

    each_command(fault)


def test_allocations_fail():
    def fault(args, least, most, counts):
        for at in points(counts["allocations"]):
            restore()
            plan = {"SHIM_ALLOCATION": at}
            status, err, _, _ = run(*args, "--db", os.path.abspath("posts.db"), plan=plan)
            what = f"{args[0]}, allocation {at} failed"
            check(status in (0, 3), f"{what}: ends with {status}: {err}")
            check(status == 0 or "memory" in err, f"{what}: {err!r}")
            check_whole(least, most, what)

    each_command(fault)


def test_kills():
    def fault(args, least, most, counts):
        for at in points(counts["changes"]):
            restore()
            plan = {"SHIM_KILL": at, "SHIM_DEATH": at % DEATHS}
            status, err, _, _ = run(*args, "--db", os.path.abspath("posts.db"), plan=plan)
            what = f"{args[0]}, killed at change {at}"
            check(status in (-signal.SIGKILL, 0), f"{what}: ends with {status}: {err}")
            check_whole(least, most, what)

    each_command(fault)


def test_network_file_system():
    """Every command refuses an index there, says why, and changes nothing."""
    prepare()
    restore()
    before = sorted(os.listdir("."))
    plan = {"SHIM_MEDIUM": 0x6969}
    for args in [*(command[0] for command in COMMANDS), ["verify"], ["compact"], ["stats"]]:
        status, err, _, _ = run(*args, "--db", os.path.abspath("posts.db"), plan=plan)
        check(status == 3 and "network file system" in err, f"{args}: {status}, {err!r}")
    new = os.path.abspath("new.db")
    status, err, _, _ = run("index", "more.jsonl", "--db", new, plan=plan)
    check(status == 3 and "network file system" in err, f"a new index: {status}, {err!r}")
    check(sorted(os.listdir(".")) == before, f"left behind: {os.listdir('.')}")
    check_whole(POSTS, POSTS, "after them")


def main():
    global SHIM
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_") and callable(f)]
    words = sys.argv[2:]
    passed = failed = 0
    folder = tempfile.mkdtemp(prefix="anp-durability-")
    try:
        with open(PROGRAM, "rb") as file:
            sanitized = b"__asan_init" in file.read()
        SHIM = None if sanitized else compile_shim(folder)
        if not SHIM:
            print("SKIPPED: the faults cannot be loaded into this program", file=sys.stderr)
            print(f"0 passed, 0 failed, {len(tests)} skipped")
            return 0
        for name, test in tests:
            if words and not any(word in name for word in words):
                continue
            place = tempfile.mkdtemp(dir=folder)
            os.chdir(place)
            try:
                test()
                passed += 1
            except Failure as failure:
                failed += 1
                print(f"FAILED {name}: {failure}", file=sys.stderr)
            except Exception:
                failed += 1
                print(f"FAILED {name}", file=sys.stderr)
                traceback.print_exc()
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


SHIM = None
PROGRAM = os.path.abspath(sys.argv[1])
sys.exit(main())
