/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the readers share among themselves. In the order in which an octet meets them: window.c (with encoding.c) has the
 * text that comes next, extent.c says how much of it is a record, w3c.c, cmtrace.c and svclog.c (with time.c) what that
 * record says. reader.c calls them for a file, parse.c for a record that was written by describe.c,
 * which pdu.c makes a packet.
 */
#ifndef LOGFILE_INTERNAL_H
#define LOGFILE_INTERNAL_H

#include <string.h>

#include "logfile.h"

/* A stretch of text, not NUL-terminated. */
typedef struct {
    const char *at;
    size_t      length;
} logfile_span;

#define LOGFILE_SPAN(literal) ((logfile_span){ literal, sizeof literal - 1 })

static inline bool
logfile_begins(logfile_span text, logfile_span with)
{
    return text.length >= with.length && memcmp(text.at, with.at, with.length) == 0;
}

static inline bool
logfile_equals(logfile_span text, logfile_span other)
{
    return text.length == other.length && memcmp(text.at, other.at, other.length) == 0;
}

/* What stands between words: blanks, tabs and line breaks. */
static inline bool
logfile_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What is left of `text` without its first octets, which there are. */
static inline logfile_span
logfile_after(logfile_span text, size_t octets)
{
    return (logfile_span){ text.at + octets, text.length - octets };
}

/* The first `octets` of `text`, which there are. */
static inline logfile_span
logfile_before(logfile_span text, size_t octets)
{
    return (logfile_span){ text.at, octets };
}

/* Where `what` begins in `text`; its length when it is not there. */
size_t logfile_find(logfile_span text, logfile_span what);

logfile_span logfile_trim_end(logfile_span text);

/* --- encoding.c --- */

typedef enum { LOGFILE_UTF8, LOGFILE_UTF16_LE, LOGFILE_UTF16_BE } logfile_encoding;

/* As many of a file's first octets tell its encoding. */
#define LOGFILE_ENCODING_HEAD 8

/* Sets `mark` to the length of the byte order mark. */
logfile_encoding logfile_encoding_of(const uint8_t *head, size_t length, size_t *mark);

/* Decodes UTF-16 into `text`, which has room for 3 octets for every 2, and 6 more. Returns the octets written. `used` are
 * those of `octets` that are done with; what is left (at most 3) is the begin of a character, unless `is_end`. */
size_t logfile_decode(logfile_encoding encoding, const uint8_t *octets, size_t length, bool is_end, char *text,
                      size_t *used);

/* How many octets of UTF-16 `text` was. */
size_t logfile_encoded_length(logfile_span text);

/* `text` with U+FFFD for every octet that is not of a character, and for NUL: the same, or what is in `scratch` then. */
logfile_span logfile_valid(logfile_span text, GString *scratch);

/* --- window.c: the text that comes next --- */

typedef struct {
    logfile_source   source;
    void            *from;
    bool             has_begun;  /* the encoding is known */
    bool             has_ended;  /* the source has no more */
    bool             has_failed;
    bool             ends_odd;   /* the last character stands for one octet of UTF-16 */
    logfile_encoding encoding;
    uint8_t         *raw;        /* of UTF-16: octets that are not decoded yet */
    size_t           raw_length;
    char            *octets;     /* UTF-8, as far as the file has it */
    size_t           start, end; /* what comes next lies between them */
    uint64_t         offset;     /* of `start` in the file */
    uint32_t         line;       /* likewise, from 1 */
} logfile_window;

void logfile_window_init(logfile_window *window, logfile_source source, void *from);
void logfile_window_clear(logfile_window *window);

/* Forgets what is there; the source goes on at this place. */
void logfile_window_move(logfile_window *window, bool has_begun, logfile_encoding encoding, uint64_t offset,
                         uint32_t line);

/* What comes next: more than LOGFILE_MAX_RECORD octets, or all there are. */
logfile_span logfile_window_text(logfile_window *window);

/* Goes on behind so many octets of it. */
void logfile_window_take(logfile_window *window, size_t octets);

/* --- extent.c: how much of it is a record --- */

/* As many NULs and more are room that was reserved and never written, not characters. */
#define LOGFILE_NULS 4

typedef struct {
    size_t length;   /* of the record, without its line end */
    size_t taken;    /* with it */
    bool   is_cut;   /* it is longer than LOGFILE_MAX_RECORD */
    bool   is_blank; /* it is no record, but blanks between records */
} logfile_extent;

/* `text` is as logfile_window_text() gives it, and does not begin with NULs. `is_rest`: it goes on with a record that was
 * cut. */
logfile_extent logfile_extent_of(logfile_format format, logfile_span text, bool is_rest);

bool logfile_begins_with_nuls(logfile_span text);

/* --- what a record says --- */

typedef struct {
    char             problem[120]; /* why it cannot be understood; "" */
    bool             has_time, is_utc;
    int64_t          time;
    logfile_endpoint client, server;
} logfile_meaning;

/* Is told of each column or attribute. `value.at` is NULL when there is none; it does not lie in the record when it is
 * written otherwise there. */
typedef struct {
    void (*column)(void *user, logfile_span name, logfile_span value);
    void *user;
} logfile_sink;

/* Sets the problem, unless there is one already. */
void logfile_object(logfile_meaning *meaning, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* --- w3c.c --- */

/* A longer #Fields directive is not believed. */
#define LOGFILE_MAX_FIELDS 8192

typedef struct logfile_fields logfile_fields;

/* A #Fields directive's names, taken apart. `names` is kept. */
logfile_fields *logfile_fields_new(GRefString *names);
void            logfile_fields_free(logfile_fields *fields);
GRefString     *logfile_fields_names(const logfile_fields *fields);

/* Whether `name` is one of the words of `names`. */
bool logfile_have_name(logfile_span names, logfile_span name);

/* No day: neither the columns nor a directive tell it. */
#define LOGFILE_NO_DAY INT64_MIN

/* `day` since 1970 is that of lines without a date. `fields` may be NULL; `sink` too. */
void logfile_w3c_read(logfile_fields *fields, int64_t day, logfile_span line, logfile_meaning *meaning,
                      const logfile_sink *sink);

/* Takes the next word, and blanks before it. False when there is none. */
bool logfile_next_word(logfile_span *text, logfile_span *word);

/* True for "#Word: …", with what is behind the colon and blanks. */
bool logfile_w3c_directive(logfile_span line, logfile_span *name, logfile_span *value);

/* An address, an IPv6 zone behind it or not. */
bool logfile_is_address(logfile_span text);

/* --- cmtrace.c --- */

extern const logfile_span logfile_cmtrace_begin;

/* Octets up to and with the first record's end in `text`; 0 when none ends there. `has_begin`: it begins with
 * logfile_cmtrace_begin. `is_whole`: what follows `text` does not belong to it. */
size_t logfile_cmtrace_end(logfile_span text, bool has_begin, bool is_whole);
void   logfile_cmtrace_read(logfile_span record, logfile_meaning *meaning, const logfile_sink *sink);

/* --- svclog.c --- */

extern const logfile_span logfile_svclog_begin;

/* Octets up to and with the first end of an element in `text`; 0 when none ends there. */
size_t logfile_svclog_end(logfile_span text);
void   logfile_svclog_read(logfile_span record, logfile_meaning *meaning, const logfile_sink *sink);

/* --- time.c: each takes what it reads from the begin of `text`; false when it is not there --- */

bool logfile_take_char(logfile_span *text, char c);

/* At most 10 digits; more than fits is UINT_MAX. */
bool logfile_take_number(logfile_span *text, unsigned most_digits, unsigned *number);

/* YYYY-MM-DD and M-D-YYYY, padded or not, from 1970 to 2261 (what nanoseconds can tell): days since 1970. */
bool logfile_take_date(logfile_span *text, int64_t *day);
bool logfile_take_american_date(logfile_span *text, int64_t *day);

/* HH:MM:SS, up to 9 decimals behind it: ns since midnight. */
bool logfile_take_time(logfile_span *text, int64_t *time);

/* Writes a day as YYYY-MM-DD. */
void logfile_append_date(GString *text, int64_t day);

#define LOGFILE_SECOND INT64_C(1000000000)
#define LOGFILE_DAY    (86400 * LOGFILE_SECOND)

#endif
