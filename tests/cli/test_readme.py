"""What README.md says is run: its commands, its query examples; and the files that it names are there.

    python3 tests/cli/test_readme.py PATH/TO/anpsearch
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(sys.argv[1])
SYNTH = os.path.join(os.path.dirname(PROGRAM), "anp-synth")
TEXT = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
passed = failed = 0


def check(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("FAILED", what)


def run(words, folder):
    path = os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"]
    return subprocess.run(words, cwd=folder, env=dict(os.environ, PATH=path), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def commands(folder):
    """The lines `$ anpsearch …`, in a folder that holds what they speak of."""
    shutil.copytree(os.path.join(ROOT, "data", "posts"), os.path.join(folder, "articles"))
    made = run([SYNTH, "--from", "9700", "--count", "40", "--out", "posts.jsonl"], folder)
    check(made.returncode == 0, "anp-synth: " + made.stderr)
    lines = re.findall(r"^    \$ (anpsearch .*)$", TEXT, re.M)
    check(len(lines) >= 3, "README shows commands")
    for line in lines:
        done = run(shlex.split(line), folder)
        check(done.returncode == 0 and (done.stdout or "indexed" in done.stderr),
              "%s: exit %d, %s" % (line, done.returncode, done.stderr))


def queries(folder):
    """The examples of the query language, each of which must parse strictly."""
    block = re.search(r"### What a query can say\n\n((?:    .*\n)+)", TEXT)
    check(block, "README has the query language")
    examples = []
    for line in block.group(1).splitlines():
        example = re.split(r" {4,}", line.strip())[0]
        examples += re.split(r" {2,}", example)
    check(len(examples) >= 10, "README has query examples")
    for example in examples:
        done = run(["anpsearch", "query", "--strict-syntax", "--", example], folder)
        check(done.returncode in (0, 1), "query %s: %s" % (example, done.stderr))


def files():
    for name in re.findall(r"`((?:src|tests|tools|bench|data|include)/[\w./-]+)`", TEXT):
        check(os.path.exists(os.path.join(ROOT, name)), "README names %s" % name)


with tempfile.TemporaryDirectory() as scratch:
    commands(scratch)
    queries(scratch)
files()
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
