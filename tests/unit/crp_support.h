/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bodies of calls to the registration point for the tests: requests and certificates are openssl's.
 */
#ifndef TESTS_CRP_SUPPORT_H
#define TESTS_CRP_SUPPORT_H

#include <string.h>

#include "crp/body.h"
#include "support.h"

#define SECRET "A1B2C3D4E5F60718-not-for-everyone"

/* The DER of a PKCS #10 request with this challenge, or, without, of one with no challenge at all. */
GBytes *request_with(const char *password);

GBytes *certificate(void);
char   *base64_of(GBytes *bytes);

/* Text in which every `from` is `to`. */
char *replaced(const char *text, const char *from, const char *to);

/* Base64 in lines of `width` digits. */
char *wrapped(const char *base64, size_t width, const char *line_end);

/* The ways to write a request's base64 in each form; to be freed with g_ptr_array_unref(). */
GPtrArray *written_requests(GBytes *der);

crp_body    body_of(const char *text, bool is_answer);
const char *value_of(const crp_body *body, crp_item_kind kind);

/* The body masked, to be freed with g_free(). */
char *masked(const char *text, const crp_body *body);

/* The item stands where it says: `raw` is there. */
void assert_place(const char *text, const crp_item *item, const char *raw);

/* Neither `secret` nor its base64, wherever it begins in a group of three octets, is in `data`. */
void assert_hidden(const void *data, size_t length, const char *secret);

#endif
