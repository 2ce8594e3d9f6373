/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One input of scepmatch: a capture that libwiretap reads, or a log that captures/logfile reads. Records come in the order
 * of the file; a source can be read again from the beginning. Memory does not grow with the file.
 */
#ifndef MATCH_SOURCE_H
#define MATCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "wire/segment.h"

typedef struct match_source match_source;

/* One record. What it points to is the source's and lives until its next call. */
typedef struct {
    uint32_t       number;    /* in the file, from 1, whether the filter takes it or not */
    int64_t        time;      /* ns since 1970 as the file has it; 0 when it has none */
    bool           has_time;
    bool           is_log;    /* a line of a log, as an exported PDU */
    wire_link      link;
    const uint8_t *octets;
    size_t         captured;  /* octets there are */
    uint32_t       length;    /* octets that the packet had */
    unsigned       interface; /* within the file */
} match_record;

/* Opens FILE under a name. `filter` is a capture filter (pcap-filter(7)) for captures, or NULL; lines of logs always pass.
 * NULL with a clear `problem` (free with g_free()) naming the file: no such file, not a capture nor a log, a filter that
 * libpcap does not compile for its link type. */
match_source *source_open(const char *name, const char *path, const char *filter, char **problem);
void          source_close(match_source *source);

const char *source_name(const match_source *source);
const char *source_path(const match_source *source);
bool        source_is_log(const match_source *source);
const char *source_log_format(const match_source *source); /* "iis" … for logs, else NULL */

/* The next record that passes. False at the end; then `problem` is set when the file is cut short or damaged there (what
 * came before counts), else NULL. */
bool source_next(match_source *source, match_record *record, char **problem);

/* From the beginning again; false with a problem when that is impossible (standard input). */
bool source_rewind(match_source *source, char **problem);

/* How far reading has come, 0 to 1, for a progress line. */
double source_progress(const match_source *source);

#endif
