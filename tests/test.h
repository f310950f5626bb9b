/*
 * What a test file sees. tests/ROOM/test_NAME.c defines `void test_ROOM_NAME(void)`; the build
 * finds it by that name.
 *
 *     void test_base_arena(void) {
 *         CASE("grows");                     // what follows counts as one test, to the next CASE
 *         CHECK(arena_used(&a) == 0);        // a failed check is reported; the test goes on
 *         CHECK_EQ_INT(arena_used(&a), 8);   // actual, expected
 *         if (!CHECK(p != NULL)) return;     // or does not
 *         SKIP("no corpus");                 // returns; the case is skipped, visibly
 *     }
 *
 * Each file's function runs in a process of its own, from the project's root, so that a crash or
 * a hang is one failed test. A file without CASE counts as one. Nothing here may be called from
 * two threads at the same time.
 */
#ifndef ANP_TEST_H
#define ANP_TEST_H

#include <stdbool.h>
#include <stddef.h>

#define CASE(name) test_case(name)
#define CHECK(condition) test_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ_INT(actual, expected) \
    test_check_int((long long)(actual), (long long)(expected), __FILE__, __LINE__, #actual)
#define CHECK_EQ_STR(actual, expected) \
    test_check_str((actual), (expected), __FILE__, __LINE__, #actual)
#define CHECK_NEAR(actual, expected, tolerance) \
    test_check_near((actual), (expected), (tolerance), __FILE__, __LINE__, #actual)
#define SKIP(reason) \
    do { \
        test_skip(__FILE__, __LINE__, reason); \
        return; \
    } while (0)

/* Begins the next counted test; name is copied. */
void test_case(const char *name);

/* Each returns whether it held. */
bool test_check(bool held, const char *file, int line, const char *what);
bool test_check_int(long long actual, long long expected, const char *file, int line,
                    const char *what);
bool test_check_str(const char *actual, const char *expected, const char *file, int line,
                    const char *what);
bool test_check_near(double actual, double expected, double tolerance, const char *file, int line,
                     const char *what);
void test_skip(const char *file, int line, const char *reason);

/* Says behind a failure what it takes to see it again: a seed, the smallest input. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A folder of this test file alone, empty at first, removed when its process has ended. */
const char *test_folder(void);

/* How many files there have a name that begins so. */
int test_files(const char *start);

/* What the build generates: every test function, ended by a null name. */
struct test_entry {
    const char *name; /* ROOM/NAME */
    void (*run)(void);
};
extern const struct test_entry test_list[];

#endif
