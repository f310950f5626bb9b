/* See flags.h. The order of a table is the order in texts. */
#include "cli/flags.h"

#include "base/limits.h"

#include <float.h>
#include <string.h>

#define ON(id) (UINT32_C(1) << (id))

enum { THREADS_MAX = 1024, SNIPPET_WORDS_MAX = 10000, WORDS_ANY = 1 << 20 };

#define OPENS                                                                                      \
    (ON(COMMAND_INDEX) | ON(COMMAND_QUERY) | ON(COMMAND_SIMILAR) | ON(COMMAND_SHOW) |              \
     ON(COMMAND_DELETE) | ON(COMMAND_STATS) | ON(COMMAND_TERMS) | ON(COMMAND_VERIFY) |             \
     ON(COMMAND_COMPACT) | ON(COMMAND_BACKUP) | ON(COMMAND_EXPORT))
#define EVERY                                                                                      \
    (OPENS | ON(COMMAND_ANALYZE) | ON(COMMAND_COMPLETION) | ON(COMMAND_HELP) | ON(COMMAND_VERSION))

const command commands[COMMANDS] = {
    [COMMAND_NONE] = {"", "COMMAND [OPTIONS] [ARGS]", 0, 0,
                      "full-text search and similar posts for technical articles", NULL},
    [COMMAND_INDEX] = {"index", "PATH... | -", 1, WORDS_ANY,
                       "add posts to the index, or replace them",
                       "Reads posts from files, from directories (walked in sorted order) or, for "
                       "-, from standard input, and adds them; a post whose id is there already is "
                       "replaced. The index is made when there is none. Files may be compressed "
                       "with zstd (.zst).\n\n"
                       "A bad post is reported as FILE:LINE: reason, counted and skipped. Work is "
                       "committed in large batches: what has been committed stays, whatever "
                       "happens afterwards. Ctrl-C stops after the running batch, a second one at "
                       "once."},
    [COMMAND_QUERY] =
        {"query", "QUERY... | --queries FILE", 0, WORDS_ANY, "find posts",
         "Prints the posts that match best. Several arguments are one query with spaces in "
         "between. A query that begins with - stands behind --.\n\n"
         "Words find posts with any of them; +word needs it, -word rules it out; \"a phrase\", "
         "AND, OR, NOT and parentheses; title:word and other fields, facets such as stack:\"redis "
         "caching\", ranges such as quality:>=80; word^2 counts double; * alone matches every "
         "post."},
    [COMMAND_SIMILAR] =
        {"similar", "--id ID | --text FILE | --all | --clusters", 0, 0,
         "list the posts nearest to a post",
         "Prints the posts that share most with one post, with a draft that is not in the index, "
         "or, for each post of the index, one JSON object a line; or groups of near-duplicates.\n\n"
         "Lists are exact: the same as if the post were compared with every other. That takes some "
         "0.3 microseconds of a processor a post for one list, about 1 to load what all lists "
         "need; 15 where posts repeat little of each other's text."},
    [COMMAND_SHOW] = {"show", "--id ID...", 0, 0, "print posts as they were stored",
                      "Prints title, body and meta; with --json the form that index reads back."},
    [COMMAND_DELETE] =
        {"delete", "--id ID...", 0, 0, "take posts out of the index",
         "Deletes all that are there, in one commit; those that are not are reported."},
    [COMMAND_STATS] = {"stats", "", 0, 0, "print counts, settings and the size of each table",
                       NULL},
    [COMMAND_TERMS] =
        {"terms", "[PREFIX]", 0, 1, "list the terms of the index",
         "Prints, for each term that begins with PREFIX, the term, the number of posts that hold "
         "it and the number of times it stands in them, with tabs in between, in byte order."},
    [COMMAND_VERIFY] =
        {"verify", "", 0, 0, "check the index for damage",
         "Prints what is wrong, one thing a line, and exits with 3; or one line that begins with "
         "ok."},
    [COMMAND_COMPACT] =
        {"compact", "[DEST]", 0, 1, "write the index anew, packed, without what is dead",
         "Drops deleted and replaced posts and the terms that only they had, folds the newest "
         "posts in, packs the file, and puts posts that share words side by side: after a large "
         "import it makes queries up to twice as fast. They answer as before, but for the order "
         "of exact ties.\n\n"
         "Without DEST in place: writers wait until it is done, readers go on. The new file is "
         "built beside the old one and takes its name in one step; a kill or Ctrl-C before that "
         "leaves the old one as it was. Processes that have the index open go on, and find the new "
         "file by themselves. With DEST into that new file; what exists is not overwritten."},
    [COMMAND_BACKUP] =
        {"backup", "DEST", 1, 1, "copy the index, while others read and write",
         "Copies the last commit to the new file DEST, checking every value on the way; it is "
         "there only when whole and safe on the disk, and what exists is not overwritten. The "
         "copy, with DEST.witness beside it, is an index like any other: open it with --db, or "
         "move both to the place of one that is lost. Free pages are left out."},
    [COMMAND_EXPORT] = {"export", "", 0, 0, "print all posts as JSON Lines",
                        "One post a line, oldest first, in the form that index reads back."},
    [COMMAND_ANALYZE] = {"analyze", "TEXT...", 1, WORDS_ANY, "show what becomes of a text",
                         "Prints each token with its position, its kind, its source, the folded "
                         "form, the term that the index holds, and whether queries drop it. Needs "
                         "no index."},
    [COMMAND_COMPLETION] = {"completion", "bash", 1, 1, "print a completion script for the shell",
                            "For bash: put  source <(anpsearch completion bash)  into ~/.bashrc."},
    [COMMAND_HELP] = {"help", "[COMMAND]", 0, 1, "print the manual of a command", NULL},
    [COMMAND_VERSION] = {"version", "", 0, 0, "print the version", NULL},
};

#define QUERY ON(COMMAND_QUERY)
#define SIMILAR ON(COMMAND_SIMILAR)
#define INDEX ON(COMMAND_INDEX)

const flag flags[FLAGS] = {
    [FLAG_DB] =
        {"db", 0, FLAG_FILE, "PATH", 0, 0, OPENS | ON(COMMAND_NONE), "the index file",
         "Without it, the environment's ANPSEARCH_DB; without that, anpsearch.db in the working "
         "directory."},
    [FLAG_HELP] = {"help", 'h', FLAG_SWITCH, NULL, 0, 0, EVERY | ON(COMMAND_NONE),
                   "print a summary", NULL},
    [FLAG_VERSION] = {"version", 'V', FLAG_SWITCH, NULL, 0, 0, ON(COMMAND_NONE),
                      "print the version", NULL},
    [FLAG_MAN] = {"man", 0, FLAG_SWITCH, NULL, 0, 0, ON(COMMAND_NONE), "print the man page (roff)",
                  NULL},

    [FLAG_INDEX_FORMAT] = {"format", 0, FLAG_CHOICE, "auto|scraped|jsonl|json", 0, 0, INDEX,
                           "what the sources hold",
                           "auto goes by the file's name: .txt is scraped text, .jsonl and .ndjson "
                           "are JSON Lines or one array, .json is one array or posts one after "
                           "the other; standard input is like .jsonl."},
    [FLAG_ANALYZER] = {"analyzer", 0, FLAG_CHOICE, "technical|plain", 0, 0,
                       INDEX | ON(COMMAND_ANALYZE), "how text becomes terms (default technical)",
                       "technical: Unicode words, case folded, technical words such as node.js "
                       "whole and in parts, stemmed. plain: runs of letters and digits, "
                       "lower-cased, stemmed; for comparison with other engines."},
    [FLAG_LANG] = {"lang", 0, FLAG_TEXT, "LANGUAGE", 0, 0, INDEX | ON(COMMAND_ANALYZE),
                   "the language of stems (default english)",
                   "A Snowball language, or none for no stemming."},
    [FLAG_TITLE_WEIGHT] = {"title-weight", 0, FLAG_COUNT, "N", 0, TITLE_WEIGHT_MAX, INDEX,
                           "how often the title counts (default 3)",
                           "0: titles are found by title: only. Fixed when the index is made."},
    [FLAG_STORE] = {"store", 0, FLAG_CHOICE, "all|none", 0, 0, INDEX,
                    "keep the posts themselves (default all)",
                    "none makes an index for speed alone, without show, snippets and similar "
                    "posts; deleting works. Fixed when the index is made."},
    [FLAG_REQUIRE_REVIEWED] = {"require-reviewed", 0, FLAG_SWITCH, NULL, 0, 0, INDEX,
                               "take reviewed posts only",
                               "Those whose revision.status is reviewed or expanded and whose "
                               "needs_human_review is 0. The others are counted as held back."},
    [FLAG_STRICT] = {"strict", 0, FLAG_SWITCH, NULL, 0, 0, INDEX, "stop at the first bad post",
                     "With exit status 4; what was committed stays."},
    [FLAG_REBUILD] =
        {"rebuild", 0, FLAG_SWITCH, NULL, 0, 0, INDEX, "make a new index in place of the old one",
         "The new one is built beside the old one, which stays as it is until the new one is "
         "whole, and for good if that fails. Processes that have the old one open go on with it."},
    [FLAG_THREADS] = {"threads", 0, FLAG_COUNT, "N", 1, THREADS_MAX,
                      INDEX | SIMILAR | ON(COMMAND_COMPACT),
                      "workers at most (default: all processors)",
                      "The same bytes come out with any number."},
    [FLAG_MEMORY] = {"memory", 0, FLAG_BYTES, "SIZE", 0, 0, INDEX | ON(COMMAND_COMPACT),
                     "memory for posts before they are committed (default 512M)",
                     "In bytes, or with K, M or G for powers of 1,024."},

    [FLAG_K] = {NULL, 'k', FLAG_COUNT, "N", 1, RESULTS_MAX, QUERY | SIMILAR | ON(COMMAND_TERMS),
                "at most N results (default 10)", NULL},
    [FLAG_OFFSET] = {"offset", 0, FLAG_COUNT, "N", 0, RESULTS_MAX, QUERY,
                     "leave out the first N results (default 0)", NULL},
    [FLAG_FILTER] = {"filter", 0, FLAG_TEXT, "QUERY", 0, 0, QUERY | SIMILAR,
                     "only posts that match this too, unscored", NULL},
    [FLAG_OPERATOR] = {"operator", 0, FLAG_CHOICE, "and|or", 0, 0, QUERY,
                       "what stands between words (default or)", NULL},
    [FLAG_COUNT_ONLY] = {"count", 0, FLAG_SWITCH, NULL, 0, 0, QUERY,
                         "print only how many posts match", NULL},
    [FLAG_SNIPPET] = {"snippet", 0, FLAG_COUNT, "N", 0, SNIPPET_WORDS_MAX, QUERY,
                      "words of text around matches (default 30; 0: none)",
                      "In JSON & < > of the text are entities and matches stand in <mark>, so that "
                      "a snippet can be put into a page as it is."},
    [FLAG_EXPLAIN] = {"explain", 0, FLAG_SWITCH, NULL, 0, 0, QUERY | SIMILAR,
                      "print the numbers behind each score", NULL},
    [FLAG_TRACE] = {"trace", 0, FLAG_SWITCH, NULL, 0, 0, QUERY,
                    "print what was read and skipped, and how long each phase took",
                    "On standard error, for each query."},
    [FLAG_BLEND] = {"blend", 0, FLAG_NUMBER, "X", 0, 0.95, QUERY,
                    "how much a post's own scores count (default 0.3)",
                    "0 ranks by the words alone."},
    [FLAG_WEIGHTS] =
        {"weights", 0, FLAG_TEXT, "NAME=X,...", 0, 0, QUERY,
         "of quality, freshness, depth, clarity",
         "Each 0 or more; those that are not named stay 1. For example quality=2,depth=0.5."},
    [FLAG_K1] = {"k1", 0, FLAG_NUMBER, "X", 0, FLT_MAX, QUERY,
                 "how much repeated words count (default 1.2)", NULL},
    [FLAG_B] = {"b", 0, FLAG_NUMBER, "X", 0, 1, QUERY, "how much length counts (default 0.75)",
                NULL},
    [FLAG_STOPWORDS] = {"stopwords", 0, FLAG_CHOICE, "none|english", 0, 0, QUERY,
                        "words that queries drop (default english)",
                        "They are kept in quotes, behind + and where no other word is left."},
    [FLAG_STRICT_SYNTAX] = {"strict-syntax", 0, FLAG_SWITCH, NULL, 0, 0, QUERY,
                            "refuse queries that do not parse",
                            "Otherwise what does not parse is taken as words, and a note says so."},
    [FLAG_QUERIES] = {"queries", 0, FLAG_FILE, "FILE", 0, 0, QUERY,
                      "answer each line of FILE (-: standard input)", NULL},
    [FLAG_QUERY_FORMAT] = {"format", 0, FLAG_CHOICE, "text|json|jsonl|tsv|trec|ids", 0, 0, QUERY,
                           "what is printed (default text)",
                           "text is for people. json and jsonl: one object a query, on one line. "
                           "tsv: rank, id, score and title, with tabs in between. trec: lines of a "
                           "TREC run, queries numbered from 1. ids: one a line."},

    [FLAG_ID] = {"id", 0, FLAG_TEXT, "ID", 0, 0, SIMILAR, "the post", NULL},
    [FLAG_DRAFT] = {"text", 0, FLAG_FILE, "FILE", 0, 0, SIMILAR,
                    "a draft that is not in the index (-: standard input)",
                    "The whole file is taken as a post's body."},
    [FLAG_ALL] = {"all", 0, FLAG_SWITCH, NULL, 0, 0, SIMILAR,
                  "every post of the index, one JSON object a line", NULL},
    [FLAG_CLUSTERS] = {"clusters", 0, FLAG_SWITCH, NULL, 0, 0, SIMILAR,
                       "groups of near-duplicates, one JSON object a line",
                       "Posts that are joined, over others of the group, by a plain Jaccard of at "
                       "least --min (default 0.8); the first one represents it, and likeness is "
                       "to that one."},
    [FLAG_EXACT] = {"exact", 0, FLAG_SWITCH, NULL, 0, 0, SIMILAR,
                    "with --measure jaccard: compare with every post",
                    "Otherwise the list of one post or draft is chosen among the 100 whose "
                    "sketches are nearest. The other measures, and --all, are always exact."},
    [FLAG_MIN] = {"min", 0, FLAG_NUMBER, "X", 0, 1, SIMILAR, "least similarity (default 0)", NULL},
    [FLAG_MEASURE] =
        {"measure", 0, FLAG_CHOICE, "jaccard|text|about|blend", 0, 0, SIMILAR,
         "what similar means (default blend)",
         "text: the share of runs of three words that two bodies have in common, rare ones "
         "counting more. about: the same of the terms of title, topic, problem and stack. blend: "
         "0.4 text + 0.6 about. jaccard: text with all runs alike."},
    [FLAG_SIMILAR_FORMAT] = {"format", 0, FLAG_CHOICE, "text|json|tsv|ids", 0, 0, SIMILAR,
                             "what is printed (default text)",
                             "text is for people. json: one object on one line. tsv: rank, id, "
                             "similarity and title, with tabs in between. ids: one a line."},

    [FLAG_IDS] = {"id", 0, FLAG_TEXTS, "ID...", 0, 0, ON(COMMAND_SHOW) | ON(COMMAND_DELETE),
                  "the posts", NULL},
    [FLAG_REORDER] =
        {"reorder", 0, FLAG_SWITCH, NULL, 0, 0, ON(COMMAND_COMPACT),
         "put posts that share words side by side even if they are few",
         "Without it those of an index of fewer than 8,192 stay in their order."},
    [FLAG_KEEP_ORDER] =
        {"keep-order", 0, FLAG_SWITCH, NULL, 0, 0, ON(COMMAND_INDEX) | ON(COMMAND_COMPACT),
         "keep posts in the order they stand in",
         "Exports and exact ties of scores go by it. Without it index sorts each 8,192 posts of a "
         "larger import by their own scores and length, and compact puts like posts side by side: "
         "queries are faster, and the file is smaller. With it compact takes two thirds of the "
         "time, and no room on the disk for the postings a second time."},
    [FLAG_QUICK] = {"quick", 0, FLAG_SWITCH, NULL, 0, 0, ON(COMMAND_VERIFY),
                    "check the file, its headers and counts only", NULL},
    [FLAG_FULL] = {"full", 0, FLAG_SWITCH, NULL, 0, 0, ON(COMMAND_VERIFY),
                   "check every value (the default)", NULL},
    [FLAG_OUT] =
        {"out", 0, FLAG_FILE, "FILE", 0, 0, SIMILAR | ON(COMMAND_EXPORT),
         "write to FILE, which is there only when whole",
         "It is written as FILE.partial, and renamed at the end."},
    [FLAG_JSON] = {"json", 0, FLAG_SWITCH, NULL, 0, 0,
                   QUERY | SIMILAR | ON(COMMAND_SHOW) | ON(COMMAND_STATS) | ON(COMMAND_TERMS),
                   "print JSON", NULL},
};

/* What one command alone says of an option that it shares; NULL: what all say. */
typedef struct own_text {
    flag_id id;
    command_id of;
    const char *help;
    const char *manual; /* put behind the manual of all */
} own_text;

static const own_text own_texts[] = {
    {FLAG_K, COMMAND_TERMS, "at most N terms (default: all)", NULL},
    {FLAG_ANALYZER, COMMAND_INDEX, NULL, "Fixed when the index is made."},
    {FLAG_LANG, COMMAND_INDEX, NULL, "Fixed when the index is made."},
    {FLAG_MEMORY, COMMAND_COMPACT, "memory to order posts by (default 512M)", NULL},
    {FLAG_OUT, COMMAND_SIMILAR, NULL,
     "With --all or --clusters. --all that was stopped, or killed, goes on where it was when it is "
     "given again with the same options and the posts are the same."},
    {FLAG_FILTER, COMMAND_SIMILAR, "only posts that match this are answers", NULL},
    {FLAG_EXPLAIN, COMMAND_SIMILAR, "print what each post shares, with weights that add up", NULL},
    {FLAG_JSON, COMMAND_QUERY, NULL, "Short for --format json."},
    {FLAG_JSON, COMMAND_SIMILAR, NULL, "Short for --format json."},
    {FLAG_JSON, COMMAND_SHOW, NULL, "One object a line, in the form that index reads back."},
    {FLAG_JSON, COMMAND_TERMS, NULL, "One object a line."},
};

static const own_text *find_own(flag_id id, command_id of) {
    for (size_t i = 0; i < sizeof own_texts / sizeof *own_texts; i++) {
        if (own_texts[i].id == id && own_texts[i].of == of) {
            return &own_texts[i];
        }
    }
    return NULL;
}

const char *flag_help(flag_id id, command_id of) {
    const own_text *own = find_own(id, of);
    return own && own->help ? own->help : flags[id].help;
}

const char *flag_own_manual(flag_id id, command_id of) {
    const own_text *own = find_own(id, of);
    return own ? own->manual : NULL;
}

flag_id flag_find(command_id of, const char *name, size_t len) {
    flag_id id = 0;
    while (id < FLAGS &&
           !(flag_belongs(id, of) && flags[id].name && strlen(flags[id].name) == len &&
             memcmp(flags[id].name, name, len) == 0)) {
        id++;
    }
    return id;
}

flag_id flag_find_letter(command_id of, char letter) {
    flag_id id = 0;
    while (id < FLAGS && !(flag_belongs(id, of) && letter && flags[id].letter == letter)) {
        id++;
    }
    return id;
}

int flag_choice(flag_id id, const char *word) {
    size_t len = strlen(word);
    int number = 0;
    for (const char *at = flags[id].value;; number++) {
        size_t here = strcspn(at, "|");
        if (here == len && memcmp(at, word, len) == 0) {
            return number;
        }
        if (at[here] == 0) {
            return -1;
        }
        at += here + 1;
    }
}

command_id command_find(const char *name) {
    command_id id = COMMAND_NONE + 1;
    while (id < COMMANDS && strcmp(commands[id].name, name) != 0) {
        id++;
    }
    return id;
}
