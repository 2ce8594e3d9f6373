/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening an input and going through it, whatever its kind: which records pass, where it ends, and that it ends there every
 * time.
 */
#include "source_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "wire/link.h"

static void free_interface(gpointer data);
static void free_host(gpointer data);
static bool has_filter(match_source *source, char **problem);

/* Says why a path cannot be an input; NULL when it may be one. */
static char *
objection_to(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return g_strdup_printf("%s: %s", path, g_strerror(errno));
    if (S_ISDIR(status.st_mode))
        return g_strdup_printf("%s is a folder", path);
    if (!S_ISREG(status.st_mode))
        return g_strdup_printf("%s is no file: what it gives can be read only once, and is needed twice. Save it first",
                               path);
    return status.st_size == 0 ? g_strdup_printf("%s is empty", path) : NULL;
}

static match_source *
source_new(const char *name, const char *path, const char *filter)
{
    match_source *source = g_new0(match_source, 1);

    source->name = g_strdup(name);
    source->path = g_strdup(path);
    source->expression = g_strdup(filter);
    source->interfaces = g_array_new(FALSE, FALSE, sizeof(source_interface));
    g_array_set_clear_func(source->interfaces, free_interface);
    source->indexes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    source->secrets = g_ptr_array_new_with_free_func((GDestroyNotify)wtap_block_unref);
    source->hosts = g_ptr_array_new_with_free_func(free_host);
    source->host_keys = g_hash_table_new(g_str_hash, g_str_equal);
    source->comments = g_ptr_array_new_with_free_func(g_free);
    wtap_rec_init(&source->rec);
    ws_buffer_init(&source->buffer, WTAP_MAX_PACKET_SIZE_STANDARD);
    return source;
}

match_source *
source_open(const char *name, const char *path, const char *filter, char **problem)
{
    match_source *source;

    *problem = objection_to(path);
    if (*problem)
        return NULL;
    capture_start();
    source = source_new(name, path, filter);
    source->is_log = log_open(source, problem);
    if (source->is_log || (!*problem && capture_open(source, problem) && has_filter(source, problem)))
        return source;
    source_close(source);
    return NULL;
}

void
source_close(match_source *source)
{
    if (!source)
        return;
    log_close(source);
    capture_close(source);
    ws_buffer_free(&source->buffer);
    wtap_rec_cleanup(&source->rec);
    g_free(source->application);
    g_free(source->system);
    g_free(source->hardware);
    g_ptr_array_unref(source->comments);
    g_hash_table_unref(source->host_keys);
    g_ptr_array_unref(source->hosts);
    g_ptr_array_unref(source->secrets);
    g_hash_table_unref(source->indexes);
    g_array_unref(source->interfaces);
    g_free(source->ending);
    g_free(source->expression);
    g_free(source->path);
    g_free(source->name);
    g_free(source);
}

const char *
source_name(const match_source *source)
{
    return source->name;
}

const char *
source_path(const match_source *source)
{
    return source->path;
}

bool
source_is_log(const match_source *source)
{
    return source->is_log;
}

const char *
source_log_format(const match_source *source)
{
    return source->is_log ? logfile_format_name(source->format) : NULL;
}

/* --- interfaces and hosts --- */

static void
free_interface(gpointer data)
{
    source_interface *interface = data;

    packet_filter_free(interface->filter);
    wtap_block_unref(interface->description);
}

static void
free_host(gpointer data)
{
    source_host *host = data;

    g_free(host->key);
    g_free(host);
}

unsigned
source_interface_of(match_source *source, unsigned number, int encapsulation, wtap_block_t description)
{
    int64_t           key = (int64_t)((uint64_t)number << 32 | (uint32_t)encapsulation);
    source_interface *interface;
    gpointer          index;

    if (!g_hash_table_lookup_extended(source->indexes, &key, NULL, &index)) {
        source_interface new = { number, encapsulation, wire_link_of(encapsulation),
                                 wtap_dump_can_write_encap(wtap_pcapng_file_type_subtype(), encapsulation), NULL, NULL };

        index = GUINT_TO_POINTER(source->interfaces->len);
        g_hash_table_insert(source->indexes, g_memdup2(&key, sizeof key), index);
        g_array_append_val(source->interfaces, new);
    }
    interface = &g_array_index(source->interfaces, source_interface, GPOINTER_TO_UINT(index));
    if (description) {
        wtap_block_unref(interface->description);
        interface->description = wtap_block_ref(description);
    }
    return GPOINTER_TO_UINT(index);
}

/* --- going through it --- */

/* Sees to it that the packets of an interface have their filter. */
static bool
compile(match_source *source, source_interface *interface, char **problem)
{
    g_autofree char *reason = NULL;

    if (!interface->filter)
        interface->filter = packet_filter_new(source->expression, interface->encapsulation, &reason);
    if (!interface->filter)
        *problem = g_strdup_printf("%s: %s", source->path, reason);
    return interface->filter != NULL;
}

/* Whether a record passes the filter, which is about packets only. False with a problem when libpcap has none. */
static bool
passes(match_source *source, const match_record *record, char **problem)
{
    source_interface *interface;

    if (!source->expression || record->is_log || source->rec.rec_type != REC_TYPE_PACKET)
        return true;
    interface = &g_array_index(source->interfaces, source_interface, record->interface);
    return compile(source, interface, problem) &&
           packet_filter_passes(interface->filter, record->octets, record->captured, record->length);
}

/* The file has no more records, or none that can be read. It ends here the next time, too: one that is still written would
 * have others then. */
static void
learn_end(match_source *source, const char *problem)
{
    source->is_known = true;
    source->count = source->number;
    source->ending = g_strdup(problem);
    if (!source->is_log)
        capture_learn(source);
}

bool
source_is_writable(const match_source *source)
{
    switch (source->rec.rec_type) {
    case REC_TYPE_PACKET:
        return g_array_index(source->interfaces, source_interface, source->interface).is_writable;
    case REC_TYPE_SYSCALL:
    case REC_TYPE_SYSTEMD_JOURNAL_EXPORT:
    case REC_TYPE_CUSTOM_BLOCK:
        return true;
    default:
        return false;
    }
}

/* The next record, without the filter. */
static bool
read_record(match_source *source, match_record *record, char **problem)
{
    memset(record, 0, sizeof *record);
    if (source->is_known && source->number == source->count) {
        *problem = g_strdup(source->ending);
        return false;
    }
    if (source->is_log ? log_next(source, record, problem) : capture_next(source, record, problem)) {
        record->number = ++source->number;
        source->time = record->time;
        source->has_time = record->has_time;
        return true;
    }
    if (!source->is_known) {
        learn_end(source, *problem);
    } else if (!*problem) {
        *problem = g_strdup_printf("%s has changed: it had %u records before, and now has %u", source->path,
                                   source->count, source->number);
    }
    return false;
}

/* Compiles the filter, so that a mistake in it is found at once. Records of logs pass anyway, and libpcap cannot compile
 * much for other exported PDUs: these wait until there is one. */
static bool
has_filter(match_source *source, char **problem)
{
    g_autofree char *ignored = NULL;
    match_record     first;

    if (!source->expression)
        return true;
    for (guint i = 0; i < source->interfaces->len; i++) {
        source_interface *interface = &g_array_index(source->interfaces, source_interface, i);

        if (interface->encapsulation != WTAP_ENCAP_WIRESHARK_UPPER_PDU && !compile(source, interface, problem))
            return false;
    }
    if (source->interfaces->len > 0 || !read_record(source, &first, &ignored))
        return true;
    /* There were other blocks before the first interface. */
    return (passes(source, &first, problem) || !*problem) && source_rewind(source, problem);
}

bool
source_next(match_source *source, match_record *record, char **problem)
{
    *problem = NULL;
    while (read_record(source, record, problem)) {
        if (passes(source, record, problem)) {
            if (!source->is_known && !source_is_writable(source))
                source->unwritable++;
            return true;
        }
        if (*problem)
            return false;
    }
    return false;
}

bool
source_rewind(match_source *source, char **problem)
{
    *problem = NULL;
    source->number = 0;
    if (!source->is_known)
        source->unwritable = 0;
    if (source->is_log)
        return log_rewind(source, problem);
    capture_close(source);
    return capture_open(source, problem);
}

bool
source_survey(match_source *source, char **problem)
{
    match_record record;

    *problem = NULL;
    if (source->is_known)
        return true;
    while (source_next(source, &record, problem))
        continue;
    if (!source->is_known) /* a filter's problem */
        return false;
    g_clear_pointer(problem, g_free); /* whoever reads the records meets it again */
    return source_rewind(source, problem);
}

double
source_progress(const match_source *source)
{
    if (source->is_known && source->number == source->count)
        return 1;
    return source->is_log ? log_progress(source) : capture_progress(source);
}
