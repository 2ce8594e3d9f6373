/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The masks of the secrets in bodies of calls to the registration point.
 */
#include "crp_support.h"

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

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/crp-mask/digits", test_mask_digits);
    g_test_add_func("/crp-mask/stars", test_mask_stars);
    g_test_add_func("/crp-mask/nothing", test_mask_nothing);
    g_test_add_func("/crp-mask/challenge", test_mask_challenge);
    g_test_add_func("/crp-mask/cms", test_mask_cms);
    g_test_add_func("/crp-mask/numbers", test_mask_numbers);
    g_test_add_func("/crp-mask/cut", test_cut);
    return support_run();
}
