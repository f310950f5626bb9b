/* Technical words, whole and in parts. The notation is explained in render.h. */
#include "render.h"

#define EXPECT(...) CHECK_PAIRS(ANP_ANALYZER_TECHNICAL, "english", __VA_ARGS__)

static void prose(void) {
    CASE("prose is ordinary words");
    EXPECT({"", ""}, {" .,;:!? -- ... ++ ## __ ", ""},
           {"We measured it twice.", "we measured>measur it twice"},
           {"a long-term plan, really: yes", "a long term plan really>realli yes"},
           {"don't say it's O'Reilly's", "don't say it's>it o'reilly's>o'reilli"},
           {"utf8 sha256 h264 3d 64bit", "utf8 sha256 h264 3d 64bit"},
           {"yes--no and -x or --- done", "yes no and x or done"}, {"3 + 4 = 7; 5# 6", "3 4 7 5 6"},
           {"@param $HOME #tag", "param home tag"});
}

static void joined(void) {
    CASE("symbols inside a word");
    EXPECT({"node.js", "node.js(node js)"}, {"Use Node.js!", "use node.js(node js)"},
           {"snake_case_name", "snake_case_name(snake case name)"},
           {"main:app", "main:app(main app)"}, {"__init__ _x", "__init__(init) _x(x)"},
           {"ASP.NET", "asp.net(asp net)"}, {"U.S.A.", "u.s.a(u s a)"},
           {"Node.js's loop", "node.js's>node.js(node js's>js) loop"},
           {"tick_tick", "tick_tick(tick)"}, {"MAX_size", "max_size(max size)"},
           {"d3.js log4j2.xml", "d3.js(d3 js) log4j2.xml(log4j2 xml)"},
           {"End.Start 7.Then", "end.start(end start) 7.then(7 then)"},
           {"std::vector localhost:8080 10:30", "std vector localhost 8080 10 30"},
           {"path/to/file.c", "path to file.c(file c)"});
    CASE("numbers and versions");
    EXPECT({"3.14", "3.14(3 14)"}, {"1,000", "1,000(1 000)"}, {"1,000.50", "1,000.50(1 000 50)"},
           {"v1.2.3", "v1.2.3(v1 2 3 1.2.3)"}, {"V2.0", "v2.0(v2 0 2.0)"},
           {"1.2.3-rc1", "1.2.3(1 2 3) rc1"}, {"v2", "v2"}, {"v.1", "v.1(v 1)"},
           {"vi.1", "vi.1(vi 1)"}, {"v1.x", "v1.x(v1 x)"}, {"3. Next", "3 next"});
}

static void capitals(void) {
    CASE("capitals inside a word");
    EXPECT({"camelCase", "camelcase>camelcas(camel case)"}, {"camelcase", "camelcase>camelcas"},
           {"HTTPServer", "httpserver(http server)"},
           {"XMLHttpRequest", "xmlhttprequest(xml http request)"},
           {"utf8Decoder", "utf8decoder>utf8decod(utf8 decoder>decod)"},
           {"MP4Parser", "mp4parser(mp4 parser)"}, {"iPhone", "iphone>iphon(i phone)"},
           {"getURL", "geturl(get url)"}, {"PATH Path", "path path"},
           {"camelCase's", "camelcase's>camelcas(camel case's>case)"},
           {"myApp.mainLoop", "myapp.mainloop(my app main loop)"});
    CASE("capitals that make no parts");
    EXPECT({"APIs URLs VMs", "apis>api urls>url vms"}, {"B2B H2O K8s", "b2b h2o k8s"},
           {"McX", "mcx(mc x)"}, {"A AB Ab aB", "a ab ab ab(a b)"});
    CASE("capitals of other scripts");
    EXPECT({"ÉcoleÉlève", "écoleélève>écoleélèv(école élève)"},
           {"ПриветМир", "приветмир(привет мир)"},
           {"E\xcc\x81"
            "cole",
            "école"},
           {"cafe\xcc\x81"
            "Bar",
            "cafébar(café bar)"});
}

static void symbols(void) {
    CASE("++ and # behind a word");
    EXPECT({"c++ C++ C#", "c++(c) c++(c) c#(c)"}, {"g++, notepad++.", "g++(g) notepad++(notepad)"},
           {"(F#)", "f#(f)"}, {"c++17", "c++(c) 17"}, {"a#1 a#b a##", "a 1 a b a"},
           {"a++b c+++ x+y", "a b c x y"}, {"x2++ a_b++", "x2 a_b(a b)"},
           {"VisualC++", "visualc++(visual c)"}, {"c++", "c++(c)"}, {"c+", "c"});
}

static void prefixes(void) {
    CASE("-- before a word");
    EXPECT({"--flag", "--flag(flag)"}, {"--dry-run=client", "--dry-run(dry>dri run) client"},
           {"run '--no-cache', (--x)", "run --no-cache(no cache>cach) --x(x)"},
           {"--log-level.", "--log-level(log level)"}, {"--a_b.c", "--a_b.c(a b c)"}, {"a --", "a"},
           {"--9 ---x x--y", "9 x x y"}, {"--a-", "--a(a)"},
           {"--get-URLs", "--get-urls(get urls>url)"},
           {"\xc2\xa0--x \xe2\x80\x9c--y", "--x(x) --y(y)"}, {"\xc3\xa9--x", "é x"});
    CASE(". before a word");
    EXPECT({".net", ".net(net)"}, {"(.NET)", ".net(net)"}, {"/.env.local", ".env.local(env local)"},
           {"..x a..b .5 ./c", "x a b 5 c"}, {".x1", ".x1(x1)"}, {"f().then", "f then"});
}

static void limits(void) {
    static char text[4096];
    static render r;
    CASE("many parts");
    size_t len = 0;
    for (int i = 0; i < 500; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", i ? "_" : "a", i);
    }
    analyzer *a = open_or_fail(ANP_ANALYZER_TECHNICAL, "english");
    arena perm = {0};
    anp_error err = ANP_ERROR_INIT;
    text_tokens tokens;
    CHECK_EQ_INT(analyzer_run(a, str_make(text, len), &perm, &tokens, &err), ANP_OK);
    CHECK_EQ_INT(tokens.words, 1);
    CHECK_EQ_INT(tokens.count, 33);
    CHECK(tokens_hold(&tokens, len));
    arena_free(&perm);
    CASE("a whole stands before its parts, with the ranges of both");
    const char *source = "see Node.js.";
    CHECK_EQ_INT(analyzer_run(a, str_from(source), &perm, &tokens, &err), ANP_OK);
    if (CHECK_EQ_INT(tokens.count, 4)) {
        text_token *t = tokens.items;
        CHECK(t[0].kind == TEXT_WORD && t[1].kind == TEXT_WHOLE && t[2].kind == TEXT_PART);
        CHECK(t[1].start == 4 && t[1].end == 11);
        CHECK(t[2].start == 4 && t[2].end == 8 && t[3].start == 9 && t[3].end == 11);
        CHECK(t[1].position == 1 && t[2].position == 1 && t[3].position == 1);
    }
    arena_free(&perm);
    CASE("a query for a technical word is the word");
    CHECK_EQ_STR(render_text(a, STR("SNAKE_CASE"), &r), "snake_case(snake case)");
    analyzer_close(a);
}

void test_text_technical(void);
void test_text_technical(void) {
    prose();
    joined();
    capitals();
    symbols();
    prefixes();
    limits();
}
