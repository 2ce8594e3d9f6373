/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark's HTTP dissectors know of a frame, without a tree. Valid on a frame's first visit only: keep what is
 * needed later.
 */
#ifndef TRANSPORT_HTTP_H
#define TRANSPORT_HTTP_H

#include <epan/packet.h>

/* The head of a request. The strings are in the scope of the packet. */
typedef struct {
    const char *method;
    const char *target; /* as it stands in the request line */
} http_request;

/* What HTTP/1 says of the message it dissected last in this frame. */
typedef struct {
    bool        is_request;
    const char *target;        /* of a request */
    const char *method;        /* of a request */
    unsigned    status;        /* of a response */
    uint32_t    request_frame; /* the request that Wireshark pairs a response with; 0 when it does not know */
} http_message;

void http_init(void);

/* Tells of the message that the HTTP/1 dissector reads or has read last. False when the frame ends no such message. */
bool http_last_message(packet_info *pinfo, http_message *message);

/* True when the frame was dissected as HTTP/1, or HTTP/2. */
bool http_in_frame(packet_info *pinfo);
bool http2_in_frame(packet_info *pinfo);

/* The value of header field `name` of the HTTP/1 request or answer that ends in this frame, without blanks at its ends,
 * as valid UTF-8 in `value` of `size` octets. False when there is none. */
bool http_header(packet_info *pinfo, bool is_request, const char *name, char *value, size_t size);

/* The length of the target of the request that ends in this frame; 0 when HTTP/1 does not tell. */
size_t http_target_length(packet_info *pinfo);

/* The requests without a body that end in this frame, in order: an array of http_request. Wireshark keeps one request
 * per frame; pipelined ones are found in the frame's reassembled and decrypted bytes. With `before`, only those that
 * stand before this byte of a body. */
wmem_array_t *http_bodiless_requests(packet_info *pinfo, const uint8_t *before);

/* Puts a listener before the HTTP/2 dissector, where TLS chooses it by ALPN: Wireshark exports no request of HTTP/2. To
 * be called with the registration of protocol `proto`, for which the frames' data are kept, and at handoff. */
void http2_register(int proto);
void http2_init(void);

/* The requests without a body whose heads stand in this frame, as http_bodiless_requests(), for HTTP/2. NULL when the
 * frame has none. */
wmem_array_t *http2_bodiless_requests(packet_info *pinfo);

#endif
