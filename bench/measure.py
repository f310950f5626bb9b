"""What the bench scripts share: running a program and what it took, the head of a run, tables.

A run is JSON Lines: first one object about commit, machine and command, then one object a measure.
What people read (a Markdown table) is made from the same objects.
"""
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAMPLE_SECONDS = 0.02
PAGE_FIELDS = {"VmHWM": "peak_bytes", "RssAnon": "anon_bytes", "RssFile": "mapped_bytes"}


class Failed(Exception):
    """A program that ended otherwise than it should, or an answer that is wrong."""


# ---- running -----------------------------------------------------------------------------------


def memory_of(pid):
    """VmHWM, RssAnon and RssFile of a running process in bytes; {} when it is gone."""
    found = {}
    try:
        with open("/proc/%d/status" % pid) as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in PAGE_FIELDS:
                    found[PAGE_FIELDS[name]] = int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return {}
    return found


def cpu_seconds_of(pid):
    """User and system seconds of a running process, all threads; 0.0 when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as status:
            fields = status.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """Seconds that the processors have worked since they were started, for whomever."""
    try:
        with open("/proc/stat") as counters:
            user, nice, system, _idle, _wait, irq, softirq, steal = map(
                int, counters.readline().split()[1:9])
    except (OSError, ValueError):
        return 0.0
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at a process's memory 50 times a second, in a thread, and keeps the largest values.

    The peak of all resident pages is the kernel's own high-water mark, so that only the last 20 ms
    can be missed; the peak of the anonymous part is that of the samples.
    """

    def __init__(self, pid, also=None):
        self.peaks, self.pid, self.also = {}, pid, also
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.stop.is_set():
            for name, value in memory_of(self.pid).items():
                self.peaks[name] = max(value, self.peaks.get(name, 0))
            if self.also:
                self.also(self.pid)
            self.stop.wait(SAMPLE_SECONDS)

    def end(self):
        self.stop.set()
        self.thread.join()
        return self.peaks


def run(words, stdin=None, also=None, may_fail=False):
    """Runs a program to its end. Gives seconds, cpu_seconds, peak memory, stdout and stderr.

    `stdin` is an open file or pipe; `also` is called with the process's id 50 times a second. What
    all else on the machine took of the processors meanwhile is others_cpu_seconds: a figure of a
    run where it is large is worth little.
    """
    busy = busy_seconds()
    start = time.monotonic()
    child = subprocess.Popen(words, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    watch = Watch(child.pid, also)
    texts = {}
    readers = [threading.Thread(target=lambda name=name, pipe=pipe: texts.update(
        {name: pipe.read()})) for name, pipe in (("out", child.stdout), ("err", child.stderr))]
    for reader in readers:
        reader.start()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    peaks = watch.end()
    for reader in readers:
        reader.join()
    busy = busy_seconds() - busy
    # ru_maxrss misses nothing, but begins with what the Python that spawned the child had.
    exact, ours = usage.ru_maxrss * 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peak = exact if exact > ours else peaks.get("peak_bytes", 0)
    own = usage.ru_utime + usage.ru_stime
    out, err = (texts[name].decode("utf-8", "replace") for name in ("out", "err"))
    if child.returncode and not may_fail:
        raise Failed("%s: exit %d: %s" % (" ".join(words), child.returncode, err.strip()))
    return {
        "seconds": seconds,
        "cpu_seconds": own,
        "others_cpu_seconds": max(0.0, busy - own),
        "peak_bytes": peak,
        "anon_bytes": peaks.get("anon_bytes", 0),
        "exit": child.returncode,
        "out": out,
        "err": err,
    }


def fresh_us(words):
    """Microseconds of one fresh process, from spawn to exit; its output goes nowhere."""
    nowhere = [(os.POSIX_SPAWN_OPEN, n, "/dev/null", os.O_RDWR, 0) for n in (0, 1, 2)]
    start = time.perf_counter_ns()
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=nowhere)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    took = (time.perf_counter_ns() - start) / 1000
    if status not in (0, 1):  # 1: nothing found
        raise Failed("%s: exit %d" % (" ".join(words), status))
    return took


def fresh_beside_true(words, runs):
    """p50 and p99 of fresh processes, by turns with `true`, in microseconds."""
    true = shutil.which("true")
    ours, least = [], []
    for _ in range(runs):
        least.append(fresh_us([true]))
        ours.append(fresh_us(words))
    return {
        "p50_us": percentile(ours, 50),
        "p99_us": percentile(ours, 99),
        "true_p50_us": percentile(least, 50),
        "over_true_us": percentile(ours, 50) - percentile(least, 50),
        "runs": runs,
    }


def percentile(numbers, p):
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, len(ordered) * p // 100)]


def spread(numbers):
    """Median, least and most."""
    numbers = list(numbers)
    return {"median": statistics.median(numbers), "least": min(numbers), "most": max(numbers)}


# ---- anpsearch ---------------------------------------------------------------------------------


def remove_index(db):
    for path in (db, db + "-lock", db + ".witness"):
        if os.path.exists(path):
            os.remove(path)


def stats(program, db):
    return json.loads(run([program, "stats", "--db", db, "--json"])["out"])


def compactions(program):
    """The ways of compaction that this version knows: lists of options behind `compact`."""
    help_of = run([program, "compact", "--help"], may_fail=True)
    if help_of["exit"]:
        return []
    return [[], ["--keep-order"]] if "--keep-order" in help_of["out"] else [[]]


# ---- the record of a run -----------------------------------------------------------------------


def first_line(words):
    try:
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_name():
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.partition(":")[2].strip() for line in lines
                         if line.startswith("model name")), "unknown")
    except OSError:
        return "unknown"


def machine():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cores": os.cpu_count(), "cpu": cpu_name(), "memory_gib": round(pages / 2**30, 1)}


def without_folders(word):
    """A word of a command line with file names only: a kept run does not tell of this machine."""
    return re.sub(r"(^|=|,)/[^,\s]*/", r"\1", word)


class Record:
    """Measures as they come: each is written at once to `path`, so that a killed run keeps them."""

    def __init__(self, path, program, **about):
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        self.file = open(path, "w")
        changed = first_line(["git", "status", "--porcelain", "--", "src", "include", "build.zig"])
        self.head = {
            "measure": "head",
            "date": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            "commit": first_line(["git", "rev-parse", "--short", "HEAD"]) or "unknown",
            "changed_since": bool(changed),
            "version": first_line([program, "--version"]),
            "machine": machine(),
            "command": " ".join(without_folders(word) for word in sys.argv),
            **about,
        }
        self.write(self.head)

    def write(self, row):
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()

    def add(self, measure, **values):
        row = {"measure": measure, **values}
        self.write(row)
        return row

    def print_head(self):
        head, of = self.head, self.head["machine"]
        print("%s, commit %s%s, %s" % (head["date"], head["commit"], " and changes not committed"
                                       if head["changed_since"] else "", head["version"]))
        print("%s cores, %s, %s GiB" % (of["cores"], of["cpu"], of["memory_gib"]))
        print("command: %s\n" % head["command"])


def table(title, columns, rows):
    """Prints a Markdown table, columns as wide as they must be."""
    print("%s\n" % title)
    lines = [columns] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for n, line in enumerate(lines):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("| %s |" % " | ".join(cells))
        if n == 0:
            print("|%s|" % "|".join("-" * (width + 2) for width in widths))
    print(flush=True)


def with_spread(numbers, form="%.1f"):
    """`31.5 (30.9 to 32.0)`."""
    s = spread(numbers)
    return "%s (%s to %s)" % tuple(form % s[name] for name in ("median", "least", "most"))


def megabytes(count):
    return "%.1f" % (count / 1e6)


def mebibytes(count):
    return "%.0f" % (count / 2**20)
