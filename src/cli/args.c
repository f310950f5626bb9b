/*
 * See args.h. One walk over argv:
 *
 *     --name=value  --name value  --name      long
 *     -k value  -k5  -k=5                     short
 *     --                                      what follows are words
 *     the first word                          the command; before it only the overview's options
 *
 * A lone - is a word, or a value. An option of several values takes them until the next thing that
 * begins with -, also behind =.
 */
#include "cli/args.h"

#include "cli/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_CHARS_MAX = 63, FLAG_NAME_CHARS = 64, GUESS_CHARS = 96 };

typedef struct walk {
    int argc;
    char **argv;
    int at; /* the next argument */
    args *out;
} walk;

bool args_number(const char *text, const char *end, double *out) {
    char copy[NUMBER_CHARS_MAX + 1];
    char *stop;
    size_t len = (size_t)(end - text);
    if (len == 0 || len > NUMBER_CHARS_MAX) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = 0;
    if (strspn(copy, "0123456789+-.eE") != len) { /* no blanks, 0x, nan, inf */
        return false;
    }
    *out = strtod(copy, &stop);
    return *stop == 0 && isfinite(*out);
}

/* Digits only; false over 64 bits. *end is the first byte behind them. */
static bool read_digits(const char *text, const char **end, uint64_t *out) {
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    *end = at;
    return at > text;
}

/* "--offset" or "-k", for messages. */
static const char *shown(const flag *f, char name[FLAG_NAME_CHARS]) {
    if (f->name) {
        snprintf(name, FLAG_NAME_CHARS, "--%s", f->name);
    } else {
        snprintf(name, FLAG_NAME_CHARS, "-%c", f->letter);
    }
    return name;
}

static bool read_count(const flag *f, const char *text, flag_value *value) {
    char name[FLAG_NAME_CHARS];
    const char *end;
    if (read_digits(text, &end, &value->count) && *end == 0 && (double)value->count >= f->min &&
        (double)value->count <= f->max) {
        return true;
    }
    return fail_usage("%s cannot be '%s': a whole number from %.0f to %.0f is allowed",
                      shown(f, name), text, f->min, f->max);
}

static bool read_number(const flag *f, const char *text, flag_value *value) {
    if (args_number(text, text + strlen(text), &value->number) && value->number >= f->min &&
        value->number <= f->max) {
        return true;
    }
    if (f->max < 1e9) {
        return fail_usage("--%s cannot be '%s': a number from %g to %g is allowed", f->name, text,
                          f->min, f->max);
    }
    return fail_usage("--%s cannot be '%s': a number that is %g or more is allowed", f->name, text,
                      f->min);
}

static bool read_bytes(const flag *f, const char *text, flag_value *value) {
    static const char suffixes[] = "kKmMgG";
    const char *end;
    bool good = read_digits(text, &end, &value->count);
    if (good && *end) {
        const char *suffix = strchr(suffixes, *end);
        unsigned shift = suffix ? 10 * (unsigned)((suffix - suffixes) / 2 + 1) : 0;
        good = suffix && end[1] == 0 && value->count <= UINT64_MAX >> shift;
        value->count <<= shift;
    }
    if (!good || value->count == 0) {
        return fail_usage("--%s cannot be '%s': a size such as 512M is allowed (K, M, G, or bytes)",
                          f->name, text);
    }
    return true;
}

static bool add_id(args *a, const char *id) {
    a->ids[a->id_count++] = id; /* at most argc of them */
    return true;
}

static bool set_value(walk *w, flag_id id, const char *text) {
    const flag *f = &flags[id];
    flag_value *value = &w->out->flags[id];
    value->given = true;
    value->text = text;
    switch (f->kind) {
    case FLAG_COUNT:
        return read_count(f, text, value);
    case FLAG_NUMBER:
        return read_number(f, text, value);
    case FLAG_BYTES:
        return read_bytes(f, text, value);
    case FLAG_CHOICE:
        value->choice = flag_choice(id, text);
        return value->choice >= 0 ||
               fail_usage("--%s cannot be '%s': one of %s is allowed", f->name, text, f->value);
    case FLAG_TEXTS:
        return add_id(w->out, text);
    case FLAG_FILE:
        return *text || fail_usage("--%s needs the name of a file, not nothing", f->name);
    case FLAG_TEXT:
    case FLAG_SWITCH:
        break;
    }
    return true;
}

static bool is_option(const char *arg) {
    return arg[0] == '-' && arg[1] != 0;
}

/* The option is known; `attached` is the value that stands in the same argument, or NULL. */
static bool take_value(walk *w, flag_id id, const char *typed, const char *attached) {
    const flag *f = &flags[id];
    if (f->kind == FLAG_SWITCH) {
        return attached ? fail_usage("%.*s takes no value, but has '%s'", (int)strcspn(typed, "="),
                                     typed, attached)
                        : set_value(w, id, NULL);
    }
    bool several = f->kind == FLAG_TEXTS;
    if (!attached && (w->at >= w->argc || (several && is_option(w->argv[w->at])))) {
        return fail_usage("%s needs a value: %s", typed, f->value);
    }
    if (!set_value(w, id, attached ? attached : w->argv[w->at++])) {
        return false;
    }
    while (several && w->at < w->argc && !is_option(w->argv[w->at])) {
        add_id(w->out, w->argv[w->at++]);
    }
    return true;
}

/* What follows a name that is none; `nearest` may be NULL. */
static const char *describe_guess(const char *dashes, const char *nearest, char out[GUESS_CHARS]) {
    if (nearest) {
        snprintf(out, GUESS_CHARS, "; did you mean %s%s? See:", dashes, nearest);
    } else {
        snprintf(out, GUESS_CHARS, "; see:");
    }
    return out;
}

static bool refuse(const walk *w, const char *typed, const char *name) {
    command_id of = w->out->command;
    char guess[GUESS_CHARS];
    const char *words = of == COMMAND_QUERY || of == COMMAND_ANALYZE
                            ? " (words that begin with - stand behind --)"
                            : "";
    if (flag_is_later(of, name)) {
        return fail_usage("%s --%s is not in this version; see: anpsearch help %s",
                          commands[of].name, name, commands[of].name);
    }
    describe_guess("--", flag_nearest(of, name), guess);
    if (of == COMMAND_NONE) {
        return fail_usage("no option %s here%s anpsearch help", typed, guess);
    }
    return fail_usage("%s has no option %s%s%s anpsearch help %s", commands[of].name, typed, words,
                      guess, commands[of].name);
}

static bool take_long(walk *w, const char *arg) {
    char name[FLAG_NAME_CHARS];
    size_t len = strcspn(arg + 2, "=");
    flag_id id = flag_find(w->out->command, arg + 2, len);
    if (id == FLAGS) {
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1),
                 arg + 2);
        return refuse(w, arg, name);
    }
    return take_value(w, id, arg, arg[2 + len] ? arg + 2 + len + 1 : NULL);
}

static bool take_short(walk *w, const char *arg) {
    flag_id id = flag_find_letter(w->out->command, arg[1]);
    if (id == FLAGS) {
        return refuse(w, arg, arg + 1);
    }
    const char *attached = arg[2] == '=' ? arg + 3 : arg[2] ? arg + 2 : NULL;
    return take_value(w, id, arg, attached);
}

bool args_refuse_command(const char *name) {
    char guess[GUESS_CHARS];
    if (command_is_later(name)) {
        return fail_usage("the command %s is not in this version; see: anpsearch help", name);
    }
    return fail_usage("no command '%s'%s anpsearch help", name,
                      describe_guess("", command_nearest(name), guess));
}

static bool take_word(walk *w, const char *arg) {
    args *a = w->out;
    if (a->command != COMMAND_NONE) {
        a->words[a->word_count++] = arg;
        return true;
    }
    a->command = command_find(arg);
    if (a->command == COMMANDS) {
        a->command = COMMAND_NONE;
        return args_refuse_command(arg);
    }
    return true;
}

static bool check_words(const args *a) {
    const command *c = &commands[a->command];
    if (a->flags[FLAG_HELP].given) {
        return true;
    }
    if (a->word_count < (size_t)c->words_min) {
        return fail_usage("%s needs %s; see: anpsearch help %s", c->name, c->synopsis, c->name);
    }
    if (a->word_count > (size_t)c->words_max && flag_find(a->command, "id", 2) != FLAGS) {
        const char *word = a->words[c->words_max];
        return fail_usage("%s takes no argument '%s'; an id stands behind --id: anpsearch %s --id "
                          "%s; see: anpsearch help %s",
                          c->name, word, c->name, word, c->name);
    }
    if (a->word_count > (size_t)c->words_max) {
        return fail_usage("%s takes no argument '%s'; see: anpsearch help %s", c->name,
                          a->words[c->words_max], c->name);
    }
    return true;
}

bool args_parse(int argc, char **argv, args *out) {
    *out = (args){0};
    out->words = calloc((size_t)argc + 1, sizeof *out->words);
    out->ids = calloc((size_t)argc + 1, sizeof *out->ids);
    if (!out->words || !out->ids) {
        return fail_usage("out of memory for %d arguments", argc);
    }
    walk w = {argc, argv, 1, out};
    bool words_only = false;
    while (w.at < argc) {
        const char *arg = argv[w.at++];
        bool good;
        if (words_only || !is_option(arg)) {
            good = take_word(&w, arg);
        } else if (strcmp(arg, "--") == 0) {
            words_only = good = true;
        } else {
            good = arg[1] == '-' ? take_long(&w, arg) : take_short(&w, arg);
        }
        if (!good) {
            return false;
        }
    }
    return check_words(out);
}

void args_free(args *a) {
    free(a->words);
    free(a->ids);
}
