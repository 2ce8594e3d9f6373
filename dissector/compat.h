/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The only place in dissector/ and plugin/ that knows Wireshark's releases, but for the file readers' plugin/wiretap_compat.h.
 * Everything else is written against what is defined here.
 */
#ifndef SCEPSHARK_COMPAT_H
#define SCEPSHARK_COMPAT_H

#include <stdbool.h>

#include <epan/conversation.h>
#include <epan/epan.h>
#include <epan/packet.h>
#include <epan/proto_data.h>
#include <epan/tap.h>
#include <epan/dissectors/packet-http.h>
#include <wiretap/wtap.h>
#include <ws_version.h>

#if WIRESHARK_VERSION_MAJOR != 4 || (WIRESHARK_VERSION_MINOR != 0 && WIRESHARK_VERSION_MINOR != 4)
#error "scepshark knows Wireshark 4.0 and 4.4; for another release, look through this header first"
#endif

/* The release that the plugin is built for, and the only one it loads into. */
#define COMPAT_MAJOR WIRESHARK_VERSION_MAJOR
#define COMPAT_MINOR WIRESHARK_VERSION_MINOR

#if WIRESHARK_VERSION_MINOR == 0

typedef gboolean compat_bool; /* of callbacks and preferences */

/* The name of the interface that the frame was captured on, or NULL. */
static inline const char *
compat_interface_name(packet_info *pinfo)
{
    if (!(pinfo->rec->presence_flags & WTAP_HAS_INTERFACE_ID))
        return NULL;
    return epan_get_interface_name(pinfo->epan, pinfo->rec->rec_header.packet_header.interface_id);
}

/* Its description, likewise. */
static inline const char *
compat_interface_description(packet_info *pinfo)
{
    if (!(pinfo->rec->presence_flags & WTAP_HAS_INTERFACE_ID))
        return NULL;
    return epan_get_interface_description(pinfo->epan, pinfo->rec->rec_header.packet_header.interface_id);
}

static inline fvalue_t *
compat_field_value(field_info *field)
{
    return &field->value;
}

/* Key of a frame's SslPacketInfo among its data: the TLS layers are not counted here. */
#define COMPAT_TLS_LAYER 0

/* Between the menus in a statistic's title. */
#define COMPAT_MENU_SEPARATOR "/"

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

static inline const char *
compat_interface_name(packet_info *pinfo)
{
    if (!(pinfo->rec->presence_flags & WTAP_HAS_INTERFACE_ID))
        return NULL;
    return epan_get_interface_name(pinfo->epan, pinfo->rec->rec_header.packet_header.interface_id,
                                   pinfo->rec->presence_flags & WTAP_HAS_SECTION_NUMBER ? pinfo->rec->section_number
                                                                                         : 0);
}

static inline const char *
compat_interface_description(packet_info *pinfo)
{
    if (!(pinfo->rec->presence_flags & WTAP_HAS_INTERFACE_ID))
        return NULL;
    return epan_get_interface_description(pinfo->epan, pinfo->rec->rec_header.packet_header.interface_id,
                                          pinfo->rec->presence_flags & WTAP_HAS_SECTION_NUMBER
                                              ? pinfo->rec->section_number
                                              : 0);
}

static inline fvalue_t *
compat_field_value(field_info *field)
{
    return field->value;
}

#define COMPAT_TLS_LAYER 1

#define COMPAT_MENU_SEPARATOR "//"

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

/* The number of the interface that the frame was captured on; 0 when there is none. */
static inline unsigned
compat_interface(packet_info *pinfo)
{
    return pinfo->rec->presence_flags & WTAP_HAS_INTERFACE_ID ? pinfo->rec->rec_header.packet_header.interface_id : 0;
}

/* Flow graphs. Debian does not install epan/sequence_analysis.h, though its functions are exported: these are the
 * layouts that 4.0 and 4.4 share. */
typedef struct {
    uint32_t    frame_number;
    address     src_addr;
    uint16_t    port_src;
    address     dst_addr;
    uint16_t    port_dst;
    char       *frame_label; /* these three are freed with g_free() */
    char       *time_str;
    char       *comment;
    uint16_t    conv_num;
    unsigned    fg_color, bg_color;
    compat_bool has_color_filter;
    compat_bool display;
    unsigned    src_node, dst_node;
    uint16_t    line_style;
    unsigned    info_type;
    void       *info_ptr;
} compat_sequence_item;

/* How a flow graph begins: what follows is Wireshark's own. */
typedef struct {
    const char *name;
    compat_bool any_addr;
    int         nconv;
    GQueue     *items; /* of compat_sequence_item *, allocated with g_new0() */
} compat_sequence;

WS_DLL_PUBLIC void register_seq_analysis(const char *name, const char *title, const int protocol, const char *tap,
                                         unsigned tap_flags, tap_packet_cb packet);

#endif
