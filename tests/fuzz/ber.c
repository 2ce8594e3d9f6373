/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The BER cursor: what it hands out lies within the input, and it always moves on.
 */
#include <string.h>

#include "fuzz.h"

/* Deeper elements are not visited: the stack is not what is tested. */
#define MAX_DEPTH 64

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

static void
check_string(const ber_element *element)
{
    GByteArray *octets = g_byte_array_new();

    ber_octets(element, octets);
    g_assert_true(octets->len <= element->content.length);
    g_byte_array_unref(octets);
}

static void
walk(ber_slice in, unsigned depth)
{
    ber_slice   whole = in;
    ber_element element;

    while (in.length > 0) {
        ber_slice before = in;
        char      dotted[BER_OID_SIZE];

        if (!ber_next(&in, &element)) {
            g_assert_true(in.data == before.data && in.length == before.length);
            return;
        }
        g_assert_true(element.encoding.data == before.data && element.encoding.length > 0);
        g_assert_true(in.data == before.data + element.encoding.length);
        g_assert_true(in.length == before.length - element.encoding.length);
        g_assert_true(element.complete || in.length == 0);
        assert_inside(element.encoding, whole.data, whole.length);
        assert_inside(element.content, element.encoding.data, element.encoding.length);
        assert_inside(ber_magnitude(&element), element.content.data, element.content.length);
        if (ber_oid(&element, dotted))
            g_assert_true(dotted[0] != '\0' && memchr(dotted, '\0', sizeof dotted));
        if ((element.identifier & ~BER_CONSTRUCTED) == BER_OCTET_STRING)
            check_string(&element);
        if ((element.identifier & BER_CONSTRUCTED) && depth > 0)
            walk(element.content, depth - 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ber_slice in = { data, size };

    walk(in, MAX_DEPTH);
    return 0;
}
