/* Bytes that people typed, made fit for JSON and messages. */
#ifndef ANP_CLI_TEXT_H
#define ANP_CLI_TEXT_H

#include "base/bytes.h"

/*
 * Appends text to out with U+FFFD for each byte that is not part of a character in UTF-8. Whether
 * all of it was UTF-8.
 */
bool text_put_valid(buffer *out, str text);

#endif
