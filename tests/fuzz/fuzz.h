/*
 * What a fuzz target sees. tests/fuzz/fuzz_NAME.c defines
 *
 *     void fuzz_NAME(const uint8_t *bytes, size_t size)
 *
 * which reads foreign bytes: whatever they are, it must not crash, leak, or loop; it aborts where
 * a property does not hold. The build finds it by that name. Good inputs to start from lie in
 * tests/fuzz/corpus/NAME/, if it has any.
 */
#ifndef ANP_FUZZ_H
#define ANP_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* What the build generates: every target, ended by a null name. */
struct fuzz_entry {
    const char *name;
    void (*run)(const uint8_t *bytes, size_t size);
};
extern const struct fuzz_entry fuzz_list[];

#endif
