/* Frames with and without a dictionary: round trips, sizes, damage. */
#include "base/prng.h"
#include "store/compress.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 400, TEXT_BYTES = 2000 };

/* A post like others of its site: sentences from a small pool. */
static size_t make_text(prng *p, char *out) {
    size_t len = 0;
    while (len + 100 < TEXT_BYTES) {
        uint32_t sentence = prng_below(p, 60);
        len += (size_t)sprintf(out + len, "sentence %u speaks of %u things and then of %u more. ",
                               sentence, sentence * 7919u, sentence * 104729u);
    }
    return len;
}

static bool train(buffer *samples, size_t *sizes, dictionary **out) {
    prng p = {11};
    char text[TEXT_BYTES];
    buffer bytes = {0};
    for (int i = 0; i < SAMPLES; i++) {
        sizes[i] = make_text(&p, text);
        buffer_put(samples, text, sizes[i]);
    }
    bool made = CHECK_EQ_INT(dictionary_train(samples, sizes, SAMPLES, &bytes, NULL), ANP_OK) &&
                CHECK_EQ_INT(dictionary_open(str_make((char *)bytes.data, bytes.len), out, NULL),
                             ANP_OK);
    buffer_free(&bytes);
    return made;
}

static void round_trip(compressor *c, const dictionary *d, str text, size_t *frame_len) {
    buffer frame = {0};
    arena memory = {0};
    str back;
    CHECK_EQ_INT(compressor_write(c, d, text, &frame, NULL), ANP_OK);
    str bytes = str_make((char *)frame.data, frame.len);
    CHECK_EQ_INT(compressor_dictionary_of(bytes), d ? dictionary_id(d) : 0);
    CHECK_EQ_INT(compressor_read(c, d, bytes, TEXT_BYTES, &memory, &back, NULL), ANP_OK);
    CHECK(str_equal(back, text));
    if (text.len) {
        CHECK_EQ_INT(compressor_read(c, d, bytes, text.len - 1, &memory, &back, NULL), ANP_CORRUPT);
        bytes.len--;
        CHECK_EQ_INT(compressor_read(c, d, bytes, TEXT_BYTES, &memory, &back, NULL), ANP_CORRUPT);
    }
    *frame_len = frame.len;
    arena_free(&memory);
    buffer_free(&frame);
}

void test_store_compress(void) {
    buffer samples = {0};
    size_t sizes[SAMPLES], plain, small;
    dictionary *d = NULL;
    compressor *c = compressor_open();
    char text[TEXT_BYTES];
    prng p = {12};

    CASE("with a dictionary frames read back and are smaller");
    if (CHECK(c != NULL) && train(&samples, sizes, &d)) {
        CHECK(dictionary_id(d) != 0);
        for (int i = 0; i < 50; i++) {
            str other = str_make(text, make_text(&p, text));
            round_trip(c, NULL, other, &plain);
            round_trip(c, d, other, &small);
            CHECK(small * 2 < plain);
        }
        round_trip(c, d, STR(""), &small);
        round_trip(c, d, STR("x"), &small);
    }

    CASE("a frame is not read with another dictionary, or none");
    buffer frame = {0};
    arena memory = {0};
    str back, source = str_make(text, make_text(&p, text));
    CHECK_EQ_INT(compressor_write(c, d, source, &frame, NULL), ANP_OK);
    str bytes = str_make((char *)frame.data, frame.len);
    CHECK_EQ_INT(compressor_read(c, NULL, bytes, TEXT_BYTES, &memory, &back, NULL), ANP_CORRUPT);

    CASE("too little to learn from is no error");
    buffer out = {0};
    CHECK_EQ_INT(dictionary_train(&samples, sizes, 2, &out, NULL), ANP_NOT_FOUND);
    samples.len = 100;
    CHECK_EQ_INT(dictionary_train(&samples, (size_t[]){50, 50}, 2, &out, NULL), ANP_NOT_FOUND);
    dictionary *none = NULL;
    CHECK_EQ_INT(dictionary_open(STR("not a dictionary"), &none, NULL), ANP_CORRUPT);

    arena_free(&memory);
    buffer_free(&frame);
    buffer_free(&out);
    buffer_free(&samples);
    dictionary_close(d);
    compressor_close(c);
}
