/* The command line: `--name value` and `--name=value` are the same; no option stands twice. */
#include "options.h"

#include <string.h>

enum { THREADS_MAX = 64 };

typedef enum option_key {
    FROM,
    COUNT,
    TO,
    FORMAT,
    OUT,
    DIR,
    STACKS,
    PROBLEMS,
    THREADS,
    HELP,
    OPTION_KEYS
} option_key;

typedef struct option {
    const char *name;
    const char *value; /* what stands for the value in the help; NULL: takes none */
    uint64_t min, max; /* of a number; max 0: the value is text */
    const char *help;
} option;

static const option OPTIONS[OPTION_KEYS] = {
    [FROM] = {"from", "N", 0, SYNTH_NUMBER_MAX, "number of the first post (default 0)"},
    [COUNT] = {"count", "M", 0, SYNTH_NUMBER_MAX + 1, "how many posts (default 1)"},
    [TO] = {"to", "M", 0, SYNTH_NUMBER_MAX, "number of the last post, in place of --count"},
    [FORMAT] = {"format", "jsonl|scraped", 0, 0, "one JSON object a line (default), or page text"},
    [OUT] = {"out", "FILE", 0, 0, "write there, not to standard output"},
    [DIR] = {"dir", "DIR", 0, 0, "scraped only: one file a post; made if absent"},
    [STACKS] = {"stacks", "S", 1, SYNTH_STACKS_MAX, "size of the pool of stacks (default 31)"},
    [PROBLEMS] = {"problems", "P", 1, SYNTH_PROBLEMS_MAX,
                  "size of the pool of problems (default 33)"},
    [THREADS] = {"threads", "T", 1, THREADS_MAX,
                 "workers (default 1); the bytes do not depend on it"},
    [HELP] = {"help", NULL, 0, 0, "print this and stop"},
};

typedef struct values {
    bool given[OPTION_KEYS];
    uint64_t numbers[OPTION_KEYS];
    const char *texts[OPTION_KEYS];
} values;

void synth_options_help(FILE *to) {
    fputs(
        "usage: anp-synth [OPTIONS]\n\n"
        "Writes synthetic AlphaNode posts for load tests. Post N is a pure function of N (and of\n"
        "the pool sizes): the same bytes on every machine.\n\n",
        to);
    for (size_t i = 0; i < OPTION_KEYS; i++) {
        const option *o = &OPTIONS[i];
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value == NULL ? "" : " ",
                 o->value == NULL ? "" : o->value);
        fprintf(to, "  %-24s %s\n", left, o->help);
    }
    fputs("\nexit status: 0 done, 2 wrong usage, 3 a file can't be written or memory is short\n",
          to);
}

static bool parse_number(const char *text, const option *o, uint64_t *value) {
    uint64_t sum = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || sum > SYNTH_NUMBER_MAX) {
            return false;
        }
        sum = sum * 10 + (uint64_t)(*text - '0');
    }
    *value = sum;
    return sum >= o->min && sum <= o->max;
}

static size_t find(const char *name, size_t len) {
    size_t i = 0;
    while (i < OPTION_KEYS &&
           (strlen(OPTIONS[i].name) != len || memcmp(OPTIONS[i].name, name, len) != 0)) {
        i++;
    }
    return i;
}

/* Reads the option at argv[*at]; moves *at onto its value where that is an argument of its own. */
static bool read_option(values *v, int argc, char **argv, int *at,
                        char message[SYNTH_MESSAGE_BYTES]) {
    const char *arg = argv[*at];
    if (strcmp(arg, "-h") == 0) {
        arg = "--help";
    }
    if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0') {
        snprintf(message, SYNTH_MESSAGE_BYTES, "unexpected argument '%.80s': see --help", arg);
        return false;
    }
    const char *equals = strchr(arg, '=');
    size_t key = find(arg + 2, equals == NULL ? strlen(arg + 2) : (size_t)(equals - arg - 2));
    if (key == OPTION_KEYS) {
        snprintf(message, SYNTH_MESSAGE_BYTES, "unknown option '%.80s': see --help", arg);
        return false;
    }
    const option *o = &OPTIONS[key];
    if (v->given[key]) {
        snprintf(message, SYNTH_MESSAGE_BYTES, "--%s stands twice: give it once", o->name);
        return false;
    }
    v->given[key] = true;
    if (o->value == NULL) {
        if (equals != NULL) {
            snprintf(message, SYNTH_MESSAGE_BYTES, "--%s takes no value", o->name);
        }
        return equals == NULL;
    }
    if (equals == NULL && *at + 1 >= argc) {
        snprintf(message, SYNTH_MESSAGE_BYTES, "--%s needs a value: %s", o->name, o->value);
        return false;
    }
    v->texts[key] = equals != NULL ? equals + 1 : argv[++*at];
    if (o->max > 0 && !parse_number(v->texts[key], o, &v->numbers[key])) {
        snprintf(message, SYNTH_MESSAGE_BYTES,
                 "--%s '%.80s' is not a whole number from %llu to %llu", o->name, v->texts[key],
                 (unsigned long long)o->min, (unsigned long long)o->max);
        return false;
    }
    if (v->texts[key][0] == '\0') {
        snprintf(message, SYNTH_MESSAGE_BYTES, "--%s is empty: give %s", o->name, o->value);
        return false;
    }
    return true;
}

static const char *check_target(const synth_options *options) {
    if (options->out != NULL && options->dir != NULL) {
        return "--out and --dir exclude each other: give one";
    }
    if (options->format == SYNTH_JSONL && options->dir != NULL) {
        return "--dir is for --format scraped: for jsonl give --out FILE";
    }
    if (options->format == SYNTH_SCRAPED && options->dir == NULL && options->count > 1) {
        return "scraped posts have no mark between them: give --dir DIR, or --count 1";
    }
    return NULL;
}

static const char *settle(synth_options *options, const values *v) {
    const char *format = v->given[FORMAT] ? v->texts[FORMAT] : "jsonl";
    *options = (synth_options){
        .from = v->numbers[FROM],
        .count = v->given[COUNT] ? v->numbers[COUNT] : 1,
        .format = strcmp(format, "scraped") == 0 ? SYNTH_SCRAPED : SYNTH_JSONL,
        .out = v->texts[OUT],
        .dir = v->texts[DIR],
        .sizes = {v->given[STACKS] ? (uint32_t)v->numbers[STACKS] : SYNTH_STACKS,
                  v->given[PROBLEMS] ? (uint32_t)v->numbers[PROBLEMS] : SYNTH_PROBLEMS},
        .threads = v->given[THREADS] ? (uint32_t)v->numbers[THREADS] : 1,
        .help = v->given[HELP],
    };
    if (strcmp(format, "jsonl") != 0 && strcmp(format, "scraped") != 0) {
        return "--format is neither jsonl nor scraped";
    }
    if (v->given[TO]) {
        if (v->given[COUNT]) {
            return "--count and --to exclude each other: give one";
        }
        if (v->numbers[TO] < options->from) {
            return "--to lies before --from";
        }
        options->count = v->numbers[TO] - options->from + 1;
    }
    if (options->count > SYNTH_NUMBER_MAX + 1 - options->from) {
        return "the last post would be past 999999999999: lower --from or --count";
    }
    return check_target(options);
}

bool synth_options_parse(synth_options *options, int argc, char **argv,
                         char message[SYNTH_MESSAGE_BYTES]) {
    values v = {0};
    for (int at = 1; at < argc; at++) {
        if (!read_option(&v, argc, argv, &at, message)) {
            return false;
        }
    }
    const char *problem = settle(options, &v);
    if (problem != NULL && !options->help) {
        snprintf(message, SYNTH_MESSAGE_BYTES, "%s", problem);
        return false;
    }
    return true;
}
