/*
 * Values of meta fields: numbers, dates and the ranges they make.
 *
 *     quality:>=80                    [80, ∞)
 *     last_reviewed:2025-01           [2025-01-01 00:00, 2025-02-01 00:00)
 *     last_reviewed:>2025-01          [2025-02-01 00:00, ∞)
 *     last_reviewed:[2024 TO 2025-01] [2024-01-01 00:00, 2025-02-01 00:00)
 *
 * A number is the span [v, v]; a date is the span [start, end). A comparison takes one edge of the
 * span.
 */
#include "query/ast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_EXACT = 15, POWER_EXACT = 22, NUMBER_BYTES_MAX = 64 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/*
 * strtod, whatever decimal point the embedding program's locale has: only for numbers that need big
 * arithmetic.
 */
static bool read_hard(str text, double *value) {
    char copy[NUMBER_BYTES_MAX + 1], point[8];
    snprintf(point, sizeof point, "%.1f", 0.5); /* "0.5" or "0,5" */
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = text.data[i] == '.' ? point[1] : text.data[i];
    }
    copy[text.len] = 0;
    char *end;
    *value = strtod(copy, &end);
    return end == copy + text.len && isfinite(*value);
}

bool query_number_read(str text, double *value) {
    static const double powers[POWER_EXACT + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t i = text.len && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    uint64_t digits = 0;
    uint32_t digit_count = 0, significant = 0;
    int power = 0;
    bool point = false;
    if (text.len > NUMBER_BYTES_MAX) {
        return false;
    }
    for (; i < text.len && (is_digit(text.data[i]) || (text.data[i] == '.' && !point)); i++) {
        if (text.data[i] == '.') {
            point = true;
            continue;
        }
        digit_count++;
        significant += significant || text.data[i] != '0';
        digits = significant > DIGITS_EXACT ? digits : digits * 10 + (uint64_t)(text.data[i] - '0');
        power -= point;
    }
    if (!digit_count) {
        return false;
    }
    if (i < text.len && (text.data[i] == 'e' || text.data[i] == 'E')) {
        size_t from = i + 1;
        from += from < text.len && (text.data[from] == '-' || text.data[from] == '+');
        int exponent = 0;
        for (i = from; i < text.len && is_digit(text.data[i]) && exponent < 10000; i++) {
            exponent = exponent * 10 + (text.data[i] - '0');
        }
        if (i == from) {
            return false;
        }
        power += text.data[from - 1] == '-' ? -exponent : exponent;
    }
    if (i != text.len) {
        return false;
    }
    if (significant > DIGITS_EXACT || power > POWER_EXACT || power < -POWER_EXACT) {
        return read_hard(text, value);
    }
    /*
     * Both operands are exact doubles, so that this one operation rounds as the best reader
     * would.
     */
    double size = power < 0 ? (double)digits / powers[-power] : (double)digits * powers[power];
    *value = text.data[0] == '-' ? -size : size;
    return true;
}

/*
 * Days from 1970-01-01 to a day of the proleptic Gregorian calendar, year from March so that leap
 * days come last.
 */
static int64_t days_to(int year, int month, int day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * m + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

/* `count` digits at *at, moved behind them. */
static bool read_digits(str text, size_t *at, size_t count, int *value) {
    *value = 0;
    if (text.len - *at < count) {
        return false;
    }
    for (size_t end = *at + count; *at < end; (*at)++) {
        if (!is_digit(text.data[*at])) {
            return false;
        }
        *value = *value * 10 + (text.data[*at] - '0');
    }
    return true;
}

/* The same behind a separator. */
static bool read_next(str text, size_t *at, char separator, int *value) {
    if (*at >= text.len || text.data[*at] != separator) {
        return false;
    }
    (*at)++;
    return read_digits(text, at, 2, value);
}

/*
 * `T12:30[:15[.250]][Z|+02:00]` from *at to the end: seconds of the day, and how many of them are
 * meant.
 */
static bool read_time(str text, size_t at, double *second, double *span) {
    int hour, minute, whole = 0, offset_hour = 0, offset_minute = 0, sign = 0;
    double fraction = 0, unit = 1;
    at++;
    if (!read_digits(text, &at, 2, &hour) || !read_next(text, &at, ':', &minute)) {
        return false;
    }
    *span = 60;
    if (at < text.len && text.data[at] == ':') {
        if (!read_next(text, &at, ':', &whole)) {
            return false;
        }
        *span = 1;
        if (at < text.len && text.data[at] == '.') {
            for (at++; at < text.len && is_digit(text.data[at]); at++) {
                unit /= 10;
                fraction += unit * (text.data[at] - '0');
            }
            *span = unit;
        }
    }
    if (at < text.len && text.data[at] == 'Z') {
        at++;
    } else if (at < text.len && (text.data[at] == '+' || text.data[at] == '-')) {
        sign = text.data[at] == '+' ? -1 : 1;
        at++;
        if (!read_digits(text, &at, 2, &offset_hour) ||
            (at < text.len && !read_next(text, &at, ':', &offset_minute))) {
            return false;
        }
    }
    if (at != text.len || hour > 23 || minute > 59 || whole > 60 || offset_hour > 23 ||
        offset_minute > 59) {
        return false;
    }
    *second = hour * 3600 + minute * 60 + whole + sign * (offset_hour * 3600 + offset_minute * 60) +
              fraction;
    return true;
}

bool query_date_read(str text, double *start, double *end) {
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    size_t at = 0;
    int year, month = 1, day = 1;
    if (!read_digits(text, &at, 4, &year)) {
        return false;
    }
    bool has_month = at < text.len;
    if (has_month && (!read_next(text, &at, '-', &month) || month < 1 || month > 12)) {
        return false;
    }
    bool has_day = at < text.len;
    if (has_day) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (!read_next(text, &at, '-', &day) || day < 1 ||
            day > month_days[month - 1] + (month == 2 && leap)) {
            return false;
        }
    }
    *start = (double)days_to(year, month, day) * 86400;
    if (at < text.len) {
        double second, span;
        if ((text.data[at] != 'T' && text.data[at] != ' ') ||
            !read_time(text, at, &second, &span)) {
            return false;
        }
        *start += second;
        *end = *start + span;
    } else if (has_day) {
        *end = *start + 86400;
    } else if (has_month) {
        *end = (double)days_to(month < 12 ? year : year + 1, month < 12 ? month + 1 : 1, 1) * 86400;
    } else {
        *end = (double)days_to(year + 1, 1, 1) * 86400;
    }
    return true;
}

/* What one literal names: [start, end] for a number (start = end), [start, end) for a date. */
typedef struct span {
    double start, end;
    bool end_included;
} span;

/* The literal as a number or as a date, as far as the field holds such. */
static bool read_span(const snapshot_field *field, str text, bool as_date, span *out) {
    if (as_date) {
        out->end_included = false;
        return field->has_date && query_date_read(text, &out->start, &out->end);
    }
    if (!field->has_number) {
        return false;
    }
    out->end_included = true;
    if (str_equal(text, STR("true")) || str_equal(text, STR("false"))) {
        out->start = out->end = text.len == 4;
        return true;
    }
    if (!query_number_read(text, &out->start)) {
        return false;
    }
    out->end = out->start;
    return true;
}

/* low: posts over the span's start (or, bound left out, over its end). NULL span: open. */
static number_range range_between(const span *low, bool low_included, const span *high,
                                  bool high_included) {
    number_range range = {-INFINITY, INFINITY, true, true};
    if (low) {
        range.low = low_included ? low->start : low->end;
        range.low_included = low_included || !low->end_included;
    }
    if (high) {
        range.high = high_included ? high->end : high->start;
        range.high_included = high_included && high->end_included;
    }
    return range;
}

static const char *expected_for(const snapshot_field *field) {
    if (field->has_number && field->has_date) {
        return "a number or a date (2025-01-31)";
    }
    if (field->has_number) {
        return "a number";
    }
    if (field->has_date) {
        return "a date (2025-01-31, 2025-01 or 2025)";
    }
    return "a text to match: this field holds neither numbers nor dates";
}

const char *query_value_compare(query_node *node, const snapshot_field *field, const char *op,
                                str value) {
    bool equal = !op[0] || op[0] == '=';
    bool or_equal = op[0] && op[1] == '=';
    node->text = value;
    node->range_count = 0;
    for (int as_date = 0; as_date < 2; as_date++) {
        span s;
        if (!read_span(field, value, as_date, &s)) {
            continue;
        }
        number_range *range = &node->ranges[node->range_count++];
        if (equal) {
            *range = range_between(&s, true, &s, true);
        } else if (op[0] == '>') {
            *range = range_between(&s, or_equal, NULL, true);
        } else {
            *range = range_between(NULL, true, &s, or_equal);
        }
    }
    /*
     * A field whose last values went away holds nothing: its text matches nothing, and that is
     * no mistake.
     */
    bool holds_text = field->has_text || (!field->has_number && !field->has_date);
    node->has_text = equal && holds_text;
    return node->has_text || node->range_count ? NULL : expected_for(field);
}

const char *query_value_range(query_node *node, const snapshot_field *field,
                              const query_token *range) {
    str text = str_trim(range->text);
    size_t at = 0;
    while (at + 4 <= text.len && memcmp(text.data + at, " TO ", 4) != 0) {
        at++;
    }
    if (at + 4 > text.len) {
        return "LOW TO HIGH between the brackets";
    }
    str low = str_trim(str_slice(text, 0, at));
    str high = str_trim(str_slice(text, at + 4, text.len));
    bool low_open = str_equal(low, STR("*")), high_open = str_equal(high, STR("*"));
    node->has_text = false;
    node->range_count = 0;
    for (int as_date = 0; as_date < 2; as_date++) {
        span from = {0}, to = {0};
        if (!(as_date ? field->has_date : field->has_number) ||
            (!low_open && !read_span(field, low, as_date, &from)) ||
            (!high_open && !read_span(field, high, as_date, &to))) {
            continue;
        }
        node->ranges[node->range_count++] =
            range_between(low_open ? NULL : &from, range->low_included, high_open ? NULL : &to,
                          range->high_included);
    }
    return node->range_count ? NULL : expected_for(field);
}
