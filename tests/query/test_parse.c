/*
 * Text to tree. The tables show the tree as query_print writes it: + needed, - excluded, nothing:
 * optional.
 *
 * The index of these tests knows the fields stack (texts), quality and flags.has_images (numbers),
 * last_reviewed (dates) and version (texts and numbers).
 */
#include "test.h"

#include "base/prng.h"
#include "query/ast.h"

#include <stdio.h>
#include <stdlib.h>

static anp_status find_field(void *user, str name, snapshot_field *out, anp_error *err) {
    static const snapshot_field fields[] = {
        {0, {"stack", 5}, true, false, false},   {1, {"quality", 7}, false, true, false},
        {2, {"images", 6}, false, true, false},  {3, {"last_reviewed", 13}, false, false, true},
        {4, {"version", 7}, true, true, false},  {5, {"my field", 8}, true, false, false},
    };
    (void)user, (void)err;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (str_equal(fields[i].name, name)) {
            *out = fields[i];
            return ANP_OK;
        }
    }
    return ANP_NOT_FOUND;
}

static const query_syntax relaxed = {.field_find = find_field};
static const query_syntax all_words = {.all_words = true, .field_find = find_field};
static const query_syntax strict = {.strict = true, .field_find = find_field};
static const query_syntax filter = {.strict = true, .filter = true, .field_find = find_field};

struct example {
    const char *text;
    const char *tree;
};

static void check_table(const char *name, const query_syntax *syntax, const struct example *table,
                        size_t count) {
    CASE(name);
    for (size_t i = 0; i < count; i++) {
        arena memory = {0};
        anp_error err = ANP_ERROR_INIT;
        query_ast ast;
        anp_status status = query_parse(str_from(table[i].text), syntax, &memory, &ast, &err);
        bool good = CHECK_EQ_INT(status, ANP_OK) &&
                    CHECK_EQ_STR(query_print(ast.root, &memory).data, table[i].tree);
        if (!good) {
            test_note("query: %s", table[i].text);
        }
        arena_free(&memory);
    }
}

#define CHECK_TABLE(name, syntax, table) \
    check_table(name, syntax, table, sizeof(table) / sizeof *(table))

static void words_and_operators(void) {
    static const struct example table[] = {
        {"", ""},
        {"   \t\n", ""},
        {"cache", "(cache)"},
        {"cache invalidation", "(cache invalidation)"},
        {"+cache +redis -varnish", "(+cache +redis -varnish)"},
        {"a AND b", "(+a +b)"},
        {"a OR b", "(a b)"},
        {"a b AND c", "(a (+b +c))"},
        {"a AND b OR c AND d", "((+a +b) (+c +d))"},
        {"a AND (b OR c)", "(+a +(b c))"},
        {"a AND NOT b", "(+a -b)"},
        {"NOT a", "(-a)"},
        {"NOT NOT a", "(a)"},
        {"NOT a b", "(-a b)"},
        {"a OR NOT b", "(a -b)"},
        {"a OR (NOT b)", "(a (-b))"},
        {"NOT a AND b OR c", "((-a +b) c)"},
        {"NOT -a", "(a)"},
        {"NOT (a b)", "(-(a b))"},
        {"+(a b) c", "(+(a b) c)"},
        {"+a AND b c", "(+(+a +b) c)"},
        {"(a)", "(a)"},
        {"((a))", "(a)"},
        {"(a b)", "(a b)"},
        {"(-a)", "(-a)"},
        {"-(-a)", "(-(-a))"},
        {"a(b)c", "(a b c)"},
        {"a^2 b^0.5", "(a^2 b^0.5)"},
        {"(a b)^3 c", "((a b)^3 c)"},
        {"(a^2)^3", "(a^6)"},
        {"*", "(*)"},
        {"* -redis", "(* -redis)"},
        {"*^2", "(*^2)"},
    };
    CHECK_TABLE("words and operators", &relaxed, table);
    static const struct example needed[] = {
        {"a b", "(+a +b)"},
        {"a b OR c", "((+a +b) c)"},
        {"a -b", "(+a -b)"},
        {"a", "(a)"},
        {"a (b OR c)", "(+a +(b c))"},
    };
    CHECK_TABLE("--operator and", &all_words, needed);
}

static void typed_text(void) {
    static const struct example table[] = {
        {"LRU AND LFU", "(LRU AND LFU)"}, /* no lower case: words */
        {"Lru AND LFU", "(+Lru +LFU)"},
        {"long-term", "(long-term)"},
        {"c++", "(c++)"},
        {"--flag", "(\\--flag)"},
        {"++i", "(\\++i)"},
        {"a - b", "(a \\- b)"},
        {"a + b", "(a \\+ b)"},
        {"-", "(\\-)"},
        {"what is redis?", "(what is redis?)"},
        {"Error: no space", "(Error: no space)"},
        {"http://x.org/a", "(http://x.org/a)"},
        {"unknown:redis", "(unknown:redis)"},
        {"title: redis", "(title: redis)"},
        {"/usr/bin", "(/usr/bin)"},
        {"client / server / both", "(client / server / both)"},
        {"a\\ b", "(a b)"},
        {"\\AND", "(\\AND)"},
        {"C:\\temp\\new", "(C:\\temp\\new)"},
        {"\\-a", "(\\-a)"},
        {"title\\:redis", "(title:redis)"},
        {"a\\^2", "(a^2)"},
        {"and or not", "(and or not)"},
        {"a\\", "(a\\)"},
        {"~/config", "(~/config)"},
        {"{a} [b]", "({a} [b])"},
        {"f(x)", "(f x)"},
    };
    CHECK_TABLE("what people type", &relaxed, table);
    static const struct example broken[] = {
        {"\"cache rules", "(cache rules)"},
        {"say \"a b\" and \"c", "(say \"a b\" and c)"},
        {"(cache", "(cache)"},
        {"cache)", "(cache)"},
        {":)", "(:)"},
        {"a ()", "(a)"},
        {"printf()", "(printf)"},
        {"((", ""},
        {"a (())", "(a)"},
        {"a AND (())", "(a AND)"},
        {"a AND", "(a AND)"},
        {"OR a", "(OR a)"},
        {"a AND OR b", "(a AND b)"},
        {"do NOT", "(do NOT)"},
        {"a^x", "(a^x)"},
        {"a^0", "(a^0)"},
        {"a^1000001", "(a^1000001)"},
        {"\"a b\"~", "(\"a b\")"},
        {"\"a b\"~999", "(\"a b\"~255)"},
        {"-\"", ""},
        {"-()", ""},
        {"title:()", "(title)"},
        {"title:\"", "(title)"},
        {"quality:high", "(quality:high)"},
        {"quality:>=high", "(quality:>=high)"},
        {"quality:[1 AND 2]", "(quality:[1 AND 2])"},
        {"quality:[1 TO", "(quality:[1 TO)"},
        {"invalid*", "(invalid)"},
        {"colo?r", "(colo?r)"},
        {"debuging~", "(debuging)"},
        {"debuging~2", "(debuging)"},
        {"/cach(e|ing)/", "(cach(e|ing))"},
        {"stack:red*", "(stack=\"red\")"},
    };
    CHECK_TABLE("what does not parse", &relaxed, broken);
}

static void fields_and_values(void) {
    static const struct example table[] = {
        {"title:redis", "(title:redis)"},
        {"body:\"health check\"", "(body:\"health check\")"},
        {"title:(a b) c", "((title:a title:b) c)"},
        {"title:(a AND body:b) c", "((+title:a +body:b) c)"},
        {"-title:a", "(-title:a)"},
        {"title:-a", "(title:\\-a)"},
        {"title:AND x", "(title:AND x)"},
        {"title:a^2", "(title:a^2)"},
        {"title:*", "(title:*)"},
        {"stack:\"redis caching\"", "(stack=\"redis caching\")"},
        {"stack:c++^2", "(stack=\"c++\"^2)"},
        {"stack:(a OR b)", "(stack=\"a\" stack=\"b\")"},
        {"my\\ field:x", "(my field=\"x\")"},
        {"quality:80", "(quality[80 TO 80])"},
        {"quality:=80", "(quality[80 TO 80])"},
        {"quality:>80", "(quality{80 TO inf])"},
        {"quality:>=80", "(quality[80 TO inf])"},
        {"quality:<80", "(quality[-inf TO 80})"},
        {"quality:<=80", "(quality[-inf TO 80])"},
        {"quality:-5", "(quality[-5 TO -5])"},
        {"quality:[5 TO 12]", "(quality[5 TO 12])"},
        {"quality:{5 TO 12}", "(quality{5 TO 12})"},
        {"quality:[5 TO 12}", "(quality[5 TO 12})"},
        {"quality:{* TO 12]^2", "(quality[-inf TO 12]^2)"},
        {"quality:(>80 OR <20)", "(quality{80 TO inf] quality[-inf TO 20})"},
        {"quality:*", "(quality[-inf TO inf])"},
        {"images:true", "(images[1 TO 1])"},
        {"images:false", "(images[0 TO 0])"},
        {"version:2", "(version=\"2\"|version[2 TO 2])"},
        {"version:beta", "(version=\"beta\")"},
        {"version:>=2", "(version[2 TO inf])"},
        {"last_reviewed:1970-01-02", "(last_reviewed[86400 TO 172800})"},
        {"last_reviewed:<=1970-01-02", "(last_reviewed[-inf TO 172800})"},
        {"last_reviewed:<1970-01-02", "(last_reviewed[-inf TO 86400})"},
        {"last_reviewed:>1970-01-02", "(last_reviewed[172800 TO inf])"},
        {"last_reviewed:>=1970-01-02", "(last_reviewed[86400 TO inf])"},
        {"last_reviewed:1970-02", "(last_reviewed[2678400 TO 5097600})"},
        {"last_reviewed:1971", "(last_reviewed[31536000 TO 63072000})"},
        {"last_reviewed:[1970 TO *]", "(last_reviewed[0 TO inf])"},
        {"last_reviewed:[1970-01-01 TO 1970-01-01]", "(last_reviewed[0 TO 86400})"},
        {"last_reviewed:{1970-01-01 TO 1970-01-03}", "(last_reviewed[86400 TO 172800})"},
        {"last_reviewed:\"1970-01-01T00:01\"", "(last_reviewed[60 TO 120})"},
        {"last_reviewed:1970-01-01T01:00:00+01:00", "(last_reviewed[0 TO 1})"},
        {"last_reviewed:2024-02-29", "(last_reviewed[1709164800 TO 1709251200})"},
    };
    CHECK_TABLE("fields and values", &relaxed, table);
    static const struct example filters[] = {
        {"10:30 AND quality:>80", "(+10:30 +quality{80 TO inf])"},
        {"A AND B", "(+A +B)"},
        {"stack:a -quality:1", "(stack=\"a\" -quality[1 TO 1])"},
    };
    CHECK_TABLE("filters", &filter, filters);

    CASE("a filter names a field that no post has");
    arena memory = {0};
    anp_error err = ANP_ERROR_INIT;
    query_ast ast;
    str text = STR("quality:>80 nosuch:5");
    CHECK_EQ_INT(query_parse(text, &filter, &memory, &ast, &err), ANP_SYNTAX);
    CHECK_EQ_INT(err.position, 12);
    CHECK_EQ_INT(query_parse(text, &relaxed, &memory, &ast, &err), ANP_OK);
    arena_free(&memory);
}

/* The strict parser names the byte; the relaxed one takes the same text and leaves a note. */
static void strict_errors(void) {
    static const struct {
        const char *text;
        anp_status status;
        int position;
    } table[] = {
        {"\"cache rules", ANP_SYNTAX, 0},
        {"a \"b", ANP_SYNTAX, 2},
        {"(cache", ANP_SYNTAX, 0},
        {"cache)", ANP_SYNTAX, 5},
        {"a ()", ANP_SYNTAX, 3},
        {"a AND", ANP_SYNTAX, 5},
        {"a OR OR b", ANP_SYNTAX, 4},
        {"OR a", ANP_SYNTAX, 0},
        {"do NOT", ANP_SYNTAX, 6},
        {"a^x", ANP_SYNTAX, 2},
        {"a^0", ANP_SYNTAX, 2},
        {"a^1000001", ANP_SYNTAX, 2},
        {"(a b)^", ANP_SYNTAX, 6},
        {"\"a b\"~", ANP_SYNTAX, 6},
        {"\"a b\"~256", ANP_SYNTAX, 6},
        {"x quality:high", ANP_SYNTAX, 10},
        {"quality:[1 TO x]", ANP_SYNTAX, 8},
        {"quality:[1 TO 2", ANP_SYNTAX, 8},
        {"quality:[1 2]", ANP_SYNTAX, 8},
        {"stack:>a", ANP_SYNTAX, 6},
        {"last_reviewed:2025-13", ANP_SYNTAX, 14},
        {"last_reviewed:2025-02-29", ANP_SYNTAX, 14},
        {"invalid*", ANP_UNSUPPORTED, 7},
        {"colo?r", ANP_UNSUPPORTED, 4},
        {"a /b/", ANP_UNSUPPORTED, 2},
        {"debuging~2", ANP_UNSUPPORTED, 8},
        {"stack:red*", ANP_UNSUPPORTED, 9},
        {"stack:*", ANP_UNSUPPORTED, 6},
    };
    CASE("strict errors name the byte");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        arena memory = {0};
        anp_error err = ANP_ERROR_INIT;
        query_ast ast;
        anp_status status = query_parse(str_from(table[i].text), &strict, &memory, &ast, &err);
        bool good = CHECK_EQ_INT(status, table[i].status);
        good &= CHECK_EQ_INT(err.position, table[i].position);
        good &= CHECK(strstr(err.message, "cannot ") == err.message && !strchr(err.message, '\n'));
        err = (anp_error)ANP_ERROR_INIT;
        good &= CHECK_EQ_INT(query_parse(str_from(table[i].text), &relaxed, &memory, &ast, &err),
                             ANP_OK);
        good &= CHECK(ast.note.len > 0);
        if (!good) {
            test_note("query: %s, message: %s", table[i].text, err.message);
        }
        arena_free(&memory);
    }
    CASE("what parses has no note");
    arena memory = {0};
    query_ast ast;
    CHECK_EQ_INT(query_parse(STR("a -b \"c d\"~2 (e OR f)^2 c++ x - y"), &relaxed, &memory, &ast,
                             NULL),
                 ANP_OK);
    CHECK_EQ_INT(ast.note.len, 0);
    arena_free(&memory);
}

static anp_status parse_repeated(const char *piece, size_t times, const char *closing) {
    arena memory = {0};
    query_ast ast;
    char *text = calloc(times * (strlen(piece) + strlen(closing)) + 2, 1);
    for (size_t i = 0; i < times; i++) {
        strcat(text, piece);
    }
    strcat(text, "x");
    for (size_t i = 0; i < times; i++) {
        strcat(text, closing);
    }
    anp_status status = query_parse(str_from(text), &relaxed, &memory, &ast, NULL);
    free(text);
    arena_free(&memory);
    return status;
}

static void limits(void) {
    CASE("limits");
    CHECK_EQ_INT(parse_repeated("(", QUERY_NESTING_MAX, ")"), ANP_OK);
    CHECK_EQ_INT(parse_repeated("(", QUERY_NESTING_MAX + 1, ")"), ANP_LIMIT);
    CHECK_EQ_INT(parse_repeated("(", 4000, ""), ANP_OK); /* never closed: no nesting */
    CHECK_EQ_INT(parse_repeated("a ", QUERY_CLAUSES_MAX - 1, ""), ANP_OK);
    CHECK_EQ_INT(parse_repeated("a ", QUERY_CLAUSES_MAX, ""), ANP_LIMIT);
    CHECK_EQ_INT(parse_repeated("abcdefgh", 511, ""), ANP_OK); /* 4,089 bytes */
    CHECK_EQ_INT(parse_repeated("abcdefgh", 512, ""), ANP_LIMIT);
    CHECK_EQ_INT(parse_repeated("NOT ", 1000, ""), ANP_OK);
}

/* No text fails but by a limit, and the printed tree of what is plain parses to itself. */
static void random_texts(void) {
    static const char *const pieces[] = {
        "a",  "cache", "AND", "OR", "NOT", "(",  ")",  "\"", "+",    "-",  "^",  "^2",
        "~",  "~3",    " ",   " ",  " ",   ":",  "*",  "?",  "/",    "\\", "\t", ">=",
        "[",  "]",     "{",   "}",  "80",  "é",  "\xff", "title:", "quality:", "stack:",
        "[1 TO 2]", "last_reviewed:", "2025-01-01",
    };
    uint64_t seed = 20250114;
    CASE("random texts never fail");
    prng random = {seed};
    for (int round = 0; round < 20000; round++) {
        char text[400] = "";
        uint32_t count = prng_below(&random, 24);
        for (uint32_t i = 0; i < count; i++) {
            strcat(text, pieces[prng_below(&random, sizeof pieces / sizeof *pieces)]);
        }
        arena memory = {0};
        query_ast ast;
        anp_error err = ANP_ERROR_INIT;
        if (!CHECK_EQ_INT(query_parse(str_from(text), &relaxed, &memory, &ast, &err), ANP_OK)) {
            test_note("seed %llu round %d: %s: %s", (unsigned long long)seed, round, text,
                      err.message);
        }
        CHECK(query_print(ast.root, &memory).data != NULL);
        anp_status status = query_parse(str_from(text), &strict, &memory, &ast, &err);
        if (!CHECK(status == ANP_OK ? ast.note.len == 0
                                    : (status == ANP_SYNTAX || status == ANP_UNSUPPORTED) &&
                                          err.position <= strlen(text))) {
            test_note("seed %llu round %d: %s: %s", (unsigned long long)seed, round, text,
                      err.message);
        }
        arena_free(&memory);
    }
}

static void numbers(void) {
    static const char *const good[] = {
        "0", "-0", "1", "-12.5", "0.1", ".5", "5.", "1e3", "1E-3", "1e300",
        "123456789012345678", "0.30000000000000004", "2.2250738585072014e-308",
        "999999999999999999999", "00000000000000000001.5", "9007199254740993",
    };
    static const char *const bad[] = {
        "", "-", ".", "1x", "1e", "1e+", "0x10", "inf", "nan", "1e999", "1 ", "--1",
    };
    double value;
    CASE("numbers");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(query_number_read(str_from(good[i]), &value));
        if (!CHECK(value == strtod(good[i], NULL))) {
            test_note("%s read as %.17g", good[i], value);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!CHECK(!query_number_read(str_from(bad[i]), &value))) {
            test_note("%s read as %.17g", bad[i], value);
        }
    }
}

void test_query_parse(void) {
    words_and_operators();
    typed_text();
    fields_and_values();
    strict_errors();
    limits();
    random_texts();
    numbers();
}
