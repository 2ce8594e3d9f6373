/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "match_support.h"

#include <string.h>

#include <glib/gstdio.h>

#define BYTE_ORDER_MAGIC 0x1A2B3C4D
#define BLOCK_AROUND     12 /* octets of a block that are not its body */
#define PACKET_FIXED     20

static char *scratch;

void
match_test_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    scratch = g_dir_make_tmp("scepshark-XXXXXX", NULL);
    g_assert_nonnull(scratch);
}

int
match_test_run(void)
{
    int              status = g_test_run();
    g_autoptr(GDir)  folder = g_dir_open(scratch, 0, NULL);
    const char      *name;

    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = scratch_file(name);

        g_remove(path);
    }
    g_rmdir(scratch);
    g_free(scratch);
    return status;
}

char *
scratch_file(const char *name)
{
    return g_build_filename(scratch, name, NULL);
}

char *
source_file(const char *path)
{
    return g_build_filename(SOURCE_ROOT, path, NULL);
}

char *
sample_file(const char *sample, const char *name)
{
    return g_build_filename(SOURCE_ROOT, "captures/samples", sample, name, NULL);
}

unsigned
scratch_count(void)
{
    g_autoptr(GDir) folder = g_dir_open(scratch, 0, NULL);
    unsigned        count = 0;

    while (g_dir_read_name(folder))
        count++;
    return count;
}

GBytes *
contents_of(const char *path)
{
    char   *octets;
    gsize   length;
    GError *error = NULL;

    g_file_get_contents(path, &octets, &length, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(octets, length);
}

void
write_file(const char *path, const void *octets, size_t length)
{
    GError *error = NULL;

    g_file_set_contents(path, octets, (gssize)length, &error);
    g_assert_no_error(error);
}

char *
run(const char *const *arguments)
{
    g_auto(GStrv)    environment = g_get_environ();
    g_autofree char *errors = NULL;
    char            *output = NULL;
    int              status = -1;
    GError          *error = NULL;

    environment = g_environ_setenv(environment, "HOME", scratch, TRUE);
    environment = g_environ_setenv(environment, "LC_ALL", "C.UTF-8", TRUE);
    environment = g_environ_setenv(environment, "TZ", "UTC", TRUE);
    g_spawn_sync(NULL, (char **)arguments, environment, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &errors, &status,
                 &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, &error))
        g_error("%s: %s: %s", arguments[0], error->message, errors);
    return output;
}

unsigned
count_lines(const char *text)
{
    unsigned lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* --- pcapng, taken apart --- */

uint32_t
u32_at(const uint8_t *octets)
{
    return (uint32_t)octets[3] << 24 | (uint32_t)octets[2] << 16 | (uint32_t)octets[1] << 8 | octets[0];
}

uint64_t
u64_at(const uint8_t *octets)
{
    return (uint64_t)u32_at(octets + 4) << 32 | u32_at(octets);
}

/* In halves of which the upper one is first. */
static uint64_t
ticks_at(const uint8_t *octets)
{
    return (uint64_t)u32_at(octets) << 32 | u32_at(octets + 4);
}

static unsigned
u16_at(const uint8_t *octets)
{
    return (unsigned)octets[1] << 8 | octets[0];
}

png_file *
png_read(const char *path)
{
    png_file      *file = g_new0(png_file, 1);
    const uint8_t *octets;
    gsize          length, at = 0;

    file->octets = contents_of(path);
    file->blocks = g_array_new(FALSE, FALSE, sizeof(png_block));
    octets = g_bytes_get_data(file->octets, &length);
    while (at < length) {
        png_block block;
        uint32_t  total;

        g_assert_cmpuint(length - at, >=, BLOCK_AROUND);
        total = u32_at(octets + at + 4);
        g_assert_cmpuint(total % 4, ==, 0);
        g_assert_cmpuint(total, >=, BLOCK_AROUND);
        g_assert_cmpuint(total, <=, length - at);
        g_assert_cmpuint(u32_at(octets + at + total - 4), ==, total);
        block = (png_block){ u32_at(octets + at), octets + at + 8, total - BLOCK_AROUND };
        g_array_append_val(file->blocks, block);
        at += total;
    }
    return file;
}

void
png_free(png_file *file)
{
    g_array_unref(file->blocks);
    g_bytes_unref(file->octets);
    g_free(file);
}

const png_block *
png_find(const png_file *file, uint32_t type, unsigned n)
{
    for (guint i = 0; i < file->blocks->len; i++) {
        const png_block *block = &g_array_index(file->blocks, png_block, i);

        if (block->type == type && n-- == 0)
            return block;
    }
    return NULL;
}

unsigned
png_count(const png_file *file, uint32_t type)
{
    unsigned count = 0;

    while (png_find(file, type, count))
        count++;
    return count;
}

png_packet
png_packet_of(const png_file *file, unsigned n)
{
    const png_block *block = png_find(file, PACKET, n);
    png_packet       packet;
    size_t           padded;

    g_assert_nonnull(block);
    g_assert_cmpuint(block->length, >=, PACKET_FIXED);
    packet.interface = u32_at(block->body);
    packet.ticks = ticks_at(block->body + 4);
    packet.captured = u32_at(block->body + 12);
    packet.length = u32_at(block->body + 16);
    packet.octets = block->body + PACKET_FIXED;
    padded = ((size_t)packet.captured + 3) & ~(size_t)3;
    g_assert_cmpuint(padded, <=, block->length - PACKET_FIXED);
    packet.options = packet.octets + padded;
    packet.options_length = block->length - PACKET_FIXED - padded;
    return packet;
}

static const uint8_t *
find_option(const uint8_t *options, size_t length, unsigned code, unsigned n, size_t *size)
{
    while (length >= 4) {
        unsigned this = u16_at(options);
        size_t   padded = (u16_at(options + 2) + 3u) & ~3u;

        *size = u16_at(options + 2);
        g_assert_cmpuint(padded, <=, length - 4);
        if (this == 0)
            break;
        if (this == code && n-- == 0)
            return options + 4;
        options += 4 + padded;
        length -= 4 + padded;
    }
    return NULL;
}

char *
option_text(const uint8_t *options, size_t length, unsigned code, unsigned n)
{
    size_t         size;
    const uint8_t *text = find_option(options, length, code, n, &size);

    return text ? g_strndup((const char *)text, size) : NULL;
}

GBytes *
option_octets(const uint8_t *options, size_t length, unsigned code, unsigned n)
{
    size_t         size;
    const uint8_t *octets = find_option(options, length, code, n, &size);

    g_assert_nonnull(octets);
    return g_bytes_new(octets, size);
}

char *
interface_text(const png_file *file, unsigned interface, unsigned code)
{
    const png_block *block = png_find(file, INTERFACE, interface);

    g_assert_nonnull(block);
    return option_text(block->body + INTERFACE_FIXED, block->length - INTERFACE_FIXED, code, 0);
}

char *
section_text(const png_file *file, unsigned code, unsigned n)
{
    const png_block *section = png_find(file, SECTION, 0);

    return option_text(section->body + SECTION_FIXED, section->length - SECTION_FIXED, code, n);
}

/* --- and made --- */

void
put_u16(GByteArray *to, unsigned number)
{
    const uint8_t octets[] = { (uint8_t)number, (uint8_t)(number >> 8) };

    g_byte_array_append(to, octets, sizeof octets);
}

void
put_u32(GByteArray *to, uint32_t number)
{
    put_u16(to, number & 0xFFFF);
    put_u16(to, number >> 16);
}

void
put_u64(GByteArray *to, uint64_t number)
{
    put_u32(to, (uint32_t)number);
    put_u32(to, (uint32_t)(number >> 32));
}

static void
put_padded(GByteArray *to, const void *octets, size_t length)
{
    g_byte_array_append(to, octets, (guint)length);
    g_byte_array_append(to, (const uint8_t *)"\0\0\0", (guint)(-length & 3));
}

void
put_option(GByteArray *to, unsigned code, const void *octets, size_t length)
{
    put_u16(to, code);
    put_u16(to, (unsigned)length);
    put_padded(to, octets, length);
}

void
put_text_option(GByteArray *to, unsigned code, const char *text)
{
    put_option(to, code, text, strlen(text));
}

void
put_block(GByteArray *file, uint32_t type, GByteArray *body)
{
    uint32_t total = BLOCK_AROUND + (body ? (body->len + 3) & ~3u : 0);

    put_u32(file, type);
    put_u32(file, total);
    if (body)
        put_padded(file, body->data, body->len);
    put_u32(file, total);
    g_clear_pointer(&body, g_byte_array_unref);
}

static void
put_options(GByteArray *to, GByteArray *options)
{
    if (!options)
        return;
    g_byte_array_append(to, options->data, options->len);
    put_option(to, 0, "", 0);
    g_byte_array_unref(options);
}

void
put_section(GByteArray *file, GByteArray *options)
{
    GByteArray *body = g_byte_array_new();

    put_u32(body, BYTE_ORDER_MAGIC);
    put_u16(body, 1); /* version 1.0 */
    put_u16(body, 0);
    put_u64(body, UINT64_MAX); /* its length is not told */
    put_options(body, options);
    put_block(file, SECTION, body);
}

void
put_interface(GByteArray *file, unsigned link_type, uint32_t snap_length, GByteArray *options)
{
    GByteArray *body = g_byte_array_new();

    put_u16(body, link_type);
    put_u16(body, 0);
    put_u32(body, snap_length);
    put_options(body, options);
    put_block(file, INTERFACE, body);
}

void
put_packet(GByteArray *file, uint32_t interface, uint64_t ticks, const void *octets, size_t captured, uint32_t length,
           GByteArray *options)
{
    GByteArray *body = g_byte_array_new();

    put_u32(body, interface);
    put_u32(body, (uint32_t)(ticks >> 32));
    put_u32(body, (uint32_t)ticks);
    put_u32(body, (uint32_t)captured);
    put_u32(body, length);
    put_padded(body, octets, captured);
    put_options(body, options);
    put_block(file, PACKET, body);
}

void
put_secrets(GByteArray *file, uint32_t type, const char *text)
{
    GByteArray *body = g_byte_array_new();

    put_u32(body, type);
    put_u32(body, (uint32_t)strlen(text));
    g_byte_array_append(body, (const uint8_t *)text, (guint)strlen(text));
    put_block(file, SECRETS, body);
}

char *
made_file(const char *name, GByteArray *file)
{
    char *path = scratch_file(name);

    write_file(path, file->data, file->len);
    g_byte_array_unref(file);
    return path;
}

/* --- merging --- */

GPtrArray *
no_sources(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)source_close);
}

void
add_source(GPtrArray *sources, const char *name, const char *path)
{
    char         *problem = NULL;
    match_source *source = source_open(name, path, NULL, &problem);

    if (!source)
        g_error("%s", problem);
    g_ptr_array_add(sources, source);
}

merged *
begin_merging(const char *path, GPtrArray *sources, const char *keylog)
{
    char   *problem = NULL;
    merged *file = merged_new(path, sources, keylog, &problem);

    if (!file)
        g_error("%s", problem);
    return file;
}

void
write_record(merged *file, kept_record *record, int64_t time, const char *comment)
{
    char *problem = NULL;

    if (!merged_write(file, record, time, comment, &problem))
        g_error("%s", problem);
}

void
end_merging(merged *file)
{
    char *problem = NULL;

    if (!merged_close(file, true, &problem))
        g_error("%s", problem);
}

void
write_source(merged *file, GPtrArray *sources, unsigned number, int64_t shift, const char *comment)
{
    match_record record;
    char        *problem = NULL;

    while (source_next(sources->pdata[number], &record, &problem))
        write_record(file, merged_keep(file, sources->pdata[number], number), record.time + shift, comment);
    g_assert_null(problem);
}

png_file *
merge(const char *name, GPtrArray *sources, const char *keylog, const char *comment)
{
    g_autofree char *path = scratch_file(name);
    merged          *file = begin_merging(path, sources, keylog);

    for (guint i = 0; i < sources->len; i++)
        write_source(file, sources, i, 0, comment);
    end_merging(file);
    return png_read(path);
}

png_file *
merge_file(GByteArray *file, const char *comment)
{
    g_autofree char      *path = made_file("made.pcapng", file);
    g_autoptr(GPtrArray)  sources = no_sources();

    add_source(sources, "client", path);
    return merge("merged.pcapng", sources, NULL, comment);
}

GByteArray *
file_of(unsigned link_type)
{
    GByteArray *file = g_byte_array_new();

    put_section(file, NULL);
    put_interface(file, link_type, 0, NULL);
    return file;
}
