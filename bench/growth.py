#!/usr/bin/env python3
"""How the cost of queries grows: growth.py RUN.jsonl... [OPTIONS]

Reads raw runs of query.py over corpora of different sizes; for each side, command and kind prints
the mean by number of documents and how many times it grew from the smallest to the largest; draws
one command, all sides and kinds, as an SVG.
"""
import argparse
import json
import sys

import plot
from measure import table


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("runs", nargs="+")
    p.add_argument("--queries", help="of this file only (default: of the first that is met)")
    p.add_argument("--command", default="TOP_10", help="what the plot shows")
    p.add_argument("--side", action="append", help="only these (begins with; may be given again)")
    p.add_argument("--svg", help="the plot")
    return p.parse_args()


def read(a):
    """{(side, command, kind): {documents: mean}} and the sizes."""
    found, sizes = {}, set()
    for path in a.runs:
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        documents = rows[0]["documents"]
        sizes.add(documents)
        for row in rows:
            if row["measure"] != "cell" or not row["agrees"]:
                continue
            a.queries = a.queries or row["queries"]
            wanted = not a.side or any(row["side"].startswith(side) for side in a.side)
            if row["queries"] == a.queries and wanted:
                found.setdefault((row["side"], row["command"], row["kind"]), {})[documents] = row[
                    "mean"]
    return found, sorted(sizes)


def main():
    a = arguments()
    found, sizes = read(a)
    rows = []
    for at, means in found.items():
        grown = "%.1f" % (means[sizes[-1]] / means[sizes[0]]) if {sizes[0], sizes[-1]} <= set(
            means) else ""
        rows.append(list(at) + ["%.1f" % means[n] if n in means else "" for n in sizes] + [grown])
    table("%s: mean us by documents" % a.queries,
          ["side", "command", "kind"] + ["{:,}".format(n) for n in sizes] + ["grew"], rows)
    if a.svg:
        series = {"%s, %s" % (side, kind): list(means.items())
                  for (side, command, kind), means in found.items() if command == a.command}
        plot.lines(a.svg, "%s, %s" % (a.command, a.queries), "documents", "mean, us", series)
    return 0


if __name__ == "__main__":
    sys.exit(main())
