/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of registration points' bodies share.
 */
#include "crp_support.h"

GBytes *
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

GBytes *
certificate(void)
{
    char   *path = source_path("captures/record/keys/device-old.crt");
    GBytes *der = bytes_of_pem(path);

    g_free(path);
    return der;
}

char *
base64_of(GBytes *bytes)
{
    return g_base64_encode(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

char *
replaced(const char *text, const char *from, const char *to)
{
    char **parts = g_strsplit(text, from, -1), *joined = g_strjoinv(to, parts);

    g_strfreev(parts);
    return joined;
}

char *
wrapped(const char *base64, size_t width, const char *line_end)
{
    GString *text = g_string_new(NULL);

    for (size_t at = 0; base64[at]; at++)
        g_string_append_printf(text, "%s%c", at > 0 && at % width == 0 ? line_end : "", base64[at]);
    return g_string_free(text, FALSE);
}

crp_body
body_of(const char *text, bool is_answer)
{
    crp_body body;

    crp_body_read(support_scope(), (const uint8_t *)text, strlen(text), is_answer, &body);
    return body;
}

const char *
value_of(const crp_body *body, crp_item_kind kind)
{
    const crp_item *item = crp_body_item(body, kind);

    return item ? item->value : NULL;
}

char *
masked(const char *text, const crp_body *body)
{
    char *copy = g_strdup(text);

    crp_body_mask(body, (uint8_t *)copy, strlen(copy));
    g_assert_cmpuint(strlen(copy), ==, strlen(text));
    return copy;
}

void
assert_place(const char *text, const crp_item *item, const char *raw)
{
    g_assert_nonnull(item);
    g_assert_cmpmem(text + item->offset, item->length, raw, strlen(raw));
}

void
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

GPtrArray *
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
