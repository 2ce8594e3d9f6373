/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The made sample in HTTP/2 without TLS (RFC 9113 3.3, prior knowledge); HPACK without tables or Huffman (RFC 7541 6.2.2). */
#include <string.h>

#include "scenarios.h"

enum { DATA = 0, HEADERS = 1, SETTINGS = 4 };
enum { SETTINGS_ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

static void put_frame(GByteArray *out, guint8 type, guint8 flags, guint32 stream, const guint8 *payload, gsize size)
{
    const guint8 header[] = { (guint8)(size >> 16), (guint8)(size >> 8), (guint8)size, type, flags,
                              (guint8)(stream >> 24), (guint8)(stream >> 16), (guint8)(stream >> 8), (guint8)stream };

    g_byte_array_append(out, header, sizeof header);
    g_byte_array_append(out, payload, (guint)size);
}

/* A string literal: its length in a prefix of seven bits (RFC 7541 5.1), then the text. */
static void put_string(GByteArray *out, const char *text)
{
    gsize length = strlen(text);
    guint8 octet = (guint8)MIN(length, 127);

    g_byte_array_append(out, &octet, 1);
    if (octet == 127) {
        gsize rest = length - 127;

        do {
            octet = (guint8)((rest & 127) | (rest > 127 ? 128 : 0));
            g_byte_array_append(out, &octet, 1);
            rest >>= 7;
        } while (rest > 0);
    }
    g_byte_array_append(out, (const guint8 *)text, (guint)length);
}

static void put_header(GByteArray *block, const char *name, const char *value)
{
    static const guint8 literal_without_indexing = 0;

    g_byte_array_append(block, &literal_without_indexing, 1);
    put_string(block, name);
    put_string(block, value);
}

static void put_message(GByteArray *out, guint32 stream, const GByteArray *headers, GBytes *body)
{
    gsize size = 0;
    const guint8 *data = body ? g_bytes_get_data(body, &size) : NULL;

    put_frame(out, HEADERS, END_HEADERS | (size ? 0 : END_STREAM), stream, headers->data, headers->len);
    if (size)
        put_frame(out, DATA, END_STREAM, stream, data, size);
}

/* One exchange on a stream of its own; OUT may hold frames that go before the request. */
static void exchange_on_stream(struct sample *s, connection *c, guint32 stream, GByteArray *before_request,
                               GByteArray *before_response, const char *query, const struct exchange *exchange)
{
    const gboolean post = g_str_equal(exchange->method, "POST");
    g_autofree char *path = g_strdup_printf("%s?%s", s->path, query);
    g_autofree char *status = g_strdup_printf("%d", exchange->status);
    g_autoptr(GByteArray) request_headers = g_byte_array_new();
    g_autoptr(GByteArray) response_headers = g_byte_array_new();

    put_header(request_headers, ":method", exchange->method);
    put_header(request_headers, ":scheme", "http");
    put_header(request_headers, ":authority", s->host);
    put_header(request_headers, ":path", path);
    put_header(request_headers, "user-agent", s->user_agent);
    if (post)
        put_header(request_headers, "content-type", "application/x-pki-message");
    put_message(before_request, stream, request_headers, post ? exchange->request : NULL);
    connection_send(c, CLIENT, before_request->data, before_request->len);
    g_byte_array_set_size(before_request, 0);

    wire_wait(s->wire, exchange->request ? 500 : 10);
    put_header(response_headers, ":status", status);
    put_header(response_headers, "content-type", exchange->response_type);
    put_message(before_response, stream, response_headers, exchange->response);
    connection_send(c, SERVER, before_response->data, before_response->len);
    g_byte_array_set_size(before_response, 0);
    sample_record(s, exchange);
}

void play_http2(struct sample *s)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    gboolean ra;
    GBytes *capabilities = sample_own(s, g_bytes_new(s->capabilities, strlen(s->capabilities)));
    GBytes *certificates = sample_own(s, authority_ca_certificates(&s->authority, &ra));
    struct scep_message request = sample_request(s, &s->device, "19", "http2-post", NULL);
    struct scep_message reply = sample_reply(s, &request, "0", sample_issue(s, &s->device));
    struct scep_message second_request = sample_request(s, &s->device, "19", "http2-get", NULL);
    struct scep_message second_reply = sample_reply(s, &second_request, "0", sample_issue(s, &s->device));
    const struct exchange exchanges[] = {
        { "GetCACaps", "GET", NULL, 200, NULL, capabilities, "text/plain" },
        { "GetCACert", "GET", NULL, 200, NULL, certificates, "application/x-x509-ca-ra-cert" },
        { "PKIOperation", "POST", NULL, 200, sample_build(s, &request), sample_build(s, &reply), "application/x-pki-message" },
        { "PKIOperation", "GET", NULL, 200, sample_build(s, &second_request), sample_build(s, &second_reply),
          "application/x-pki-message" },
    };
    g_autofree char *message = encode_message(exchanges[3].request, "+/=", NULL);
    g_autofree char *get_query = g_strconcat("operation=PKIOperation&message=", message, NULL);
    const char *queries[] = { "operation=GetCACaps", "operation=GetCACert", "operation=PKIOperation", get_query };
    g_autoptr(GByteArray) from_client = g_byte_array_new();
    g_autoptr(GByteArray) from_server = g_byte_array_new();
    connection *c;

    s->user_agent = "curl/7.88.1";
    c = sample_connect(s);
    g_byte_array_append(from_client, (const guint8 *)preface, strlen(preface));
    put_frame(from_client, SETTINGS, 0, 0, NULL, 0);
    put_frame(from_server, SETTINGS, 0, 0, NULL, 0);
    put_frame(from_server, SETTINGS, SETTINGS_ACK, 0, NULL, 0);
    for (guint i = 0; i < G_N_ELEMENTS(exchanges); i++) {
        exchange_on_stream(s, c, 2 * i + 1, from_client, from_server, queries[i], &exchanges[i]);
        if (i == 0)
            put_frame(from_client, SETTINGS, SETTINGS_ACK, 0, NULL, 0);
    }
    connection_close(c, CLIENT);
}
