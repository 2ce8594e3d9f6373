/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The only place in dissector/ and plugin/ that knows Wireshark's releases. Everything else is written against what is
 * defined here.
 */
#ifndef SCEPSHARK_COMPAT_H
#define SCEPSHARK_COMPAT_H

#include <stdbool.h>

#include <epan/conversation.h>
#include <epan/packet.h>
#include <epan/proto_data.h>
#include <epan/dissectors/packet-http.h>
#include <ws_version.h>

#if WIRESHARK_VERSION_MAJOR != 4 || (WIRESHARK_VERSION_MINOR != 0 && WIRESHARK_VERSION_MINOR != 4)
#error "scepshark knows Wireshark 4.0 and 4.4; for another release, look through this header first"
#endif

/* The release that the plugin is built for, and the only one it loads into. */
#define COMPAT_MAJOR WIRESHARK_VERSION_MAJOR
#define COMPAT_MINOR WIRESHARK_VERSION_MINOR

#if WIRESHARK_VERSION_MINOR == 0

typedef gboolean compat_bool; /* of callbacks and preferences */

static inline fvalue_t *
compat_field_value(field_info *field)
{
    return &field->value;
}

/* Key of a frame's SslPacketInfo among its data: the TLS layers are not counted here. */
#define COMPAT_TLS_LAYER 0

/* 4.4 can keep the vantage points of a merged file apart; here a conversation is its addresses and ports. */
static inline conversation_t *
compat_tcp_conversation(packet_info *pinfo)
{
    return find_conversation_pinfo(pinfo, 0);
}

static inline http_conv_t *
compat_http_conversation(packet_info *pinfo)
{
    conversation_t *conversation = find_conversation_pinfo(pinfo, 0);

    return conversation ? conversation_get_proto_data(conversation, proto_get_id_by_filter_name("http")) : NULL;
}

/* Target, method and status of the HTTP message that was dissected last. Valid on the first pass only. */
static inline const char *
compat_http_request_uri(packet_info *pinfo, const http_req_res_t *pair _U_)
{
    http_conv_t *http = compat_http_conversation(pinfo);

    return http ? http->request_uri : NULL;
}

static inline const char *
compat_http_request_method(packet_info *pinfo, const http_req_res_t *pair _U_)
{
    http_conv_t *http = compat_http_conversation(pinfo);

    return http ? http->request_method : NULL;
}

static inline unsigned
compat_http_status(packet_info *pinfo, const http_req_res_t *pair _U_)
{
    http_conv_t *http = compat_http_conversation(pinfo);

    return http ? http->response_code : 0;
}

#else /* 4.4 */

#include <wsutil/array.h>

typedef bool compat_bool;

static inline fvalue_t *
compat_field_value(field_info *field)
{
    return field->value;
}

#define COMPAT_TLS_LAYER 1

static inline conversation_t *
compat_tcp_conversation(packet_info *pinfo)
{
    return find_conversation_strat(pinfo, CONVERSATION_TCP, 0);
}

static inline const char *
compat_http_request_uri(packet_info *pinfo _U_, const http_req_res_t *pair)
{
    return pair->request_uri;
}

static inline const char *
compat_http_request_method(packet_info *pinfo _U_, const http_req_res_t *pair)
{
    return pair->request_method;
}

static inline unsigned
compat_http_status(packet_info *pinfo _U_, const http_req_res_t *pair)
{
    return pair->response_code;
}

#endif

#endif
