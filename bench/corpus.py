#!/usr/bin/env python3
"""Corpora for the benches: corpus.py passages DOCS.jsonl [WORDS [MOST]] > PASSAGES.jsonl

Cuts each document into passages of WORDS words (default 150), for a corpus of many short documents.
A passage keeps its document's title and has the id ID#N, N from 1; a document without words is one
passage. The same input gives the same output.
"""
import json
import os
import random
import sys

import measure

WORDS = 150
SCORES = ("quality", "freshness", "depth", "clarity")


def body_of(post):
    return post.get("body", post.get("text", post.get("content", "")))


def passages(lines, words, most, out):
    """Writes them; how many there were."""
    count = 0
    for line in lines:
        post = json.loads(line)
        body = body_of(post).split()
        for first in range(0, max(1, len(body)), words):
            if most and count == most:
                return count
            cut = {"id": "%s#%d" % (post["id"], first // words + 1),
                   "title": post.get("title") or "",
                   "body": " ".join(body[first:first + words])}
            out.write(json.dumps(cut, ensure_ascii=False) + "\n")
            count += 1
    return count


def first(lines, most, out):
    for number, line in enumerate(lines):
        if number == most:
            break
        out.write(line)


def scored(lines, out):
    """The same posts with scores of 0 to 100, drawn by their ids."""
    for line in lines:
        post = json.loads(line)
        drawn = random.Random(str(post["id"]))
        post.setdefault("meta", {})["score"] = {name: drawn.randint(0, 100) for name in SCORES}
        out.write(json.dumps(post, ensure_ascii=False) + "\n")


def made(path, make):
    """path, made by make(open file) when it is not there yet."""
    if not os.path.exists(path):
        with open(path + ".part", "w", encoding="utf-8") as out:
            make(out)
        os.rename(path + ".part", path)
    return path


def prepare(corpus, folder, words=0, most=0):
    """The corpus itself, or a file in folder: its passages, its first documents."""
    stem = os.path.basename(corpus).rsplit(".", 1)[0]
    if words:
        path = os.path.join(folder, "%s-passages-%d%s.jsonl" % (
            stem, words, "-%d" % most if most else ""))
        return made(path, lambda out: passages(open(corpus, encoding="utf-8"), words, most, out))
    if most:
        return made(os.path.join(folder, "%s-%d.jsonl" % (stem, most)),
                    lambda out: first(open(corpus, encoding="utf-8"), most, out))
    return corpus


def with_scores(docs, folder):
    """A file in folder: the same posts with scores drawn at random."""
    stem = os.path.basename(docs).rsplit(".", 1)[0]
    return made(os.path.join(folder, stem + "-scores.jsonl"),
                lambda out: scored(open(docs, encoding="utf-8"), out))


def synthesised(synth, count, folder):
    path = os.path.join(folder, "posts-%d.jsonl" % count)
    if not os.path.exists(path):
        measure.run([synth, "--count", str(count), "--out", path + ".part"])
        os.rename(path + ".part", path)
    return path


def size_of(path):
    """How many documents, and how many bytes of title, newline, body."""
    documents = raw = 0
    with open(path, "rb") as lines:
        for line in lines:
            post = json.loads(line)
            raw += len((post.get("title") or "").encode()) + 1 + len(body_of(post).encode())
            documents += 1
    return documents, raw


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] != "passages":
        sys.exit(__doc__)
    numbers = [int(word) for word in sys.argv[3:]] + [WORDS, 0][len(sys.argv) - 3:]
    passages(open(sys.argv[2], encoding="utf-8"), numbers[0], numbers[1], sys.stdout)
