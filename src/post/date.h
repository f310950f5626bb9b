/* ISO 8601 dates and date-times to seconds. */
#ifndef ANP_POST_DATE_H
#define ANP_POST_DATE_H

#include "base/str.h"

/*
 * YYYY-MM-DD (midnight UTC), or YYYY-MM-DDTHH:MM[:SS[.fraction]] with Z or an offset (+02:00,
 * +0200, +02); `t`, `z` and a blank for the T are taken too. *seconds is counted from 1970-01-01
 * UTC, negative before. False when text is anything else, also a date that is not in the calendar.
 */
bool date_parse(str text, double *seconds);

#endif
