"""Do the sides of a query bench give the same answers? Totals, and the ids of the best ten.

A total must be equal. A list is the same, id by id; or near: each of its posts has at ours a score
that could stand in the best ten if lengths were kept in one byte, as the peers do (rounded down by
up to an eighth, so a score moves by less); or different. Phrases are not compared where a peer
scores them as one unit and we as their words.
"""
import subprocess

from measure import Failed

NEAR = 0.125
WIDE = 1000  # of ours, to look a peer's posts up
LISTED = ("term", "intersection", "union", "mixed", "negated")


def ask(words, command, queries):
    """The answers of a driver: for each query (total or None, [(id, score)])."""
    lines = "".join("%s\t%s\n" % (command, query) for query in queries)
    done = subprocess.run(words, input=lines, capture_output=True, text=True, check=False)
    answers = done.stdout.split("\n")[:-1]
    if done.returncode or len(answers) != len(queries):
        raise Failed("%s: %d answers to %d queries: %s" % (
            words[0], len(answers), len(queries), done.stderr[-300:]))
    out = []
    for answer in answers:
        cells = answer.split("\t") if answer else []
        total = int(cells.pop(0)) if not command.startswith("TOP") or "COUNT" in command else None
        hits = [cell.rsplit(":", 1) for cell in cells]
        out.append((total, [(name, float(score)) for name, score in hits]))
    return out


def of_lists(ours, wide, theirs, near=NEAR):
    """same, near or different: of the best ten of one query; `wide` is ours, longer."""
    ids, their_ids = [h[0] for h in ours], [h[0] for h in theirs]
    if ids == their_ids:
        return "same"
    if len(ids) != len(their_ids):
        return "different"
    scores, least = dict(wide), ours[-1][1] * (1 - near)
    # What is not among WIDE has at most the last one's score; among fewer, it does not match.
    missing = wide[-1][1] if len(wide) == WIDE else -1.0
    return "near" if all(scores.get(i, missing) >= least for i in their_ids) else "different"


def totals(ours, theirs):
    """{kind: [equal, close, all]} and examples; {(kind, query): found}; -1: cannot be said.

    close: by one, or by a hundredth, as much work. (SeekStorm reads the first 65,535 words of a
    document; newer stemmers than ours part some words.)
    """
    out, examples = {}, []
    for (kind, query), found in ours.items():
        if theirs.get((kind, query), -1) < 0:
            continue
        cell = out.setdefault(kind, [0, 0, 0])
        cell[2] += 1
        cell[1] += abs(theirs[kind, query] - found) <= max(1, found // 100)
        if theirs[kind, query] == found:
            cell[0] += 1
        elif len(examples) < 5:
            examples.append([query, found, theirs[kind, query]])
    return out, examples


def alone(ours, of_peers):
    """Queries of which two peers or more say one total, none another, and ours differs.

    Not a phrase that the peers find more often: to them title and body are one text, and a phrase
    may begin in the one and end in the other.
    """
    out = []
    for key, found in ours.items():
        said = [side[key] for side in of_peers if side.get(key, -1) >= 0]
        across = '"' in key[1] and said and said[0] > found
        if len(said) > 1 and len(set(said)) == 1 and said[0] != found and not across:
            out.append([key[1], found, said[0]])
    return out


def lists(queries, our_words, peers, phrases_too=()):
    """{peer: {kind: {"same": n, "near": n, "different": n}}} and examples of different ones.

    queries: [(kind, query)]; peers: {name: words of its `query` verb}.
    """
    texts = [query for _, query in queries]
    ours, wide = ask(our_words, "TOP_10", texts), ask(our_words, "TOP_%d" % WIDE, texts)
    out, examples = {}, {}
    for name, words in peers.items():
        theirs = ask(words, "TOP_10", texts)
        out[name], examples[name] = {}, []
        for (kind, query), mine, longer, got in zip(queries, ours, wide, theirs):
            phrase = '"' in query
            if (phrase or kind not in LISTED) and name not in phrases_too:
                continue
            verdict = of_lists(mine[1], longer[1], got[1])
            cell = out[name].setdefault(kind, {"same": 0, "near": 0, "different": 0})
            cell[verdict] += 1
            if verdict == "different" and len(examples[name]) < 5:
                examples[name].append(query)
    return out, examples
