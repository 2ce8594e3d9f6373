/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The request target as a query, as base64, and as the body of a GetCACaps answer.
 */
#include <string.h>

#include "fuzz.h"
#include "scep/query.h"

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

/* What was decoded decodes to the same when it is written properly. */
static void
check_base64(const char *raw)
{
    bool        whole;
    GByteArray *octets = scep_query_decode_message(raw, &whole);

    if (!octets) {
        g_assert_false(whole);
        return;
    }
    g_assert_true(octets->len > 0 && octets->len <= strlen(raw));

    char       *proper = g_base64_encode(octets->data, octets->len);
    GByteArray *again = scep_query_decode_message(proper, &whole);

    g_assert_true(again && whole && again->len == octets->len);
    g_assert_true(memcmp(again->data, octets->data, octets->len) == 0);
    g_byte_array_unref(again);
    g_byte_array_unref(octets);
    g_free(proper);
}

static void
check_query(const char *uri, size_t length)
{
    scep_query query;

    scep_query_path_is_usual(uri, length);
    if (!scep_query_parse(uri, length, &query))
        return;
    g_assert_true(g_str_is_ascii(query.name) && *query.name);
    assert_text(query.message);
    if (query.raw)
        check_base64(query.raw);
    scep_query_clear(&query);
}

static void
check_capabilities(const uint8_t *data, size_t length)
{
    char **capabilities = scep_capabilities_parse(data, length);

    for (char **keyword = capabilities; *keyword; keyword++) {
        g_assert_true(g_str_is_ascii(*keyword) && **keyword);
        g_assert_true(scep_capabilities_have(capabilities, *keyword));
    }
    g_strfreev(capabilities);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = g_strndup((const char *)data, size);

    check_query((const char *)data, size);
    check_base64(text);
    check_capabilities(data, size);
    g_free(text);
    return 0;
}
