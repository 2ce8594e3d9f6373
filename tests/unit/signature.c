/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Signatures of messages (RFC 5652 5.4): those of the samples, which OpenSSL made, and what damage does to them.
 */
#include <string.h>

#include "scep/envelope.h"
#include "support.h"

#define SAMPLE "made-algorithms" /* MD5, SHA-1, SHA-256 and SHA-512 take turns: made.md */

/* The signature of `bytes` checked with a certificate of the sample, or with the first of the message's own. */
static scep_signature
checked(GBytes *bytes, const char *sample, const char *certificate)
{
    scep_message   message;
    scep_parts     parts;
    scep_signature result;

    message_of(bytes, &message, &parts);
    if (certificate) {
        char   *path = truth_path(sample, certificate);
        GBytes *der = bytes_of_pem(path);

        result = scep_signature_check(slice_of(der), &message, &parts);
        g_bytes_unref(der);
        g_free(path);
    } else {
        result = scep_signature_check(*(ber_slice *)wmem_array_index(parts.certificates, 0), &message, &parts);
    }
    support_free_scope();
    return result;
}

static void
assert_signature(const char *sample, const char *file, const char *certificate, scep_signature expected)
{
    GBytes *bytes = bytes_of_truth(sample, file);

    g_test_message("%s/%s", sample, file);
    g_assert_cmpint(checked(bytes, sample, certificate), ==, expected);
    g_bytes_unref(bytes);
}

static void
test_signatures(void)
{
    for (int exchange = 3; exchange <= 12; exchange++) { /* MD5, SHA-1, SHA-256, SHA-512 */
        char *request = g_strdup_printf("%02d-request.p7m", exchange);
        char *response = g_strdup_printf("%02d-response.p7m", exchange);

        assert_signature(SAMPLE, request, NULL, SCEP_SIGNATURE_VALID);
        assert_signature(SAMPLE, response, "ra-signing.crt", SCEP_SIGNATURE_VALID);
        assert_signature(SAMPLE, response, "ra.crt", SCEP_SIGNATURE_INVALID);
        assert_signature(SAMPLE, response, "ca.crt", SCEP_SIGNATURE_INVALID);
        g_free(request);
        g_free(response);
    }
    assert_signature("made-ios-ber", "03-request.p7m", NULL, SCEP_SIGNATURE_VALID);
    assert_signature("made-ndes-failure", "03-response.p7m", "ra-signing.crt", SCEP_SIGNATURE_VALID);  /* one octet */
    assert_signature("made-pending-poll", "03-response.p7m", "ra-signing.crt", SCEP_SIGNATURE_VALID);  /* no content */
    assert_signature("made-pending-poll", "04-response.p7m", "ra-signing.crt", SCEP_SIGNATURE_VALID);  /* empty */
    assert_signature("made-inconsistent", "08-request.p7m", NULL, SCEP_SIGNATURE_INVALID);  /* wrong in its last bit */
    assert_signature("made-inconsistent", "09-response.p7m", "ra-signing.crt", SCEP_SIGNATURE_INVALID);
}

/* A message with one bit flipped in the first octet of what `find` is, or `offset` octets behind. */
static GBytes *
flipped(GBytes *bytes, const void *find, size_t width, size_t offset)
{
    gsize    length;
    uint8_t *copy = g_memdup2(g_bytes_get_data(bytes, &length), g_bytes_get_size(bytes));
    uint8_t *at = memmem(copy, length, find, width);

    g_assert_nonnull(at);
    at[offset] ^= 1;
    return g_bytes_new_take(copy, length);
}

static void
test_changed_messages(void)
{
    GBytes      *bytes = bytes_of_truth("made-ndes-success", "03-request.p7m"), *changed;
    const char  *transaction_id = "5D0C9B2F6E714A83B1F7D2360E95CA48A77F1B02";
    scep_message message;
    scep_parts   parts;

    changed = flipped(bytes, transaction_id, strlen(transaction_id), 0);
    g_assert_cmpint(checked(changed, NULL, NULL), ==, SCEP_SIGNATURE_INVALID);
    g_bytes_unref(changed);

    message_of(bytes, &message, &parts);
    changed = flipped(bytes, parts.encrypted_content.data, parts.encrypted_content.length, 100);
    g_assert_cmpint(checked(changed, NULL, NULL), ==, SCEP_SIGNATURE_OTHER_CONTENT);
    g_bytes_unref(changed);

    message_of(bytes, &message, &parts);
    changed = flipped(bytes, parts.message_digest.data, parts.message_digest.length, 0);
    g_assert_cmpint(checked(changed, NULL, NULL), ==, SCEP_SIGNATURE_OTHER_CONTENT);
    g_bytes_unref(changed);

    message_of(bytes, &message, &parts);
    changed = flipped(bytes, parts.signature.data, parts.signature.length, 10);
    g_assert_cmpint(checked(changed, NULL, NULL), ==, SCEP_SIGNATURE_INVALID);
    g_bytes_unref(changed);
    g_bytes_unref(bytes);
}

/* Without a certificate that can be read, or without the signature, nothing is claimed. */
static void
test_unchecked(void)
{
    GBytes      *bytes = bytes_of_truth("made-ndes-success", "03-request.p7m");
    GBytes      *cut = bytes_cut(bytes, g_bytes_get_size(bytes) - 1), *garbage = bytes_of_hex("30 03 02 01 00");
    ber_slice    nothing = { NULL, 0 };
    scep_message message;
    scep_parts   parts;

    g_assert_cmpint(checked(cut, NULL, NULL), ==, SCEP_SIGNATURE_UNCHECKED);
    message_of(bytes, &message, &parts);
    g_assert_cmpint(scep_signature_check(nothing, &message, &parts), ==, SCEP_SIGNATURE_UNCHECKED);
    g_assert_cmpint(scep_signature_check(slice_of(garbage), &message, &parts), ==, SCEP_SIGNATURE_UNCHECKED);
    g_bytes_unref(garbage);
    g_bytes_unref(cut);
    g_bytes_unref(bytes);
    support_free_scope();
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/signature/valid-and-invalid", test_signatures);
    g_test_add_func("/signature/changed-messages", test_changed_messages);
    g_test_add_func("/signature/unchecked", test_unchecked);
    return support_run();
}
