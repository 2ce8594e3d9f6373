/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bodies of calls to the registration point and of its answers, and the masks of their secrets. Expectations are
 * written by hand; requests and certificates are openssl's.
 */
#include <string.h>

#include "crp/body.h"
#include "support.h"

#define SECRET   "A1B2C3D4E5F60718-not-for-everyone"
#define REPLY(x) "{\"code\":\"" x "\",\"errorDescription\":\"\"}"

/* The DER of a PKCS #10 request with SECRET, or, without, of one with no challenge at all. */
static GBytes *
request_with(const char *password)
{
    char *config = scratch_path("request.cnf"), *out = scratch_path("request.der");
    char *key = source_path("captures/record/keys/device.key");
    char *text = g_strdup_printf("[req]\nprompt = no\ndistinguished_name = dn\n%s[dn]\nCN = device-1.contoso.com\n"
                                 "[attributes]\nunstructuredName = device-1\nchallengePassword = %s\n",
                                 password ? "attributes = attributes\n" : "", password ? password : "none");

    const char *const arguments[] = { "req", "-new", "-key", key, "-config", config, "-outform", "DER", "-out", out,
                                      NULL };
    GBytes           *der;

    g_assert_true(g_file_set_contents(config, text, -1, NULL));
    g_bytes_unref(openssl(arguments));
    der = bytes_of_file(out);
    g_free(config);
    g_free(out);
    g_free(key);
    g_free(text);
    return der;
}

static GBytes *
certificate(void)
{
    char   *path = source_path("captures/record/keys/device-old.crt");
    GBytes *der = bytes_of_pem(path);

    g_free(path);
    return der;
}

static char *
base64_of(GBytes *bytes)
{
    return g_base64_encode(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

/* Text in which every `from` is `to`. */
static char *
replaced(const char *text, const char *from, const char *to)
{
    char **parts = g_strsplit(text, from, -1), *joined = g_strjoinv(to, parts);

    g_strfreev(parts);
    return joined;
}

/* Base64 in lines of `width` digits. */
static char *
wrapped(const char *base64, size_t width, const char *line_end)
{
    GString *text = g_string_new(NULL);

    for (size_t at = 0; base64[at]; at++)
        g_string_append_printf(text, "%s%c", at > 0 && at % width == 0 ? line_end : "", base64[at]);
    return g_string_free(text, FALSE);
}

static crp_body
body_of(const char *text, bool is_answer)
{
    crp_body body;

    crp_body_read(support_scope(), (const uint8_t *)text, strlen(text), is_answer, &body);
    return body;
}

static const char *
value_of(const crp_body *body, crp_item_kind kind)
{
    const crp_item *item = crp_body_item(body, kind);

    return item ? item->value : NULL;
}

/* The body masked, to be freed with g_free(). */
static char *
masked(const char *text, const crp_body *body)
{
    char *copy = g_strdup(text);

    crp_body_mask(body, (uint8_t *)copy, strlen(copy));
    g_assert_cmpuint(strlen(copy), ==, strlen(text));
    return copy;
}

/* The item stands where it says: `raw` is there. */
static void
assert_place(const char *text, const crp_item *item, const char *raw)
{
    g_assert_nonnull(item);
    g_assert_cmpmem(text + item->offset, item->length, raw, strlen(raw));
}

/* Neither `secret` nor its base64, wherever it begins in a group of three octets, is in `data`. */
static void
assert_hidden(const void *data, size_t length, const char *secret)
{
    g_assert_null(memmem(data, length, secret, strlen(secret)));
    for (size_t before = 0; before < 3; before++) {
        char  *octets = g_strdup_printf("%.*s%s", (int)before, "xx", secret);
        char  *base64 = g_base64_encode((const guchar *)octets, strlen(octets));
        size_t first = (before * 8 + 5) / 6, digits = strlen(octets) * 8 / 6 - first;

        g_assert_null(memmem(data, length, base64 + first, digits));
        g_free(base64);
        g_free(octets);
    }
}

static void
test_forms(void)
{
    static const struct {
        const char   *text;
        crp_body_form form;
        int           verified;
        bool          is_cut;
    } bodies[] = {
        { "", CRP_BODY_EMPTY, -1, false },
        { " \r\n\t", CRP_BODY_EMPTY, -1, false },
        { "\xef\xbb\xbf", CRP_BODY_EMPTY, -1, false },
        { "true", CRP_BODY_LITERAL, 1, false },
        { "False\r\n", CRP_BODY_LITERAL, 0, false },
        { " TRUE ", CRP_BODY_LITERAL, 1, false },
        { "\"true\"", CRP_BODY_LITERAL, 1, false },
        { "\xef\xbb\xbf\"False\"", CRP_BODY_LITERAL, 0, false },
        { "truely", CRP_BODY_TEXT, -1, false },
        { "\"true", CRP_BODY_JSON, -1, true },
        { "{}", CRP_BODY_JSON, -1, false },
        { " [1,2]", CRP_BODY_JSON, -1, false },
        { "\xef\xbb\xbf{\"a\":1}", CRP_BODY_JSON, -1, false },
        { "\"text\"", CRP_BODY_JSON, -1, false },
        { "{\"a\":\"b\"", CRP_BODY_JSON, -1, true },
        { "{\"a\":\"b", CRP_BODY_JSON, -1, true },
        { "[1,2]]", CRP_BODY_JSON, -1, true },
        { "{\"a\" \"b\"}", CRP_BODY_JSON, -1, true },
        { "{\"a\":undefined}", CRP_BODY_JSON, -1, true },
        { "<a>b</a>", CRP_BODY_XML, -1, false },
        { "<?xml version='1.0'?>\n<a b='c'/>\n", CRP_BODY_XML, -1, false },
        { "<a><b>c</b>", CRP_BODY_XML, -1, true },
        { "<a", CRP_BODY_XML, -1, true },
        { "<a <b/>", CRP_BODY_XML, -1, true },
        { "<htmlish/>", CRP_BODY_XML, -1, false },
        { "<html></html>", CRP_BODY_HTML, -1, false },
        { "\r\n<!doctype HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">", CRP_BODY_HTML, -1, false },
        { "Bad Request", CRP_BODY_TEXT, -1, false },
        { "\xc3\xa4\xe2\x82\xac", CRP_BODY_TEXT, -1, false },
        { "\xc3\xa4\xe2\x82", CRP_BODY_TEXT, -1, true }, /* cut within a character */
        { "\xc3(", CRP_BODY_OTHER, -1, false },
        { "a\x01", CRP_BODY_OTHER, -1, false },
        { "\xff\xfe{", CRP_BODY_OTHER, -1, false },
    };
    crp_body body;

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        for (int is_answer = 0; is_answer < 2; is_answer++) {
            body = body_of(bodies[i].text, is_answer);
            g_test_message("%s", bodies[i].text);
            g_assert_cmpint(body.form, ==, bodies[i].form);
            g_assert_cmpint(body.verified, ==, bodies[i].verified);
            g_assert_cmpint(body.is_cut, ==, bodies[i].is_cut);
        }
    }
    crp_body_read(support_scope(), (const uint8_t *)"{\0\"\0", 4, false, &body);
    g_assert_cmpint(body.form, ==, CRP_BODY_OTHER);
    crp_body_read(support_scope(), NULL, 0, false, &body);
    g_assert_cmpint(body.form, ==, CRP_BODY_EMPTY);
    crp_body_mask(&body, NULL, 0);
    support_free_scope();
}

static void
test_answers(void)
{
    static const struct {
        const char *text;
        int         verified;
    } answers[] = {
        { "{\"anything\":true}", 1 },
        { "[false]", 0 },
        { "{\"a\":{\"b\":true}}", 1 },
        { "{\"a\":true,\"b\":1}", -1 },
        { "{\"a\":true", -1 }, /* more may follow */
        { "{\"a\":1,\"Verified\":true}", 1 },
        { "{\"is_valid\":false,\"a\":true}", 0 },
        { "{\"VerifyRequestResult\":true,\"a\":null}", 1 },
        { "{\"d\":{\"verify-result\":false},\"e\":0}", 0 },
        { "<boolean xmlns=\"http://schemas.microsoft.com/2003/10/Serialization/\">true</boolean>", 1 },
        { "<?xml version=\"1.0\"?><r:VerifyRequestResponse xmlns:r=\"urn:r\"><r:VerifyRequestResult> false\n"
          "</r:VerifyRequestResult></r:VerifyRequestResponse>", 0 },
        { "<a>true</a>", -1 },
        { REPLY("Success"), 1 },
        { REPLY("success"), 1 },
        { REPLY("ChallengeExpired"), 0 },
        { REPLY("NotYetInvented"), 0 },
        { REPLY("Unknown"), -1 },
        { REPLY(""), -1 },
        { "{\"code\":\"Succ", -1 },
        { "{\"code\":0}", -1 },
        { "<code>Success</code>", -1 },
        { "{\"message\":\"true\"}", -1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_test_message("%s", answers[i].text);
        g_assert_cmpint(body_of(answers[i].text, true).verified, ==, answers[i].verified);
        g_assert_cmpint(body_of(answers[i].text, false).verified, ==, -1);
    }
    support_free_scope();
}

/* Names, and what they make of a value; in JSON and in XML. */
static void
test_kinds(void)
{
    static const char guid[] = "0aB1c2d3-0000-1111-2222-333344445555";
    static const char braces[] = "{0aB1c2d3-0000-1111-2222-333344445555}";
    static const struct {
        const char   *name, *value;
        crp_item_kind kind; /* CRP_ITEMS: nothing */
    } members[] = {
        { "transactionId", "5A", CRP_ITEM_TRANSACTION },
        { "SCEP_Transaction-ID", "5A", CRP_ITEM_TRANSACTION },
        { "challenge", "5A", CRP_ITEM_CHALLENGE },
        { "Challenge_Password", "5A", CRP_ITEM_CHALLENGE },
        { "oneTimePassword", "5A", CRP_ITEM_CHALLENGE },
        { "challenge", "true", CRP_ITEMS },
        { "templateName", "NDESUser", CRP_ITEM_TEMPLATE },
        { "Certificate-Template", "NDESUser", CRP_ITEM_TEMPLATE },
        { "CODE", "Success", CRP_ITEM_CODE },
        { "resultCode", "7", CRP_ITEM_CODE },
        { "error_code", "7", CRP_ITEM_CODE },
        { "codes", "7", CRP_ITEMS },
        { "errorDescription", "no", CRP_ITEM_DESCRIPTION },
        { "Description", "no", CRP_ITEM_DESCRIPTION },
        { "ErrorMessage", "no", CRP_ITEM_DESCRIPTION },
        { "Message", "An error has occurred.", CRP_ITEM_DESCRIPTION },
        { "ExceptionMessage", "no", CRP_ITEM_DESCRIPTION },
        { "hResult", "-2147024809", CRP_ITEM_HRESULT },
        { "lastHResult", "0x80070057", CRP_ITEM_HRESULT },
        { "callerInfo", "NDES01", CRP_ITEM_CALLER },
        { "certificateThumbprint", "00ff", CRP_ITEM_THUMBPRINT },
        { "certificateSerialNumber", "00ff", CRP_ITEM_SERIAL },
        { "serial number", "00ff", CRP_ITEM_SERIAL },
        { "certificateExpirationDateUtc", "2030-01-01T00:00:00Z", CRP_ITEM_EXPIRATION },
        { "issuingCertificateAuthority", "CA1", CRP_ITEM_AUTHORITY },
        { "certificateAuthority", "CA1", CRP_ITEM_AUTHORITY },
        { "disposition", "3", CRP_ITEM_DISPOSITION },
        { "deviceId", guid, CRP_ITEM_DEVICE },
        { "AADDevice", braces, CRP_ITEM_DEVICE },
        { "user-id", guid, CRP_ITEM_USER },
        { "deviceId", "0aB1c2d3-0000-1111-2222-33334444555", CRP_ITEMS },
        { "deviceId", "{0aB1c2d3-0000-1111-2222-333344445555", CRP_ITEMS },
        { "deviceId", "0aB1c2d3-0000-1111-2222-33334444555g", CRP_ITEMS },
        { "id", guid, CRP_ITEMS },
        { "caConfiguration", "x", CRP_ITEMS },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        const char *name = members[i].name, *value = members[i].value;
        char       *xml_name = replaced(name, " ", "_"); /* XML's have no blanks */
        char       *texts[] = {
            g_strdup_printf("{\"request\": {\"%s\" : \"%s\"}}", name, value),
            g_strdup_printf("[{'%s':'%s'}]", name, value),
            g_strdup_printf("{\"%s\":[\"%s\"]}", name, value),
            g_strdup_printf("<r:a xmlns:r=\"urn:r\" q=\"1\"><r:%s>\r\n %s </r:%s></r:a>", xml_name, value, xml_name),
            g_strdup_printf("<a><!-- b --><b r:%s='%s'/></a>", xml_name, value),
            g_strdup_printf("<%s><!-- - --><![CDATA[%s]]></%s>", xml_name, value, xml_name),
        };

        for (size_t j = 0; j < G_N_ELEMENTS(texts); j++) {
            crp_body  body = body_of(texts[j], false);
            crp_item *item = wmem_array_get_count(body.items) > 0 ? wmem_array_index(body.items, 0) : NULL;

            g_test_message("%s", texts[j]);
            g_assert_false(body.is_cut);
            g_assert_cmpuint(wmem_array_get_count(body.items), ==, members[i].kind != CRP_ITEMS);
            if (item) {
                char *inside = strstr(texts[j], "<![CDATA[") ? g_strdup_printf("<!-- - --><![CDATA[%s]]>", value)
                                                             : g_strdup(value);

                g_assert_cmpint(item->kind, ==, members[i].kind);
                g_assert_cmpstr(item->value, ==, value);
                g_assert_null(item->octets);
                assert_place(texts[j], item, inside);
                g_assert_cmpuint(wmem_array_get_count(body.secrets), ==, item->kind == CRP_ITEM_CHALLENGE);
                g_free(inside);
            }
            g_free(texts[j]);
        }
        g_free(xml_name);
    }
    support_free_scope();
}

static void
test_bare_values(void)
{
    static const char text[] = "{\"code\":-5e1,\"hResult\":-2147024809,\"transactionId\":null,\"template\":false,"
                               "\"disposition\":3}";
    crp_body          body = body_of(text, false);

    g_assert_cmpstr(value_of(&body, CRP_ITEM_CODE), ==, "-5e1");
    g_assert_cmpstr(value_of(&body, CRP_ITEM_HRESULT), ==, "-2147024809");
    g_assert_cmpstr(value_of(&body, CRP_ITEM_DISPOSITION), ==, "3");
    g_assert_cmpuint(wmem_array_get_count(body.items), ==, 3);
    assert_place(text, crp_body_item(&body, CRP_ITEM_HRESULT), "-2147024809");
    g_assert_false(body.is_cut);
    support_free_scope();
}

/* A name does not reach beyond its member. */
static void
test_reach(void)
{
    static const char *const texts[] = {
        "{\"transactionId\":{},\"a\":\"b\"}",      "{\"transactionId\":{\"a\":\"b\"}}",
        "{\"transactionId\":\"\",\"a",             "{\"transactionId\":[[\"\"],\"a\"]}",
        "<transactionId/>text",                    "<a><transactionId></transactionId>b</a>",
        "<transactionId xmlns=\"a\" xmlns:transaction=\"b\" xsi:transaction=\"c\"/>", "<transactionId> \n </transactionId>",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        crp_body body = body_of(texts[i], false);

        g_test_message("%s", texts[i]);
        g_assert_cmpuint(wmem_array_get_count(body.items), ==, 0);
    }
    support_free_scope();
}

static void
test_escapes(void)
{
    static const struct {
        const char *text, *value;
    } values[] = {
        { "{\"\\u0043od\\u0065\":\"a\\\"\\\\\\/\\b\\f\\n\\r\\tb\"}", "a\"\\/\b\f\n\r\tb" },
        { "{\"code\":\"\\u00e4\\u20AC\\ud83d\\ude00\"}", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "{\"code\":\"a\\u0000b\"}", "a\xef\xbf\xbd" "b" },
        { "{\"code\":\"\\ud83d\\u0041\"}", "\xef\xbf\xbd" "A" },
        { "{\"code\":\"\\ude00\"}", "\xef\xbf\xbd" },
        { "{\"code\":\"\\u12\"}", "\xef\xbf\xbd" "12" },
        { "{\"code\":\"\xc3\xa4\xff\"}", "\xc3\xa4\xef\xbf\xbd" },
        { "{\"code\":\"a\\", "a\xef\xbf\xbd" },
        { "{\"code\":\"a\\u00", "a\xef\xbf\xbd" "00" },
        { "<code>&lt;a&gt; &amp;&quot;&apos;&#228;&#x20ac;&#x1F600;</code>",
          "<a> &\"'\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "<code>a&b; &#; &#xg; &#0; &#99999999;</code>", "a&b; &#; &#xg; \xef\xbf\xbd &#99999999;" },
        { "<code>a<!-- <b> -->&#98;<![CDATA[&amp;<c>]]>d</code>", "ab&amp;<c>d" },
        { "<a code=\"&#x41;'\"/>", "A'" },
        { "<code>cut &am", "cut &am" },
        { "<code>cut <!-- here", "cut " },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        crp_body body = body_of(values[i].text, false);

        g_test_message("%s", values[i].text);
        g_assert_cmpstr(value_of(&body, CRP_ITEM_CODE), ==, values[i].value);
    }
    support_free_scope();
}

static void
test_error_pages(void)
{
    static const struct {
        const char *text;
        unsigned    status, substatus;
        const char *title;
    } pages[] = {
        { "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\"><html><head>\n"
          "<title>IIS 8.5 Detailed Error - 403.16 - Forbidden</title></head><h3>HTTP Error 403.7 - Forbidden</h3>",
          403, 7, "IIS 8.5 Detailed Error - 403.16 - Forbidden" },
        { "<HTML><TITLE lang=en>\r\n  IIS 8.5 Detailed  Error - 403.16 - Forbidden\n</TITLE>", 403, 16,
          "IIS 8.5 Detailed Error - 403.16 - Forbidden" },
        { "<html><title>403.7 - Forbidden: a &lt;b&gt; &amp;&nbsp;c&#39;s</title>", 403, 7,
          "403.7 - Forbidden: a <b> & c's" },
        { "<html><title>404 Not Found</title>", 404, 0, "404 Not Found" },
        { "<html><title>Bad Request</title><p>HTTP Error 400. The request is badly formed.</p>", 400, 0, "Bad Request" },
        { "<html><title>The resource cannot be found.</title><p>HTTP Error 4031", 0, 0,
          "The resource cannot be found." },
        { "<html><title>Server Error in '/500' Application</title>", 0, 0, "Server Error in '/500' Application" },
        { "<html><title></title>", 0, 0, "" },
        { "<html><body>http error 500.19", 500, 19, NULL },
        { "<html><title>403.1", 403, 1, "403.1" },
        { "<html><title", 0, 0, NULL },
        { "<html><title>IIS 7.5 caf\xe9</title>", 0, 0, "IIS 7.5 caf\xef\xbf\xbd" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        crp_body body = body_of(pages[i].text, true);

        g_test_message("%s", pages[i].text);
        g_assert_cmpint(body.form, ==, CRP_BODY_HTML);
        g_assert_cmpuint(body.status, ==, pages[i].status);
        g_assert_cmpuint(body.substatus, ==, pages[i].substatus);
        g_assert_cmpstr(body.title, ==, pages[i].title);
        g_assert_cmpint(body.verified, ==, -1);
    }
    support_free_scope();
}

/* What Intune's library for certification authorities sends. */
static void
test_intune(void)
{
    GBytes   *der = request_with(SECRET);
    char     *base64 = base64_of(der);
    char     *text = g_strdup_printf("{\"request\":{\"transactionId\":\"e2a1\",\"certificateRequest\":\"%s\","
                                     "\"callerInfo\":\"scepshark \\u00fcber\"}}", base64);
    crp_body  body = body_of(text, false);
    static const crp_item_kind order[] = { CRP_ITEM_TRANSACTION, CRP_ITEM_REQUEST, CRP_ITEM_CALLER };
    const crp_item            *item = crp_body_item(&body, CRP_ITEM_REQUEST);

    g_assert_cmpint(body.form, ==, CRP_BODY_JSON);
    g_assert_false(body.is_cut);
    g_assert_cmpuint(wmem_array_get_count(body.items), ==, G_N_ELEMENTS(order));
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
        g_assert_cmpint(((crp_item *)wmem_array_index(body.items, i))->kind, ==, order[i]);
    g_assert_cmpstr(value_of(&body, CRP_ITEM_TRANSACTION), ==, "e2a1");
    g_assert_cmpstr(value_of(&body, CRP_ITEM_CALLER), ==, "scepshark \xc3\xbc" "ber");
    g_assert_null(crp_body_item(&body, CRP_ITEM_CHALLENGE));
    assert_place(text, crp_body_item(&body, CRP_ITEM_CALLER), "scepshark \\u00fcber");
    assert_place(text, item, base64);
    g_assert_cmpstr(item->value, ==, base64);
    g_assert_cmpmem(item->octets, item->octets_length, g_bytes_get_data(der, NULL), g_bytes_get_size(der));
    g_free(text);
    g_free(base64);
    g_bytes_unref(der);
    support_free_scope();
}

static void
test_certificate(void)
{
    static const char *const frames[] = { "{\"pctbIssuedCertEncoded\":\"%s\"}", "\"%s\"", "<a>\n%s\n</a>", "%s",
                                          "{\"challenge\":\"%s\"}", "certificate=%s&a=b" };
    GBytes                  *der = certificate();
    char                    *base64 = base64_of(der);

    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        char     *text = replaced(frames[i], "%s", base64);
        crp_body  body = body_of(text, false);
        const crp_item *item = crp_body_item(&body, CRP_ITEM_CERTIFICATE);

        assert_place(text, item, base64);
        g_assert_cmpstr(item->value, ==, base64);
        g_assert_cmpmem(item->octets, item->octets_length, g_bytes_get_data(der, NULL), g_bytes_get_size(der));
        g_assert_cmpuint(wmem_array_get_count(body.items), ==, 1);
        g_assert_cmpuint(wmem_array_get_count(body.secrets), ==, 0);
        g_free(text);
    }
    g_free(base64);
    g_bytes_unref(der);
    support_free_scope();
}

/* The ways to write a request's base64 in each form; to be freed with g_ptr_array_unref(). */
static GPtrArray *
written_requests(GBytes *der)
{
    static const struct {
        const char *frame;
        size_t      width;         /* of a line, or 0 */
        const char *escapes[4][2]; /* what is written instead of what */
    } ways[] = {
        { "{\"certificateRequest\":\"%s\"}", 0, { { "", "" } } },
        { "{\"x\":{\"challenge\":[\"%s\"]}}", 0, { { "+", "-" }, { "/", "_" }, { "=", "" } } },
        { "['%s']", 0, { { "/", "\\/" }, { "+", "\\u002B" }, { "M", "\\u004d" } } },
        { "{\"a\":\"-----BEGIN CERTIFICATE REQUEST-----\\r\\n%s\\r\\n-----END CERTIFICATE REQUEST-----\\r\\n\"}", 76,
          { { "/", "\\/" }, { "+", "\\u002b" }, { "\n", "\\r\\n" } } },
        { "<a><b> %s </b></a>", 76, { { "\n", "&#13;\n" }, { "A", "&#65;" } } },
        { "<a b=\"%s\"/>", 0, { { "+", "-" }, { "/", "_" }, { "=", "" } } },
        { "<a><![CDATA[-----BEGIN NEW CERTIFICATE REQUEST-----\r\n%s\r\n-----END NEW CERTIFICATE REQUEST-----\r\n]]></a>",
          64, { { "\n", "]]>\r\n<![CDATA[" } } },
        { "<a>%s</a>", 100, { { "\n", "<!-- - -->" } } },
        { "Request follows\n%s\n", 64, { { "\n", "\r\n" } } },
        { "-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n", 64, { { "", "" } } },
        { "id=7&request=%s&b=c", 0, { { "+", "%2B" }, { "/", "%2f" }, { "=", "%3d" } } },
        { "<html><pre>%s</pre>", 64, { { "", "" } } },
    };
    GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
    char      *plain = base64_of(der);

    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        char *base64 = ways[i].width ? wrapped(plain, ways[i].width, "\n") : g_strdup(plain), *next;

        for (size_t j = 0; j < G_N_ELEMENTS(ways[i].escapes) && ways[i].escapes[j][0] && *ways[i].escapes[j][0]; j++) {
            next = replaced(base64, ways[i].escapes[j][0], ways[i].escapes[j][1]);
            g_free(base64);
            base64 = next;
        }
        g_ptr_array_add(texts, replaced(ways[i].frame, "%s", base64));
        g_free(base64);
    }
    g_free(plain);
    return texts;
}

static void
test_requests(void)
{
    GBytes    *der = request_with(SECRET);
    GPtrArray *texts = written_requests(der);

    for (unsigned i = 0; i < texts->len; i++) {
        const char     *text = g_ptr_array_index(texts, i);
        crp_body        body = body_of(text, false);
        const crp_item *item = crp_body_item(&body, CRP_ITEM_REQUEST);

        g_test_message("%.60s", text);
        g_assert_nonnull(item);
        g_assert_cmpuint(wmem_array_get_count(body.items), ==, 1);
        g_assert_cmpmem(item->octets, item->octets_length, g_bytes_get_data(der, NULL), g_bytes_get_size(der));
        g_assert_cmpuint(strcspn(item->value, " \r\n\\%&<"), ==, strlen(item->value));
        g_assert_false(body.is_cut);

        char           *copy = masked(text, &body);
        const crp_span *secret = wmem_array_index(body.secrets, 0);

        assert_hidden(copy, strlen(copy), SECRET);
        g_assert_cmpuint(wmem_array_get_count(body.secrets), ==, 1);
        g_assert_cmpmem(copy, secret->offset, text, secret->offset);
        g_assert_cmpuint(strspn(copy + secret->offset, "*"), ==, secret->length);
        g_assert_cmpstr(copy + secret->offset + secret->length, ==, text + secret->offset + secret->length);
        g_assert_cmpuint(secret->length, <, 3 * strlen(SECRET)); /* not the whole value */
        g_free(copy);
    }
    g_ptr_array_unref(texts);
    g_bytes_unref(der);
    support_free_scope();
}

/* The digits of base64 that hold the password, and no others, are masked: six bits each. */
static void
test_mask_digits(void)
{
    static const char *const passwords[] = { "1234567", "12345678", "123456789", "**12345**", "*1234*5678*", "1***2345" };

    for (size_t i = 0; i < G_N_ELEMENTS(passwords); i++) {
        GBytes        *der = request_with(passwords[i]);
        gsize          length;
        const uint8_t *octets = g_bytes_get_data(der, &length);
        const uint8_t *at = memmem(octets, length, passwords[i], strlen(passwords[i]));
        char          *base64 = base64_of(der), *text = g_strdup_printf("[\"%s\"]", base64);
        crp_body       body = body_of(text, false);
        char          *copy = masked(text, &body), *expected = g_strdup(text);

        g_assert_nonnull(at);
        for (size_t bit = (size_t)(at - octets) * 8; bit < ((size_t)(at - octets) + strlen(passwords[i])) * 8; bit++)
            expected[2 + bit / 6] = '*';
        g_assert_cmpstr(copy, ==, expected);
        g_free(copy);
        g_free(expected);
        g_free(text);
        g_free(base64);
        g_bytes_unref(der);
    }
    support_free_scope();
}

/* A password that a mask does not change shows nothing of where it stands. */
static void
test_mask_stars(void)
{
    GBytes  *der = request_with("*******");
    char    *base64 = base64_of(der), *text = g_strdup_printf("[\"%s\"]", base64);
    crp_body body = body_of(text, false);
    char    *copy = masked(text, &body);

    g_assert_cmpuint(strspn(copy + 2, "*"), ==, strlen(base64));
    g_free(copy);
    g_free(text);
    g_free(base64);
    g_bytes_unref(der);
    support_free_scope();
}

static void
test_mask_nothing(void)
{
    GBytes  *der = request_with(NULL);
    char    *base64 = base64_of(der), *text = g_strdup_printf("{\"r\":\"%s\",\"transactionId\":\"5\"}", base64);
    crp_body body = body_of(text, false);
    char    *copy = masked(text, &body);

    g_assert_nonnull(crp_body_item(&body, CRP_ITEM_REQUEST));
    g_assert_cmpstr(copy, ==, text);
    g_free(copy);
    g_free(text);
    g_free(base64);
    g_bytes_unref(der);
    support_free_scope();
}

/* Nothing but the stars may differ. */
static void
test_mask_challenge(void)
{
    static const struct {
        const char *text, *masked;
        unsigned    challenges; /* items */
    } bodies[] = {
        { "{\"challenge\":\"hunter2\",\"a\":1}", "{\"challenge\":\"*******\",\"a\":1}", 1 },
        { "{\"challenge\":12345}", "{\"challenge\":*****}", 1 },
        { "{\"Challenge_Password\":\"h\\u0075\\\"2\"}", "{\"Challenge_Password\":\"**********\"}", 1 },
        { "{\"challenge\":{\"value\":\"hunter2\",\"message\":\"a\"},\"b\":\"c\"}",
          "{\"challenge\":{\"value\":\"*******\",\"message\":\"*\"},\"b\":\"c\"}", 2 },
        { "{\"passwords\":[\"hunter2\",[\"b\"]],\"b\":\"c\"}", "{\"passwords\":[\"*******\",[\"*\"]],\"b\":\"c\"}", 2 },
        { "{\"challenge\":\"hunt", "{\"challenge\":\"****", 1 },
        { "{\"challenge\":\"hunt\\", "{\"challenge\":\"*****", 1 },
        { "{\"challenge\":\"{\\\"a\\\":1}\"}", "{\"challenge\":\"*********\"}", 1 },
        { "<VerifyChallengeParams><Challenge x=\"1\">hunter2</Challenge><b>c</b></VerifyChallengeParams>",
          "<VerifyChallengeParams><Challenge x=\"*\">*******</Challenge><b>c</b></VerifyChallengeParams>", 2 },
        { "<p><challenge><v>hun<!-- -->ter2</v></challenge><b>c</b></p>",
          "<p><challenge><v>***************</v></challenge><b>c</b></p>", 1 },
        { "<challenge/><b>c</b>", "<challenge/><b>c</b>", 0 },
        { "<challenge>hunt", "<challenge>****", 1 },
        { "<a challenge='hunt", "<a challenge='****", 1 },
        { "a=b&challenge=hunter2&c=d", "a=b&challenge********&c=d", 0 },
        { "One\r\nPassword: hunter2\r\nTwo", "One\r\nPassword*********\r\nTwo", 0 },
        /* In doubt. */
        { "{\"a\":\"{\\\"challenge\\\":1}\",\"b\":\" <a>\"}", "{\"a\":\"*****************\",\"b\":\"****\"}", 0 },
        { "\"{\\\"challenge\\\":1}\"", "\"*****************\"", 0 },
        { "<string>&lt;challenge&gt;a</string>", "<string>******************</string>", 0 },
        { "caf\xe9s", "*****", 0 },
        { "\xff\xfe{", "***", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        crp_body body = body_of(bodies[i].text, false);
        char    *copy = masked(bodies[i].text, &body);
        unsigned challenges = 0;

        g_test_message("%s", bodies[i].text);
        for (unsigned j = 0; j < wmem_array_get_count(body.items); j++)
            challenges += ((crp_item *)wmem_array_index(body.items, j))->kind == CRP_ITEM_CHALLENGE;
        g_assert_cmpstr(copy, ==, bodies[i].masked);
        g_assert_cmpuint(challenges, ==, bodies[i].challenges);
        g_free(copy);
    }

    crp_body answer = body_of("The challenge is wrong.", true);

    g_assert_cmpuint(wmem_array_get_count(answer.secrets), ==, 0);
    support_free_scope();
}

/* A CMS message in base64 is a challenge, whatever it stands under; it is an item when the name says so. */
static void
test_mask_cms(void)
{
    GBytes  *der = bytes_of_truth("made-ndes-success", "03-request.p7m");
    char    *base64 = base64_of(der);
    char    *text = g_strdup_printf("{\"message\":\"%s\",\"challengeData\":\"%s\"}", base64, base64);
    crp_body body = body_of(text, false);
    char    *copy = masked(text, &body);

    g_assert_cmpuint(wmem_array_get_count(body.items), ==, 1);
    g_assert_cmpstr(value_of(&body, CRP_ITEM_CHALLENGE), ==, base64);
    g_assert_null(strstr(copy, "MII"));
    g_assert_cmpuint(strspn(copy + strlen("{\"message\":\""), "*"), ==, strlen(base64));
    g_free(copy);
    g_free(text);
    g_free(base64);
    g_bytes_unref(der);
    support_free_scope();
}

/* Octets as a serialiser of numbers writes them. */
static void
test_mask_numbers(void)
{
    GBytes        *der = request_with(SECRET);
    const uint8_t *octets = g_bytes_get_data(der, NULL);
    GString       *text = g_string_new("{\"a\":[1,2],\"request\":[");
    size_t         first = text->len;

    for (size_t i = 0; i < g_bytes_get_size(der); i++)
        g_string_append_printf(text, "%s%u", i ? "," : "", octets[i]);
    g_string_append(text, "],\"b\":3}");

    crp_body body = body_of(text->str, false);
    char    *copy = masked(text->str, &body);

    g_assert_cmpmem(copy, first, text->str, first);
    g_assert_cmpuint(strspn(copy + first, "*"), ==, text->len - first - strlen("],\"b\":3}"));
    g_assert_true(g_str_has_suffix(copy, "],\"b\":3}"));
    g_free(copy);
    g_string_free(text, TRUE);
    g_bytes_unref(der);
    support_free_scope();
}

/* Whatever is missing, nothing is read beyond the end (for a checker of memory) and no secret is left. */
static void
test_cut(void)
{
    GBytes    *der = request_with(SECRET);
    GPtrArray *texts = written_requests(der);

    g_ptr_array_add(texts, g_strdup("\xef\xbb\xbf {\"transactionId\":\"\\u00e4\\ud83d\\ude00\",\"challenge\":\"" SECRET
                                    "\",\"b\":[true,1]}"));
    g_ptr_array_add(texts, g_strdup("<?xml version='1.0'?><a xmlns:b='c'><!-- - --><b:challenge>&#65;" SECRET
                                    "</b:challenge><![CDATA[&]]></a>"));
    g_ptr_array_add(texts, g_strdup("<html><title>403.16 - &amp;</title><p>HTTP Error 403.16"));
    for (unsigned i = 0; i < texts->len; i++) {
        GBytes *whole = g_bytes_new_static(g_ptr_array_index(texts, i), strlen(g_ptr_array_index(texts, i)));

        for (size_t length = 0; length <= g_bytes_get_size(whole); length++) {
            GBytes     *cut = bytes_cut(whole, length);
            const void *data = g_bytes_get_data(cut, NULL);
            crp_body    body;
            uint8_t    *copy = g_memdup2(data, length);

            crp_body_read(support_scope(), data, length, length % 2 != 0, &body);
            crp_body_mask(&body, copy, length);
            for (size_t part = 4; part <= strlen(SECRET); part += 4) { /* of a secret that is cut itself */
                char *secret = g_strndup(SECRET, part);

                if (length > 0)
                    assert_hidden(copy, length, secret);
                g_free(secret);
            }
            g_free(copy);
            g_bytes_unref(cut);
        }
        g_bytes_unref(whole);
        support_free_scope();
    }
    g_ptr_array_unref(texts);
    g_bytes_unref(der);
}

static void
test_limits(void)
{
    GString  *text = g_string_new("[");
    char     *value;
    crp_body  body;
    GBytes   *der = request_with(SECRET);
    char     *base64 = base64_of(der), *copy;

    /* One item more than are told; secrets among what is passed over are hidden. */
    for (unsigned i = 0; i <= CRP_MAX_ITEMS; i++)
        g_string_append(text, "{\"code\":\"1\"},");
    g_string_append_printf(text, "{\"challenge\":\"" SECRET "\"},\"%s\"]", base64);
    body = body_of(text->str, false);
    g_assert_cmpuint(wmem_array_get_count(body.items), ==, CRP_MAX_ITEMS);
    g_assert_true(body.is_cut);
    copy = masked(text->str, &body);
    assert_hidden(copy, strlen(copy), SECRET);
    g_free(copy);

    /* More secrets than are kept apart. */
    g_string_assign(text, "[");
    for (unsigned i = 0; i < 1000; i++)
        g_string_append(text, "{\"challenge\":\"" SECRET "\"},");
    g_string_append(text, "{\"code\":\"1\"}]");
    body = body_of(text->str, false);
    copy = masked(text->str, &body);
    assert_hidden(copy, strlen(copy), SECRET);
    g_assert_true(g_str_has_suffix(copy, "*\"},{\"code\":\"1\"}]"));
    g_assert_cmpuint(wmem_array_get_count(body.secrets), <, 1000);
    g_free(copy);

    /* More of what may be X.509 than GnuTLS is asked about: the last request is not told, but hidden. */
    value = g_strnfill(120, 'A');
    memcpy(value, "MAswCQ", strlen("MAswCQ")); /* SEQUENCE { SEQUENCE, … */
    g_string_assign(text, "[");
    for (unsigned i = 0; i < 1000; i++)
        g_string_append_printf(text, "\"%s\",", value);
    g_string_append_printf(text, "\"%s\"]", base64);
    body = body_of(text->str, false);
    g_assert_cmpuint(wmem_array_get_count(body.items), ==, 0);
    g_assert_true(body.is_cut);
    copy = masked(text->str, &body);
    assert_hidden(copy, strlen(copy), SECRET);
    g_free(copy);
    g_free(value);

    /* Long values. */
    value = g_strnfill(1024, 'x');
    g_string_printf(text, "{\"code\":\"%s\"}", value);
    body = body_of(text->str, false);
    g_assert_cmpstr(value_of(&body, CRP_ITEM_CODE), ==, value);
    g_assert_false(body.is_cut);
    g_string_printf(text, "{\"code\":\"%sy\"}", value);
    body = body_of(text->str, false);
    g_assert_cmpstr(value_of(&body, CRP_ITEM_CODE), ==, value);
    g_assert_cmpuint(crp_body_item(&body, CRP_ITEM_CODE)->length, ==, 1025);
    g_assert_true(body.is_cut);
    g_string_printf(text, "{\"challenge\":\"%sy\"}", value); /* a challenge may be longer */
    body = body_of(text->str, false);
    g_assert_cmpuint(strlen(value_of(&body, CRP_ITEM_CHALLENGE)), ==, 1025);
    g_assert_false(body.is_cut);
    g_free(value);
    value = g_strnfill(70000, 'A');
    *value = 'M';
    g_string_printf(text, "{\"a\":\"%s\"}", value);
    body = body_of(text->str, false);
    g_assert_true(body.is_cut);
    copy = masked(text->str, &body);
    g_assert_cmpuint(strspn(copy + strlen("{\"a\":\""), "*"), ==, 70000);
    g_free(copy);
    g_free(value);

    /* Beyond what is looked at. */
    value = g_strnfill(CRP_MAX_BODY - 2, ' ');
    g_string_printf(text, "[%s\"{\"challenge\":\"" SECRET "\"}", value);
    body = body_of(text->str, false);
    g_assert_true(body.is_cut);
    g_assert_cmpuint(wmem_array_get_count(body.items), ==, 0);
    copy = masked(text->str, &body);
    g_assert_cmpuint(strspn(copy + CRP_MAX_BODY, "*"), ==, text->len - CRP_MAX_BODY);
    g_free(copy);
    g_free(value);

    g_string_free(text, TRUE);
    g_free(base64);
    g_bytes_unref(der);
    support_free_scope();
}

/* Bodies of the largest size that make work of every octet are done in a moment. */
static void
test_time(void)
{
    static const char *const pieces[] = { "{\"a\":",  "[",    "]",     "\"a\":,:", "1,",           "<a>",
                                          "</a>",     "<!--", "<![CDATA[", "-",    "-----BEGIN ",  "MDAA",
                                          "<a b='c'", "&#6",  "\\",    "<title", "HTTP Error 403", "challenge" };
    static const char *const starts[] = { "{", "[\"", "<a>", "<html>", "a " };

    for (size_t i = 0; i < G_N_ELEMENTS(pieces) * G_N_ELEMENTS(starts); i++) {
        GString *text = g_string_new(starts[i / G_N_ELEMENTS(pieces)]);
        gint64   start = g_get_monotonic_time();

        while (text->len < CRP_MAX_BODY)
            g_string_append(text, pieces[i % G_N_ELEMENTS(pieces)]);
        body_of(text->str, false);
        g_test_message("%.20s %.3f s", text->str, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
        g_assert_cmpint(g_get_monotonic_time() - start, <, 10 * G_USEC_PER_SEC);
        g_string_free(text, TRUE);
        support_free_scope();
    }
}

static void
test_codes(void)
{
    /* IntuneScepServiceException's, of Microsoft's library. */
    static const char *const codes[] = {
        "Unknown", "Success", "CertificateRequestDecodingFailed", "ChallengePasswordMissing",
        "ChallengeDeserializationError", "ChallengeDecryptionError", "ChallengeDecodingError",
        "ChallengeInvalidTimestamp", "ChallengeExpired", "SubjectNameMissing", "SubjectNameMismatch",
        "SubjectAltNameMissing", "SubjectAltNameMismatch", "KeyUsageMismatch", "KeyLengthMismatch",
        "EnhancedKeyUsageMissing", "EnhancedKeyUsageMismatch", "AadKeyIdentifierListMissing", "RegisteredKeyMismatch",
        "SigningCertThumbprintMismatch", "ScepProfileNoLongerTargetedToTheClient", "SignatureValidationFailed",
        "BadCertificateRequestIdInChallenge", "BadDeviceIdInChallenge", "BadUserIdInChallenge",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        g_assert_nonnull(crp_code_meaning(codes[i]));
        for (size_t j = 0; j < i; j++)
            g_assert_cmpstr(crp_code_meaning(codes[i]), !=, crp_code_meaning(codes[j]));
    }
    g_assert_nonnull(strstr(crp_code_meaning("challengeexpired"), "older"));
    g_assert_null(crp_code_meaning(""));
    g_assert_null(crp_code_meaning("Challenge"));
}

/* Numbers of "HTTP status codes in IIS". */
static void
test_statuses(void)
{
    g_assert_nonnull(strstr(crp_status_meaning(403, 7), "required"));
    g_assert_nonnull(strstr(crp_status_meaning(403, 16), "not trusted"));
    g_assert_nonnull(strstr(crp_status_meaning(403, 17), "expired"));
    g_assert_null(crp_status_meaning(403, 0));
    g_assert_null(crp_status_meaning(404, 16));
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/crp-body/forms", test_forms);
    g_test_add_func("/crp-body/answers", test_answers);
    g_test_add_func("/crp-body/kinds", test_kinds);
    g_test_add_func("/crp-body/bare-values", test_bare_values);
    g_test_add_func("/crp-body/reach", test_reach);
    g_test_add_func("/crp-body/escapes", test_escapes);
    g_test_add_func("/crp-body/error-pages", test_error_pages);
    g_test_add_func("/crp-body/intune", test_intune);
    g_test_add_func("/crp-body/certificate", test_certificate);
    g_test_add_func("/crp-body/requests", test_requests);
    g_test_add_func("/crp-body/mask-digits", test_mask_digits);
    g_test_add_func("/crp-body/mask-stars", test_mask_stars);
    g_test_add_func("/crp-body/mask-nothing", test_mask_nothing);
    g_test_add_func("/crp-body/mask-challenge", test_mask_challenge);
    g_test_add_func("/crp-body/mask-cms", test_mask_cms);
    g_test_add_func("/crp-body/mask-numbers", test_mask_numbers);
    g_test_add_func("/crp-body/cut", test_cut);
    g_test_add_func("/crp-body/limits", test_limits);
    g_test_add_func("/crp-body/time", test_time);
    g_test_add_func("/crp-body/codes", test_codes);
    g_test_add_func("/crp-body/statuses", test_statuses);
    return support_run();
}
