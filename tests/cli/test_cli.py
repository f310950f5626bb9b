#!/usr/bin/env python3
"""The command line from outside: test_cli.py ANPSEARCH [--update] [WORD...]

Runs each function test_* (with words: those whose name holds one) in an empty folder of its own.
Prints what fails; the last line is `N passed, N failed`. --update writes help.golden anew.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "help.golden")

# By hand, not from the program: every option of every command.
COMMON = ["--db", "--help"]
OPTIONS = {
    "index": [
        "--keep-order",
        "--format",
        "--analyzer",
        "--lang",
        "--title-weight",
        "--store",
        "--require-reviewed",
        "--strict",
        "--rebuild",
        "--threads",
        "--memory",
    ],
    "query": [
        "-k",
        "--offset",
        "--filter",
        "--operator",
        "--count",
        "--snippet",
        "--explain",
        "--trace",
        "--blend",
        "--weights",
        "--k1",
        "--b",
        "--stopwords",
        "--strict-syntax",
        "--queries",
        "--format",
        "--json",
    ],
    "similar": [
        "-k",
        "--id",
        "--text",
        "--all",
        "--clusters",
        "--exact",
        "--filter",
        "--explain",
        "--threads",
        "--min",
        "--measure",
        "--format",
        "--out",
        "--json",
    ],
    "show": ["--id", "--json"],
    "delete": ["--id"],
    "stats": ["--json"],
    "terms": ["-k", "--json"],
    "verify": ["--quick", "--full"],
    "compact": ["--reorder", "--keep-order", "--threads", "--memory"],
    "backup": [],
    "export": ["--out"],
    "analyze": ["--analyzer", "--lang"],
    "completion": [],
    "help": [],
    "version": [],
}
OPENS = ["index", "query", "similar", "show", "delete", "stats", "terms", "verify", "compact"]
OPENS += ["backup", "export"]
LATER_OPTIONS = [
    ("query", "--facets"),
    ("query", "--sort"),
    ("query", "--fuzzy"),
    ("verify", "--accept"),
    ("delete", "--filter"),
]
LATER = ["suggest", "eval", "serve"]

SHARED = (
    "keep the key of each entry short and stable so that an owner can drop it by name "
    "whenever the row behind it changes "
)
POSTS = [
    {"id": "p1", "title": "Cache rules", "body": SHARED + "cache entries expire"},
    {"id": "p2", "title": "Queue rules", "body": SHARED + "queue messages expire"},
    {"id": "p3", "title": "Cache warming", "body": "fill the cache before traffic comes"},
    {"id": "p4", "title": "Tab\\there \\u001b[31mred", "body": "zebra stripes only"},
]


class Failure(Exception):
    pass


def check(held, what):
    if not held:
        raise Failure(what)


def equal(actual, expected, what=""):
    if actual != expected:
        raise Failure(f"{what}: {actual!r}, expected {expected!r}")


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def lines(self):
        return self.out.splitlines()


def environment(extra):
    env = {k: v for k, v in os.environ.items() if k not in ("ANPSEARCH_DB", "NO_COLOR")}
    env.update(extra)
    return env


def run(*args, stdin="", code=None, env=None, stdout=subprocess.PIPE):
    """Runs the command; `code` is the exit status that is wanted."""
    done = subprocess.run(
        [PROGRAM, *args],
        input=stdin.encode(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(env or {}),
        timeout=60,
        check=False,
    )
    result = Result(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())
    if code is not None and result.code != code:
        raise Failure(
            f"{' '.join(args)}: exit status {result.code}, expected {code}\n"
            f"    out: {result.out[:400]!r}\n    err: {result.err[:400]!r}"
        )
    return result


def refuse(*args, names=(), code=2):
    """A wrong line: one message that names these words, nothing on standard output."""
    result = run(*args, code=code)
    equal(result.out, "", " ".join(args))
    equal(result.err.count("\n"), 1, f"{args}: lines of {result.err!r}")
    check(result.err.startswith("anpsearch: "), result.err)
    for name in names:
        check(name in result.err, f"{args}: {name!r} is not in {result.err!r}")


def write_posts(path="posts.jsonl", posts=None):
    lines = []
    for post in POSTS if posts is None else posts:
        pairs = ",".join(f'"{key}":"{value}"' for key, value in post.items())
        lines.append("{" + pairs + "}\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(lines))
    return path


def make_index(*args):
    return run("index", write_posts(), *args, code=0)


def ids_of(result):
    return [line.split("\t")[1] for line in result.lines()]


def on_terminal(*args, env=None, stream="out"):
    """What is written to standard output (or error) when that is a terminal."""
    master, slave = pty.openpty()
    streams = {"stdout": slave, "stderr": subprocess.PIPE}
    if stream == "err":
        streams = {"stdout": subprocess.PIPE, "stderr": slave}
    with subprocess.Popen(
        [PROGRAM, *args], stdin=subprocess.DEVNULL, env=environment(env or {}), **streams
    ) as child:
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        child.wait(timeout=60)
    os.close(master)
    return text.decode()


# ---- Help, man page, completion --------------------------------------------------------------


def test_help_golden():
    text = run("help", code=0).out
    for command in OPTIONS:
        text += f"==== {command}\n" + run(command, "--help", code=0).out
    if UPDATE:
        with open(GOLDEN, "w", encoding="utf-8") as file:
            file.write(text)
    with open(GOLDEN, encoding="utf-8") as file:
        equal(text, file.read(), "help.golden (test_cli.py PROGRAM --update)")


def has_option(text, option):
    return re.search(r"(?<![\w-])" + re.escape(option) + r"(?![\w-])", text) is not None


def test_every_option_in_every_text():
    man = run("--man", code=0).out.replace("\\-", "-")
    completion = run("completion", "bash", code=0).out
    for command, options in OPTIONS.items():
        wanted = options + (COMMON if command in OPENS else ["--help"])
        short, long = run(command, "--help", code=0).out, run("help", command, code=0).out
        words = re.search(r"^        " + command + r"\) words='([^']*)'", completion, re.M)
        check(words, f"no {command} in the completion")
        for option in wanted:
            for name, text in (
                ("--help", short),
                ("help", long),
                ("man", man),
                ("completion", words.group(1)),
            ):
                check(has_option(text, option), f"{option} of {command} is not in {name}")
        equal(sorted(words.group(1).split()), sorted(wanted), f"options of {command}")
        listed = re.findall(r"^  (?:-\w, )?(--?[a-z0-9-]+)", short, re.M)
        equal(sorted(listed), sorted(wanted), f"{command} --help")


def test_help_is_true_of_each_command():
    for form in (["help"], ["--help"]):
        texts = {command: run(*form, command, code=0).out for command in OPTIONS}
        check("terms: all" not in texts["query"] + texts["similar"] + texts["terms"], "-k")
        check("default 10" in texts["query"] and "default 10" not in texts["terms"], "-k")
    texts = {command: run("help", command, code=0).out for command in OPTIONS}
    check("--all or --clusters" in texts["similar"] and "--clusters" not in texts["export"], "--out")
    check("Fixed when" in texts["index"] and "Fixed when" not in texts["analyze"], "--lang")
    for command in ("show", "stats", "terms"):
        check("--format" not in texts[command], f"--json of {command}")
    check("deleting works" in re.sub(r"\s+", " ", texts["index"]), "--store none")
    check("entities" in texts["query"] and "<mark>" in texts["query"], "--snippet")
    man = run("--man", code=0).out
    check("\\fBterms\\fR: at most N terms (default: all)" in man, "man page")


def test_help_forms():
    overview = run("help", code=0).out
    for form in (["--help"], ["-h"]):
        equal(run(*form, code=0).out, overview)
    for command in OPTIONS:
        check(f"\n  {command} " in overview, command)
        equal(run(command, "-h", code=0).out, run("--help", command, code=0).out)
        check(
            len(run("help", command, code=0).out) >= len(run(command, "--help").out) // 2, command
        )
    for command in LATER:
        check(not re.search(rf"\b{command}\b", overview), command)
    for line in (overview + run("help", "query").out).splitlines():
        check(len(line) <= 80, line)


def test_version():
    text = run("--version", code=0).out
    check(re.fullmatch(r"anpsearch \d+\.\d+\.\d+\n", text), text)
    equal(run("version", code=0).out, text)
    equal(run("-V", code=0).out, text)


def test_man_page():
    page = run("--man", code=0).out
    for title in (
        "NAME",
        "SYNOPSIS",
        "COMMANDS",
        "OPTIONS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "EXAMPLES",
    ):
        check(f"\n.SH {title}\n" in page, title)
    for command in OPTIONS:
        check(f"\n.SS {command}" in page, command)
    if not shutil.which("man"):
        print("skipped: man is not there to check the page")
        return
    with open("anpsearch.1", "w", encoding="utf-8") as file:
        file.write(page)
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", "./anpsearch.1"],
        capture_output=True,
        check=False,
    )
    equal((done.returncode, done.stderr.decode()), (0, ""), "man --warnings")


def complete(*words):
    script = run("completion", "bash", code=0).out
    script += (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _anpsearch; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", "anpsearch", *words], capture_output=True, check=True
    )
    return done.stdout.decode().split()


def test_completion():
    if not shutil.which("bash"):
        print("skipped: no bash")
        return
    equal(
        complete("ver"),
        ["version", "verify"] if complete("ver")[0] == "version" else ["verify", "version"],
    )
    check("--queries" in complete("query", "--q"), "--queries")
    equal(complete("query", "--format", "tr"), ["trec"])
    equal(complete("--db", "x", "index", "--format", "scr"), ["scraped"])
    refuse("completion", "fish", names=["fish", "bash"])


# ---- The line --------------------------------------------------------------------------------


def test_wrong_lines():
    refuse(names=["anpsearch help"])
    refuse("qurey", "x", names=["qurey", "query", "anpsearch help"])
    refuse("help", "stat", names=["stat", "stats"])
    for command in LATER:
        refuse(command, names=[command, "not in this version", "anpsearch help"])
        refuse("help", command, names=["not in this version"])
    for command, option in LATER_OPTIONS:
        words = ["x"] if command == "query" else []
        refuse(command, *words, option, names=[option, "not in this version", "anpsearch help"])
        refuse(command, *words, option + "=1", names=[option, "not in this version"])
    for line in (["zzzzz"], ["query", "x", "--wobble"], ["query", "x", "-z"], ["help", "xx"]):
        refuse(*line, names=["see: anpsearch help"])
        check("did you mean" not in run(*line).err, f"a wild guess: {line}")
    for command in ("show", "similar", "delete"):
        refuse(command, "009715", names=["'009715'", f"anpsearch {command} --id 009715"])
    refuse("query", "x", "--snipet", "3", names=["--snipet", "--snippet", "anpsearch help query"])
    refuse("query", "x", "--sort", "score", names=["--sort", "anpsearch help"])
    refuse("query", "x", "--facets=stack", names=["anpsearch help"])
    refuse("similar", "--clusters", "--all", names=["anpsearch help"])
    refuse("delete", "--filter", "x", names=["anpsearch help"])
    refuse("query", "x", "-z", names=["-z", "anpsearch help"])
    refuse("query", "-varnish", names=["--"])
    refuse("--json", "query", "x", names=["anpsearch help"])
    refuse("query", "x", "--format", "csv", names=["csv", "tsv"])
    refuse("query", "x", "--format", "scraped", names=["scraped"])
    refuse("query", "x", "--json=yes", names=["--json", "yes"])
    refuse("query", "x", "--offset", names=["--offset"])
    refuse("query", "x", "-k", names=["-k"])
    refuse("query", names=["QUERY"])
    refuse("query", "x", "--queries", "y", names=["--queries"])
    refuse("query", "x", "--json", "--format", "tsv", names=["--json", "tsv"])
    refuse("index", names=["PATH"])
    refuse("stats", "x", names=["x"])
    refuse("terms", "a", "b", names=["b"])
    refuse("show", names=["--id"])
    refuse("show", "--id", names=["--id"])
    refuse("delete", "--id", "--db", "x", names=["--id"])
    refuse("similar", names=["--id"])
    refuse("similar", "--id", "a", "--all", names=["--id", "--all"])
    refuse("similar", "--id", "a", "--out", "f", names=["--out"])
    refuse("similar", "--all", "--format", "tsv", names=["--all", "tsv"])
    refuse("verify", "--quick", "--full", names=["--quick"])
    refuse("stats", "--db", "", names=["--db"])
    refuse("new\nline\x1b[31m", names=["new?line"])


def test_numbers():
    for value in (
        "abc",
        "",
        "0",
        "-1",
        "1.5",
        "5x",
        " 5",
        "+5",
        "0x10",
        "99999999999999999999",
        "18446744073709551621",
        "1048577",
    ):
        refuse("query", "x", "-k", value, names=["-k", f"'{value}'", "1048576"])
    for value in ("nan", "inf", "-inf", "1", "-0.1", "0x1p-2", "", " 0.1", "0.1 ", "0,5", "1e999"):
        refuse("query", "x", "--blend", value, names=["--blend", f"'{value}'", "0.95"])
    for option in ("--k1", "--b"):
        for value in ("nan", "infinity", "-1", "1e400", "x"):
            refuse("query", "x", option, value, names=[option, f"'{value}'"])
    refuse("query", "x", "--b", "1.01", names=["1.01"])
    refuse("similar", "--id", "x", "--min", "1.5", names=["--min"])
    refuse("index", "x", "--title-weight", "16", names=["16", "15"])
    refuse("index", "x", "--threads", "0", names=["--threads"])
    for value in (
        "",
        "x",
        "0",
        "5T",
        "5MB",
        "-5",
        "M",
        "99999999999G",
        "1.5G",
        "18446744073709551621",
    ):
        refuse("index", "x", "--memory", value, names=["--memory", f"'{value}'"])
    for value in (
        "quality",
        "quality=",
        "speed=1",
        "quality=-1",
        "quality=nan",
        "quality=1,",
        "=1",
        "",
        "quality=1;depth=2",
        "quality=1 ",
        "quality=1e999",
    ):
        refuse("query", "x", "--weights", value, names=["--weights"])


def test_option_forms():
    make_index()
    base = run("query", "cache", "--format", "ids", code=0).out
    equal(sorted(base.split()), ["p1", "p3"])
    forms = [
        ["query", "--format=ids", "cache"],
        ["query", "cache", "--format=ids", "--db=anpsearch.db"],
        ["--db", "anpsearch.db", "query", "--format", "ids", "cache"],
        ["--db=anpsearch.db", "query", "--format", "ids", "--", "cache"],
        ["query", "--format", "tsv", "--format", "ids", "cache"],
        ["query", "-k", "9", "--format", "ids", "cache"],
        ["query", "-k9", "--format", "ids", "cache"],
        ["query", "-k=9", "--format", "ids", "cache"],
    ]
    for form in forms:
        equal(run(*form, code=0).out, base, " ".join(form))
    equal(len(run("query", "-k1", "--format", "ids", "cache").lines()), 1)
    run("query", "--", "--format", code=1)
    equal(run("query", "--format", "ids", "--", "zebra", code=0).out, "p4\n")


def test_where_the_index_is():
    make_index()
    os.rename("anpsearch.db", "other.db")
    for name in ("anpsearch.db-lock", "anpsearch.db.witness"):
        if os.path.exists(name):
            os.rename(name, name.replace("anpsearch", "other"))
    refuse("stats", code=3)
    run("stats", code=0, env={"ANPSEARCH_DB": "other.db"})
    run("stats", "--db", "other.db", code=0, env={"ANPSEARCH_DB": "none.db"})
    refuse("stats", "--db", "none.db", code=3, names=["none.db"])
    for command in (
        ["query", "x"],
        ["similar", "--id", "x"],
        ["show", "--id", "x"],
        ["delete", "--id", "x"],
        ["terms"],
        ["verify"],
        ["export"],
    ):
        refuse(*command, "--db", "none.db", code=3)
    check(not os.path.exists("none.db"), "an index was made by reading")


# ---- index -----------------------------------------------------------------------------------

DONE = (
    r"indexed (\d+) posts? \((\d+) new, (\d+) replaced, (\d+) skipped, (\d+) held back\) "
    r"in [\d.]+ s: \d+ posts/s, [\d.]+ MB/s\n"
)


def counts(result):
    return counts_of(result, r"\Z")


def counts_of(result, behind=""):
    found = re.search(DONE + behind, result.err)
    check(found, f"no closing line in {result.err!r}")
    return [int(number) for number in found.groups()]


def test_one_post_is_singular():
    one = run("index", "-", stdin='{"id":"a1","title":"One","body":"lonely"}\n', code=0)
    check(one.err.startswith("indexed 1 post ("), one.err)
    check("1 posts" not in run("verify", code=0).out, "ok: 1 posts")
    check(make_index().err.startswith("indexed 4 posts ("), "four posts")
    check("ok: 5 posts" in run("verify", code=0).out, "five posts")


def test_index_counts():
    equal(counts(make_index()), [4, 4, 0, 0, 0])
    again = run(
        "index", "posts.jsonl", "--format", "jsonl", "--threads", "2", "--memory", "64M", code=0
    )
    equal(counts(again), [4, 0, 4, 0, 0])
    equal(again.out, "")
    piped = run("index", "-", stdin='{"id":"p9","title":"Nine","body":"piped"}\n', code=0)
    equal(counts(piped), [1, 1, 0, 0, 0])
    equal(json.loads(run("stats", "--json", code=0).out)["posts_live"], 5)


def test_index_bad_posts():
    with open(write_posts("mixed.jsonl"), "a", encoding="utf-8") as file:
        file.write('{"no":"id here"}\n{"id":"p5","title":"Last","body":"fine"}\n')
    mixed = run("index", "mixed.jsonl", code=4)
    check(re.search(r"^mixed\.jsonl:5: .+$", mixed.err, re.M), mixed.err)
    equal(counts(mixed), [5, 5, 0, 1, 0])
    strict = run("index", "mixed.jsonl", "--strict", "--db", "strict.db", code=4)
    check("mixed.jsonl:5" in strict.err, strict.err)
    equal(strict.err.count("no id"), 1, f"the reason, once: {strict.err!r}")
    check(re.search(r"^anpsearch: .*--strict", strict.err, re.M), strict.err)
    equal(counts_of(strict), [4, 4, 0, 1, 0])


def test_index_refusals():
    refuse("index", "missing.jsonl", code=3, names=["missing.jsonl"])
    check(not os.path.exists("anpsearch.db"), "a wrong name left an index behind")
    refuse("--db", "none.db", "query", "x", code=3, names=["none.db", "make one with index"])
    write_posts()
    refuse("--db", "none/a.db", "index", "posts.jsonl", code=3,
           names=["none/a.db", "its folder is not there"])
    refuse_language = run("index", "posts.jsonl", "--lang", "klingon", code=2)
    check("klingon" in refuse_language.err, refuse_language.err)
    with open("posts.foo", "w", encoding="utf-8") as file:
        file.write("what is this")
    refuse("index", "posts.foo", names=["posts.foo", "--format"])


def test_index_progress_bar():
    posts = [{"id": f"p{i}", "title": "Many", "body": SHARED * 20} for i in range(3000)]
    text = on_terminal("index", write_posts("many.jsonl", posts), stream="err")
    check(re.search(r"\r\x1b\[K.*posts/s", text), repr(text[:300]))
    check(re.search(r"\[[#.]+\] +\d+ %", text), repr(text[:300]))
    with open("many.jsonl", "a", encoding="utf-8") as file:
        file.write('{"bad":1}\n')
    mixed = on_terminal("index", "many.jsonl", stream="err")
    check(re.search(r"(\n|\x1b\[K)many\.jsonl:3001: ", mixed), "a bad post stands behind the bar")
    last = text.replace("\r\n", "\n").split("\r\x1b[K")[-1]
    check(re.fullmatch(DONE, last), repr(last))


def test_index_interrupted():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits "ignore"
    stop_index(signal.SIGINT, 130)


def test_index_terminated():
    stop_index(signal.SIGTERM, 143)


def stop_index(signal_number, status):
    with subprocess.Popen(
        [PROGRAM, "index", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment({})
    ) as child:
        number = 0
        interrupt_at = time.monotonic() + 0.5
        end = time.monotonic() + 20
        sent = False
        while child.poll() is None and time.monotonic() < end:
            if not sent and time.monotonic() > interrupt_at:
                child.send_signal(signal_number)
                sent = True
            number += 1
            try:
                child.stdin.write(f'{{"id":"i{number}","title":"T","body":"{SHARED}"}}\n'.encode())
                child.stdin.flush()
            except BrokenPipeError:
                break
            time.sleep(0.001)
        try:
            child.stdin.close()
        except BrokenPipeError:
            pass
        err = child.stderr.read().decode()
        equal(child.wait(timeout=30), status, f"exit status; {err}")
    check(re.search(DONE, err), err)
    check("is kept" in err, err)
    run("verify", code=0)
    committed = int(re.search(DONE, err).group(1))
    equal(json.loads(run("stats", "--json", code=0).out)["posts_live"], committed)


def test_index_second_interrupt_kills():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [PROGRAM, "index", "-"], stdin=subprocess.PIPE, env=environment({})
    ) as child:
        while child.poll() is None and not os.path.exists("anpsearch.db"):
            time.sleep(0.001)
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        equal(child.poll(), None, "the first one killed")  # the pipe stays open: it waits for posts
        child.send_signal(signal.SIGINT)
        try:
            equal(child.wait(timeout=20), -signal.SIGINT, "exit status")
        finally:
            child.kill()
    run("verify", code=0)


def leftovers():
    return [name for name in os.listdir(".") if "rebuild" in name or "partial" in name]


def test_rebuild():
    make_index()
    write_posts("new.jsonl", [{"id": "n1", "title": "New", "body": "fresh start"}])
    equal(counts(run("index", "--rebuild", "new.jsonl", code=0)), [1, 1, 0, 0, 0])
    equal(run("query", "*", "--format", "ids", code=0).out, "n1\n")
    run("verify", code=0)
    equal(leftovers(), [])
    run("index", "posts.jsonl", code=0)
    equal(len(run("query", "*", "--format", "ids", code=0).lines()), 5)
    equal(leftovers(), [])
    with open("new.jsonl", "a", encoding="utf-8") as file:
        file.write('{"bad":1}\n')
    failed = run("index", "--rebuild", "--strict", "new.jsonl", code=4)
    check("not rebuilt" in failed.err, failed.err)
    check("indexed" not in failed.err and "kept" not in failed.err, failed.err)
    equal(failed.err.count("no id"), 1, failed.err)
    equal(len(run("query", "*", "--format", "ids", code=0).lines()), 5)
    equal(leftovers(), [])
    run("index", "--rebuild", "new.jsonl", code=4)
    equal(run("query", "*", "--format", "ids", code=0).out, "n1\n")
    run("index", "--rebuild", "new.jsonl", "--db", "first.db", code=4)
    run("stats", "--db", "first.db", code=0)
    os.symlink("first.db", "link.db")
    run("index", "--rebuild", "posts.jsonl", "--db", "link.db", code=0)
    check(os.path.islink("link.db"), "the link was replaced")
    equal(json.loads(run("stats", "--db", "first.db", "--json", code=0).out)["posts_live"], 4)


def test_rebuild_removes_what_killed_ones_left():
    make_index()
    command = [PROGRAM, "index", "--rebuild", "-"]
    streams = {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment({}), **streams) as child:
        while child.poll() is None and len(leftovers()) < 2:
            time.sleep(0.001)
        with subprocess.Popen(command, env=environment({}), **streams) as living:
            while living.poll() is None and f"anpsearch.db.rebuild-{living.pid}" not in leftovers():
                time.sleep(0.001)
            child.kill()
            child.wait(timeout=20)
            for suffix in ("", "-lock", ".witness"):
                with open(f"anpsearch.db.rebuild-{child.pid}{suffix}", "a", encoding="utf-8"):
                    pass
            others = ["anpsearch.db.rebuild-x", "other.db.rebuild-999999999"]
            others += ["anpsearch.db.rebuild-", "anpsearch.db.rebuild-999999999.old"]
            for name in others:
                with open(name, "w", encoding="utf-8"):
                    pass
            run("index", "--rebuild", "posts.jsonl", "--db", "./anpsearch.db", code=0)
            left = leftovers()
            equal([name for name in left if f"-{child.pid}" in name], [], "of the killed one")
            check(f"anpsearch.db.rebuild-{living.pid}" in left, f"of a living one: {left}")
            check(set(others) <= set(left), f"not of this index: {left}")
            living.stdin.close()
            equal(living.wait(timeout=20), 0, "the living one")
    equal(sorted(leftovers()), sorted(others))


# ---- query -----------------------------------------------------------------------------------


def test_query_text():
    make_index()
    text = run("query", "cache", code=0)
    check(re.search(r"^ +1  +[\d.]+  p\d  \S", text.out, re.M), text.out)
    check(re.search(r"^      \S", text.out, re.M), "no snippet")
    check(re.search(r"^2 posts, [\d.]+ ms$", text.err, re.M), text.err)
    check(
        "\x1b" not in text.out and "\x01" not in text.out and "<mark>" not in text.out,
        repr(text.out),
    )
    equal(len(run("query", "cache", "--snippet", "0", code=0).lines()), 2)
    one = run("query", "zebra", code=0)
    check(re.search(r"^1 post, ", one.err, re.M), one.err)
    equal(one.out.count("\x1b"), 0, "a post commands the terminal")
    check(
        len(run("query", "cache", "--explain", code=0).lines()) > len(text.lines()),
        "no explanation",
    )
    nothing = run("query", "nowhere", code=1)
    equal(nothing.out, "")
    check(re.search(r"^0 posts, ", nothing.err, re.M), nothing.err)


def test_query_on_a_terminal():
    make_index()
    check("\x1b[1m" in on_terminal("query", "cache"), "no bold")
    check("\x1b[0m" in on_terminal("query", "cache"), "bold does not end")
    check("\x1b" not in on_terminal("query", "cache", env={"NO_COLOR": "1"}), "NO_COLOR")
    check(
        "\x1b" in on_terminal("query", "cache", env={"NO_COLOR": ""}), "an empty NO_COLOR is none"
    )
    check("\x1b[31m" not in on_terminal("query", "zebra"), "a post commands the terminal")


def test_query_formats():
    make_index()
    whole = json.loads(run("query", "cache", "--json", code=0).out)
    equal((whole["query"], whole["total"], len(whole["hits"])), ("cache", 2, 2))
    check("<mark>" in whole["hits"][0]["snippet"], whole)
    order = [hit["id"] for hit in whole["hits"]]
    for form in (["--format", "json"], ["--format", "jsonl"], ["--json", "--format", "jsonl"]):
        result = run("query", "cache", *form, code=0)
        equal(len(result.lines()), 1)
        equal([hit["id"] for hit in json.loads(result.out)["hits"]], order)
        equal(result.err, "")
    tsv = [line.split("\t") for line in run("query", "cache", "--format", "tsv", code=0).lines()]
    equal([row[:2] for row in tsv], [["1", order[0]], ["2", order[1]]])
    check(all(len(row) == 4 and float(row[2]) > 0 for row in tsv), tsv)
    equal(
        len(run("query", "zebra", "--format", "tsv", code=0).out.split("\t")), 4, "a tab in a title"
    )
    trec = [line.split(" ") for line in run("query", "cache", "--format", "trec", code=0).lines()]
    equal([row[:4] for row in trec], [["1", "Q0", order[0], "1"], ["1", "Q0", order[1], "2"]])
    equal([(row[4], row[5]) for row in trec], [(row[2], "anpsearch") for row in tsv])
    equal(run("query", "cache", "--format", "ids", code=0).lines(), order)
    equal(run("query", "cache", "--offset", "1", "--format", "ids", code=0).lines(), order[1:])
    equal(run("query", "cache", "--offset", "1", "--format", "tsv").out.split("\t")[0], "2")


def test_query_count():
    make_index()
    equal(run("query", "cache", "--count", code=0).out, "2\n")
    equal(
        json.loads(run("query", "cache", "--count", "--json", code=0).out),
        {"query": "cache", "total": 2},
    )
    equal(run("query", "nowhere", "--count", code=1).out, "0\n")
    equal(
        json.loads(run("query", "nowhere", "--count", "--json", code=1).out),
        {"query": "nowhere", "total": 0},
    )
    equal(json.loads(run("query", "nowhere", "--json", code=1).out)["hits"], [])
    equal(run("query", "*", "--count", code=0).out, "4\n")


def test_query_words_and_knobs():
    make_index()
    equal(
        json.loads(run("query", "cache", "warming", "--json", code=0).out)["query"], "cache warming"
    )
    run(
        "query",
        "cache",
        "--operator",
        "and",
        "--stopwords",
        "none",
        "--blend",
        "0.5",
        "--k1",
        "0.9",
        "--b",
        "0",
        "--weights",
        "quality=2,depth=0.5,freshness=0,clarity=1e1",
        "--filter",
        "*",
        code=0,
    )
    strict = run("query", "(cache", "--strict-syntax", code=2)
    equal(strict.err.count("\n"), 1)
    lenient = run("query", "(cache")
    check(lenient.code in (0, 1) and re.search(r"^anpsearch: .+", lenient.err, re.M), lenient.err)


def test_query_weights():
    scores = [{"quality": 90, "depth": 10}, {"quality": 10, "depth": 90}]
    with open("scored.jsonl", "w", encoding="utf-8") as file:
        for number, score in enumerate(scores):
            post = {"id": f"s{number}", "title": "Same", "body": "same", "meta": {"score": score}}
            file.write(json.dumps(post) + "\n")
    run("index", "scored.jsonl", code=0)
    for name, first in (("quality", "s0"), ("depth", "s1")):
        weights = f"freshness=0,{name}=9"
        best = run("query", "same", "--weights", weights, "--format", "ids", "-k1", code=0).out
        equal(best, first + "\n", weights)


def test_query_batch():
    make_index()
    with open("queries.txt", "w", encoding="utf-8") as file:
        file.write("cache\nnowhere\r\nzebra")
    result = run("query", "--queries", "queries.txt", "--json", code=0)
    equal([json.loads(line)["query"] for line in result.lines()], ["cache", "nowhere", "zebra"])
    equal([json.loads(line)["total"] for line in result.lines()], [2, 0, 1])
    piped = run(
        "query", "--queries", "-", "--format", "trec", stdin="cache\nnowhere\nzebra\n", code=0
    )
    equal([line.split()[0] for line in piped.lines()], ["1", "1", "3"])
    equal(run("query", "--queries", "queries.txt", "--count", code=0).out, "2\n0\n1\n")
    check(
        "# zebra\n" in run("query", "--queries", "queries.txt", code=0).out, "no query in the text"
    )
    run("query", "--queries", "-", "--json", stdin="nowhere\nnothere\n", code=1)
    run("query", "--queries", "-", stdin="", code=1)
    refuse("query", "--queries", "absent.txt", code=3, names=["absent.txt"])
    wrong = run("query", "--queries", "-", "--strict-syntax", "--json", stdin="cache\n(\n", code=2)
    check(wrong.err.startswith("anpsearch: -:2: "), wrong.err)
    equal(run("query", "--queries", "-", stdin="a\0b\n", code=2).out, "")


def test_query_batch_goes_on():
    make_index()
    long, deep = "a" * 5000, "(" * 40 + "cache" + ")" * 40
    lines = [b"cache", long.encode(), deep.encode(), b"nul\0\xff", b"bad \xff\xc3(", b"zebra"]
    with open("hard.txt", "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
    batch = ["query", "--queries", "hard.txt"]
    strict = run(*batch, "--strict-syntax", "--json", code=2)
    answers = [json.loads(line) for line in strict.lines()]
    texts = ["cache", long, deep, "nul\0\ufffd", "bad \ufffd\ufffd(", "zebra"]
    equal([answer["query"] for answer in answers], texts)
    for answer in answers[1:5]:
        empty = {"query": answer["query"], "total": 0, "took_us": 0, "hits": [], "suggestion": None}
        equal(answer, empty)
    equal([answers[0]["total"], answers[5]["total"]], [2, 1])
    told = re.findall(r"^anpsearch: hard\.txt:(\d+): \S", strict.err, re.M)
    equal((told, strict.err.count("\n")), (["2", "3", "4", "5"], 4), strict.err)
    counted = run(*batch, "--strict-syntax", "--count", "--json", code=2).lines()
    equal(json.loads(counted[1]), {"query": long, "total": 0})
    equal(run(*batch, "--strict-syntax", "--count", code=2).lines(), ["2", "0", "0", "0", "0", "1"])
    trec = run(*batch, "--strict-syntax", "--format", "trec", code=2)
    equal([line.split()[0] for line in trec.lines()], ["1", "1", "6"])
    text = run(*batch, "--strict-syntax", code=2)
    equal(re.findall(r"^# (.*)", text.out, re.M), ["cache", "zebra"])
    noted = run("query", "--queries", "-", "--json", stdin="cache\n(cache\n", code=0)
    check(noted.err.startswith("anpsearch: -:2: taken as words"), noted.err)
    wrong = run("query", "--queries", "hard.txt", "--filter", "(", "--json", code=2)
    equal((wrong.out, wrong.err.count("\n")), ("", 1), "a wrong filter is told once")
    refuse("query", os.fsdecode(b"x\xff"), "--json", names=["UTF-8"])
    absent = run("similar", "--id", os.fsdecode(b"x\xff"), "--json", code=1)
    equal(json.loads(absent.out)["id"], "x\ufffd")


def test_snippets_are_safe_in_a_page():
    body = "a cache of <b>bold</b> & <script>"
    run("index", write_posts("html.jsonl", [{"id": "h", "title": "H", "body": body}]), code=0)
    safe = "a <mark>cache</mark> of &lt;b&gt;bold&lt;/b&gt; &amp; &lt;script&gt;"
    for form in (["--json"], ["--format", "json"], ["--format", "jsonl"]):
        equal(json.loads(run("query", "cache", *form, code=0).out)["hits"][0]["snippet"], safe)
    check(body in run("query", "cache", code=0).out, "entities in text for people")


def test_lines_stay_lines():
    posts = [
        {"id": "a b", "title": "One", "body": SHARED},
        {"id": "c\\n\\td\\u001b\\u0085e", "title": "Two", "body": SHARED},
    ]
    run("index", write_posts("odd.jsonl", posts), code=0)
    lines = {}
    for form in ("ids", "tsv", "trec"):
        lines[form] = run("query", "key", "--format", form, code=0).out.split("\n")
        equal((len(lines[form]), lines[form].pop()), (3, ""), form)
    equal(sorted(lines["ids"]), ["a b", "c__d__e"])
    rows = [line.split("\t") for line in lines["tsv"]]
    equal(sorted((len(row), row[1]) for row in rows), [(4, "a b"), (4, "c__d__e")])
    rows = [line.split(" ") for line in lines["trec"]]
    equal(sorted((len(row), row[2]) for row in rows), [(6, "a_b"), (6, "c__d__e")])
    equal(run("similar", "--id", "a b", "--format", "ids", code=0).out, "c__d__e\n")
    row = run("similar", "--id", "a b", "--format", "tsv", code=0).out.split("\t")
    equal((len(row), row[1]), (4, "c__d__e"))


def test_query_batch_answers_at_once():
    make_index()
    with subprocess.Popen(
        [PROGRAM, "query", "--queries", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment({}),
    ) as child:
        for word, total in (("cache", 2), ("zebra", 1)):
            child.stdin.write(f"{word}\n".encode())
            child.stdin.flush()
            check(select.select([child.stdout], [], [], 20)[0], "no answer while the pipe is open")
            equal(json.loads(child.stdout.readline())["total"], total)
        child.stdin.close()
        equal(child.wait(timeout=20), 0)


# ---- similar ---------------------------------------------------------------------------------


def test_similar():
    make_index()
    whole = run("similar", "--id", "p1", "--json", code=0)
    found = json.loads(whole.out)
    equal((found["id"], found["hits"][0]["id"]), ("p1", "p2"))
    check("took_us" in found and "p1" not in [hit["id"] for hit in found["hits"]], found)
    equal(run("similar", "--id", "p1", "-k", "1", "--format", "ids", code=0).out, "p2\n")
    equal(run("similar", "--id", "p1", "-k1", "--format", "tsv", code=0).out.split("\t")[1], "p2")
    text = run("similar", "--id", "p1", "-k1", code=0)
    check(re.search(r"^ +1  [\d.]+  p2  Queue rules$", text.out, re.M), text.out)
    check(re.search(r"^1 post, ", text.err, re.M), text.err)
    equal(json.loads(run("similar", "--id", "p1", "--min", "1", "--json", code=1).out)["hits"], [])
    refuse("similar", "--id", "nobody", code=1, names=["nobody"])
    absent = run("similar", "--id", "nobody", "--json", code=1)
    equal((json.loads(absent.out)["id"], json.loads(absent.out)["hits"]), ("nobody", []))
    for measure in ("jaccard", "text", "about", "blend"):
        listed = json.loads(run("similar", "--id=p1", "--measure", measure, "--json", code=0).out)
        exact = run("similar", "--id=p1", "--measure", measure, "--exact", "--json", code=0)
        equal(json.loads(exact.out)["hits"], listed["hits"], measure)
        if measure == "blend":
            equal(listed["hits"], found["hits"], "the default is not blend")
    refuse("similar", "--id", "p1", "--measure", "cosine", names=["cosine", "jaccard"])
    only = json.loads(run("similar", "--id=p1", "--filter", "title:rules", "--json", code=0).out)
    check("p2" in [hit["id"] for hit in only["hits"]], only)
    check(len(only["hits"]) < len(found["hits"]), only)
    refuse("similar", "--id=p1", "--filter", "nofield:x", names=["a field"])


def test_query_trace():
    make_index()
    traced = run("query", "cache", "--trace", "--json", code=0)
    check(re.search(r"^evaluation by bounds$", traced.err, re.M), traced.err)
    check(re.search(r"^terms 1, lists [1-9]", traced.err, re.M), traced.err)
    check(re.search(r"^plan [\d.]+ us, rank [\d.]+ us, fetch [\d.]+ us$", traced.err, re.M), traced.err)
    equal(len(json.loads(traced.out)["hits"]) > 0, True)
    phrase = run("query", '"cache rules"', "--trace", "--count").err
    check(re.search(r"^posts whose positions were looked at \d+, lists of word pairs 0$", phrase, re.M), phrase)
    known = r'^pair "cach rule": listed in 0 cells, 0 posts; nowhere in 0, not known in [1-9]\d*$'
    check(re.search(known, phrase, re.M), phrase)
    for query in ("body:cache", '(rules OR "cache rules") -zebra', "NOT cache", "*"):
        check("evaluation by bounds" in run("query", query, "--trace", "--count").err, query)
    full = run("query", "cache", "--trace", "--explain", code=0)
    check("every match is scored" in full.err, full.err)


def test_similar_explained():
    make_index()
    text = run("similar", "--id", "p1", "-k1", "--explain", code=0).out
    check(re.search(r"^ +[\d.]+ = similarity", text, re.M), text)
    args = ("similar", "--id", "p1", "--explain", "--measure", "text", "--json")
    for hit in json.loads(run(*args, code=0).out)["hits"]:
        side = hit["explain"]["text"]
        equal(hit["explain"]["similarity"], hit["similarity"])
        check(abs(sum(f["weight"] for f in side["features"]) - side["shared"]) < 1e-9, side)
        if side["either"]:
            check(abs(side["shared"] / side["either"] - hit["similarity"]) < 1e-9, side)


def test_similar_clusters():
    body = " ".join(f"word{number}" for number in range(60))
    posts = [{"id": f"p{number}", "title": f"T {number}", "body": body} for number in range(3)]
    posts[1]["body"] += " more"
    posts.append({"id": "other", "title": "Other", "body": "nothing that the others have in them"})
    run("index", write_posts("some.jsonl", posts), code=0)
    lines = run("similar", "--clusters", code=0).lines()
    equal(len(lines), 1)
    group = json.loads(lines[0])
    equal((group["representative"], group["size"]), ("p0", 3))
    equal([post["id"] for post in group["posts"]], ["p1", "p2"])
    equal(group["posts"][1]["similarity"], 1)
    smaller = run("similar", "--clusters", "--min", "1", "--out", "groups.jsonl", code=0)
    equal(smaller.out, "")
    with open("groups.jsonl", encoding="utf-8") as file:
        equal([post["id"] for post in json.loads(file.read())["posts"]], ["p2"])
    equal(run("similar", "--clusters", "--filter", "title:other", code=1).out, "")
    equal(leftovers(), [])


def test_similar_draft():
    make_index()
    piped = run("similar", "--text", "-", "--json", stdin=SHARED, code=0)
    equal({hit["id"] for hit in json.loads(piped.out)["hits"][:2]}, {"p1", "p2"})
    with open("draft.txt", "w", encoding="utf-8") as file:
        file.write(SHARED)
    filed = run("similar", "--text", "draft.txt", "--format", "ids", "-k", "2", code=0)
    equal(sorted(filed.out.split()), ["p1", "p2"])
    refuse("similar", "--text", "absent.txt", code=3, names=["absent.txt"])


def test_similar_all():
    make_index()
    lines = [json.loads(line) for line in run("similar", "--all", code=0).lines()]
    equal([line["id"] for line in lines], ["p1", "p2", "p3", "p4"])
    check(all("took_us" not in line and isinstance(line["hits"], list) for line in lines), lines)
    out = run("similar", "--all", "--json", "--out", "all.jsonl", code=0).out
    equal(out, "")
    with open("all.jsonl", encoding="utf-8") as file:
        equal([json.loads(line) for line in file], lines)
    equal(leftovers(), [])
    refuse("similar", "--all", "--out", "no/such/folder", code=3, names=["no/such/folder"])


def many_posts():
    words = [f"word{number}" for number in range(400)]
    posts = []
    for number in range(6000):
        body = " ".join(words[number * step % 400] for step in range(1, 120))
        posts.append({"id": f"p{number}", "title": "Many", "body": body})
    run("index", write_posts("many.jsonl", posts), code=0)


def most_threads(*args):
    """How many threads the command has at most, while it runs."""
    most = 0
    with subprocess.Popen(
        [PROGRAM, *args], stdout=subprocess.DEVNULL, env=environment({})
    ) as child:
        while child.poll() is None:
            try:
                most = max(most, len(os.listdir(f"/proc/{child.pid}/task")))
            except OSError:
                pass
        equal(child.returncode, 0)
    return most


def test_similar_threads():
    many_posts()
    equal(most_threads("similar", "--all", "--threads", "1"), 1)
    check(most_threads("similar", "--all", "--threads", "3") in (3, 4), "not three workers")


def test_similar_all_interrupted():
    many_posts()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [PROGRAM, "similar", "--all", "--out", "all.jsonl"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment({})) as child:
        while child.poll() is None and not leftovers():
            time.sleep(0.001)
        time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        err = child.stderr.read().decode()
        equal(child.wait(timeout=30), 130, f"exit status; {err}")
    check(not os.path.exists("all.jsonl"), "half a file")
    resume_all(command)


def resume_all(command):
    """Stopped and killed runs go on where they were, and the bytes are those of one run."""
    whole = run("similar", "--all", "--threads", "1", code=0).out.encode()
    with open("all.jsonl.partial", "ab") as file:
        file.write(b'{"id":"half a line')
    had = os.path.getsize("all.jsonl.partial")
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment({})) as child:
        while child.poll() is None and os.path.getsize("all.jsonl.partial") <= had:
            time.sleep(0.001)
        child.kill()
        child.wait(timeout=30)
    run("similar", "--all", "--out", "all.jsonl", code=0)
    with open("all.jsonl", "rb") as file:
        check(file.read() == whole, "not the bytes of one run")
    equal(leftovers(), [])
    check(not os.path.exists("all.jsonl.resume"), "a record stays")
    with open("all.jsonl.partial", "wb") as file:  # of a run with other options
        file.write(b"x\n" * 10)
    with open("all.jsonl.resume", "w", encoding="ascii") as file:
        file.write("anpsearch similar 1234\n")
    run("similar", "--all", "--out", "all.jsonl", code=0)
    with open("all.jsonl", "rb") as file:
        check(file.read() == whole, "another run's lines were kept")


# ---- Posts -----------------------------------------------------------------------------------


def test_show():
    make_index()
    check("Cache rules" in run("show", "--id", "p1", code=0).out, "no title")
    both = run("show", "--id", "p1", "p3", "--json", code=0)
    equal([json.loads(line)["id"] for line in both.lines()], ["p1", "p3"])
    equal(len(run("show", "--id", "p1", "--id=p3", "--json", code=0).lines()), 2)
    equal(len(run("show", "--id=p1", "p3", "--json", "--id=p2", code=0).lines()), 3)
    refuse("show", "--id", "nobody", code=1, names=["nobody"])
    some = run("show", "--json", "--id", "nobody", "p3", code=1)
    equal([json.loads(line)["id"] for line in some.lines()], ["p3"])
    check("\x1b" not in on_terminal("show", "--id", "p4"), "a post commands the terminal")


def test_show_round_trip():
    make_index()
    before = run("show", "--id", "p1", "p2", "p3", "p4", "--json", code=0).out
    equal(counts(run("index", "-", stdin=before, code=0)), [4, 0, 4, 0, 0])
    equal(run("show", "--id", "p1", "p2", "p3", "p4", "--json", code=0).out, before)


def test_delete():
    make_index()
    several = run("delete", "--id", "p1", "nobody", "p2", "--db", "anpsearch.db", code=1)
    check("nobody" in several.err and "deleted 2 posts" in several.err, several.err)
    equal(sorted(run("query", "*", "--format", "ids", code=0).lines()), ["p3", "p4"])
    none = run("delete", "--id", "p1", "nobody", code=1)
    check("p1" in none.err and "nobody" in none.err, none.err)
    check("deleted 1 post\n" in run("delete", "--id=p3", code=0).err, "one post")


def test_export():
    make_index()
    text = run("export", code=0).out
    equal([json.loads(line)["id"] for line in text.splitlines()], ["p1", "p2", "p3", "p4"])
    equal(run("export", "--out", "all.jsonl", code=0).out, "")
    with open("all.jsonl", encoding="utf-8") as file:
        equal(file.read(), text)
    equal(leftovers(), [])
    equal(counts(run("index", "all.jsonl", "--db", "copy.db", code=0)), [4, 4, 0, 0, 0])
    equal(run("export", "--db", "copy.db", code=0).out, text)
    refuse("export", "--out", "no/such/folder", code=3, names=["no/such/folder"])


# ---- Inspection ------------------------------------------------------------------------------


def test_stats():
    make_index()
    stats = json.loads(run("stats", "--json", code=0).out)
    for key in (
        "format_version",
        "analyzer",
        "language",
        "title_weight",
        "store",
        "posts_live",
        "posts_deleted",
        "terms",
        "words",
        "length_average",
        "file_bytes",
        "log_posts",
        "segments",
        "windows",
        "tables",
    ):
        check(key in stats, key)
    equal((stats["posts_live"], stats["analyzer"], stats["language"]), (4, "technical", "english"))
    check(
        stats["tables"] and set(stats["tables"][0]) == {"name", "entries", "bytes"}, stats["tables"]
    )
    text = run("stats", code=0).out
    check(re.search(r"^posts +4$", text, re.M), text)
    check(all(table["name"] in text for table in stats["tables"]), text)


def test_terms():
    make_index()
    every = [line.split("\t") for line in run("terms", code=0).lines()]
    check(
        all(len(row) == 3 and int(row[1]) >= 1 and int(row[2]) >= int(row[1]) for row in every),
        every,
    )
    equal([row[0] for row in every], sorted((row[0] for row in every), key=str.encode))
    equal(len(run("terms", "-k", "2", code=0).lines()), 2)
    some = run("terms", "cach", "--json", code=0)
    check(all(json.loads(line)["term"].startswith("cach") for line in some.lines()), some.out)
    equal(set(json.loads(some.lines()[0])), {"term", "df", "cf"})
    equal(run("terms", "qqqq", code=1).out, "")


def test_verify():
    make_index()
    check(run("verify", code=0).out.startswith("ok: "), "no ok")
    check(run("verify", "--quick", code=0).out.startswith("ok: "), "no ok")
    run("verify", "--full", code=0)
    size = os.path.getsize("anpsearch.db")
    with open("anpsearch.db", "r+b") as file:
        file.seek(size // 2)
        file.write(b"\x55" * (size - size // 2))
    damaged = run("verify", code=3)
    check(damaged.err.startswith("anpsearch: "), damaged.err)
    check("ok:" not in damaged.out, damaged.out)


def test_an_index_without_posts():
    make_index("--store", "none")
    check(run("verify", code=0).out.startswith("ok: "), "no ok")
    check("p1" in run("query", "cache", code=0).out, "no hit")
    for command in (["show", "--id", "p1"], ["similar", "--id", "p1"], ["export"]):
        refused = run(*command, code=2)
        check("--store none" in refused.err, refused.err)


def test_analyze():
    result = run("analyze", "the running", "caches", code=0)
    head = result.lines()[0].split()
    equal(head, ["position", "kind", "source", "folded", "term", "stopword"])
    rows = result.lines()[1:]
    equal([row.split()[0] for row in rows], ["0", "1", "2"])
    check("stop" in rows[0] and "stop" not in rows[1], result.out)
    at = result.lines()[0].index("source")
    equal([row[at:].split()[0] for row in rows], ["the", "running", "caches"], "columns")
    check(all(row == row.rstrip() for row in result.lines()), "blanks at the end")
    wide = run("analyze", "Läufer naïve plain", code=0).lines()
    at = wide[0].index("folded")
    equal([row[at:].split()[0] for row in wide[1:]], ["läufer", "naïve", "plain"], "columns")
    run("analyze", "Läufer", "--lang", "none", "--analyzer", "plain", code=0)
    run("analyze", "", code=1)
    refuse("analyze", "x", "--analyzer", "magic", names=["magic"])


# ---- Where results go ------------------------------------------------------------------------


def test_output_that_fails():
    make_index()
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            for command in (
                ["query", "cache"],
                ["export"],
                ["stats"],
                ["--man"],
                ["similar", "--all"],
            ):
                result = run(*command, stdout=full, code=3)
                check("anpsearch: cannot write" in result.err, result.err)
    reader, writer = os.pipe()
    os.close(reader)
    for command in (["query", "cache", "--format", "ids"], ["export"], ["help"]):
        result = run(*command, stdout=writer, code=3)
        equal(result.err, "", f"{command}: a reader that has gone")
    os.close(writer)
    closed = subprocess.run(
        ["sh", "-c", '"$0" export >&-', PROGRAM],
        stderr=subprocess.PIPE,
        check=False,
        env=environment({}),
    )
    equal(closed.returncode, 3, "closed standard output")
    closed = subprocess.run(
        ["sh", "-c", '"$0" index posts.jsonl 0<&- 1>&- 2>&-', PROGRAM],
        check=False,
        env=environment({}),
    )
    equal(closed.returncode, 0, "closed standard streams")
    for name in os.listdir("."):
        with open(name, "rb") as file:
            check(b"indexed 4 posts" not in file.read(), f"a message was written into {name}")
    run("verify", code=0)


def test_locale_does_not_matter():
    make_index()
    plain = run("query", "cache", "--format", "tsv", "--blend", "0.5", code=0).out
    equal(
        run(
            "query",
            "cache",
            "--format",
            "tsv",
            "--blend",
            "0.5",
            code=0,
            env={"LC_ALL": "de_DE.UTF-8"},
        ).out,
        plain,
    )


def main():
    words = [arg for arg in sys.argv[2:] if not arg.startswith("--")]
    tests = [(name, value) for name, value in globals().items() if name.startswith("test_")]
    passed = failed = 0
    for name, test in tests:
        if words and not any(word in name for word in words):
            continue
        folder = tempfile.mkdtemp(prefix="anp-cli-")
        os.chdir(folder)
        try:
            test()
            passed += 1
        except Failure as failure:
            failed += 1
            print(f"FAILED {name}: {failure}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {name}:\n{traceback.format_exc()}")
        os.chdir("/")
        shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    UPDATE = "--update" in sys.argv
    sys.exit(main())
