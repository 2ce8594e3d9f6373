/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The logs of the chain, read as records: IIS's and HTTP.sys's W3C logs, CMTrace logs (NDESPlugin.log, CRP.log; the older
 * form with $$< too), and service trace logs (.svclog). GLib only.
 *
 * A reader takes octets from wherever they come and gives one record after the other, in memory that does not grow with
 * the file; each record can be written as text that can be understood without the file (logfile_describe()), and that
 * text be taken apart again (logfile_parse()). So a record means the same in the file, in a merged capture, and on a
 * machine that has no reader.
 *
 * Nothing is lost: every octet of a file is in a record, or in a directive or a line break between records. What cannot be
 * understood is a record with `error` set.
 */
#ifndef LOGFILE_LOGFILE_H
#define LOGFILE_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Its name is that of the dissector and of the prefix of the fields. */
typedef enum {
    LOGFILE_IIS,     /* W3C extended log of IIS: UTC, whole seconds, at the end of a request */
    LOGFILE_HTTPERR, /* HTTP.sys's own: what it refused or dropped before IIS saw it; UTC, whole seconds */
    LOGFILE_CMTRACE, /* <![LOG[message]LOG]!><time="…" …>, or message $$<component><date time><thread=…> */
    LOGFILE_SVCLOG,  /* E2ETraceEvent elements without a root element */
    LOGFILE_FORMATS,
} logfile_format;

const char *logfile_format_name(logfile_format format);        /* "iis", "httperr", "cmtrace", "svclog" */
const char *logfile_format_description(logfile_format format); /* "IIS W3C extended log" … */

/* What a file is by its first octets. */
typedef enum {
    LOGFILE_FOREIGN,  /* none of these formats */
    LOGFILE_KNOWN,
    LOGFILE_REFUSED,  /* one of these formats, but without what is needed to read it: `problem` tells */
} logfile_claim;

/* How many of a file's first octets decide; more are not looked at. */
#define LOGFILE_HEAD 65536

/* `head` are the first `length` octets (all, when the file is shorter). `format` is set when known; `problem` to a constant
 * sentence when refused. */
logfile_claim logfile_detect(const uint8_t *head, size_t length, logfile_format *format, const char **problem);

/* An address as a log has it; length 0: none. Not NUL-terminated. A zone ("%13") is part of it. */
typedef struct {
    const char *address;
    size_t      length;
    uint16_t    port; /* 0: none */
} logfile_endpoint;

/* One record. What it points to is the reader's and lives until its next call. */
typedef struct {
    uint64_t    offset;  /* of its first octet in the file */
    uint64_t    size;    /* octets in the file, its line end included */
    uint32_t    line;    /* on which it begins, from 1 */
    const char *text;    /* the record in UTF-8, without its line end; what was not valid is replaced by U+FFFD */
    size_t      length;  /* octets of text */
    const char *fields;  /* the W3C logs' #Fields directive in force, without "#Fields: "; NULL when there is none, and
                          * for what is no line, and in other formats */
    const char *error;   /* NULL, or why the record cannot be understood (wholly or in part) */
    bool        has_time;
    bool        is_utc;  /* the format says so, or the record has its bias; else `time` is local time taken for UTC */
    int64_t     time;    /* ns since 1970; without a time of its own, that of the record before (0 for none), as is_utc */
    logfile_endpoint client, server; /* c-ip, c-port; s-ip, s-port */
} logfile_record;

typedef struct logfile_reader logfile_reader;

/* Gives up to `size` more octets into `octets`: how many, 0 at the end, -1 when reading failed. */
typedef gssize (*logfile_source)(void *from, uint8_t *octets, size_t size);

/* Records longer than this are cut there, with `error` set; what is left of them is the next record, marked likewise. IIS
 * writes no line longer than 65536 octets. */
#define LOGFILE_MAX_RECORD 80000u

logfile_reader *logfile_reader_new(logfile_format format, logfile_source source, void *from);
void            logfile_reader_free(logfile_reader *reader);

/* The next record. False at the end, or when the source failed, which logfile_failed() tells. */
bool logfile_next(logfile_reader *reader, logfile_record *record);
bool logfile_failed(const logfile_reader *reader);

/* A place from which reading can go on later: small, and free of pointers into the reader. */
typedef struct logfile_mark logfile_mark;

logfile_mark *logfile_mark_new(const logfile_reader *reader); /* before the record that logfile_next() gives next */
void          logfile_mark_free(logfile_mark *mark);
uint64_t      logfile_mark_offset(const logfile_mark *mark); /* in the file: that record's, or a directive's before it */

/* Goes on from a mark of this reader or another of the same file; the source must go on at the mark's offset. */
void logfile_reader_resume(logfile_reader *reader, const logfile_mark *mark);

/* --- records as text of their own --- */

/* Nothing that logfile_describe() appends is longer. Wireshark takes packets of up to 262144 octets. */
#define LOGFILE_MAX_DESCRIPTION 250000u

/* Appends the record with what the file says about it, as text: directives in lines that begin with '#', each at most once
 * and in this order, then the record.
 *     #Line: 17
 *     #Date: 2016-06-10              (W3C logs whose lines have a time, but no date)
 *     #Fields: date time s-ip …      (W3C logs)
 *     #Error: no ]LOG]!> at the end  (what cannot be understood; with nothing behind it, it only ends the directives)
 *     2016-06-10 02:44:06 10.0.0.20 …
 * A record that begins with '#' has an #Error line before it: behind that one nothing is a directive.
 */
void logfile_describe(const logfile_record *record, GString *text);

/* Appends a record as a packet of Wireshark's encapsulation for exported PDUs (link type 252): the dissector's name, which is
 * that of the format, the addresses and ports that the log has, the line, and the record as logfile_describe() writes it. */
void logfile_pdu(logfile_format format, const logfile_record *record, GString *packet);

/* Whether a packet of that encapsulation is a record of a log. `offset` is where its text begins, for logfile_parse(). */
bool logfile_pdu_read(const uint8_t *octets, size_t length, logfile_format *format, size_t *offset);

/* One column or attribute of a record. Its name is that of the log ("cs(User-Agent)", "thread"); the value is as a reader
 * of the log understands it: "-" is no value (NULL), "+" stays, XML entities are undone. */
typedef struct {
    const char *name;
    const char *value;
    size_t      offset, length; /* of the value in the described text; length 0 when it is not there literally */
} logfile_column;

/* A described record taken apart; all it points to is its own. */
typedef struct {
    logfile_format format;
    uint32_t       line;   /* 0: not told */
    const char    *error;  /* of the reader, or of the parser; NULL */
    size_t         body_offset, body_length; /* the record itself in the described text */
    GArray        *columns; /* of logfile_column, in the log's order. CMTrace: the message is "message"; its attributes
                             * time, date, component, context, type, thread, file. Svclog: "message" is ApplicationData,
                             * then EventID, Type, SubType, Level, TimeCreated, Source, ActivityID, ProcessName,
                             * ProcessID, ThreadID, Channel, Computer, as far as they are there */
    bool           has_time, is_utc;
    int64_t        time;    /* as in logfile_record */
    GStringChunk  *strings;
} logfile_parsed;

/* Never NULL: what cannot be understood has `error`, and the columns that could be. Free with logfile_parsed_free(). */
logfile_parsed *logfile_parse(logfile_format format, const char *text, size_t length);
void            logfile_parsed_free(logfile_parsed *parsed);

/* The value of a column, or NULL. */
const char *logfile_value(const logfile_parsed *parsed, const char *name);

#endif
