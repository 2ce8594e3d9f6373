/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any file as an input of scepmatch, read twice and merged; what is written is read again. libwiretap's own readers are as
 * Debian built them.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "match/merged.h"
#include "match/source_internal.h"

/* libwiretap's readers leak when they come upon damage. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
    return 1;
}

/* More say nothing new. */
#define MOST_RECORDS 1000

/* What was read: as many records, and a sum over all of them. */
typedef struct {
    unsigned records, packets;
    uint64_t sum;
    bool     has_more;
} reading;

static int descriptor;

/* The same file for each input: another one for each would be another name in every message. */
static void
fill(const uint8_t *data, size_t size)
{
    g_assert_cmpint(ftruncate(descriptor, 0), ==, 0);
    g_assert_cmpint(pwrite(descriptor, data, size, 0), ==, size);
}

static void
add(reading *read, const match_source *source, const match_record *record)
{
    read->records++;
    read->packets += source->rec.rec_type == REC_TYPE_PACKET && source_is_writable(source);
    for (size_t i = 0; i < record->captured; i++)
        read->sum = read->sum * 31 + record->octets[i];
    read->sum = read->sum * 31 + (uint64_t)record->time + record->number + record->interface + record->length;
}

static reading
read_all(match_source *source)
{
    reading      read = { 0 };
    match_record record;
    char        *problem = NULL;

    while (read.records < MOST_RECORDS && source_next(source, &record, &problem))
        add(&read, source, &record);
    read.has_more = read.records == MOST_RECORDS;
    g_free(problem);
    return read;
}

static match_source *
open_it(const char *path, const char *filter)
{
    char         *problem = NULL;
    match_source *source = source_open("fuzz", path, filter, &problem);

    g_assert_true((source == NULL) == (problem != NULL));
    g_free(problem);
    return source;
}

/* True when all of it could be written. */
static bool
merge(match_source *source, const char *out)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    char                *problem = NULL;
    match_record         record;
    merged              *file;
    bool                 is_fine = true;

    g_ptr_array_add(sources, source);
    file = merged_new(out, sources, "CLIENT_RANDOM 00 11\n", &problem);
    g_assert_true((file == NULL) == (problem != NULL));
    while (is_fine && file && source_next(source, &record, &problem)) {
        kept_record *kept = merged_keep(file, source, 0);

        g_free(g_steal_pointer(&problem));
        g_assert_cmpuint(kept_record_size(kept), >, 0);
        is_fine = merged_write(file, kept, record.time, record.number % 2 ? "comment" : NULL, &problem);
    }
    g_free(g_steal_pointer(&problem));
    if (file)
        g_assert_true(merged_close(file, is_fine, &problem));
    return file && is_fine;
}

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    descriptor = memfd_create("input", 0);
    g_assert_cmpint(descriptor, >=, 0);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", descriptor);
    g_autofree char *out = g_strdup_printf("%s/scepmatch-fuzz-%d.pcapng", g_get_tmp_dir(), (int)getpid());
    const char      *filter = size % 2 ? "tcp port 443" : NULL;
    match_source    *source, *again;
    reading          first, second;
    char            *problem = NULL;

    fill(data, size);
    source = open_it(path, filter);
    if (!source)
        return 0;
    first = read_all(source);
    if (source_rewind(source, &problem)) {
        second = read_all(source);
        g_assert_cmpuint(first.records, ==, second.records);
        g_assert_cmpuint(first.sum, ==, second.sum);
    }
    g_free(g_steal_pointer(&problem));
    if (!first.has_more && source_rewind(source, &problem) && merge(source, out)) {
        again = open_it(out, NULL);
        g_assert_nonnull(again);
        second = read_all(again);
        g_assert_null(again->ending);
        g_assert_cmpuint(first.packets, ==, second.packets);
        source_close(again);
    }
    g_free(problem);
    unlink(out);
    source_close(source);
    return 0;
}
