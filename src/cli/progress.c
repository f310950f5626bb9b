/*
 * See progress.h.
 *
 *     [##########................]  38 %  11,520 posts  8,214 posts/s  2:16 left
 */
#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CHARS = 26, LINE_BYTES = 160, COLUMNS_DEFAULT = 80 };

static const double SECONDS_BETWEEN = 0.1;

static volatile sig_atomic_t interrupted; /* the one thing a signal handler can reach */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_begin(progress *p) {
    *p = (progress){.terminal = isatty(STDERR_FILENO) == 1, .start = now()};
}

double progress_seconds(const progress *p) {
    return now() - p->start;
}

/* 1234567 as 1,234,567. */
static void group_digits(uint64_t value, char out[32]) {
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[i];
        if ((len - i - 1) % 3 == 0 && i + 1 < len) {
            *out++ = ',';
        }
    }
    *out = 0;
}

static size_t columns(void) {
    struct winsize size = {0};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    return size.ws_col > 1 ? size.ws_col : COLUMNS_DEFAULT;
}

/* The bar, the percentage and the time left. */
static void draw_share(char *line, size_t room, double share, double seconds, const char *counts) {
    char bar[BAR_CHARS + 1];
    share = share > 1 ? 1 : share;
    size_t filled = (size_t)(share * (double)BAR_CHARS);
    memset(bar, '.', BAR_CHARS);
    memset(bar, '#', filled);
    bar[BAR_CHARS] = 0;
    int used = snprintf(line, room, "[%s] %3.0f %%  %s", bar, share * 100, counts);
    if (share > 0 && seconds > 1 && used > 0 && (size_t)used < room) {
        unsigned long left = (unsigned long)(seconds / share * (1 - share) + 0.5);
        snprintf(line + used, room - (size_t)used, "  %lu:%02lu left", left / 60, left % 60);
    }
}

/* Whether there is a terminal, and the bar was not drawn just now. */
static bool is_due(const progress *p, double time) {
    return p->terminal && time - p->last >= SECONDS_BETWEEN;
}

static void draw(progress *p, double time, const char *counts, uint64_t done, uint64_t whole) {
    char line[LINE_BYTES];
    if (whole) {
        draw_share(line, sizeof line, (double)done / (double)whole, time - p->start, counts);
    } else {
        snprintf(line, sizeof line, "%s", counts);
    }
    fprintf(stderr, "\r\x1b[K%.*s", (int)(columns() - 1), line);
    fflush(stderr);
    p->shown = true;
    p->last = time;
}

void progress_show(progress *p, uint64_t posts, uint64_t done, uint64_t whole) {
    double time = now(), seconds = time - p->start;
    if (!is_due(p, time)) {
        return;
    }
    char number[32], speed[32], counts[96];
    group_digits(posts, number);
    group_digits((uint64_t)((double)posts / (seconds > 1e-3 ? seconds : 1e-3)), speed);
    snprintf(counts, sizeof counts, "%s %s  %s posts/s", number, posts == 1 ? "post" : "posts",
             speed);
    draw(p, time, counts, done, whole);
}

void progress_show_step(progress *p, const char *step, uint64_t done, uint64_t whole) {
    double time = now();
    if (is_due(p, time)) {
        draw(p, time, step, done, whole);
    }
}

void progress_clear(progress *p) {
    if (p->shown) {
        fputs("\r\x1b[K", stderr);
        p->shown = false;
        p->last = 0;
    }
}

static void note_interrupt(int signal_number) {
    interrupted = signal_number;
}

static void catch_signal(int signal_number) {
    struct sigaction before, action = {.sa_handler = note_interrupt};
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal_number, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(signal_number, &action, NULL);
    }
}

void progress_catch_interrupt(void) {
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
}

bool progress_interrupted(void) {
    return interrupted != 0;
}

bool progress_terminated(void) {
    return interrupted == SIGTERM;
}
