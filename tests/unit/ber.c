/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The cursor over BER, against the examples of X.690 and hand-made encodings by its rules.
 */
#include <string.h>

#include "support.h"

/* Reads the first element of `hex`. What it borrows stays until the scope of the test is emptied. */
static bool
first_of(const char *hex, ber_element *element, size_t *rest)
{
    GBytes   *bytes = bytes_of_hex(hex);
    ber_slice in = slice_of(bytes);
    bool      read;

    in.data = wmem_memdup(support_scope(), in.data, in.length);
    read = ber_next(&in, element);
    *rest = in.length;
    g_bytes_unref(bytes);
    return read;
}

static void
assert_element(const char *hex, uint8_t identifier, const char *content, bool complete, size_t expected_rest)
{
    ber_element element;
    size_t      rest;

    g_assert_true(first_of(hex, &element, &rest));
    g_assert_cmphex(element.identifier, ==, identifier);
    assert_hex(element.content.data, element.content.length, content);
    g_assert_cmpint(element.complete, ==, complete);
    g_assert_cmpuint(rest, ==, expected_rest);
    g_assert_cmpuint(element.encoding.length + rest, ==, (strlen(hex) + 1) / 3);
    support_free_scope();
}

static void
assert_refused(const char *hex)
{
    ber_element element;
    size_t      rest;

    g_assert_false(first_of(hex, &element, &rest));
    g_assert_cmpuint(rest, ==, (strlen(hex) + 1) / 3); /* the cursor has not moved */
    support_free_scope();
}

static void
test_definite(void)
{
    assert_element("01 01 ff", BER_BOOLEAN, "ff", true, 0); /* X.690 8.2.2 */
    assert_element("05 00", 0x05, "", true, 0);             /* X.690 8.8 */
    assert_element("02 01 05 04 00", BER_INTEGER, "05", true, 2);
    assert_element("30 03 02 01 05", BER_SEQUENCE, "02 01 05", true, 0);
    assert_element("a0 02 05 00", BER_CONTEXT(0), "05 00", true, 0);
    assert_element("04 03 61 62", BER_OCTET_STRING, "61 62", false, 0);
    assert_element("04 03", BER_OCTET_STRING, "", false, 0);
    assert_refused("");
    assert_refused("04");
}

/* Every number of length octets, X.690 8.1.3.3 to 8.1.3.5. */
static void
test_length_octets(void)
{
    static const size_t lengths[] = { 0, 1, 127, 128, 201, 255, 256, 65535, 65536, 70000 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        size_t   length = lengths[i];
        unsigned needed = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;

        for (unsigned octets = length < 0x80 ? 0 : needed; octets <= 20; octets++) { /* more than needed are BER too */
            size_t      header = 2 + octets;
            uint8_t    *encoding = g_malloc(header + length);
            ber_slice   in = { encoding, header + length };
            ber_element element;

            encoding[0] = BER_OCTET_STRING;
            encoding[1] = (uint8_t)(octets ? 0x80 | octets : length);
            if (octets > 0 && octets < needed)
                continue;
            for (unsigned at = 0; at < octets; at++)
                encoding[header - 1 - at] = (uint8_t)(at < sizeof length ? length >> (8 * at) : 0);
            memset(encoding + header, 0xa5, length);
            g_assert_true(ber_next(&in, &element));
            g_assert_true(element.complete);
            g_assert_true(element.content.data == encoding + header);
            g_assert_cmpuint(element.content.length, ==, length);
            g_assert_true(element.encoding.data == encoding);
            g_assert_cmpuint(element.encoding.length, ==, header + length);
            g_assert_cmpuint(in.length, ==, 0);
            g_free(encoding);
        }
    }
    /* 201 as X.690 8.1.3.5 has it, with too little behind. */
    assert_element("04 81 c9 00 00", BER_OCTET_STRING, "00 00", false, 0);
    assert_element("04 84 ff ff ff ff 00", BER_OCTET_STRING, "00", false, 0);
    assert_element("04 88 ff ff ff ff ff ff ff ff 00", BER_OCTET_STRING, "00", false, 0);
    assert_refused("04 89 01 00 00 00 00 00 00 00 00 00");
    assert_refused("04 82 01");
    assert_refused("04 84 00 00 00");
    assert_refused("04 fe 00");
}

static void
test_indefinite(void)
{
    assert_element("30 80 00 00", BER_SEQUENCE, "", true, 0);
    assert_element("30 80 02 01 05 00 00 04 00", BER_SEQUENCE, "02 01 05", true, 2);
    assert_element("30 80 30 80 05 00 00 00 00 00", BER_SEQUENCE, "30 80 05 00 00 00", true, 0);
    assert_element("30 80 04 02 00 00 00 00", BER_SEQUENCE, "04 02 00 00", true, 0); /* zeros inside are content */
    assert_element("30 06 30 80 05 00 00 00", BER_SEQUENCE, "30 80 05 00 00 00", true, 0);
    assert_element("30 80 02 01 05", BER_SEQUENCE, "02 01 05", false, 0);
    assert_element("30 80 02 01 05 00", BER_SEQUENCE, "02 01 05 00", false, 0);
    assert_element("30 80 30 80 00 00", BER_SEQUENCE, "30 80 00 00", false, 0);
    assert_element("30 80 04 05 61 00 00", BER_SEQUENCE, "04 05 61 00 00", false, 0);
    assert_refused("04 80 05 00 00 00"); /* X.690 8.1.3.2: only constructed */
    assert_refused("00 00");
    assert_refused("00 00 30 00");
}

/* Indefinite lengths inside one another: 32 are understood, more are not measured. */
static void
test_depth(void)
{
    for (unsigned levels = 1; levels <= 40; levels++) {
        GByteArray  *octets = g_byte_array_new();
        ber_slice    in;
        ber_element  element;
        const guint8 open[] = { 0x30, 0x80 }, close[] = { 0, 0 };

        for (unsigned i = 0; i < levels; i++)
            g_byte_array_append(octets, open, sizeof open);
        for (unsigned i = 0; i < levels; i++)
            g_byte_array_append(octets, close, sizeof close);
        in.data = octets->data;
        in.length = octets->len;
        g_assert_true(ber_next(&in, &element));
        g_assert_cmpint(element.complete, ==, levels <= 32);
        g_assert_cmpuint(element.content.length, ==, levels <= 32 ? octets->len - 4 : octets->len - 2);
        g_assert_cmpuint(in.length, ==, 0);
        g_byte_array_unref(octets);
    }
}

/* X.690 8.1.2.4: 31 is the first tag number that needs more octets, 201 = 1 * 128 + 73. */
static void
test_high_tags(void)
{
    assert_element("1f 1f 01 aa", 0x1f, "aa", true, 0);
    assert_element("5f 81 49 02 aa bb 05 00", 0x5f, "aa bb", true, 2);
    assert_element("bf 81 49 80 05 00 00 00", 0xbf, "05 00", true, 0);
    assert_element("1f 81 80 80 80 80 80 80 80 80 80 01 00", 0x1f, "", true, 0);
    assert_refused("1f 1f");
    assert_refused("1f 81 80");
    assert_refused("1f 81 82");
}

static void
test_next_is(void)
{
    GBytes     *bytes = bytes_of_hex("02 01 05");
    ber_slice   in = slice_of(bytes);
    ber_element element;

    g_assert_false(ber_next_is(&in, BER_OCTET_STRING, &element));
    g_assert_cmpuint(in.length, ==, 3);
    g_assert_true(ber_peek(&in, BER_INTEGER));
    g_assert_true(ber_next_is(&in, BER_INTEGER, &element));
    g_assert_false(ber_peek(&in, BER_INTEGER));
    g_assert_false(ber_next_is(&in, BER_INTEGER, &element));
    g_bytes_unref(bytes);
}

static void
assert_octets(const char *hex, const char *expected, bool whole)
{
    GByteArray *octets = g_byte_array_new();
    ber_element element;
    size_t      rest;

    g_assert_true(first_of(hex, &element, &rest));
    g_assert_cmpint(ber_octets(&element, octets), ==, whole);
    assert_hex(octets->data, octets->len, expected);
    g_byte_array_unref(octets);
    support_free_scope();
}

static void
test_strings(void)
{
    /* "Jones" in the three encodings of X.690 8.23's example. */
    assert_octets("1a 05 4a 6f 6e 65 73", "4a 6f 6e 65 73", true);
    assert_octets("3a 09 04 03 4a 6f 6e 04 02 65 73", "4a 6f 6e 65 73", true);
    assert_octets("3a 80 04 03 4a 6f 6e 04 02 65 73 00 00", "4a 6f 6e 65 73", true);

    assert_octets("24 00", "", true);
    assert_octets("24 80 24 80 04 01 61 00 00 04 01 62 00 00", "61 62", true);
    assert_octets("24 80 04 03 4a 6f 6e 04 02 65", "4a 6f 6e 65", false); /* cut short */
    assert_octets("24 80 04 03 4a 6f 6e 04 02 65 73", "4a 6f 6e 65 73", false);
    assert_octets("04 05 4a 6f", "4a 6f", false);
    assert_octets("24 04 04 01 61 04", "61", false);                           /* a segment without a length */
    assert_octets("24 09 24 07 24 05 24 03 04 01 61", "61", true);              /* four levels around the octet */
    assert_octets("24 0b 24 09 24 07 24 05 24 03 04 01 61", "", false);         /* five */
    assert_octets("24 0e 04 01 61 24 09 24 07 24 05 24 03 04 01 62", "61", false); /* and what is at hand */
}

static void
assert_oid(const char *hex, const char *expected)
{
    ber_element element;
    char        dotted[BER_OID_SIZE];
    size_t      rest;
    bool        read;

    g_assert_true(first_of(hex, &element, &rest));
    read = ber_oid(&element, dotted);
    g_assert_cmpint(read, ==, expected != NULL);
    if (expected)
        g_assert_cmpstr(dotted, ==, expected);
    support_free_scope();
}

static void
test_oids(void)
{
    assert_oid("06 03 81 34 03", "2.100.3");                  /* X.690 8.19.5 */
    assert_oid("06 06 2a 86 48 86 f7 0d", "1.2.840.113549");  /* RSADSI, 113549 = 6 * 16384 + 119 * 128 + 13 */
    assert_oid("06 0a 60 86 48 01 86 f8 45 01 09 07", "2.16.840.1.113733.1.9.7"); /* transactionID, RFC 8894 3.2.1 */
    assert_oid("06 02 88 37", "2.999");                       /* 8 * 128 + 55 = 1079 = 80 + 999 */
    assert_oid("06 01 00", "0.0");
    assert_oid("06 01 27", "0.39");
    assert_oid("06 01 28", "1.0");
    assert_oid("06 01 4f", "1.39");
    assert_oid("06 01 50", "2.0");
    assert_oid("06 0b 2a 81 ff ff ff ff ff ff ff ff 7f", "1.2.18446744073709551615"); /* 2^64 - 1 */
    assert_oid("06 0b 2a 82 80 80 80 80 80 80 80 80 00", NULL);                       /* 2^64 */
    assert_oid("06 00", NULL);
    assert_oid("06 01 80", NULL);
    assert_oid("06 03 2a 86", NULL); /* cut */
    assert_oid("06 02 2a 86", NULL);
    assert_oid("04 01 2a", NULL);
    assert_oid("86 01 2a", NULL); /* implicitly tagged: somebody else's */
}

/* 127 characters fit into BER_OID_SIZE with the NUL, 128 do not. */
static void
test_long_oid(void)
{
    for (unsigned arcs = 60; arcs <= 64; arcs++) {
        GString    *expected = g_string_new("1.2");
        uint8_t     encoding[80] = { BER_OID, (uint8_t)(1 + arcs), 0x2a };
        ber_slice   in = { encoding, 3 + arcs };
        ber_element element;
        char        dotted[BER_OID_SIZE];
        bool        fits;

        for (unsigned i = 0; i < arcs; i++) { /* each adds two characters */
            encoding[3 + i] = 7;
            g_string_append(expected, ".7");
        }
        fits = expected->len < BER_OID_SIZE;
        g_assert_true(ber_next(&in, &element));
        g_assert_cmpint(ber_oid(&element, dotted), ==, fits);
        if (fits)
            g_assert_cmpstr(dotted, ==, expected->str);
        g_string_free(expected, TRUE);
    }
}

static void
assert_magnitude(const char *hex, const char *expected)
{
    ber_element element;
    ber_slice   magnitude;
    size_t      rest;

    g_assert_true(first_of(hex, &element, &rest));
    magnitude = ber_magnitude(&element);
    assert_hex(magnitude.data, magnitude.length, expected);
    support_free_scope();
}

static void
test_magnitudes(void)
{
    assert_magnitude("02 01 00", "00");
    assert_magnitude("02 02 00 80", "80"); /* X.690 8.3.2: the zero keeps it positive */
    assert_magnitude("02 03 00 00 01", "01");
    assert_magnitude("02 02 61 03", "61 03");
    assert_magnitude("02 00", "");
}

/* What a cut message shows must be a beginning of what the whole one shows. */
static void
assert_same(ber_slice cut, ber_slice whole, const uint8_t *cut_base, const uint8_t *whole_base)
{
    ber_element a, b;

    while (ber_next(&cut, &a)) {
        g_assert_true(ber_next(&whole, &b));
        g_assert_cmphex(a.identifier, ==, b.identifier);
        g_assert_cmpint(a.content.data - cut_base, ==, b.content.data - whole_base);
        if (a.complete) {
            g_assert_cmpuint(a.content.length, ==, b.content.length);
            g_assert_cmpuint(a.encoding.length, ==, b.encoding.length);
        } else {
            g_assert_cmpuint(cut.length, ==, 0);
        }
        if (a.identifier & BER_CONSTRUCTED)
            assert_same(a.content, b.content, cut_base, whole_base);
    }
}

static void
test_truncation(gconstpointer data)
{
    const char *const *name = data;
    GBytes            *whole = bytes_of_truth(name[0], name[1]);
    ber_slice          in = slice_of(whole), rest = in;
    ber_element        element;

    g_assert_true(ber_next(&rest, &element));
    g_assert_true(element.complete);
    g_assert_cmpuint(rest.length, ==, 0);
    for (size_t length = 0; length < in.length; length++) {
        GBytes   *cut = bytes_cut(whole, length);
        ber_slice start = slice_of(cut);

        if (ber_next(&start, &element))
            g_assert_false(element.complete);
        assert_same(slice_of(cut), in, g_bytes_get_data(cut, NULL), in.data);
        g_bytes_unref(cut);
    }
    g_bytes_unref(whole);
}

static const char *const truncated[][2] = {
    { "made-ndes-success", "02-response.p7b" }, { "made-ndes-success", "03-request.p7m" },
    { "made-ndes-success", "03-response.p7m" }, { "made-ndes-failure", "03-response.p7m" },
    { "made-ios-ber", "03-request.p7m" },       { "made-getcert-getcrl-nextca", "06-response.p7b" },
};

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/ber/definite", test_definite);
    g_test_add_func("/ber/length-octets", test_length_octets);
    g_test_add_func("/ber/indefinite", test_indefinite);
    g_test_add_func("/ber/depth", test_depth);
    g_test_add_func("/ber/high-tags", test_high_tags);
    g_test_add_func("/ber/next-is", test_next_is);
    g_test_add_func("/ber/strings", test_strings);
    g_test_add_func("/ber/oids", test_oids);
    g_test_add_func("/ber/long-oid", test_long_oid);
    g_test_add_func("/ber/magnitudes", test_magnitudes);
    for (size_t i = 0; i < G_N_ELEMENTS(truncated); i++) {
        char *path = g_strdup_printf("/ber/truncation/%s/%s", truncated[i][0], truncated[i][1]);

        g_test_add_data_func(path, truncated[i], test_truncation);
        g_free(path);
    }
    return support_run();
}
