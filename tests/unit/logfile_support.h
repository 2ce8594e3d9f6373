/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of the readers of logs, and their fuzzer, share: a log in memory, its records, and what holds for every
 * log whatever is in it. GLib only.
 */
#ifndef TESTS_LOGFILE_SUPPORT_H
#define TESTS_LOGFILE_SUPPORT_H

#include <glib.h>

#include "logfile/logfile.h"

/* A source: octets in memory, of which it gives at most `step` at once. */
typedef struct {
    const char *octets;
    size_t      length, at, step;
    size_t      fails_at; /* reading fails when it comes here; 0: never */
} memory;

gssize memory_give(void *from, uint8_t *octets, size_t size);

/* A record that outlives its reader. */
typedef struct {
    logfile_record record; /* with pointers to what follows */
    char          *text, *fields, *error, *client, *server, *description;
} kept_record;

/* All records of a log, of kept_record. */
GPtrArray *records_of(logfile_format format, memory *log);

/* Likewise, after what holds for every log was checked: offsets ascend; between records there are directives, blanks and
 * byte order marks only; a source that gives one octet at once gives the same records; so does going on from a mark, at
 * the begin and before every record; a record's description, taken apart, says what the record says. `is_brief`: not one
 * octet when there are many, and not before every record. */
GPtrArray *checked_records_of(logfile_format format, const char *octets, size_t length, bool is_brief);

static inline const kept_record *
record_at(const GPtrArray *records, guint number)
{
    g_assert_cmpuint(number, <, records->len);
    return g_ptr_array_index(records, number);
}

/* The records of a log, after those checks, are `expected`: one in each line, as
 *     LINE TIME TEXT
 *     LINE TIME TEXT !ERROR
 * where TIME is "2016-06-10 02:44:11.8513964" with "Z" behind it when it is UTC, or "-" when there is none, and line breaks
 * in the text are written "\n" and "\r". */
void assert_log(logfile_format format, const char *log, const char *expected);
void assert_log_of(logfile_format format, const char *octets, size_t length, const char *expected);

/* Likewise, of records that were read. */
void assert_records(const GPtrArray *records, const char *expected);

/* The columns of a record's description are `expected`: "NAME=VALUE" joined by "|", NAME alone when there is no value. */
void assert_columns(logfile_format format, const kept_record *record, const char *expected);

#endif
