/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "merged_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>
#include <wiretap/pcap-encap.h>

#define SECOND INT64_C(1000000000) /* ns */

/* In the place of an interface's number: pcapng has no place for its packets. */
#define NOWHERE UINT32_MAX

/* An interface of the file. */
typedef struct {
    const match_source *source;
    unsigned            index; /* of the source's interface */
    int64_t             shift; /* ns, by which times were moved last */
} merged_end;

struct merged {
    char            *path, *temporary;
    wtap_dumper     *dumper;
    GArray          *section;
    GPtrArray       *numbers; /* of GArray of uint32_t: for each source, of each of its interfaces */
    GArray          *ends;    /* of merged_end, by these numbers */
    addrinfo_lists_t hosts;
    GPtrArray       *host_entries;
};

struct kept_record {
    wtap_block_t block;    /* options, or NULL */
    void        *header;   /* a wtap_rec's rec_header, where the octets and what follows are not all there is; or NULL */
    int64_t      time;     /* its own, if it has one */
    uint32_t     captured, length;
    uint32_t     number;   /* of its interface; NOWHERE for what cannot be written */
    int          encapsulation;
    unsigned     type;     /* of REC_TYPE_… */
    bool         has_time;
    uint8_t      octets[]; /* as many as were captured */
};

/* --- the file --- */

static char *
write_problem(const char *path, int error, const char *detail)
{
    return g_strdup_printf("%s: %s%s%s%s", path, error > 0 ? g_strerror(error) : wtap_strerror(error),
                           detail ? " (" : "", detail ? detail : "", detail ? ")" : "");
}

/* Says why the file cannot take this path's place; NULL when it may. */
static char *
objection_to(const char *path, const GPtrArray *sources)
{
    struct stat there, input;

    if (stat(path, &there) != 0)
        return NULL;
    for (guint i = 0; i < sources->len; i++) {
        const match_source *source = sources->pdata[i];

        if (stat(source->path, &input) == 0 && input.st_dev == there.st_dev && input.st_ino == there.st_ino)
            return g_strdup_printf("%s is an input (%s): write to another file", path, source->name);
    }
    if (S_ISREG(there.st_mode))
        return NULL;
    return g_strdup_printf("%s is %s", path, S_ISDIR(there.st_mode) ? "a folder" : "no file");
}

/* The path that the file will have: what a link points to, not the link. */
static char *
place_of(const char *path)
{
    char *real = realpath(path, NULL), *place = g_strdup(real ? real : path);

    free(real);
    return place;
}

/* Numbers the interfaces; returns their descriptions, of wtap_block_t. */
static GArray *
number_interfaces(merged *file, const GPtrArray *sources)
{
    GArray *descriptions = g_array_new(FALSE, FALSE, sizeof(wtap_block_t));

    for (guint i = 0; i < sources->len; i++) {
        const match_source *source = sources->pdata[i];
        GArray             *numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));

        for (guint j = 0; j < source->interfaces->len; j++) {
            merged_end end = { source, j, 0 };
            bool       is_writable = g_array_index(source->interfaces, source_interface, j).is_writable;
            uint32_t   number = is_writable ? file->ends->len : NOWHERE;

            g_array_append_val(numbers, number);
            if (number != NOWHERE) {
                wtap_block_t description = merged_interface(source, j);

                g_array_append_val(file->ends, end);
                g_array_append_val(descriptions, description);
            }
        }
        g_ptr_array_add(file->numbers, numbers);
    }
    return descriptions;
}

/* Opens the temporary file beside the one that it becomes; -1 with a problem. */
static int
open_temporary(merged *file, char **problem)
{
    g_autofree char *folder = g_path_get_dirname(file->path);
    int              descriptor;

    file->temporary = g_build_filename(folder, ".scepmatch-XXXXXX", NULL);
    descriptor = g_mkstemp_full(file->temporary, O_WRONLY | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        *problem = g_strdup_printf("%s: no file can be made in its folder: %s", file->path, g_strerror(errno));
        g_clear_pointer(&file->temporary, g_free);
    }
    return descriptor;
}

static bool
open_dumper(merged *file, const GPtrArray *sources, const char *keylog, char **problem)
{
    wtapng_iface_descriptions_t interfaces = { number_interfaces(file, sources) };
    wtap_dump_params            params = WTAP_DUMP_PARAMS_INIT;
    int                         error = 0, descriptor = -1;
    g_autofree char            *detail = NULL;

    if (file->ends->len == 0)
        *problem = g_strdup_printf("%s: the inputs have nothing to write into it", file->path);
    else
        descriptor = open_temporary(file, problem);
    if (descriptor >= 0) {
        params.encap = WTAP_ENCAP_PER_PACKET;
        params.tsprec = WTAP_TSPREC_NSEC;
        params.shb_hdrs = file->section = merged_section(sources);
        params.idb_inf = &interfaces;
        params.dsbs_initial = merged_secrets(sources, keylog);
        file->dumper = wtap_dump_fdopen(descriptor, wtap_pcapng_file_type_subtype(), WTAP_UNCOMPRESSED, &params, &error,
                                        &detail);
    }
    if (descriptor >= 0 && !file->dumper) {
        *problem = write_problem(file->path, error, detail);
        wtap_block_array_unref(params.dsbs_initial);
    }
    wtap_block_array_free(interfaces.interface_data);
    return file->dumper != NULL;
}

static void
merged_free(merged *file)
{
    if (file->temporary)
        g_unlink(file->temporary);
    wtap_block_array_free(file->section);
    g_list_free(file->hosts.ipv4_addr_list);
    g_list_free(file->hosts.ipv6_addr_list);
    g_ptr_array_unref(file->host_entries);
    g_ptr_array_unref(file->numbers);
    g_array_unref(file->ends);
    g_free(file->temporary);
    g_free(file->path);
    g_free(file);
}

merged *
merged_new(const char *path, GPtrArray *sources, const char *keylog, char **problem)
{
    merged *file;

    *problem = objection_to(path, sources);
    for (guint i = 0; !*problem && i < sources->len; i++)
        source_survey(sources->pdata[i], problem);
    if (*problem)
        return NULL;
    file = g_new0(merged, 1);
    file->path = place_of(path);
    file->numbers = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    file->ends = g_array_new(FALSE, FALSE, sizeof(merged_end));
    file->host_entries = g_ptr_array_new_with_free_func(g_free);
    if (!open_dumper(file, sources, keylog, problem)) {
        merged_free(file);
        return NULL;
    }
    file->hosts = merged_hosts(sources, file->host_entries);
    wtap_dump_set_addrinfo_list(file->dumper, &file->hosts);
    return file;
}

/* Appends what the interfaces counted. */
static bool
append_statistics(const merged *file)
{
    GByteArray *blocks = g_byte_array_new();
    FILE       *out = NULL;
    bool        is_written;

    for (guint i = 0; i < file->ends->len; i++) {
        const merged_end *end = &g_array_index(file->ends, merged_end, i);

        merged_statistics(&g_array_index(end->source->interfaces, source_interface, end->index), i, end->shift, blocks);
    }
    if (blocks->len > 0)
        out = g_fopen(file->temporary, "ab");
    is_written = blocks->len == 0 || (out && fwrite(blocks->data, 1, blocks->len, out) == blocks->len);
    if (out && fclose(out) != 0)
        is_written = false;
    g_byte_array_unref(blocks);
    return is_written;
}

bool
merged_close(merged *file, bool complete, char **problem)
{
    int              error = 0;
    g_autofree char *detail = NULL;
    bool             is_closed = wtap_dump_close(file->dumper, NULL, &error, &detail);

    *problem = NULL;
    if (complete && !is_closed)
        *problem = write_problem(file->path, error, detail);
    else if (complete && (!append_statistics(file) || g_rename(file->temporary, file->path) != 0))
        *problem = write_problem(file->path, errno, NULL);
    else if (complete)
        g_clear_pointer(&file->temporary, g_free);
    merged_free(file);
    return *problem == NULL;
}

/* --- records --- */

static compat_bool
stop_at_option(wtap_block_t block G_GNUC_UNUSED, unsigned option G_GNUC_UNUSED, wtap_opttype_e type G_GNUC_UNUSED,
               wtap_optval_t *value G_GNUC_UNUSED, void *data G_GNUC_UNUSED)
{
    return FALSE;
}

/* Whether what libwiretap knows of a record is more than its octets, their number, its time and its interface. */
static bool
needs_header(const wtap_rec *rec)
{
    return rec->rec_type != REC_TYPE_PACKET || wtap_encap_requires_phdr(rec->rec_header.packet_header.pkt_encap);
}

/* The interface in the file that a record goes to; NOWHERE when pcapng has no place for it. */
static uint32_t
number_of(const merged *file, const match_source *source, unsigned number_of_source)
{
    const GArray *numbers = file->numbers->pdata[number_of_source];

    if (source->rec.rec_type != REC_TYPE_PACKET)
        return source_is_writable(source) ? 0 : NOWHERE;
    /* A file that has changed since may have others. */
    return source->interface < numbers->len ? g_array_index(numbers, uint32_t, source->interface) : NOWHERE;
}

kept_record *
merged_keep(merged *file, const match_source *source, unsigned number_of_source)
{
    const wtap_rec *rec = &source->rec;
    uint32_t        number = number_of(file, source, number_of_source);
    size_t          captured = number == NOWHERE ? 0 : source->captured;
    kept_record    *record = g_malloc(sizeof *record + captured);

    memset(record, 0, sizeof *record);
    record->type = rec->rec_type;
    record->number = number;
    if (number == NOWHERE)
        return record;
    record->captured = (uint32_t)captured;
    record->time = source->time;
    record->has_time = source->has_time;
    if (rec->rec_type == REC_TYPE_PACKET) {
        record->encapsulation = rec->rec_header.packet_header.pkt_encap;
        record->length = rec->rec_header.packet_header.len;
    }
    if (rec->block && !wtap_block_foreach_option(rec->block, stop_at_option, NULL))
        record->block = wtap_block_ref(rec->block);
    if (needs_header(rec))
        record->header = g_memdup2(&rec->rec_header, sizeof rec->rec_header);
    memcpy(record->octets, source->octets, captured);
    return record;
}

static compat_bool
add_size(wtap_block_t block G_GNUC_UNUSED, unsigned option G_GNUC_UNUSED, wtap_opttype_e type, wtap_optval_t *value,
         void *data)
{
    size_t *size = data;

    *size += sizeof(wtap_option_t);
    if (type == WTAP_OPTTYPE_STRING)
        *size += strlen(value->stringval) + 1;
    else if (type == WTAP_OPTTYPE_CUSTOM)
        *size += value->custom_opt.data.generic_data.custom_data_len;
    return TRUE;
}

size_t
kept_record_size(const kept_record *record)
{
    size_t size = sizeof *record + record->captured;

    if (record->header)
        size += sizeof ((wtap_rec *)NULL)->rec_header;
    if (record->block)
        wtap_block_foreach_option(record->block, add_size, &size);
    return size;
}

void
kept_record_free(kept_record *record)
{
    if (!record)
        return;
    wtap_block_unref(record->block);
    g_free(record->header);
    g_free(record);
}

/* Tells a verdict on a packet (by a firewall and the like) in words. */
static compat_bool
tell_verdict(wtap_block_t block G_GNUC_UNUSED, unsigned option G_GNUC_UNUSED, wtap_opttype_e type, wtap_optval_t *value,
             void *data)
{
    const packet_verdict_opt_t *verdict = &value->packet_verdictval;
    GPtrArray                  *texts = data;
    GString                    *text;

    if (type != WTAP_OPTTYPE_PACKET_VERDICT)
        return TRUE;
    text = g_string_new("Verdict of the ");
    if (verdict->type == packet_verdict_hardware) {
        g_string_append(text, "hardware: ");
        for (guint i = 0; i < verdict->data.verdict_bytes->len; i++)
            g_string_append_printf(text, "%02x", verdict->data.verdict_bytes->data[i]);
    } else {
        bool is_tc = verdict->type == packet_verdict_linux_ebpf_tc;

        g_string_append_printf(text, "Linux %s: %" G_GUINT64_FORMAT, is_tc ? "eBPF TC" : "eBPF XDP",
                               is_tc ? verdict->data.verdict_linux_ebpf_tc : verdict->data.verdict_linux_ebpf_xdp);
    }
    g_ptr_array_add(texts, g_string_free(text, FALSE));
    return TRUE;
}

/* A packet's options and the comment, as a reference; NULL when there are none. Verdicts are comments where libwiretap
 * cannot write them. */
static wtap_block_t
options_of(const kept_record *record, const char *comment)
{
    g_autoptr(GPtrArray) added = NULL;
    wtap_block_t         block;

    if (record->type != REC_TYPE_PACKET || (!record->block && !comment))
        return wtap_block_ref(record->block);
    added = g_ptr_array_new_with_free_func(g_free);
    if (record->block && !COMPAT_WRITES_VERDICTS)
        wtap_block_foreach_option(record->block, tell_verdict, added);
    if (comment)
        g_ptr_array_add(added, g_strdup(comment));
    if (added->len == 0)
        return wtap_block_ref(record->block);
    /* The source may still have the block. */
    block = record->block ? wtap_block_make_copy(record->block) : wtap_block_create(WTAP_BLOCK_PACKET);
    while (!COMPAT_WRITES_VERDICTS && wtap_block_remove_nth_option_instance(block, OPT_PKT_VERDICT, 0) ==
                                          WTAP_OPTTYPE_SUCCESS)
        continue;
    for (guint i = 0; i < added->len; i++)
        merged_add_text(block, OPT_COMMENT, added->pdata[i]);
    return block;
}

static void
fill_rec(const kept_record *record, int64_t time, wtap_rec *rec)
{
    wtap_packet_header *header = &rec->rec_header.packet_header;

    memset(rec, 0, sizeof *rec);
    rec->rec_type = record->type;
    rec->presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
    rec->tsprec = WTAP_TSPREC_NSEC;
    /* pcapng has no times before 1970. */
    rec->ts.secs = (time_t)(MAX(time, 0) / SECOND);
    rec->ts.nsecs = (int)(MAX(time, 0) % SECOND);
    if (record->header)
        memcpy(&rec->rec_header, record->header, sizeof rec->rec_header);
    if (record->type != REC_TYPE_PACKET)
        return;
    rec->presence_flags |= WTAP_HAS_INTERFACE_ID;
    header->pkt_encap = record->encapsulation;
    header->interface_id = record->number;
    header->caplen = record->captured;
    header->len = record->length;
}

bool
merged_write(merged *file, kept_record *record, int64_t time, const char *comment, char **problem)
{
    wtap_rec         rec;
    int              error = 0;
    g_autofree char *detail = NULL;

    *problem = NULL;
    if (record->number != NOWHERE) {
        fill_rec(record, time, &rec);
        rec.block = options_of(record, comment);
        if (!wtap_dump(file->dumper, &rec, record->octets, &error, &detail))
            *problem = write_problem(file->path, error, detail);
        wtap_block_unref(rec.block);
        if (record->type == REC_TYPE_PACKET && record->has_time)
            g_array_index(file->ends, merged_end, record->number).shift =
                (int64_t)((uint64_t)time - (uint64_t)record->time);
    }
    kept_record_free(record);
    return *problem == NULL;
}
