/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Queries of SCEP requests (RFC 8894 4.1), the ways in which clients write base64 into them, and GetCACaps answers.
 */
#include <string.h>

#include "scep/query.h"
#include "support.h"

static void
assert_query(const char *uri, scep_operation operation, const char *name, const char *message)
{
    scep_query query;

    g_assert_true(scep_query_parse(uri, strlen(uri), &query));
    g_assert_cmpint(query.operation, ==, operation);
    g_assert_cmpstr(query.name, ==, name);
    g_assert_cmpstr(query.message, ==, message);
    g_assert_cmpint(query.message != NULL, ==, query.raw != NULL);
    scep_query_clear(&query);
    g_assert_null(query.name);
}

static void
assert_no_query(const char *uri)
{
    scep_query query;

    g_assert_false(scep_query_parse(uri, strlen(uri), &query));
}

static void
test_operations(void)
{
    assert_query("/scep?operation=GetCACaps", SCEP_GET_CA_CAPS, "GetCACaps", NULL);
    assert_query("/scep?operation=GetCACert&message=MDM", SCEP_GET_CA_CERT, "GetCACert", "MDM");
    assert_query("/certsrv/mscep/mscep.dll/pkiclient.exe?operation=GetNextCACert", SCEP_GET_NEXT_CA_CERT,
                 "GetNextCACert", NULL);
    assert_query("/scep?operation=PKIOperation", SCEP_PKI_OPERATION, "PKIOperation", NULL);
    assert_query("/scep?operation=GetCACertChain", SCEP_OPERATION_OTHER, "GetCACertChain", NULL); /* old drafts */
    assert_query("http://scep.contoso.com:80/scep?operation=GetCACaps", SCEP_GET_CA_CAPS, "GetCACaps", NULL);
    assert_query("?operation=GetCACaps", SCEP_GET_CA_CAPS, "GetCACaps", NULL);
}

static void
test_order_and_case(void)
{
    assert_query("/scep?message=default&operation=GetCACert", SCEP_GET_CA_CERT, "GetCACert", "default");
    assert_query("/scep?x=1&&OPERATION=getcacert&y&Message=a", SCEP_GET_CA_CERT, "getcacert", "a");
    assert_query("/scep?message=a&message=b&operation=GetCACaps&operation=GetCACert", SCEP_GET_CA_CAPS, "GetCACaps",
                 "a"); /* the first of each counts */
    assert_query("/scep?operations=no&operation=GetCACaps", SCEP_GET_CA_CAPS, "GetCACaps", NULL);
}

static void
test_message_parameter(void)
{
    assert_query("/scep?operation=GetCACaps&message=", SCEP_GET_CA_CAPS, "GetCACaps", "");
    assert_query("/scep?operation=GetCACaps&message=SCEP%20Authority", SCEP_GET_CA_CAPS, "GetCACaps",
                 "SCEP Authority");
    assert_query("/scep?operation=GetCACaps&message=50%", SCEP_GET_CA_CAPS, "GetCACaps", "50%"); /* no escape */
    assert_query("/scep?operation=GetCACaps&message=%4", SCEP_GET_CA_CAPS, "GetCACaps", "%4");
    assert_query("/scep?operation=GetCACaps&message=%zz%41", SCEP_GET_CA_CAPS, "GetCACaps", "%zzA");
    assert_query("/scep?operation=GetCACaps&message=a=b", SCEP_GET_CA_CAPS, "GetCACaps", "a=b");
    assert_query("/scep?operation=GetCACaps&message=%C3%A4", SCEP_GET_CA_CAPS, "GetCACaps", "\xc3\xa4");
    /* What is no UTF-8 must not reach a user interface: U+FFFD instead. */
    assert_query("/scep?operation=GetCACaps&message=%FFx", SCEP_GET_CA_CAPS, "GetCACaps", "\xef\xbf\xbdx");
}

static void
test_no_query(void)
{
    assert_no_query("");
    assert_no_query("/");
    assert_no_query("*");
    assert_no_query("operation=GetCACaps");
    assert_no_query("/operation=GetCACaps");
    assert_no_query("/scep?");
    assert_no_query("/scep?operation");
    assert_no_query("/scep?operation=");
    assert_no_query("/scep?operation=&operation=GetCACaps");
    assert_no_query("/scep?operation=%3Cscript%3E");
    assert_no_query("/scep?operation=a%00b");
    assert_no_query("/scep?message=operation=GetCACaps");
}

/* The query is read in its own octets, whatever stands behind. */
static void
test_bounds(void)
{
    static const char uri[] = "/scep?operation=GetCACert&message=abc";
    static const char whole[] = "GetCACert";

    for (size_t length = 0; length <= strlen(uri); length++) {
        char      *cut = g_memdup2(uri, length);
        size_t     given = length > strlen("/scep?operation=") ? length - strlen("/scep?operation=") : 0;
        scep_query query;

        g_assert_cmpint(scep_query_parse(cut ? cut : "", length, &query), ==, given > 0);
        if (given > 0) {
            g_assert_cmpuint(strlen(query.name), ==, MIN(given, strlen(whole)));
            g_assert_true(g_str_has_prefix(whole, query.name));
            scep_query_clear(&query);
        }
        g_free(cut);
    }
}

static void
test_usual_paths(void)
{
    static const struct {
        const char *uri;
        bool        usual;
    } paths[] = {
        { "/certsrv/mscep/mscep.dll?operation=x", true }, { "/CertSrv/MSCEP/MSCEP.DLL/pkiclient.exe", true },
        { "/cgi-bin/pkiclient.exe?operation=x", true },   { "/scep?operation=x", true },
        { "/ejbca/publicweb/apply/scep/noca", true },     { "/calculator?operation=add", false },
        { "/search?q=/scep", false },                     { "/", false },
        { "", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        g_assert_cmpint(scep_query_path_is_usual(paths[i].uri, strlen(paths[i].uri)), ==, paths[i].usual);
}

/* The base64 of `bytes` with every octet of `from` written as the text in `to`, and `line` after every 64 octets. */
static char *
written(GBytes *bytes, const char *from, const char *const *to, const char *line)
{
    char    *base64 = g_base64_encode(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    GString *text = g_string_new(NULL);

    for (size_t i = 0; base64[i]; i++) {
        const char *found = strchr(from, base64[i]);

        if (line && i > 0 && i % 64 == 0)
            g_string_append(text, line);
        if (found)
            g_string_append(text, to[found - from]);
        else
            g_string_append_c(text, base64[i]);
    }
    g_free(base64);
    return g_string_free(text, FALSE);
}

static void
assert_decodes(const char *raw, GBytes *expected)
{
    bool        whole;
    GByteArray *octets = scep_query_decode_message(raw, &whole);

    g_assert_nonnull(octets);
    g_assert_true(whole);
    g_assert_cmpmem(octets->data, octets->len, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
    g_byte_array_unref(octets);
}

/* The ways in which clients were seen to write the same message; RFC 8894 4.1 asks for the second. */
static void
test_encodings(void)
{
    static const struct {
        const char *from;
        const char *to[3];
        const char *line, *end;
    } ways[] = {
        { "", { NULL }, NULL, "" },                             /* all raw */
        { "+/=", { "%2B", "%2F", "%3D" }, NULL, "" },           /* .NET, Go */
        { "+/=", { "%2b", "%2f", "%3d" }, NULL, "" },
        { "=", { "%3D" }, NULL, "" },                           /* macOS */
        { "+=", { "%2B", "%3D" }, "%0A", "%0A" },               /* sscep */
        { "+/=", { "%2B", "%2F", "%3D" }, "%0D%0A", "%0D%0A" },
        { "", { NULL }, "\r\n", "\r\n" },
        { "", { NULL }, "\t", "" },
        { "+", { " " }, NULL, "" },                             /* decoded as a form on the way */
        { "+", { "%20" }, NULL, "" },
        { "+/", { "-", "_" }, NULL, "" },                       /* base64url */
        { "+/=", { "-", "_", "" }, NULL, "" },
        { "=", { "" }, NULL, "" },                              /* no padding */
    };

    for (int less = 0; less < 3; less++) { /* with no, one and two characters of padding, in any order */
        GBytes *whole = bytes_of_truth("made-get-encodings", "01-request.p7m");
        GBytes *bytes = bytes_cut(whole, g_bytes_get_size(whole) - (size_t)less);

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
            char *text = written(bytes, ways[i].from, ways[i].to, ways[i].line);
            char *raw = g_strconcat(text, ways[i].end, NULL);
            char *uri = g_strconcat("/scep?operation=PKIOperation&message=", raw, NULL);
            scep_query query;

            g_test_message("padding %d, way %zu", less, i);
            assert_decodes(raw, bytes);
            g_assert_true(scep_query_parse(uri, strlen(uri), &query));
            g_assert_cmpstr(query.raw, ==, raw);
            scep_query_clear(&query);
            g_free(uri);
            g_free(raw);
            g_free(text);
        }
        g_bytes_unref(bytes);
        g_bytes_unref(whole);
    }
}

/* RFC 4648 10. */
static void
test_vectors(void)
{
    static const char *const vectors[][2] = {
        { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        GBytes *expected = g_bytes_new_static(vectors[i][0], strlen(vectors[i][0]));

        assert_decodes(vectors[i][1], expected);
        g_bytes_unref(expected);
    }
}

static void
assert_broken(const char *raw, const char *expected)
{
    bool        whole;
    GByteArray *octets = scep_query_decode_message(raw, &whole);

    g_assert_false(whole);
    g_assert_cmpint(octets != NULL, ==, expected != NULL);
    if (octets) {
        g_assert_cmpmem(octets->data, octets->len, expected, strlen(expected));
        g_byte_array_unref(octets);
    }
}

static void
test_broken_base64(void)
{
    assert_broken("", NULL);
    assert_broken("=", NULL);
    assert_broken("A", NULL);
    assert_broken("<html>", NULL);
    assert_broken("%00", NULL);
    assert_broken("Zm9v<", "foo");
    assert_broken("Zm9v%00Zm9v", "foo");
    assert_broken("Zm9vZ", "foo");          /* six bits are no octet */
    assert_broken("Zg==Zm9v", "f");         /* something behind the padding */
    assert_broken("Zm9v%252BZm9v", "foo");  /* escaped twice */
    assert_broken("Zm9v%2", "foo");
}

static void
assert_capabilities(const char *text, size_t length, const char *expected)
{
    uint8_t *exact = g_memdup2(text, length);
    char   **keywords = scep_capabilities_parse(exact, length);
    char    *joined = g_strjoinv(",", keywords);

    g_assert_cmpstr(joined, ==, expected);
    g_free(joined);
    g_strfreev(keywords);
    g_free(exact);
}

#define ASSERT_CAPABILITIES(text, expected) assert_capabilities(text, sizeof(text) - 1, expected)

static void
test_capabilities(void)
{
    ASSERT_CAPABILITIES("AES\nPOSTPKIOperation\nSHA-256\n", "AES,POSTPKIOperation,SHA-256");
    ASSERT_CAPABILITIES("AES\r\nSHA-256", "AES,SHA-256");
    ASSERT_CAPABILITIES("AES\rSHA-256\r", "AES,SHA-256");
    ASSERT_CAPABILITIES("AES\0SHA-256\0", "AES,SHA-256");
    ASSERT_CAPABILITIES("\r\n\n AES \t\r\n\r\nSHA-1  \n\n", "AES,SHA-1");
    ASSERT_CAPABILITIES("Renewal\nRenewal\n", "Renewal,Renewal"); /* what the server says, not what it means */
    ASSERT_CAPABILITIES("", "");
    ASSERT_CAPABILITIES("\n", "");
    ASSERT_CAPABILITIES("\0", "");
    ASSERT_CAPABILITIES("<!DOCTYPE html>\n<html><body>\n<h1>404 - File or directory not found.</h1>\n</html>\n", "");
    ASSERT_CAPABILITIES("{\"error\":1}\nAES\n", "AES");
    ASSERT_CAPABILITIES("\x80\xff\nAES\n", "AES");
    ASSERT_CAPABILITIES("not one keyword\nAES", "AES");
}

static void
test_many_capabilities(void)
{
    GString *text = g_string_new(NULL);
    char   **keywords;

    for (int i = 0; i < 1000; i++)
        g_string_append_printf(text, "Keyword-%d\n", i);
    keywords = scep_capabilities_parse((const uint8_t *)text->str, text->len);
    g_assert_cmpstr(keywords[0], ==, "Keyword-0");
    g_assert_cmpuint(g_strv_length(keywords), <, 1000);
    g_strfreev(keywords);
    g_string_assign(text, "");
    for (int i = 0; i < 1000; i++)
        g_string_append_c(text, 'A');
    keywords = scep_capabilities_parse((const uint8_t *)text->str, text->len);
    g_assert_cmpuint(g_strv_length(keywords), ==, 0);
    g_strfreev(keywords);
    g_string_free(text, TRUE);
}

static void
test_have(void)
{
    char *plain[] = { (char *)"DES3", (char *)"sha-1", NULL };
    char *standard[] = { (char *)"ScepStandard", NULL };
    char *none[] = { NULL };

    g_assert_true(scep_capabilities_have(plain, "DES3"));
    g_assert_true(scep_capabilities_have(plain, "SHA-1"));
    g_assert_false(scep_capabilities_have(plain, "AES"));
    g_assert_false(scep_capabilities_have(plain, "DES"));
    g_assert_false(scep_capabilities_have(none, "AES"));
    /* RFC 8894 3.5.2: SCEPStandard stands for AES, POSTPKIOperation and SHA-256, and for nothing else. */
    g_assert_true(scep_capabilities_have(standard, "AES"));
    g_assert_true(scep_capabilities_have(standard, "POSTPKIOperation"));
    g_assert_true(scep_capabilities_have(standard, "SHA-256"));
    g_assert_true(scep_capabilities_have(standard, "SCEPStandard"));
    g_assert_false(scep_capabilities_have(standard, "SHA-512"));
    g_assert_false(scep_capabilities_have(standard, "DES3"));
    g_assert_false(scep_capabilities_have(standard, "Renewal"));
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/query/operations", test_operations);
    g_test_add_func("/query/order-and-case", test_order_and_case);
    g_test_add_func("/query/message-parameter", test_message_parameter);
    g_test_add_func("/query/none", test_no_query);
    g_test_add_func("/query/bounds", test_bounds);
    g_test_add_func("/query/usual-paths", test_usual_paths);
    g_test_add_func("/query/encodings", test_encodings);
    g_test_add_func("/query/vectors", test_vectors);
    g_test_add_func("/query/broken-base64", test_broken_base64);
    g_test_add_func("/query/capabilities", test_capabilities);
    g_test_add_func("/query/many-capabilities", test_many_capabilities);
    g_test_add_func("/query/have", test_have);
    return support_run();
}
