/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the unit tests share.
 */
#include "support.h"

#include <string.h>

#include <gcrypt.h>
#include <glib/gstdio.h>

static char             *scratch;
static wmem_allocator_t *scope;

void
support_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    scratch = g_dir_make_tmp("scepshark-XXXXXX", NULL);
    g_assert_nonnull(scratch);
    scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
}

int
support_run(void)
{
    int         status = g_test_run();
    GDir       *folder = g_dir_open(scratch, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(folder)) != NULL) {
        char *path = scratch_path(name);

        g_unlink(path);
        g_free(path);
    }
    g_dir_close(folder);
    g_rmdir(scratch);
    g_free(scratch);
    wmem_destroy_allocator(scope);
    return status;
}

wmem_allocator_t *
support_scope(void)
{
    return scope;
}

void
support_free_scope(void)
{
    wmem_free_all(scope);
}

char *
source_path(const char *file)
{
    return g_build_filename(SOURCE_ROOT, file, NULL);
}

char *
truth_path(const char *sample, const char *file)
{
    return g_build_filename(SOURCE_ROOT, "captures/samples", sample, "truth", file, NULL);
}

char *
scratch_path(const char *file)
{
    return g_build_filename(scratch, file, NULL);
}

GBytes *
bytes_of_file(const char *path)
{
    char   *contents;
    gsize   length;
    GError *error = NULL;

    g_file_get_contents(path, &contents, &length, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(contents, length);
}

GBytes *
bytes_of_truth(const char *sample, const char *file)
{
    char   *path = truth_path(sample, file);
    GBytes *bytes = bytes_of_file(path);

    g_free(path);
    return bytes;
}

GBytes *
bytes_of_pem(const char *path)
{
    GBytes     *file = bytes_of_file(path);
    char       *text = g_strndup(g_bytes_get_data(file, NULL), g_bytes_get_size(file));
    const char *begin = strstr(text, "-----BEGIN ");
    char       *end = begin ? strstr(begin, "-----END ") : NULL;
    gsize       length;
    guchar     *der;

    g_assert_nonnull(end);
    *end = '\0';
    der = g_base64_decode(strchr(begin, '\n'), &length);
    g_free(text);
    g_bytes_unref(file);
    return g_bytes_new_take(der, length);
}

GBytes *
bytes_of_hex(const char *hex)
{
    GByteArray *octets = g_byte_array_new();

    for (; *hex; hex++) {
        guint8 octet;

        if (*hex == ' ')
            continue;
        g_assert_true(g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]));
        octet = (guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
        g_byte_array_append(octets, &octet, 1);
        hex++;
    }
    return g_byte_array_free_to_bytes(octets);
}

GBytes *
bytes_cut(GBytes *bytes, size_t length)
{
    return g_bytes_new(g_bytes_get_data(bytes, NULL), length);
}

ber_slice
slice_of(GBytes *bytes)
{
    ber_slice slice;

    slice.data = g_bytes_get_data(bytes, &slice.length);
    return slice;
}

char *
hex_of(const uint8_t *data, size_t length)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < length; i++)
        g_string_append_printf(text, "%02x", data[i]);
    return g_string_free(text, FALSE);
}

void
assert_hex(const uint8_t *data, size_t length, const char *hex)
{
    GBytes *expected = bytes_of_hex(hex);

    g_assert_cmpmem(data, length, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
    g_bytes_unref(expected);
}

GBytes *
openssl(const char *const *arguments)
{
    GPtrArray *vector = g_ptr_array_new();
    char      *output = NULL, *complaint = NULL;
    GError    *error = NULL;
    int        status;

    g_ptr_array_add(vector, (gpointer) "openssl");
    for (; *arguments; arguments++)
        g_ptr_array_add(vector, (gpointer)*arguments);
    g_ptr_array_add(vector, NULL);
    g_spawn_sync(NULL, (char **)vector->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &complaint, &status,
                 &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, NULL))
        g_error("openssl %s: %s", (const char *)vector->pdata[1], complaint);
    g_free(complaint);
    g_ptr_array_free(vector, TRUE);
    return g_bytes_new_take(output, strlen(output));
}

void
message_of(GBytes *bytes, scep_message *message, scep_parts *parts)
{
    g_assert_true(scep_message_read(scope, scope, slice_of(bytes), message, parts));
}
