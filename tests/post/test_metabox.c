/* The meta box of scraped posts: labels, lists, maps, lists of maps, and what fits nothing. */
#include "help.h"

/* The meta that a box gives, as JSON. */
static void check_box(const char *box, const char *meta) {
    arena perm = {0};
    buffer text = {0};
    buffer_put_str(&text, STR("t\n\nalphanode post meta\n\n"));
    buffer_put_str(&text, str_from(box));
    post p;
    anp_error err = ANP_ERROR_INIT;
    str all = str_make((char *)text.data, text.len);
    if (CHECK_EQ_INT(post_from_scraped(all, STR("i"), &perm, &p, &err), ANP_OK)) {
        static const char head[] = "{\"id\":\"i\",\"title\":\"t\",\"body\":\"\",\"meta\":";
        CHECK_EQ_STR(text_of(str_slice(p.json, sizeof head - 1, p.json.len - 1)), meta);
    } else {
        test_note("%s: %s", box, err.message);
    }
    buffer_free(&text);
    arena_free(&perm);
}

static void labels(void) {
    CASE("glued values, in any case, longest label first");
    check_box("topicx\nsummarys\nai briefb\ncode languagec\ndifficultyd\nreferencer\nhashh\n",
              "{\"topic\":\"x\",\"summary\":\"s\",\"brief\":\"b\",\"code_language\":\"c\","
              "\"difficulty\":\"d\",\"reference\":\"r\",\"hash\":\"h\"}");
    check_box("TOPICX\nTopic again", "{\"topic\":\"X Topic again\"}");
    check_box("difficulty\nhash", "{\"difficulty\":\"\",\"hash\":\"\"}");
    CASE("a separator may stand between");
    check_box("topic: x\nreading time: 5\nstack:\n- a",
              "{\"topic\":\"x\",\"stack\":[\"a\"],\"reading_time\":5}");
    check_box("hash:x", "{\"hash\":\":x\"}");
    CASE("numbers");
    check_box("reading time10\nview count589026", "{\"reading_time\":10,\"view_count\":589026}");
    check_box("reading time007\nview count1,000",
              "{\"reading_time\":\"007\",\"view_count\":\"1,000\"}");
    check_box("reading time-1.50\nview count.5", "{\"reading_time\":-1.50,\"view_count\":\".5\"}");
    check_box("reading time1e5\nview count", "{\"reading_time\":\"1e5\",\"view_count\":\"\"}");
    check_box("reading time5.\nview count0", "{\"reading_time\":\"5.\",\"view_count\":0}");
    check_box("reading time10\nminutes", "{\"reading_time\":\"10 minutes\"}");
    check_box("hash12\ncode language3", "{\"code_language\":\"3\",\"hash\":\"12\"}");
    CASE("values go on in the next line");
    check_box("summaryone\ntwo \"quoted\"\n\nthree\nhashh",
              "{\"summary\":\"one two \\\"quoted\\\" three\",\"hash\":\"h\"}");
    check_box("summary\none", "{\"summary\":\"one\"}");
    check_box("summaryone\n- two\n- three\nfour\n", "{\"summary\":\"one\\ntwo\\nthree four\"}");
    check_box("difficulty\n- beginner\n", "{\"difficulty\":\"beginner\"}");
}

static void lists(void) {
    CASE("lists");
    check_box("stack\n  \xe2\x80\xa2 a\n  \xe2\x80\xa2 b\ntools\nchecklist\n- c\nnotes\n- d: e\n",
              "{\"stack\":[\"a\",\"b\"],\"tools\":[],\"checklist\":[\"c\"],\"notes\":[\"d: e\"]}");
    check_box("tools\n- a\nwith more\n- b\n", "{\"tools\":[\"a with more\",\"b\"]}");
    check_box("tools\na\n- b\n", "{\"tools\":[\"a\",\"b\"]}");
    check_box("toolsgit\n- make\n", "{\"tools\":[\"git\",\"make\"]}");
    check_box("tools\n-\n- 5\n", "{\"tools\":[\"\",\"5\"]}");
}

static void maps(void) {
    CASE("maps");
    check_box("score\n- quality: 88\n- own thing: 7\nflags\n- Has Images: 1\n",
              "{\"score\":{\"quality\":88,\"own_thing\":7},\"flags\":{\"has_images\":1}}");
    check_box("revision\n- status: drafted\n- version: 1.9\n- last reviewed: 2026-02-24\n",
              "{\"revision\":{\"status\":\"drafted\",\"version\":\"1.9\",\"last_reviewed\":\"2026-"
              "02-24\"}}");
    check_box("ai outline\n- context: c\n- recommended action: look: then act\n",
              "{\"outline\":{\"context\":\"c\",\"action\":\"look: then act\"}}");
    check_box(
        "payload\n- seed: 5\n- paragraphs: 6\n- scenario: 7\n- seeds: 8\n- see: 9\n- source-id:\n",
        "{\"payload\":{\"seed\":5,\"paragraphs\":6,\"scenario\":\"7\",\"seeds\":\"8\",\"see\":"
        "\"9\","
        "\"source_id\":\"\"}}");
    check_box("score\n- quality: 8\n8\n", "{\"score\":{\"quality\":\"8 8\"}}");
    check_box("score\nquality: 8\n", "{\"score\":{\"quality\":8}}");
    check_box("payload\n- recommended action: x\n", "{\"payload\":{\"recommended_action\":\"x\"}}");
    CASE("maps' labels stand alone");
    check_box("summarya\nscoreboards help\n", "{\"summary\":\"a scoreboards help\"}");
    CASE("lists of maps");
    check_box(
        "entities\n    - name: a\n    - type: t\n    - name: b\n    - name: c\n    - type: u\n",
        "{\"entities\":[{\"name\":\"a\",\"type\":\"t\"},{\"name\":\"b\"},{\"name\":\"c\",\"type\":"
        "\"u\"}]}");
    check_box("entities\n- type: t\n- type: u\n- Name: n\nimage sources\n",
              "{\"entities\":[{\"type\":\"t\"},{\"type\":\"u\"},{\"name\":\"n\"}],\"images\":[]}");
    check_box("image sources\n- source: h\n- url: https://h/?a=b:c\n- caption: c\nd\n- source: i\n",
              "{\"images\":[{\"source\":\"h\",\"url\":\"https://h/?a=b:c\",\"caption\":\"c "
              "d\"},{\"source\":\"i\"}]}");
}

static void unlabelled(void) {
    CASE("what fits nothing is kept");
    check_box("before\n- a bullet\ntopict\n",
              "{\"topic\":\"t\",\"unlabelled\":[\"before\",\"- a bullet\"]}");
    check_box("score\n- quality: 8\n- no colon\n- quality: 9\nhash\n",
              "{\"score\":{\"quality\":8},\"hash\":\"\",\"unlabelled\":[\"- no colon\",\"- "
              "quality: 9\"]}");
    check_box(
        "score\nno colon\nentities\n- https://x\n- : y\n",
        "{\"score\":{},\"entities\":[],\"unlabelled\":[\"no colon\",\"- https://x\",\"- : y\"]}");
    check_box("payload\n- source id: a-1\n- source_id: b-2\n- Source-ID: c-3\n",
              "{\"payload\":{\"source_id\":\"a-1\"},\"unlabelled\":[\"- source_id: b-2\",\"- "
              "Source-ID: c-3\"]}");
    check_box("ai outline\n- action: a\n- Recommended action: b\n",
              "{\"outline\":{\"action\":\"a\"},\"unlabelled\":[\"- Recommended action: b\"]}");
    CASE("labels count once");
    check_box("tools\n- a\nhashh\ntools\n- b\n", "{\"tools\":[\"a\"],\"hash\":\"h tools\\nb\"}");
    check_box("hashh\nalphanode post meta\n", "{\"hash\":\"h alphanode post meta\"}");
    CASE("a map of more keys than it may have");
    buffer box = {0}, expected = {0};
    buffer_put_str(&box, STR("score\n"));
    buffer_put_str(&expected, STR("{\"score\":{"));
    for (int i = 0; i < 66; i++) {
        char line[60];
        snprintf(line, sizeof line, "- k%d: %d\n", i, i);
        buffer_put_str(&box, str_from(line));
        snprintf(line, sizeof line, "%s\"k%d\":%d", i ? "," : "", i, i);
        if (i < 64) {
            buffer_put_str(&expected, str_from(line));
        }
    }
    buffer_put_str(&box, STR("\0"));
    buffer_put_str(&expected, STR("},\"unlabelled\":[\"- k64: 64\",\"- k65: 65\"]}"));
    buffer_put_u8(&box, 0);
    buffer_put_u8(&expected, 0);
    check_box((char *)box.data, (char *)expected.data);
    buffer_free(&box);
    buffer_free(&expected);
}

static void gallery(void) {
    size_t len;
    char *text = read_file("tests/data/posts/gallery.txt", &len);
    arena perm = {0};
    CASE("a whole post");
    if (!CHECK(text != NULL)) {
        return;
    }
    post p = scraped_post(text, &perm);
    CHECK_EQ_STR(text_of(p.id), "000042");
    CHECK_EQ_STR(
        text_of(p.body),
        "a page that was slow for a year, told in pictures.\n\n"
        "slow page with nginx edge visual reference 1\n\n"
        "slow page with nginx edge visual reference 2\n\nwhy this matters\n\n"
        "readers leave before the second image is there.\n\n"
        "location /img/ {\n    expires 30d;\n\n    add_header X-Origin edge;\n}\n\n"
        "implementation checklist\n\n- measure with a cold cache\n- measure with a warm one\n\n"
        "slow page with nginx edge visual reference 3\n\n"
        "slow page with nginx edge visual reference 4\n\n"
        "slow page with nginx edge visual reference 5\n\nfinal notes\n\n"
        "the images were never the reason.");
    CHECK_EQ_INT(p.value_count, 65);
    CHECK_EQ_STR(value_of(&p, "area", 0), "network"); /* from the entity of type area */
    CHECK_EQ_STR(value_of(&p, "tools", 5), "a notebook");
    CHECK_EQ_STR(value_of(&p, "tools", 6), "-");
    CHECK_EQ_STR(value_of(&p, "entities.type", 2), "problem");
    CHECK_EQ_STR(value_of(&p, "images.url", 0), "https://pictures.example/1?text=slow+page&w=1200");
    CHECK_EQ_STR(value_of(&p, "images.caption", 4), "slow page with nginx edge visual reference 5");
    CHECK_EQ_STR(value_of(&p, "outline.action", 0), "look at the headers first");
    CHECK_EQ_STR(value_of(&p, "revision.last_reviewed", 0), "2024-02-29@1709164800");
    CHECK_EQ_STR(value_of(&p, "payload.seed", 0), "42");
    CHECK_EQ_STR(value_of(&p, "unlabelled", 0), "-");
    CHECK_NEAR(p.scores[POST_CLARITY], 94, 0);
    CHECK(p.reviewed);
    arena_free(&perm);
    free(text);
}

void test_post_metabox(void) {
    labels();
    lists();
    maps();
    unlabelled();
    gallery();
}
