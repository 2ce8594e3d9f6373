/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much HTTP/1.x as a SCEP server needs (RFC 9112), and the encodings of RFC 8894 section 4.1. */
#ifndef RECORD_HTTP_H
#define RECORD_HTTP_H

#include <gio/gio.h>

typedef struct {
    char *method;
    char *target;
    GHashTable *headers;  /* lower-case name to value */
    GBytes *body;
    gboolean keep_alive;
} http_request;

/* How a response is put on the wire. */
enum http_framing {
    HTTP_CLOSE = 1,       /* Connection: close */
    HTTP_UNTIL_CLOSE = 2, /* no Content-Length: the body ends with the connection */
    HTTP_CHUNKED = 4,
    HTTP_GZIP = 8,
    HTTP_BARE_LF = 16,    /* HTTP/1.0 and lines that end in LF alone */
};

/*
 * Reads the next request of a connection. BUFFER holds what was read too far; both stay the caller's. OUTPUT gets the
 * 100 Continue that a client may wait for. Returns NULL at the end of the connection (no *error) or for what is not HTTP.
 */
http_request *http_read_request(GInputStream *input, GOutputStream *output, GByteArray *buffer, GError **error);

void http_request_free(http_request *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(http_request, http_request_free)

/* The value of a query parameter, percent-decoded; NULL when it is missing. Names compare without regard to case. */
char *http_parameter(const char *target, const char *name);

/* Decodes base64 as real clients send it: spaces for '+', line ends, the URL alphabet, missing padding. */
GBytes *http_decode_base64(const char *text);

/* Appends a response. TYPE may be NULL: no Content-Type. BODY may be NULL: Content-Length 0. EXTRA: header lines or NULL. */
void http_write_response(GByteArray *out, int status, const char *type, GBytes *body, const char *extra,
                         enum http_framing framing);

#endif
