/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much HTTP/1.x as a SCEP server needs (RFC 9112), and the encodings of RFC 8894 section 4.1. */
#include "http.h"

#include <string.h>

static const gsize largest_header = 256 * 1024;
static const gsize largest_body = 4 * 1024 * 1024;
static const gsize chunk_size = 700;

static gboolean http_failed(GError **error, const char *what)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, what);
    return FALSE;
}

/* --- reading --- */

/* Reads more of the connection into BUFFER; false at its end. */
static gboolean fill(GInputStream *input, GByteArray *buffer, GError **error)
{
    guint8 block[8192];
    gssize got = g_input_stream_read(input, block, sizeof block, NULL, error);

    if (got > 0)
        g_byte_array_append(buffer, block, (guint)got);
    return got > 0;
}

/* Takes one line without its end out of BUFFER; NULL when there is no whole one after LIMIT bytes or at the end. */
static char *take_line(GInputStream *input, GByteArray *buffer, gsize limit, GError **error)
{
    guint searched = 0;

    for (;;) {
        guint8 *end = buffer->len > searched ? memchr(buffer->data + searched, '\n', buffer->len - searched) : NULL;

        if (end) {
            gsize length = (gsize)(end - buffer->data);
            gsize text = length > 0 && buffer->data[length - 1] == '\r' ? length - 1 : length;
            char *line = g_strndup((const char *)buffer->data, text);

            g_byte_array_remove_range(buffer, 0, (guint)length + 1);
            return line;
        }
        searched = buffer->len;
        if (searched > limit) {
            http_failed(error, "a line that does not end");
            return NULL;
        }
        if (!fill(input, buffer, error))
            return NULL;
    }
}

/* Moves LENGTH bytes of the connection to BODY. */
static gboolean take_bytes(GInputStream *input, GByteArray *buffer, gsize length, GByteArray *body, GError **error)
{
    if (length > largest_body || body->len + length > largest_body)
        return http_failed(error, "a body that is too large");
    while (buffer->len < length) {
        if (!fill(input, buffer, error))
            return FALSE;
    }
    g_byte_array_append(body, buffer->data, (guint)length);
    g_byte_array_remove_range(buffer, 0, (guint)length);
    return TRUE;
}

static gboolean take_chunks(GInputStream *input, GByteArray *buffer, GByteArray *body, GError **error)
{
    for (;;) {
        g_autofree char *size_line = take_line(input, buffer, largest_header, error);
        guint64 size;

        if (!size_line)
            return FALSE;
        size = g_ascii_strtoull(size_line, NULL, 16);
        if (size == 0)
            break;
        if (!take_bytes(input, buffer, size, body, error))
            return FALSE;
        g_free(take_line(input, buffer, largest_header, error));
    }
    for (;;) {
        g_autofree char *trailer = take_line(input, buffer, largest_header, error);

        if (!trailer || !*trailer)
            return trailer != NULL;
    }
}

static gboolean take_headers(GInputStream *input, GByteArray *buffer, GHashTable *headers, GError **error)
{
    gsize total = 0;

    for (;;) {
        g_autofree char *line = take_line(input, buffer, largest_header, error);
        char *colon;

        if (!line)
            return FALSE;
        if (!*line)
            return TRUE;
        total += strlen(line);
        if (total > largest_header)
            return http_failed(error, "headers that are too large");
        colon = strchr(line, ':');
        if (!colon)
            return http_failed(error, "a header without a colon");
        g_hash_table_insert(headers, g_ascii_strdown(line, colon - line), g_strstrip(g_strdup(colon + 1)));
    }
}

static gboolean header_contains(http_request *request, const char *name, const char *token)
{
    const char *value = g_hash_table_lookup(request->headers, name);
    g_autofree char *lower = value ? g_ascii_strdown(value, -1) : NULL;

    return lower && strstr(lower, token);
}

http_request *http_read_request(GInputStream *input, GOutputStream *output, GByteArray *buffer, GError **error)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    g_autofree char *line = take_line(input, buffer, largest_header, error);
    g_auto(GStrv) words = line ? g_strsplit(line, " ", 3) : NULL;
    g_autoptr(http_request) request = NULL;
    g_autoptr(GByteArray) body = g_byte_array_new();
    const char *length;
    gboolean whole = TRUE;

    if (!words)
        return NULL;
    if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1.")) {
        http_failed(error, "not an HTTP/1 request line");
        return NULL;
    }
    request = g_new0(http_request, 1);
    request->method = g_strdup(words[0]);
    request->target = g_strdup(words[1]);
    request->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!take_headers(input, buffer, request->headers, error))
        return NULL;
    request->keep_alive = g_str_equal(words[2], "HTTP/1.0") ? header_contains(request, "connection", "keep-alive")
                                                            : !header_contains(request, "connection", "close");
    if (header_contains(request, "expect", "100-continue")
        && !g_output_stream_write_all(output, go_on, strlen(go_on), NULL, NULL, error))
        return NULL;
    length = g_hash_table_lookup(request->headers, "content-length");
    if (header_contains(request, "transfer-encoding", "chunked"))
        whole = take_chunks(input, buffer, body, error);
    else if (length)
        whole = take_bytes(input, buffer, g_ascii_strtoull(length, NULL, 10), body, error);
    if (!whole)
        return NULL;
    request->body = g_byte_array_free_to_bytes(g_steal_pointer(&body));
    return g_steal_pointer(&request);
}

void http_request_free(http_request *request)
{
    g_free(request->method);
    g_free(request->target);
    g_clear_pointer(&request->headers, g_hash_table_unref);
    g_clear_pointer(&request->body, g_bytes_unref);
    g_free(request);
}

/* --- parameters --- */

/* Replaces %XX; anything else stays, '+' too: SCEP's message is not a form. */
static char *percent_decode(const char *text, gsize length)
{
    GString *decoded = g_string_sized_new(length);

    for (gsize i = 0; i < length; i++) {
        if (text[i] == '%' && i + 2 < length && g_ascii_isxdigit(text[i + 1]) && g_ascii_isxdigit(text[i + 2])) {
            g_string_append_c(decoded, (char)(g_ascii_xdigit_value(text[i + 1]) << 4 | g_ascii_xdigit_value(text[i + 2])));
            i += 2;
        } else {
            g_string_append_c(decoded, text[i]);
        }
    }
    return g_string_free(decoded, FALSE);
}

char *http_parameter(const char *target, const char *name)
{
    const char *query = strchr(target, '?');
    g_auto(GStrv) pairs = query ? g_strsplit(query + 1, "&", -1) : NULL;

    for (char **pair = pairs; pair && *pair; pair++) {
        char *equals = strchr(*pair, '=');

        if (equals && (gsize)(equals - *pair) == strlen(name) && g_ascii_strncasecmp(*pair, name, strlen(name)) == 0)
            return percent_decode(equals + 1, strlen(equals + 1));
    }
    return NULL;
}

GBytes *http_decode_base64(const char *text)
{
    GString *clean = g_string_new(NULL);
    gsize length;
    guchar *data;

    for (; *text; text++) {
        if (*text == ' ' || *text == '-')
            g_string_append_c(clean, '+');
        else if (*text == '_')
            g_string_append_c(clean, '/');
        else if (g_ascii_isalnum(*text) || *text == '+' || *text == '/')
            g_string_append_c(clean, *text);
    }
    while (clean->len % 4 != 0)
        g_string_append_c(clean, '=');
    data = g_base64_decode(clean->str, &length);
    g_string_free(clean, TRUE);
    return g_bytes_new_take(data, length);
}

/* --- writing --- */

static const char *reason_phrase(int status)
{
    switch (status) {
    case 200: return "OK";
    case 302: return "Found";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Internal Server Error";
    }
}

static GBytes *gzip(GBytes *body)
{
    g_autoptr(GConverter) compressor = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
    g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
    g_autoptr(GOutputStream) stream = g_converter_output_stream_new(memory, compressor);

    g_output_stream_write_all(stream, g_bytes_get_data(body, NULL), g_bytes_get_size(body), NULL, NULL, NULL);
    g_output_stream_close(stream, NULL, NULL);
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
}

static void append_chunks(GByteArray *out, const guint8 *data, gsize size)
{
    for (gsize at = 0; at < size; at += chunk_size) {
        gsize length = MIN(chunk_size, size - at);
        g_autofree char *head = g_strdup_printf("%" G_GSIZE_MODIFIER "x\r\n", length);

        g_byte_array_append(out, (const guint8 *)head, (guint)strlen(head));
        g_byte_array_append(out, data + at, (guint)length);
        g_byte_array_append(out, (const guint8 *)"\r\n", 2);
    }
    g_byte_array_append(out, (const guint8 *)"0\r\n\r\n", 5);
}

void http_write_response(GByteArray *out, int status, const char *type, GBytes *body, const char *extra,
                         enum http_framing framing)
{
    const char *eol = framing & HTTP_BARE_LF ? "\n" : "\r\n";
    g_autoptr(GBytes) coded = body && framing & HTTP_GZIP ? gzip(body) : body ? g_bytes_ref(body) : g_bytes_new(NULL, 0);
    g_autoptr(GString) head = g_string_new(NULL);
    gsize size;
    const guint8 *data = g_bytes_get_data(coded, &size);

    g_string_append_printf(head, "HTTP/1.%d %d %s%s", framing & HTTP_BARE_LF ? 0 : 1, status, reason_phrase(status), eol);
    if (type)
        g_string_append_printf(head, "Content-Type: %s%s", type, eol);
    if (extra)
        g_string_append(head, extra);
    if (framing & HTTP_GZIP)
        g_string_append_printf(head, "Content-Encoding: gzip%s", eol);
    if (framing & HTTP_CHUNKED)
        g_string_append_printf(head, "Transfer-Encoding: chunked%s", eol);
    else if (!(framing & HTTP_UNTIL_CLOSE))
        g_string_append_printf(head, "Content-Length: %" G_GSIZE_FORMAT "%s", size, eol);
    if (framing & (HTTP_CLOSE | HTTP_UNTIL_CLOSE))
        g_string_append_printf(head, "Connection: close%s", eol);
    g_string_append(head, eol);

    g_byte_array_append(out, (const guint8 *)head->str, (guint)head->len);
    if (framing & HTTP_CHUNKED)
        append_chunks(out, data, size);
    else
        g_byte_array_append(out, data, (guint)size);
}
