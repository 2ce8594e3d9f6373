/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark loads to open logs, so that File > Open, tshark -r and mergecap take them like captures. A record
 * becomes a packet of the encapsulation that Wireshark has for exported PDUs: it names the dissector, has the addresses
 * of the request where the log has them, and the record as text that needs no file around it (logfile_describe()).
 */
#include "wiretap_compat.h"

#include <string.h>

#include <ws_symbol_export.h>

#include "logfile/logfile.h"

/* Read by Wireshark before anything else (wsutil/plugins.c): without them, or for another release, it does not load the
 * plugin. */
WS_DLL_PUBLIC_DEF const char plugin_version[] = SCEPSHARK_VERSION;
WS_DLL_PUBLIC_DEF const int  plugin_want_major = COMPAT_MAJOR;
WS_DLL_PUBLIC_DEF const int  plugin_want_minor = COMPAT_MINOR;

WS_DLL_PUBLIC void     plugin_register(void);
WS_DLL_PUBLIC uint32_t plugin_describe(void);

/* So many octets of the file lie between two marks: on the way to a record half as many are read again, and a gigabyte
 * has some 30,000 marks. */
#define MARK_DISTANCE 32768

#define SECOND 1000000000 /* ns */

/* No capture file holds a larger packet. In one there is a record, which may become three times as long as in the log,
 * with its directives and tags. */
G_STATIC_ASSERT(3 * LOGFILE_MAX_RECORD + 16384 <= WTAP_MAX_PACKET_SIZE_STANDARD);

/* The readers are given so many octets at once: coming to a record, they should not read much of what is behind it. */
#define MOST_AT_ONCE 65536

/* One way through a log. */
typedef struct {
    FILE_T          file;
    logfile_reader *reader;
    uint64_t        position; /* in the file; nothing before it is read next */
} passage;

/* An open log. Its memory is libwiretap's to free, what it points to is freed in close_sequential() and close_log(). */
typedef struct {
    logfile_format format;
    passage        onward; /* from the beginning to the end */
    passage        again;  /* to records that were read before */
    GPtrArray     *marks;  /* of logfile_mark *, in the order of the file; NULL without random access */
    GString       *packet; /* the one that was made last */
} open_log;

/* As Wireshark's dialogs call these files. */
#define KIND "NDES, CRP and IIS logs"

/* Of each format, as libwiretap numbers them. */
static int file_types[LOGFILE_FORMATS];

/* --- the packet --- */

static nstime_t
time_of(const logfile_record *record)
{
    nstime_t time = { record->time / SECOND, (int)(record->time % SECOND) };

    if (time.nsecs < 0) {
        time.secs--;
        time.nsecs += SECOND;
    }
    return time;
}

/* Gives a record to libwiretap as a packet. */
static void
hand_over(open_log *log, const logfile_record *record, wtap_rec *rec, Buffer *buffer)
{
    wtap_packet_header *header = &rec->rec_header.packet_header;

    g_string_truncate(log->packet, 0);
    logfile_pdu(log->format, record, log->packet);
    rec->rec_type = REC_TYPE_PACKET;
    rec->block = wtap_block_create(WTAP_BLOCK_PACKET);
    rec->presence_flags = WTAP_HAS_TS | WTAP_HAS_INTERFACE_ID;
    rec->ts = time_of(record);
    header->interface_id = 0;
    header->len = header->caplen = (uint32_t)log->packet->len;
    ws_buffer_clean(buffer);
    ws_buffer_append(buffer, (uint8_t *)log->packet->str, header->caplen);
}

/* --- reading --- */

/* The readers' source. When reading fails, what lies before that place is given first: a file_read() that comes upon it
 * would keep all to itself. */
static gssize
give(void *from, uint8_t *octets, size_t size)
{
    FILE_T  file = from;
    int64_t start = file_tell(file);
    gssize  got = file_read(octets, (unsigned)MIN(size, MOST_AT_ONCE), file);
    int     error;

    if (got >= 0)
        return got;
    if (file_seek(file, start, SEEK_SET, &error) < 0)
        return -1;
    for (got = 0; (size_t)got < MIN(size, MOST_AT_ONCE) && file_read(octets + got, 1, file) == 1;)
        got++;
    return got ? got : -1;
}

/* The next record. False at the end (*err is 0) or on failure. */
static bool
next_record(passage *way, logfile_record *record, int *err, char **err_info)
{
    if (!logfile_next(way->reader, record)) {
        *err = logfile_failed(way->reader) ? file_error(way->file, err_info) : 0;
        return false;
    }
    way->position = record->offset + record->size;
    return true;
}

static const logfile_mark *
last_mark(const open_log *log)
{
    return log->marks->len ? g_ptr_array_index(log->marks, log->marks->len - 1) : NULL;
}

static compat_bool
read_record(wtap *wth, wtap_rec *rec, Buffer *buffer, int *err, char **err_info, int64_t *offset)
{
    open_log      *log = wth->priv;
    logfile_record record;

    if (log->marks) {
        const logfile_mark *last = last_mark(log);

        if (!last || log->onward.position >= logfile_mark_offset(last) + MARK_DISTANCE)
            g_ptr_array_add(log->marks, logfile_mark_new(log->onward.reader));
    }
    if (!next_record(&log->onward, &record, err, err_info))
        return false;
    *offset = (int64_t)record.offset;
    hand_over(log, &record, rec, buffer);
    return true;
}

/* The last mark that does not lie behind `offset`; NULL when there is none. */
static const logfile_mark *
mark_before(const open_log *log, uint64_t offset)
{
    unsigned from = 0, to = log->marks->len; /* it is the one before `from` */

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        if (logfile_mark_offset(g_ptr_array_index(log->marks, middle)) <= offset)
            from = middle + 1;
        else
            to = middle;
    }
    return from ? g_ptr_array_index(log->marks, from - 1) : NULL;
}

/* Makes a mark the place to go on from. */
static bool
go_to(open_log *log, const logfile_mark *mark, int *err)
{
    passage *way = &log->again;

    way->position = UINT64_MAX; /* nowhere, should that fail */
    if (!way->reader)
        way->reader = logfile_reader_new(log->format, give, way->file);
    if (file_seek(way->file, (int64_t)logfile_mark_offset(mark), SEEK_SET, err) < 0)
        return false;
    logfile_reader_resume(way->reader, mark);
    way->position = logfile_mark_offset(mark);
    return true;
}

/* Reads the record at `offset` again. Going on from where the last one ended is enough when no mark is nearer. */
static bool
find_record(open_log *log, uint64_t offset, logfile_record *record, int *err, char **err_info)
{
    passage            *way = &log->again;
    const logfile_mark *mark = mark_before(log, offset);

    if (mark && (way->position > offset || way->position < logfile_mark_offset(mark)) && !go_to(log, mark, err))
        return false;
    while (mark && next_record(way, record, err, err_info)) {
        if (record->offset == offset)
            return true;
        if (record->offset > offset)
            break;
    }
    way->position = UINT64_MAX;
    if (*err == 0) {
        *err = WTAP_ERR_BAD_FILE;
        *err_info = g_strdup_printf("no record begins at %" G_GUINT64_FORMAT " any more: the log has changed", offset);
    }
    return false;
}

static compat_bool
read_again(wtap *wth, int64_t offset, wtap_rec *rec, Buffer *buffer, int *err, char **err_info)
{
    open_log      *log = wth->priv;
    logfile_record record;

    if (!find_record(log, (uint64_t)offset, &record, err, err_info))
        return false;
    hand_over(log, &record, rec, buffer);
    return true;
}

/* --- opening and closing --- */

static void
close_sequential(wtap *wth)
{
    open_log *log = wth->priv;

    g_clear_pointer(&log->onward.reader, logfile_reader_free);
}

static void
close_log(wtap *wth)
{
    open_log *log = wth->priv;

    g_clear_pointer(&log->again.reader, logfile_reader_free);
    g_clear_pointer(&log->marks, g_ptr_array_unref);
    g_string_free(log->packet, TRUE);
}

/* Names the one interface after the file. The path tells files of one name apart: programs that merge would take them
 * for one interface otherwise. */
static void
add_interface(wtap *wth)
{
    g_autofree char *name = g_filename_display_basename(wth->pathname), *path = g_filename_display_name(wth->pathname);
    wtap_block_t     interface;

    wtap_add_generated_idb(wth);
    interface = g_array_index(wth->interface_data, wtap_block_t, wth->interface_data->len - 1);
    wtap_block_add_string_option(interface, OPT_IDB_NAME, name, strlen(name));
    wtap_block_add_string_option(interface, OPT_IDB_DESCRIPTION, path, strlen(path));
}

static void
set_up(wtap *wth, logfile_format format)
{
    open_log *log = g_new0(open_log, 1);

    log->format = format;
    log->packet = g_string_new(NULL);
    log->onward.file = wth->fh;
    log->onward.reader = logfile_reader_new(format, give, wth->fh);
    if (wth->random_fh) {
        log->again.file = wth->random_fh;
        log->again.position = UINT64_MAX;
        log->marks = g_ptr_array_new_with_free_func((GDestroyNotify)logfile_mark_free);
    }

    wth->priv = log;
    wth->file_type_subtype = file_types[format];
    wth->file_encap = WTAP_ENCAP_WIRESHARK_UPPER_PDU;
    wth->file_tsprec = WTAP_TSPREC_NSEC;
    wth->snapshot_length = 0;
    wth->subtype_read = read_record;
    wth->subtype_seek_read = read_again;
    wth->subtype_sequential_close = close_sequential;
    wth->subtype_close = close_log;
    add_interface(wth);
}

/* The first octets of a file, as many as decide. Leaves the file where it was. -1 when it cannot be read. */
static gssize
read_head(FILE_T file, uint8_t *head, int *err, char **err_info)
{
    int64_t start = file_tell(file);
    size_t  length = 0;
    gssize  got;

    do {
        got = give(file, head + length, LOGFILE_HEAD - length);
        length += (size_t)MAX(got, 0);
    } while (got > 0 && length < LOGFILE_HEAD);
    if (length == 0 && got < 0) {
        *err = file_error(file, err_info);
        return -1;
    }
    return file_seek(file, start, SEEK_SET, err) < 0 ? -1 : (gssize)length;
}

static wtap_open_return_val
fail(int *err, char **err_info, int error, const char *text)
{
    *err = error;
    *err_info = g_strdup(text);
    return WTAP_OPEN_ERROR;
}

static wtap_open_return_val
open_if_log(wtap *wth, int *err, char **err_info)
{
    g_autofree uint8_t *head = g_malloc(LOGFILE_HEAD);
    gssize              length = read_head(wth->fh, head, err, err_info);
    const char         *problem = NULL;
    logfile_format      format;

    if (length < 0)
        return WTAP_OPEN_ERROR;
    switch (logfile_detect(head, (size_t)length, &format, &problem)) {
    case LOGFILE_FOREIGN:
        return WTAP_OPEN_NOT_MINE;
    case LOGFILE_REFUSED:
        return fail(err, err_info, WTAP_ERR_BAD_FILE, problem);
    case LOGFILE_KNOWN:
        break;
    }
    if (!compat_wtap_fits(wth))
        return fail(err, err_info, WTAP_ERR_INTERNAL, "scepshark's file reader was built for another Wireshark");
    set_up(wth, format);
    return WTAP_OPEN_MINE;
}

/* --- registration --- */

static const struct supported_option_type interface_options[] = {
    { OPT_IDB_NAME, ONE_OPTION_SUPPORTED },
    { OPT_IDB_DESCRIPTION, ONE_OPTION_SUPPORTED },
};

static const struct supported_block_type blocks[] = {
    { WTAP_BLOCK_IF_ID_AND_INFO, ONE_BLOCK_SUPPORTED, G_N_ELEMENTS(interface_options), interface_options },
    { WTAP_BLOCK_PACKET, MULTIPLE_BLOCKS_SUPPORTED, NO_OPTIONS_SUPPORTED },
};

static void
register_logs(void)
{
    static struct open_info           opener = { KIND, OPEN_INFO_MAGIC, open_if_log, NULL, NULL, NULL };
    static struct file_extension_info extensions = { KIND, TRUE, "log;svclog" };

    for (logfile_format format = 0; format < LOGFILE_FORMATS; format++) {
        struct file_type_subtype_info type = {
            .description = logfile_format_description(format),
            .name = logfile_format_name(format),
            .default_file_extension = format == LOGFILE_SVCLOG ? "svclog" : "log",
            .num_supported_blocks = G_N_ELEMENTS(blocks),
            .supported_blocks = blocks,
        };

        file_types[format] = wtap_register_file_type_subtype(&type);
    }
    wtap_register_file_type_extension(&extensions);
    /* After the formats that begin with a number of their own, before those that have to be guessed. */
    wtap_register_open_info(&opener, FALSE);
}

/* What the plugin is, as 4.4 asks and 4.0 does not: a file reader (wsutil/plugins.h, WS_PLUGIN_DESC_FILE_TYPE). */
uint32_t
plugin_describe(void)
{
    return 2;
}

void
plugin_register(void)
{
    static wtap_plugin logs;

    logs.register_wtap_module = register_logs;
    wtap_register_plugin(&logs);
}
