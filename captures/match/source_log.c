/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Logs as inputs: captures/logfile reads them, whether or not Wireshark would. A record is the packet that Wireshark makes
 * of it.
 */
#include "source_internal.h"

#include <errno.h>
#include <sys/stat.h>

/* The reader's source. */
static gssize
give(void *from, uint8_t *octets, size_t size)
{
    return gzread(from, octets, (unsigned)MIN(size, INT_MAX));
}

/* What was wrong when reading ended, or NULL. */
static char *
problem_of(const match_source *source)
{
    int         error = Z_OK;
    const char *text = gzerror(source->file, &error);

    switch (error) {
    case Z_OK:
    case Z_STREAM_END:
        return NULL;
    case Z_BUF_ERROR:
        return g_strdup_printf("%s is cut short after record %u: what was before it counts", source->path, source->number);
    case Z_ERRNO:
        return g_strdup_printf("%s: %s", source->path, g_strerror(errno));
    default:
        return g_strdup_printf("%s is damaged after record %u (%s): what was before it counts", source->path,
                               source->number, text);
    }
}

/* True when its first octets say so. */
static bool
is_log(match_source *source, char **problem)
{
    g_autofree uint8_t *head = g_malloc(LOGFILE_HEAD);
    size_t              length = 0;
    const char         *reason = NULL;
    gssize              got;

    while (length < LOGFILE_HEAD && (got = give(source->file, head + length, LOGFILE_HEAD - length)) > 0)
        length += (size_t)got;
    switch (logfile_detect(head, length, &source->format, &reason)) {
    case LOGFILE_KNOWN:
        return true;
    case LOGFILE_REFUSED:
        *problem = g_strdup_printf("%s: %s", source->path, reason);
        return false;
    default:
        return false;
    }
}

bool
log_open(match_source *source, char **problem)
{
    struct stat status;

    source->file = gzopen(source->path, "rb");
    if (!source->file) {
        *problem = g_strdup_printf("%s: %s", source->path, g_strerror(errno));
        return false;
    }
    if (!is_log(source, problem)) {
        log_close(source);
        return false;
    }
    source->size = stat(source->path, &status) == 0 ? status.st_size : 0;
    source->packet = g_string_new(NULL);
    source->interface = source_interface_of(source, SOURCE_NO_INTERFACE, WTAP_ENCAP_WIRESHARK_UPPER_PDU, NULL);
    return log_rewind(source, problem);
}

void
log_close(match_source *source)
{
    g_clear_pointer(&source->reader, logfile_reader_free);
    g_clear_pointer(&source->file, gzclose);
    if (source->packet)
        g_string_free(source->packet, TRUE);
    source->packet = NULL;
}

bool
log_rewind(match_source *source, char **problem)
{
    if (gzrewind(source->file) != 0) {
        *problem = g_strdup_printf("%s cannot be read again from its beginning", source->path);
        return false;
    }
    g_clear_pointer(&source->reader, logfile_reader_free);
    source->reader = logfile_reader_new(source->format, give, source->file);
    return true;
}

/* As libwiretap would give it. */
static void
set_rec(match_source *source)
{
    wtap_packet_header *header = &source->rec.rec_header.packet_header;

    source->rec.rec_type = REC_TYPE_PACKET;
    source->rec.presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
    header->pkt_encap = WTAP_ENCAP_WIRESHARK_UPPER_PDU;
    header->len = header->caplen = (uint32_t)source->packet->len;
    source->octets = (const uint8_t *)source->packet->str;
    source->captured = source->packet->len;
}

bool
log_next(match_source *source, match_record *record, char **problem)
{
    logfile_record line;

    if (!logfile_next(source->reader, &line)) {
        *problem = problem_of(source);
        return false;
    }
    g_string_truncate(source->packet, 0);
    logfile_pdu(source->format, &line, source->packet);
    set_rec(source);
    record->time = line.time;
    record->has_time = line.has_time || line.time != 0; /* that of the record before */
    record->is_log = true;
    record->octets = source->octets;
    record->captured = source->captured;
    record->length = (uint32_t)source->captured;
    record->interface = source->interface;
    return true;
}

double
log_progress(const match_source *source)
{
    z_off_t at = gzoffset(source->file);

    return source->size > 0 && at > 0 ? CLAMP((double)at / (double)source->size, 0, 1) : 0;
}
