/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bodies of the registration point's calls and answers, and the mask of their secrets.
 */
#include <string.h>

#include "crp/body.h"
#include "fuzz.h"
#include "scep/certificate.h"

static wmem_allocator_t *scope;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    return 0;
}

/* Of a request, as many digits are masked as the octets of its password take. */
static void
check_password(const crp_item *item, const uint8_t *masked)
{
    uint8_t *octets = g_memdup2(item->octets, item->octets_length);
    size_t   bits = 0, stars = 0;

    scep_request_mask_password(octets, item->octets_length);
    for (size_t i = 0; i < item->octets_length; i++)
        bits += octets[i] != item->octets[i] ? 8 : 0;
    for (size_t i = 0; i < item->length; i++)
        stars += masked[item->offset + i] == '*';
    g_assert_true(stars * 6 >= bits);
    g_free(octets);
}

static void
check_item(const crp_item *item, const uint8_t *masked, size_t size)
{
    assert_text(item->value);
    g_assert_true(item->kind >= 0 && item->kind < CRP_ITEMS && *item->value);
    g_assert_true(item->length > 0 && item->offset < size && item->length <= size - item->offset);
    if (item->kind == CRP_ITEM_REQUEST || item->kind == CRP_ITEM_CERTIFICATE) {
        g_assert_true(item->octets_length > 0 && item->octets[0] == 0x30);
        check_password(item, masked);
    } else {
        g_assert_true(!item->octets && item->octets_length == 0);
    }
    for (size_t i = 0; i < item->length && item->kind == CRP_ITEM_CHALLENGE; i++)
        g_assert_true(masked[item->offset + i] == '*');
}

/* The mask covers the secrets and nothing else. */
static void
check_mask(const crp_body *body, const uint8_t *data, const uint8_t *masked, size_t size)
{
    uint8_t *is_secret = g_malloc0(size + 1);

    for (unsigned i = 0; i < wmem_array_get_count(body->secrets); i++) {
        const crp_span *secret = wmem_array_index(body->secrets, i);

        g_assert_true(secret->offset < size && secret->length > 0 && secret->length <= size - secret->offset);
        memset(is_secret + secret->offset, 1, secret->length);
    }
    for (size_t i = 0; i < size; i++)
        g_assert_true(masked[i] == (is_secret[i] ? '*' : data[i]));
    g_free(is_secret);
}

static void
check_body(const uint8_t *data, size_t size, bool is_answer)
{
    crp_body body;
    uint8_t *masked = g_malloc(size + 1);

    memcpy(masked, data, size);
    masked[size] = 'e';
    crp_body_read(scope, data, size, is_answer, &body);
    crp_body_mask(&body, masked, size);
    g_assert_true(masked[size] == 'e');
    g_assert_true(body.verified >= -1 && body.verified <= 1 && body.status < 600 && body.substatus < 1000);
    g_assert_true(wmem_array_get_count(body.items) <= CRP_MAX_ITEMS);
    assert_text(body.title);
    check_mask(&body, data, masked, size);
    for (unsigned i = 0; i < wmem_array_get_count(body.items); i++) {
        const crp_item *item = wmem_array_index(body.items, i);

        check_item(item, masked, size);
        g_assert_true(crp_body_item(&body, item->kind)->offset <= item->offset);
        if (item->kind == CRP_ITEM_CODE)
            crp_code_meaning(item->value);
    }
    g_free(masked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_body(data, size, false);
    check_body(data, size, true);
    wmem_free_all(scope);
    return 0;
}
