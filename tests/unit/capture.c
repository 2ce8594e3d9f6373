/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The frames of a sample, and what tshark says of them.
 */
#include "capture.h"

#include <string.h>

#include <glib/gstdio.h>

#include "support.h"

static guint32
number_at(GBytes *file, size_t offset)
{
    ber_slice in = slice_of(file);
    guint32   number;

    g_assert_cmpuint(offset + sizeof number, <=, in.length);
    memcpy(&number, in.data + offset, sizeof number);
    return GUINT32_FROM_LE(number);
}

GPtrArray *
capture_frames(const char *file)
{
    enum { ENHANCED_PACKET_BLOCK = 6, CAPTURED_LENGTH = 20, PACKET = 28 };

    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    char      *path = g_build_filename(SOURCE_ROOT, "captures/samples", file, NULL);
    GBytes    *bytes = bytes_of_file(path);
    size_t     at = 0;

    while (at < g_bytes_get_size(bytes)) {
        if (number_at(bytes, at) == ENHANCED_PACKET_BLOCK)
            g_ptr_array_add(frames, g_bytes_new_from_bytes(bytes, at + PACKET, number_at(bytes, at + CAPTURED_LENGTH)));
        at += number_at(bytes, at + 4);
    }
    g_bytes_unref(bytes);
    g_free(path);
    return frames;
}

static void
append_numbers(GByteArray *file, const guint32 *numbers, size_t count)
{
    g_byte_array_append(file, (const guint8 *)numbers, (guint)(count * sizeof *numbers));
}

/* A pcap file has no place for secrets. */
static char *
write_pcap(const GPtrArray *frames)
{
    static const guint32 head[] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 262144, 1 };
    GByteArray          *file = g_byte_array_new();
    char                *path = scratch_path("frames.pcap");
    GError              *error = NULL;

    append_numbers(file, head, G_N_ELEMENTS(head));
    for (guint i = 0; i < frames->len; i++) {
        ber_slice     frame = slice_of(frames->pdata[i]);
        const guint32 record[] = { i, 0, (guint32)frame.length, (guint32)frame.length };

        append_numbers(file, record, G_N_ELEMENTS(record));
        g_byte_array_append(file, frame.data, (guint)frame.length);
    }
    g_file_set_contents(path, (const char *)file->data, file->len, &error);
    g_assert_no_error(error);
    g_byte_array_unref(file);
    return path;
}

GPtrArray *
capture_facts(const GPtrArray *frames, const char *filter, const char *const *fields)
{
    char      *tshark = g_find_program_in_path("tshark"), *output = NULL, *path;
    GPtrArray *vector, *facts;
    GError    *error = NULL;
    int        status;

    if (!tshark) {
        g_test_skip("there is no tshark");
        return NULL;
    }
    path = write_pcap(frames);
    g_setenv("XDG_CONFIG_HOME", "/nonexistent", TRUE); /* a user's settings change nothing */

    const char *const command[] = { tshark, "-r", path, "-Y", filter, "-T", "fields" };

    vector = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(command); i++)
        g_ptr_array_add(vector, (gpointer)command[i]);
    for (; *fields; fields++) {
        g_ptr_array_add(vector, (gpointer) "-e");
        g_ptr_array_add(vector, (gpointer)*fields);
    }
    g_ptr_array_add(vector, NULL);
    g_spawn_sync(NULL, (char **)vector->pdata, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_assert_true(g_spawn_check_wait_status(status, NULL));

    char **lines = g_strsplit(output, "\n", -1);

    facts = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    for (char **line = lines; *line; line++) {
        if (**line)
            g_ptr_array_add(facts, g_strsplit(*line, "\t", -1));
    }
    g_strfreev(lines);
    g_ptr_array_free(vector, TRUE);
    g_free(output);
    g_free(path);
    g_free(tshark);
    return facts;
}
