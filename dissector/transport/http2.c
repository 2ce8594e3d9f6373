/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The requests of HTTP/2. Its dissector exports neither heads nor stream state, only fields in the tree; so a listener
 * stands before it where TLS hands over by ALPN, sees to it that there is a tree with those fields, and reads them. The
 * cost falls on frames of HTTP/2 alone.
 */
#include "http.h"

#include <epan/epan.h>
#include <epan/epan_dissect.h>
#include <epan/exceptions.h>
#include <string.h>

#include "../compat.h"

/* Key of the requests among the frame's data of the owning protocol. */
#define HTTP2_REQUESTS 1000

/* Holds the HTTP/2 dissector alone: the way to call it without a second layer of the same protocol. */
static dissector_table_t http2_table;
static int               owner = -1;

/* The fields that are read, in the order of `names`. */
enum { STREAM, METHOD, PATH, FIELDS };
static const char *const names[FIELDS] = { "http2.streamid", "http2.headers.method", "http2.headers.path" };
static header_field_info *fields[FIELDS];

/* A head while its fields are met. */
typedef struct {
    packet_info  *pinfo;
    wmem_array_t *requests; /* of http_request */
    http_request  head;
} reading;

static void
finish_head(reading *state)
{
    if (state->head.method && state->head.target && strcmp(state->head.method, "GET") == 0)
        wmem_array_append_one(state->requests, state->head);
    memset(&state->head, 0, sizeof state->head);
}

static void
read_node(proto_node *node, gpointer data)
{
    reading    *state = data;
    field_info *field = PNODE_FINFO(node);

    if (field && field->hfinfo == fields[STREAM])
        finish_head(state);
    else if (field && field->hfinfo == fields[METHOD])
        state->head.method = wmem_strdup(state->pinfo->pool, fvalue_get_string(compat_field_value(field)));
    else if (field && field->hfinfo == fields[PATH])
        state->head.target = wmem_strdup(state->pinfo->pool, fvalue_get_string(compat_field_value(field)));
    proto_tree_children_foreach(node, read_node, data);
}

/* Reads the requests from what the HTTP/2 dissector added to `tree` behind `last`. */
static void
read_requests(packet_info *pinfo, proto_tree *tree, proto_node *last)
{
    wmem_array_t *kept = p_get_proto_data(pinfo->pool, pinfo, owner, HTTP2_REQUESTS);
    reading       state = { pinfo, kept ? kept : wmem_array_new(pinfo->pool, sizeof(http_request)), { NULL, NULL } };

    for (proto_node *node = last ? last->next : tree->first_child; node; node = node->next)
        read_node(node, &state);
    finish_head(&state);
    if (!kept && wmem_array_get_count(state.requests) > 0)
        p_add_proto_data(pinfo->pool, pinfo, owner, HTTP2_REQUESTS, state.requests);
}

static int
call_http2(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    return dissector_try_uint_new(http2_table, 0, tvb, pinfo, tree, FALSE, data);
}

/* Calls the HTTP/2 dissector with `tree`, in which nothing of ours has been said yet, and reads the requests. */
static int
dissect_and_read(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    proto_node  *last = tree->last_child;
    hf_ref_type  referenced[FIELDS];
    volatile int length = 0;

    /* A field that nobody refers to is not kept in an invisible tree. */
    for (int i = 0; i < FIELDS; i++) {
        referenced[i] = fields[i]->ref_type;
        fields[i]->ref_type = HF_REF_TYPE_DIRECT;
    }
    TRY {
        length = call_http2(tvb, pinfo, tree, data);
    }
    FINALLY {
        for (int i = 0; i < FIELDS; i++)
            fields[i]->ref_type = referenced[i];
        read_requests(pinfo, tree, last);
    }
    ENDTRY;
    return length;
}

static int
listen_http2(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    epan_dissect_t *own;
    volatile int    length = 0;

    if (pinfo->can_desegment > 0) /* each call takes one; the listener gives its own back */
        pinfo->can_desegment++;
    if (PINFO_FD_VISITED(pinfo))
        return call_http2(tvb, pinfo, tree, data);
    if (tree)
        return dissect_and_read(tvb, pinfo, tree, data);
    own = epan_dissect_new(pinfo->epan, TRUE, FALSE);
    TRY {
        length = dissect_and_read(tvb, pinfo, own->tree, data);
    }
    FINALLY {
        epan_dissect_free(own);
    }
    ENDTRY;
    return length;
}

wmem_array_t *
http2_bodiless_requests(packet_info *pinfo)
{
    return p_get_proto_data(pinfo->pool, pinfo, owner, HTTP2_REQUESTS);
}

void
http2_register(int proto)
{
    owner = proto;
    http2_table = register_dissector_table("scep.http2", "HTTP/2 behind SCEP's listener", proto, FT_UINT8, BASE_DEC);
}

void
http2_init(void)
{
    dissector_table_t  alpn = find_dissector_table("tls.alpn");
    dissector_handle_t http2 = alpn ? dissector_get_string_handle(alpn, "h2") : NULL;

    for (int i = 0; i < FIELDS; i++) {
        fields[i] = proto_registrar_get_byname(names[i]);
        if (!fields[i])
            http2 = NULL;
    }
    if (!http2)
        return;
    dissector_add_uint("scep.http2", 0, http2);
    dissector_add_string("tls.alpn", "h2",
                         create_dissector_handle(listen_http2, proto_get_id_by_filter_name("http2")));
}
