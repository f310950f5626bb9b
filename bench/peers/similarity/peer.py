#!/usr/bin/env python3
"""All posts' ten nearest by a peer: peer.py METHOD POSTS.jsonl [QUERIES]

METHOD: datasketch, rensa, gaoya (MinHash with LSH at threshold 0.5, candidates ranked by signature, or
by the peer's own estimate), anpsearch:PROGRAM:INDEX[:MEASURE] (similar --all, jaccard, exact). Prints one JSON object:
seconds and processor seconds to index and to answer all posts (QUERIES of them, default 200, when it would
take too long; then scaled up and said so), and the id-recall@10 over 100 posts: the share of what is
returned whose plain Jaccard of 3-word shingles is that of the true tenth or more; what is not returned
counts as missed.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

WIDTH, PERMUTATIONS, BANDS, JUDGED = 3, 128, 32, 100


def shingles(text):
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {" ".join(words[i : i + WIDTH]) for i in range(len(words) - WIDTH + 1)}


def clock():
    children = os.times()
    return time.time(), sum(os.times()[:4]) if children else 0


def best(query, candidates, signatures):
    import numpy

    ids = numpy.fromiter((c for c in candidates if c != query), dtype=numpy.int64)
    if not len(ids):
        return []
    equal = (signatures[ids] == signatures[query]).mean(1)
    order = numpy.lexsort((ids, -equal))[:10]
    return [int(ids[i]) for i in order]


def with_datasketch(sets):
    import numpy
    from datasketch import MinHash, MinHashLSH

    made = MinHash.bulk(([s.encode() for s in one] for one in sets), num_perm=PERMUTATIONS)
    made = list(made)
    signatures = numpy.stack([m.hashvalues for m in made])
    index = MinHashLSH(params=(BANDS, PERMUTATIONS // BANDS), num_perm=PERMUTATIONS)
    for number, one in enumerate(made):
        index.insert(number, one, check_duplication=False)
    return lambda q: best(q, index.query(made[q]), signatures)


def with_rensa(sets):
    import numpy
    import rensa

    made = []
    for one in sets:
        made.append(rensa.RMinHash(PERMUTATIONS, 42))
        made[-1].update(list(one))
    signatures = numpy.array([m.digest() for m in made], dtype=numpy.uint64)
    index = rensa.RMinHashLSH(0.5, PERMUTATIONS, BANDS)
    for number, one in enumerate(made):
        index.insert(number, one)
    return lambda q: best(q, index.query(made[q]), signatures)


def with_gaoya(texts):
    import gaoya

    index = gaoya.minhash.MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=0.5,
        num_bands=BANDS,
        band_size=PERMUTATIONS // BANDS,
        num_hashes=PERMUTATIONS,
        analyzer="word",
        lowercase=True,
        ngram_range=(WIDTH, WIDTH),
    )
    index.par_bulk_insert_docs(list(range(len(texts))), texts)

    def answer(query):
        found = index.query(texts[query], return_similarity=True)
        found = sorted((-float(s), int(i)) for i, s in found if int(i) != query)
        return [i for _, i in found[:10]]

    return answer


def with_anpsearch(method, ids):
    program, index, *measure = method.split(":")[1:]
    out = os.path.join(tempfile.mkdtemp(), "lists")
    command = [program, "similar", "--db", index, "--all", "--exact", "--out", out]
    subprocess.run(command + ["--measure", measure[0] if measure else "jaccard"], check=True)
    number_of = {one: number for number, one in enumerate(ids)}
    lists = {}
    with open(out, encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            lists[number_of[found["id"]]] = [number_of[hit["id"]] for hit in found["hits"]]
    return lists


def recall(sets, answers):
    near = 0
    for query, found in answers.items():
        def likeness(other):
            both = len(sets[query] & sets[other])
            return both / max(len(sets[query]) + len(sets[other]) - both, 1)

        tenth = sorted((likeness(o) for o in range(len(sets)) if o != query), reverse=True)[9]
        near += sum(likeness(other) >= tenth for other in found)
    return near / (10 * len(answers))


def main():
    method, path = sys.argv[1:3]
    queries = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    with open(path, encoding="utf-8") as file:
        posts = [json.loads(line) for line in file]
    texts = [post["body"] for post in posts]
    judged = random.Random(5).sample(range(len(posts)), JUDGED)
    result = {"bench": "similar-peers", "method": method.split(":")[0], "posts": len(posts)}
    start = clock()
    if method.startswith("anpsearch"):
        lists = with_anpsearch(method, [post["id"] for post in posts])
        answer, queries = lists.get, 0
    else:
        peer = {"datasketch": with_datasketch, "rensa": with_rensa, "gaoya": with_gaoya}[method]
        answer = peer(texts if method == "gaoya" else [shingles(text) for text in texts])
    indexed = clock()
    some = random.Random(6).sample(range(len(posts)), min(queries, len(posts)))
    for query in some:
        answer(query)
    done = clock()
    scale = len(posts) / len(some) if some else 1
    for unit, which in (("seconds", 0), ("cpu_seconds", 1)):
        result["index_" + unit] = round(indexed[which] - start[which], 2)
        result["answer_" + unit] = round((done[which] - indexed[which]) * scale, 2)
    result["answers_scaled_from"] = len(some) or len(posts)
    answers = {query: answer(query) for query in judged}
    result["id_recall_10"] = round(recall([shingles(text) for text in texts], answers), 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
