/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests without a body in the bytes of a frame: what is one by RFC 9112 2.1 to 3, and what is not.
 */
#include <string.h>

#include <epan/packet.h>

#include "support.h"
#include "transport/http.h"

/* The requests found in stretches of bytes, each without its NUL in an allocation of its own size: "METHOD TARGET"
 * joined by commas. With `before`, only what stands before the first such text in the first stretch. */
static void
assert_requests(const char *const *stretches, const char *before, const char *expected)
{
    packet_info    pinfo = { .pool = support_scope() };
    GString       *found = g_string_new(NULL);
    const uint8_t *limit = NULL;
    wmem_array_t  *requests;

    for (; *stretches; stretches++) {
        size_t    length = strlen(*stretches);
        uint8_t  *copy = g_memdup2(*stretches, length);
        tvbuff_t *tvb = tvb_new_real_data(copy, (guint)length, (gint)length);

        tvb_set_free_cb(tvb, g_free);
        if (before && !limit)
            limit = memmem(copy, length, before, strlen(before));
        add_new_data_source(&pinfo, tvb, "bytes");
    }
    g_assert_true(!before || limit);
    requests = http_bodiless_requests(&pinfo, limit);
    for (unsigned i = 0; i < wmem_array_get_count(requests); i++) {
        const http_request *request = wmem_array_index(requests, i);

        g_string_append_printf(found, "%s%s %s", i > 0 ? "," : "", request->method, request->target);
    }
    g_assert_cmpstr(found->str, ==, expected);
    g_string_free(found, TRUE);
    for (GSList *item = pinfo.data_src; item; item = item->next)
        tvb_free(get_data_source_tvb(item->data));
    g_slist_free(pinfo.data_src);
    support_free_scope();
}

static void
assert_in(const char *bytes, const char *expected)
{
    const char *const stretches[] = { bytes, NULL };

    assert_requests(stretches, NULL, expected);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

static void
test_one(void)
{
    assert_in(GET("/scep?operation=GetCACaps"), "GET /scep?operation=GetCACaps");
    assert_in("GET /a HTTP/1.0\r\n\r\n", "GET /a");
    assert_in("GET /a HTTP/1.0\nX: y\n\n", "GET /a"); /* lines that end in LF alone */
    assert_in("POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST /a");
    assert_in("GET http://a/b?c=d HTTP/1.1\r\n\r\n", "GET http://a/b?c=d");
    assert_in("\x45\x01\xff binary headers of the frame" GET("/a"), "GET /a");
    assert_in("POSTAL junk " GET("/a"), "GET /a");
}

static void
test_several(void)
{
    assert_in(GET("/a") GET("/b") "HEAD /c HTTP/1.1\r\n\r\n", "GET /a,GET /b,HEAD /c");
    assert_in(GET("/a") GET("/a"), "GET /a,GET /a"); /* asked twice */
}

/* One with a body is met with its body. */
static void
test_bodies(void)
{
    assert_in("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "");
    assert_in("POST /a HTTP/1.1\r\ncontent-length:3\r\n\r\nabc" GET("/b"), "GET /b");
    assert_in("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "");
    assert_in("POST /a HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n", "POST /a");
}

static void
test_none(void)
{
    assert_in("", "");
    assert_in("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
    assert_in("GET /a HTTP/2.0\r\n\r\n", "");
    assert_in("GET  HTTP/1.1\r\n\r\n", "");
    assert_in(" /a HTTP/1.1\r\n\r\n", "");
    assert_in("get /a HTTP/1.1\r\n\r\n", "");
    assert_in("/a HTTP/1.1\r\n\r\n", "");
    assert_in("the answer speaks HTTP/1.1\r\n\r\n", "");
}

/* A head counts when its empty line is there, cut anywhere before it does not. */
static void
test_truncation(void)
{
    const char *whole = GET("/scep?operation=GetCACaps");

    for (size_t length = 0; length < strlen(whole); length++) {
        char *cut = g_strndup(whole, length);

        assert_in(cut, "");
        g_free(cut);
    }
}

/* A frame and what was reassembled or decrypted from it show the same request: it is one. */
static void
test_stretches(void)
{
    const char *const same[] = { GET("/a"), GET("/a"), NULL };
    const char *const decrypted[] = { "\x17\x03\x03", GET("/a") GET("/b"), NULL };
    const char *const empty[] = { "", GET("/a"), NULL };

    assert_requests(same, NULL, "GET /a");
    assert_requests(decrypted, NULL, "GET /a,GET /b");
    assert_requests(empty, NULL, "GET /a");
}

static void
test_before(void)
{
    const char *const one[] = { GET("/a") "POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" GET("/c"), NULL };

    assert_requests(one, "body", "GET /a");
    assert_requests(one, NULL, "GET /a,GET /c");
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/http/one", test_one);
    g_test_add_func("/http/several", test_several);
    g_test_add_func("/http/bodies", test_bodies);
    g_test_add_func("/http/none", test_none);
    g_test_add_func("/http/truncation", test_truncation);
    g_test_add_func("/http/stretches", test_stretches);
    g_test_add_func("/http/before", test_before);
    return support_run();
}
