/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bodies of calls to the registration point and of its answers. Expectations are written by hand.
 */
#include "crp_support.h"

#define REPLY(x) "{\"code\":\"" x "\",\"errorDescription\":\"\"}"

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
    g_test_add_func("/crp-body/limits", test_limits);
    g_test_add_func("/crp-body/time", test_time);
    g_test_add_func("/crp-body/codes", test_codes);
    g_test_add_func("/crp-body/statuses", test_statuses);
    return support_run();
}
