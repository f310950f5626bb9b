/*
 * See date.h. Proleptic Gregorian calendar, years 0000 to 9999; a leap second counts as the next
 * minute's first.
 */
#include "post/date.h"

/* `count` digits at *at, moved behind them; -1 when there are fewer. */
static int digits(str text, size_t *at, size_t count) {
    int value = 0;
    if (text.len - *at < count) {
        return -1;
    }
    for (size_t end = *at + count; *at < end; ++*at) {
        unsigned digit = (unsigned)(unsigned char)text.data[*at] - '0';
        if (digit > 9) {
            return -1;
        }
        value = value * 10 + (int)digit;
    }
    return value;
}

static bool eat(str text, size_t *at, char c) {
    if (*at < text.len && text.data[*at] == c) {
        ++*at;
        return true;
    }
    return false;
}

static int month_days(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/*
 * Days from 1970-01-01: years are taken to begin in March, so that the leap day is a year's last.
 */
static int days_from_epoch(int year, int month, int day) {
    year -= month < 3;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* Z, +HH, +HHMM or +HH:MM up to the end of text. */
static bool zone(str text, size_t *at, int *minutes) {
    *minutes = 0;
    if (eat(text, at, 'Z') || eat(text, at, 'z')) {
        return *at == text.len;
    }
    bool minus = eat(text, at, '-');
    if (!minus && !eat(text, at, '+')) {
        return false;
    }
    int hour = digits(text, at, 2);
    int minute = 0;
    if (*at < text.len) {
        eat(text, at, ':');
        minute = digits(text, at, 2);
    }
    *minutes = (hour * 60 + minute) * (minus ? -1 : 1);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && *at == text.len;
}

/* HH:MM[:SS[.fraction]] as seconds. */
static bool clock_time(str text, size_t *at, double *seconds) {
    int hour = digits(text, at, 2);
    if (hour < 0 || hour > 23 || !eat(text, at, ':')) {
        return false;
    }
    int minute = digits(text, at, 2);
    if (minute < 0 || minute > 59) {
        return false;
    }
    int second = 0;
    double fraction = 0;
    if (eat(text, at, ':')) {
        second = digits(text, at, 2);
        if (second < 0 || second > 60) {
            return false;
        }
        if (eat(text, at, '.')) {
            double unit = 0.1;
            size_t from = *at;
            for (int digit; *at < text.len && (digit = digits(text, at, 1)) >= 0; unit /= 10) {
                fraction += digit * unit;
            }
            if (*at == from) {
                return false;
            }
        }
    }
    *seconds = hour * 3600 + minute * 60 + second + fraction;
    return true;
}

bool date_parse(str text, double *seconds) {
    size_t at = 0;
    if (text.len < 10 || text.data[4] != '-') { /* most strings leave here */
        return false;
    }
    int year = digits(text, &at, 4);
    int month = eat(text, &at, '-') ? digits(text, &at, 2) : -1;
    int day = eat(text, &at, '-') ? digits(text, &at, 2) : -1;
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > month_days(year, month)) {
        return false;
    }
    double whole = days_from_epoch(year, month, day) * 86400.0;
    if (at == text.len) {
        *seconds = whole;
        return true;
    }
    double time;
    int offset_minutes;
    if (!(eat(text, &at, 'T') || eat(text, &at, 't') || eat(text, &at, ' ')) ||
        !clock_time(text, &at, &time) || !zone(text, &at, &offset_minutes)) {
        return false;
    }
    *seconds = whole + time - offset_minutes * 60.0;
    return true;
}
