/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What source.c shares with its two kinds of files (source_capture.c: what libwiretap reads; source_log.c) and with
 * merged.c, which takes over what a file knows besides its records.
 */
#ifndef MATCH_SOURCE_INTERNAL_H
#define MATCH_SOURCE_INTERNAL_H

#include <zlib.h>

#include "../../plugin/wiretap_compat.h"
#include "filter.h"
#include "logfile/logfile.h"
#include "source.h"

/* An interface as a merged file will have it: with one encapsulation. Where the packets of one of the file's come with
 * others than it says, it is several. */
typedef struct {
    unsigned       number;        /* of the interface in the file, SOURCE_NO_INTERFACE when it has none */
    int            encapsulation; /* as libwiretap numbers them */
    wire_link      link;
    bool           is_writable;   /* pcapng has such packets */
    wtap_block_t   description;   /* of its own, or NULL */
    packet_filter *filter;        /* NULL as long as none is needed */
} source_interface;

#define SOURCE_NO_INTERFACE UINT_MAX

/* The name of a host, as a file tells it. */
typedef struct {
    unsigned    ip_version; /* 4 or 6 */
    uint8_t     address[16];
    const char *name;       /* in `key` */
    char       *key;        /* address and name, as in a hosts file */
} source_host;

/* One that tells more has the rest counted: Wireshark needs time that grows with the square of their number. */
#define SOURCE_MAX_HOSTS 16384

struct match_source {
    char          *name, *path;
    char          *expression; /* of the filter, or NULL */
    bool           is_log;
    logfile_format format;     /* of a log */

    /* The record that was read last. */
    uint32_t       number;
    int64_t        time;
    bool           has_time;
    wtap_rec       rec;
    const uint8_t *octets;
    size_t         captured;
    unsigned       interface;

    /* What was learned from the file so far; all there is when it was read to its end. */
    bool           is_known;
    uint32_t       count;      /* records */
    char          *ending;     /* what was wrong there, or NULL */
    uint64_t       unwritable; /* records that pass the filter, and that pcapng has no place for */
    GArray        *interfaces; /* of source_interface */
    GHashTable    *indexes;    /* their indexes by number and encapsulation */
    GPtrArray     *secrets;    /* decryption secrets, of wtap_block_t */
    GPtrArray     *hosts;      /* of source_host *, each once */
    GHashTable    *host_keys;  /* theirs */
    uint64_t       hosts_left_out;
    GPtrArray     *comments;   /* of sections, of char * */
    char          *application, *system, *hardware; /* of the first section, or NULL */

    /* A capture. */
    wtap          *wth;
    Buffer         buffer;
    unsigned       section;
    unsigned       first_interface; /* of the section, in the file */
    unsigned       numbered;        /* interfaces of the file that have come so far */

    /* A log. */
    gzFile          file; /* compressed or not */
    int64_t         size; /* of the file */
    logfile_reader *reader;
    GString        *packet;
};

/* Reads the source to its end, if it never was, so that all is known; at its beginning before and after. */
bool source_survey(match_source *source, char **problem);

/* Whether pcapng has a place for the current record. */
bool source_is_writable(const match_source *source);

/* --- captures: as their namesakes in source.h, but without the filter and without count --- */

/* Readies libwiretap, once. */
void capture_start(void);

bool   capture_open(match_source *source, char **problem);
void   capture_close(match_source *source);
bool   capture_next(match_source *source, match_record *record, char **problem);
double capture_progress(const match_source *source);

/* Takes over what the file knows besides records; called at its end. */
void capture_learn(match_source *source);

/* The index of the interface with this number in the file and this encapsulation, made when it is new. A `description` that
 * is not NULL replaces what it had. */
unsigned source_interface_of(match_source *source, unsigned number, int encapsulation, wtap_block_t description);

/* --- logs, likewise --- */

/* Whether it is one; then `source` is ready to be read. False with a problem for a log that cannot be read, without one for
 * what is none. */
bool   log_open(match_source *source, char **problem);
void   log_close(match_source *source);
bool   log_next(match_source *source, match_record *record, char **problem);
bool   log_rewind(match_source *source, char **problem);
double log_progress(const match_source *source);

#endif
