#!/usr/bin/env python3
"""Tests of anp-synth as a program: test_synth.py PATH-OF-ANP-SYNTH

The digests pin every byte of the first thousand posts in both formats: who changes them on purpose
runs with --print-digests and puts the new ones here. The facts are checked on what a small reader
of scraped text makes of a post; it shares no code with the importers.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

POSTS = 1000
DIGESTS = {
    "jsonl": "84f6f3a7bd8e996e7b6e4c0271ab187b3fa275188f608fc717593b4a485f41f1",
    "scraped": "04f7f5c654e0e828cdb3525ee4e39daca6af5c2b49e6c06b8cdad3b8df486965",
}
TOPICS = {
    9715: "debugging cache invalidation / python services",
    25680: "choosing cache boundaries / python services",
    18394: "debugging cache invalidation / redis caching",
    28315: "making service health visible / python services",
}
SECTIONS = {
    "why this matters": 3,
    "the practical approach": 4,
    "production checks": 4,
    "security and maintenance notes": 3,
}
LABELS = [
    "ai outline", "ai brief", "code language", "difficulty", "reading time", "view count", "topic",
    "summary", "stack", "tools", "score", "revision", "reference", "hash", "flags", "checklist",
    "entities", "image sources", "payload", "notes",
]
RENAMED = {
    "ai outline": "outline", "ai brief": "brief", "image sources": "images",
    "recommended action": "action",
}
HOSTS = {
    "dummyimage.com": "https://dummyimage.com/1200x630/",
    "placehold.co": "https://placehold.co/1200x630/",
    "picsum.photos": "https://picsum.photos/seed/anp-",
    "unsplash": "https://images.unsplash.com/photo-",
    "loremflickr.com": "https://loremflickr.com/1200/630/",
}
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED: " + what)


def run(synth, *args):
    return subprocess.run([synth, *map(str, args)], capture_output=True, timeout=120)


def output(synth, *args):
    done = run(synth, *args)
    check(done.returncode == 0, "exit 0 of %s: %r" % (args, done.stderr))
    return done.stdout


# ---- a reader of scraped text ----------------------------------------------------------------


def read_value(text):
    return int(text) if re.fullmatch(r"0|[1-9][0-9]*", text) else text


def read_key(text):
    return RENAMED.get(text, text.replace(" ", "_"))


def read_list(label, items):
    if label in ("entities", "image sources"):
        maps = []
        for item in items:
            key, value = item.split(": ", 1)
            if key in ("name", "source"):
                maps.append({})
            maps[-1][key] = value
        return maps
    if label in ("score", "revision", "flags", "payload", "ai outline"):
        pairs = [item.split(": ", 1) for item in items]
        return {read_key(key): read_value(value) for key, value in pairs}
    return items


def read_box(lines):
    meta, label, items = {}, None, []
    for line in lines + ["topic"]:
        if line.lstrip().startswith("\u2022 "):
            items.append(line.lstrip()[2:])
            continue
        if label is not None:
            meta[read_key(label)] = read_list(label, items)
            label, items = None, []
        if line == "":
            continue
        found = max((one for one in LABELS if line.startswith(one)), key=len)
        if line == found:
            label = found
        else:
            meta[read_key(found)] = read_value(line[len(found):])
    return meta


def read_body(lines, bare):
    """Blocks: a paragraph, heading, caption or run of code each; the bullets of a list together."""
    blocks, last = [], "gap"
    for line in lines:
        bullet = re.match(r" *(?:\u2022|-) (.*)", line)
        if line == "":
            last = "gap"
        elif ". image source: " in line:
            check(line.split(". image source: ")[0] == blocks[-1], "caption told twice: " + line)
            last = "gap"
        elif bullet and last == "bullet":
            blocks[-1] += "\n- " + bullet.group(1)
        elif bullet:
            blocks.append("- " + bullet.group(1))
            last = "bullet"
        elif last == "line" and not bare:
            blocks[-1] += "\n" + line
        else:
            blocks.append(line)
            last = "line"
    return "\n\n".join(blocks)


def read_scraped(text):
    lines = text.split("\n")
    rule = lines[0] if re.fullmatch(r"\|( \|)+", lines[0]) else ""
    if rule:
        lines = lines[2:]
    if "alphanode post meta" not in lines:
        return {"rule": rule, "title": lines[0], "body": read_body(lines[1:], True), "meta": None}
    box = lines.index("alphanode post meta")
    check(lines[-1] == "Similar Posts", "last line")
    return {"rule": rule, "title": lines[0], "body": read_body(lines[1:box], False),
            "meta": read_box(lines[box + 1:-1])}


# ---- facts -----------------------------------------------------------------------------------


def check_post(number, post):
    meta, name = post["meta"], "post %d: " % number
    blocks = post["body"].split("\n\n")
    payload, revision, images = meta["payload"], meta["revision"], meta.get("images", [])
    check(post["id"] == "%06d" % number and payload["seed"] == number, name + "id and seed")
    check(payload["source_id"] == "alphanode-%06d" % number, name + "source id")
    check(payload["generator"] == "anp content synthesizer", name + "generator")
    check(meta["topic"] == meta["problem"] + " / " + meta["stack"][0], name + "topic")
    check(meta["problem"] in post["title"] and meta["stack"][0] in post["title"], name + "title")
    check(meta["problem"] in blocks[0] and meta["stack"][0] in blocks[0], name + "intro")
    check(meta["stack"][1:] == [meta["area"], meta["code_language"]], name + "stack")
    check(4 <= len(meta["tools"]) <= 6 and "git" in meta["tools"], name + "tools")
    check(meta["difficulty"] in ("beginner", "intermediate", "advanced"), name + "difficulty")
    check(4 <= meta["reading_time"] <= 14 and 1000 <= meta["view_count"] < 1000000, name + "counts")
    check(list(meta["score"]) == ["quality", "freshness", "depth", "clarity"], name + "score")
    check(all(70 <= score <= 100 for score in meta["score"].values()), name + "score range")
    check(revision["status"] in ("drafted", "reviewed", "expanded"), name + "status")
    check(re.fullmatch(r"1\.\d\.\d", revision["version"]), name + "version")
    check(re.fullmatch(r"202[0-6]-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])", revision["last_reviewed"]),
          name + "last reviewed")
    check(re.fullmatch(r"anp-ref-%06d-\d{4}" % number, meta["reference"]), name + "reference")
    check(re.fullmatch(r"[0-9a-f]{24}", meta["hash"]), name + "hash")
    check(meta["flags"]["has_images"] == (len(images) > 0), name + "has images")
    check(meta["flags"]["image_heavy"] == (len(images) >= 4), name + "image heavy")
    check(revision["status"] != "drafted" or meta["flags"]["needs_human_review"] == 1,
          name + "a draft needs review")
    check([entity["type"] for entity in meta["entities"]] == ["stack", "area", "problem"],
          name + "entities")
    check("- " + "\n- ".join(meta["checklist"]) in blocks, name + "checklist in body")
    check(len(meta["notes"]) == 3 and "array" in meta["notes"][0] and "list" in meta["notes"][0] and
          "synthetic view count" in meta["notes"][1] and "review" in meta["notes"][2],
          name + "notes")
    check_paragraphs(name, blocks, payload["paragraphs"], meta["stack"][0])
    check_images(name, number, blocks, images)


def check_paragraphs(name, blocks, count, stack):
    """Sections are full but the last; every third paragraph names the stack at its end, else every
    fourth the approach."""
    section, taken, number, full = None, {}, 0, True
    for block in blocks[1:]:
        if block in SECTIONS or block == "implementation checklist":
            check(section is None or full, name + "only the last section is cut short")
            full = section is None or taken[section] == SECTIONS[section]
            section = block
            taken[block] = 0
        elif section in SECTIONS and len(block) > 150 and "\n" not in block:
            number += 1
            taken[section] += 1
            last = block.rstrip(".").rsplit(". ", 1)[1]
            check(("regarding " + stack in last) == (number % 3 == 0), name + "case clause")
            check(last.startswith("alphanode ") == (number % 3 != 0 and number % 4 == 0),
                  name + "approach clause")
    check(5 <= count <= 9 and number + 1 == count, name + "paragraphs")
    check(blocks[-2] == "final notes" and stack in blocks[-1], name + "final notes")


def check_images(name, number, blocks, images):
    shown = [block for block in blocks if re.search(r" illustration \d$", block)]
    check(shown == [image["caption"] for image in images], name + "captions, once each")
    check(len(images) <= 5, name + "images")
    for at, image in enumerate(images):
        check(image["url"].startswith(HOSTS[image["source"]]), name + "url of " + image["source"])
        if image["source"] == "picsum.photos":
            check("/anp-%06d/" % (number + at) in image["url"], name + "seed of image")
        if image["source"] == "loremflickr.com":
            check(image["url"].endswith("lock=%d" % (number + at)), name + "lock of image")


def check_same(post, name, text):
    """The scraped form of a post against its JSON form."""
    scraped, meta = read_scraped(text), dict(post["meta"])
    check(scraped["title"] == post["title"], name + ": title")
    check(scraped["body"] == post["body"], name + ": body")
    above = min(2, len(meta.get("images", [])))
    check(scraped["rule"].count("|") == (above + 1 if above else 0), name + ": table rule")
    if scraped["meta"] is None:
        check(name == post["id"] + ".txt", name + ": a bare post's stem is its id")
        check("images" not in meta and "\n\n" not in text, name + ": bare")
        return
    check(re.fullmatch(post["id"] + r"_[0-9a-f]{16}\.txt", name), name + ": file name")
    # What the box tells under no label of its own, importers take from topic and stack.
    del meta["problem"], meta["area"]
    check(scraped["meta"] == meta, name + ": meta")


def check_spread(posts, bare):
    """The pools are used whole, and in their proportions."""
    def share(what):
        return sum(map(what, posts)) / len(posts)

    stacks = {post["meta"]["stack"][0] for post in posts}
    problems = {post["meta"]["problem"] for post in posts}
    check(len(stacks) == 31 and len(problems) == 33, "31 stacks and 33 problems")
    check(len({tuple(post["meta"]["checklist"]) for post in posts}) == 5, "5 checklists")
    check({len(post["meta"].get("images", [])) for post in posts} == set(range(6)), "0 to 5 images")
    check({post["meta"]["payload"]["paragraphs"] for post in posts} == set(range(5, 10)),
          "5 to 9 paragraphs")
    check(2300 < sum(len(post["body"]) for post in posts) / len(posts) < 2700, "mean body size")
    check(0.08 < bare / len(posts) < 0.17, "share of bare posts")
    check(0.2 < share(lambda post: "\n" in re.sub(r"\n(- |\n)", "", post["body"])) < 0.35,
          "share of posts with code")
    check(0.3 < share(lambda post: post["meta"]["flags"]["needs_human_review"]) < 0.5,
          "share that needs review")
    reviewed = [post["meta"]["revision"]["last_reviewed"] for post in posts]
    fresh = [post["meta"]["score"]["freshness"] for post in posts]
    by_date = [f for _, f in sorted(zip(reviewed, fresh))]
    half = len(by_date) // 2
    check(abs(sum(by_date[:half]) - sum(by_date[half:])) / half < 2,
          "freshness does not follow from last reviewed")


# ---- the runs --------------------------------------------------------------------------------


def digest_of_folder(folder):
    digest = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            digest.update(name.encode() + b"\0" + file.read() + b"\0")
    return digest.hexdigest()


def test_first_thousand(synth, folder):
    lines = output(synth, "--count", POSTS)
    run(synth, "--count", POSTS, "--format", "scraped", "--dir", folder)
    digests = {"jsonl": hashlib.sha256(lines).hexdigest(), "scraped": digest_of_folder(folder)}
    for name, digest in digests.items():
        if "--print-digests" in sys.argv:
            print('    "%s": "%s",' % (name, digest))
        check(digest == DIGESTS[name], "digest of the first %d posts as %s" % (POSTS, name))
    posts = [json.loads(line) for line in lines.splitlines()]
    names = sorted(os.listdir(folder))
    check(len(posts) == POSTS and len(names) == POSTS, "number of posts")
    for number, (post, name) in enumerate(zip(posts, names)):
        check_post(number, post)
        with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
            check_same(post, name, file.read())
    check_spread(posts, sum(1 for name in names if "_" not in name))


def test_known_topics(synth):
    for number, topic in TOPICS.items():
        post = json.loads(output(synth, "--from", number))
        check(post["meta"]["topic"] == topic, "topic of %d" % number)
        check_post(number, post)
        one = output(synth, "--from", number, "--format", "scraped")
        if b"alphanode post meta" in one:
            check(("topic" + topic + "\n").encode() in one, "topic of %d, scraped" % number)


def test_ranges_and_threads(synth, folder):
    whole = output(synth, "--from", 990, "--count", 1500)
    parts = output(synth, "--from", 990, "--to", 1700) + output(synth, "--from=1701", "--to=2489")
    check(whole == parts, "a range is the sum of its parts")
    for threads in (2, 3, 8):
        check(whole == output(synth, "--from", 990, "--count", 1500, "--threads", threads),
              "the same bytes with %d threads" % threads)
    path = os.path.join(folder, "posts.jsonl")
    output(synth, "--from", 990, "--count", 1500, "--threads", 2, "--out", path)
    with open(path, "rb") as file:
        check(whole == file.read(), "the same bytes in a file")
    check(os.listdir(folder) == ["posts.jsonl"], "no partial file is left")
    run(synth, "--count", 300, "--format", "scraped", "--dir", os.path.join(folder, "one"))
    run(synth, "--count", 300, "--format", "scraped", "--dir", os.path.join(folder, "four"),
        "--threads", 4)
    check(digest_of_folder(os.path.join(folder, "one")) ==
          digest_of_folder(os.path.join(folder, "four")), "the same files with 4 threads")
    check(output(synth, "--count", 0) == b"", "no post")
    far = json.loads(output(synth, "--from", 999999999999))
    check_post(999999999999, far)


def test_larger_pools(synth):
    for stacks, problems in ((40, 33), (62, 66), (3, 6)):
        count = stacks * problems
        lines = output(synth, "--count", count, "--stacks", stacks, "--problems", problems)
        topics = [json.loads(line)["meta"]["topic"] for line in lines.splitlines()]
        check(len(set(topics)) == count, "every pair of %d and %d once" % (stacks, problems))
    lines = output(synth, "--count", 2200, "--stacks", 1031, "--problems", 2081)
    metas = [json.loads(line)["meta"] for line in lines.splitlines()]
    check(len({meta["stack"][0] for meta in metas}) == 1031, "1,031 stacks")
    check(len({meta["problem"] for meta in metas}) == 2081, "2,081 problems")
    for number, line in enumerate(lines.splitlines()):
        check_post(number, json.loads(line))


def test_samples_in_data(synth):
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data")
    names = os.listdir(os.path.join(data, "posts"))
    check(len(names) == 8, "eight scraped samples")
    for name in names:
        number = int(re.match(r"[0-9]+", name).group())
        with open(os.path.join(data, "posts", name), "rb") as file:
            check(file.read() == output(synth, "--from", number, "--format", "scraped"),
                  "data/posts/%s is as anp-synth writes it" % name)
    with open(os.path.join(data, "samples.jsonl"), encoding="utf-8") as file:
        ids = [json.loads(line)["id"] for line in file]
    check(ids == ["sample-%03d" % (at + 1) for at in range(12)], "ids of samples.jsonl")


def test_wrong_usage(synth, folder):
    for args in (["--frm", "1"], ["--from"], ["--from", "x"], ["--from", "-1"], ["--from="],
                 ["--count", "5", "--to", "6"], ["--from", "4", "--to", "3"], ["x"],
                 ["--format", "xml"], ["--format", "scraped", "--count", "2"], ["--dir", folder],
                 ["--format", "scraped", "--dir", folder, "--out", "x"], ["--stacks", "0"],
                 ["--stacks", "1032"], ["--problems", "2082"], ["--threads", "0"],
                 ["--from", "999999999999", "--count", "2"], ["--from", "1", "--from", "1"],
                 ["--from", "99999999999999999999999"], ["--help=1"]):
        done = run(synth, *args)
        check(done.returncode == 2 and done.stdout == b"", "exit 2 of %s" % args)
        check(re.fullmatch(rb"anp-synth: [^\n]+\n", done.stderr), "one line for %s" % args)
    done = run(synth, "--help")
    check(done.returncode == 0 and b"--problems P" in done.stdout, "--help")
    done = run(synth, "--out", folder)
    check(done.returncode == 3 and os.listdir(folder) == [], "exit 3 where --out is a folder")
    for args in (["--out", os.path.join(folder, "absent", "x")],
                 ["--format", "scraped", "--dir", os.path.join(folder, "absent", "x")]):
        done = run(synth, *args)
        check(done.returncode == 3 and b"absent" in done.stderr, "exit 3 of %s" % args)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([synth, "--count", "1000", "--threads", "3"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=120)
        check(done.returncode == 3 and b"standard output" in done.stderr, "exit 3 on a full disk")


def main():
    if len(sys.argv) < 2:
        print("usage: test_synth.py PATH-OF-ANP-SYNTH [--print-digests]", file=sys.stderr)
        return 2
    synth = os.path.abspath(sys.argv[1])
    tests = (test_first_thousand, test_known_topics, test_ranges_and_threads, test_larger_pools,
             test_samples_in_data, test_wrong_usage)
    failed = 0
    for test in tests:
        before = len(failures)
        with tempfile.TemporaryDirectory() as folder:
            test(synth, folder) if test.__code__.co_argcount == 2 else test(synth)
        failed += len(failures) > before
    print("test_synth: %d passed, %d failed" % (len(tests) - failed, failed))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
