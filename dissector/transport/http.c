/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark's HTTP/1 dissector knows of a frame, without a tree.
 */
#include "http.h"

#include <string.h>

#include "../compat.h"

/* Requests of one frame beyond this number are not looked for. */
#define MAX_REQUESTS 64

static int proto_http = -1, proto_http2 = -1;

void
http_init(void)
{
    proto_http = proto_get_id_by_filter_name("http");
    proto_http2 = proto_get_id_by_filter_name("http2");
}

bool
http_last_message(packet_info *pinfo, http_message *message)
{
    const http_req_res_t *pair = p_get_proto_data(wmem_file_scope(), pinfo, proto_http, 0);

    memset(message, 0, sizeof *message);
    if (!pair || (pair->req_framenum != pinfo->num && pair->res_framenum != pinfo->num))
        return false;
    message->is_request = pair->res_framenum != pinfo->num;
    if (message->is_request) {
        message->target = compat_http_request_uri(pinfo, pair);
        message->method = compat_http_request_method(pinfo, pair);
    } else {
        message->status = compat_http_status(pinfo, pair);
        message->request_frame = pair->req_framenum;
    }
    return true;
}

static bool
has_layer(packet_info *pinfo, int proto)
{
    for (wmem_list_frame_t *layer = wmem_list_head(pinfo->layers); layer; layer = wmem_list_frame_next(layer)) {
        if (GPOINTER_TO_INT(wmem_list_frame_data(layer)) == proto)
            return true;
    }
    return false;
}

bool
http_in_frame(packet_info *pinfo)
{
    return has_layer(pinfo, proto_http);
}

bool
http2_in_frame(packet_info *pinfo)
{
    return has_layer(pinfo, proto_http2);
}

/* The length of the header section that begins at `at`, its empty line included; 0 when it does not end. */
static size_t
head_length(const char *at, size_t length)
{
    const char *line = at, *end = at + length, *newline;

    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        size_t width = (size_t)(newline - line);

        if (width == 0 || (width == 1 && *line == '\r'))
            return (size_t)(newline + 1 - at);
        line = newline + 1;
    }
    return 0;
}

static bool
head_announces_body(const char *head, size_t length)
{
    const char *line = head, *end = head + length, *newline;

    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        size_t width = (size_t)(newline - line);

        if (width > 18 && g_ascii_strncasecmp(line, "Transfer-Encoding:", 18) == 0)
            return true;
        if (width > 15 && g_ascii_strncasecmp(line, "Content-Length:", 15) == 0)
            return strtoul(line + 15, NULL, 10) > 0; /* ends at the newline */
        line = newline + 1;
    }
    return false;
}

/* True when a request line stands at `at`; then `*method_length` and `*target_length` are known. */
static bool
is_request_line(const char *at, size_t length, size_t *method_length, size_t *target_length)
{
    const char *newline = memchr(at, '\n', length);
    const char *blank, *version;

    if (!newline || !(blank = memchr(at, ' ', (size_t)(newline - at))))
        return false;
    *method_length = (size_t)(blank - at);
    for (size_t i = 0; i < *method_length; i++) {
        if (!g_ascii_isupper(at[i]))
            return false;
    }
    version = memchr(blank + 1, ' ', (size_t)(newline - blank - 1));
    if (*method_length < 3 || *method_length > 16 || !version || newline - version < 9 ||
        memcmp(version + 1, "HTTP/1.", 7) != 0)
        return false;
    *target_length = (size_t)(version - blank - 1);
    return *target_length > 0;
}

/* Adds the whole heads of bodiless requests in one stretch of bytes. What stands before a request line may be anything
 * (the frame's own headers), so the line is found from its version back. `known` requests come from other stretches. */
static void
scan(packet_info *pinfo, const char *data, size_t length, wmem_array_t *requests, unsigned known)
{
    static const char key[] = " HTTP/1.";
    const char       *at = data, *end = data + length;

    while (at < end && wmem_array_get_count(requests) < MAX_REQUESTS) {
        const char *version = memmem(at, (size_t)(end - at), key, sizeof key - 1);
        const char *start = version, *target;
        size_t      method_length, target_length, head;

        if (!version)
            return;
        while (start > at && start[-1] != ' ' && g_ascii_isgraph(start[-1]))
            start--;
        target = start;
        at = version + 1;
        if (start == data || start[-1] != ' ')
            continue;
        start--;
        while (start > data && g_ascii_isupper(start[-1]))
            start--;
        if (!is_request_line(start, (size_t)(end - start), &method_length, &target_length))
            continue;
        head = head_length(start, (size_t)(end - start));
        if (head == 0)
            continue;
        at = start + head;
        if (head_announces_body(start, head))
            continue;

        http_request request = { wmem_strndup(pinfo->pool, start, method_length),
                                 wmem_strndup(pinfo->pool, target, target_length) };
        bool         seen = false;

        for (unsigned i = 0; i < known && !seen; i++) /* the frame and what was reassembled from it overlap */
            seen = strcmp(((http_request *)wmem_array_index(requests, i))->target, request.target) == 0;
        if (!seen)
            wmem_array_append_one(requests, request);
    }
}

wmem_array_t *
http_bodiless_requests(packet_info *pinfo, const uint8_t *before)
{
    wmem_array_t *requests = wmem_array_new(pinfo->pool, sizeof(http_request));

    for (GSList *item = pinfo->data_src; item; item = item->next) {
        tvbuff_t *tvb = get_data_source_tvb(item->data);
        int       length = (int)tvb_captured_length(tvb);

        if (length <= 0)
            continue;

        const uint8_t *data = tvb_get_ptr(tvb, 0, length);
        size_t         width = (size_t)length;

        if (before >= data && before < data + width)
            width = (size_t)(before - data);
        scan(pinfo, (const char *)data, width, requests, wmem_array_get_count(requests));
    }
    return requests;
}

/* Where the fields of a head begin in one stretch of bytes: behind its first line. NULL when there is none. */
static const char *
head_fields(const char *data, size_t length, bool is_request)
{
    static const char key[] = "HTTP/1.";
    const char       *at = data, *end = data + length;

    while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1)) != NULL) {
        bool        ends_line = at > data && at[-1] == ' ';
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        if (newline && ends_line == is_request)
            return newline + 1;
        at++;
    }
    return NULL;
}

/* Finds a field in a head; returns its value and sets `*length`. */
static const char *
find_field(const char *line, const char *end, const char *name, size_t *length)
{
    size_t      width = strlen(name);
    const char *newline;

    while (line < end && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        const char *value = line + width + 1;

        if (newline - line <= 1)
            return NULL; /* the head's end */
        if ((size_t)(newline - line) > width && line[width] == ':' && g_ascii_strncasecmp(line, name, width) == 0) {
            while (value < newline && g_ascii_isspace(*value))
                value++;
            while (newline > value && g_ascii_isspace(newline[-1]))
                newline--;
            *length = (size_t)(newline - value);
            return value;
        }
        line = newline + 1;
    }
    return NULL;
}

bool
http_header(packet_info *pinfo, bool is_request, const char *name, char *value, size_t size)
{
    for (GSList *item = pinfo->data_src; item; item = item->next) {
        tvbuff_t   *tvb = get_data_source_tvb(item->data);
        int         captured = (int)tvb_captured_length(tvb);
        const char *data = captured > 0 ? (const char *)tvb_get_ptr(tvb, 0, captured) : NULL;
        const char *fields = data ? head_fields(data, (size_t)captured, is_request) : NULL;
        const char *found;
        size_t      length;

        if (fields && (found = find_field(fields, data + captured, name, &length)) != NULL) {
            char *raw = g_strndup(found, MIN(length, size - 1)), *valid = g_utf8_make_valid(raw, -1);

            g_strlcpy(value, valid, size);
            if (!g_utf8_validate(value, -1, (const char **)&found)) /* cut within a character */
                value[found - value] = '\0';
            g_free(raw);
            g_free(valid);
            return true;
        }
    }
    return false;
}

size_t
http_target_length(packet_info *pinfo)
{
    http_message message;

    return http_last_message(pinfo, &message) && message.target ? strlen(message.target) : 0;
}
