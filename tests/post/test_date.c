/* Dates, against a calendar that counts day by day. */
#include "post/date.h"
#include "test.h"

#include <stdio.h>

static bool leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static void every_day(void) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char text[48];
    double seconds;
    /* 0000-01-01 is 719,528 days before 1970-01-01. */
    double expected = -719528.0 * 86400;
    for (int year = 0; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            int days = lengths[month - 1] + (month == 2 && leap(year));
            for (int day = 1; day <= 31; day++) {
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
                bool good = date_parse(str_from(text), &seconds);
                if (good != (day <= days) || (good && seconds != expected)) {
                    CHECK(!"the calendar's day");
                    test_note("%s: %d, %.0f, expected %.0f", text, good, seconds, expected);
                    return;
                }
                expected += day <= days ? 86400 : 0;
            }
        }
    }
    CHECK(expected > 0);
}

void test_post_date(void) {
    static const struct {
        const char *text;
        double seconds;
    } good[] = {
        {"1970-01-01", 0},
        {"2026-02-24", 1771891200},
        {"1969-12-31", -86400},
        {"1970-01-01T00:00Z", 0},
        {"1970-01-01T01:02:03Z", 3723},
        {"1970-01-01t01:02:03.25z", 3723.25},
        {"1970-01-01 01:00:00+01:00", 0},
        {"1970-01-01T00:00:00-0130", 5400},
        {"1970-01-01T02:00+02", 0},
        {"2016-12-31T23:59:60Z", 1483228800},
    };
    static const char *const bad[] = {
        "",
        "1970",
        "1970-1-1",
        "1970-01-01T",
        "1970-13-01",
        "1970-00-10",
        "1970-02-29",
        "1900-02-29",
        "1970-01-32",
        "1970-01-01Z",
        "1970/01/01",
        "1970-01-01T00:00:00",
        "1970-01-01T24:00Z",
        "1970-01-01T00:60Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00Zx",
        "1970-01-01T00:00+24",
        "1970-01-01T00:00+1",
        "1970-01-01T00:00+01:",
        "1970-01-01T00:00+01:60",
        " 1970-01-01",
        "1970-01-01 ",
        "+970-01-01",
        "19700101",
        "1970-01-01X00:00Z",
        "1970-01-01T00:00",
    };
    double seconds;
    CASE("good ones");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(date_parse(str_from(good[i].text), &seconds));
        if (!CHECK_NEAR(seconds, good[i].seconds, 1e-9)) {
            test_note("%s", good[i].text);
        }
    }
    CASE("what is no date");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!CHECK(!date_parse(str_from(bad[i]), &seconds))) {
            test_note("%s", bad[i]);
        }
    }
    CASE("every day of ten thousand years");
    every_day();
}
