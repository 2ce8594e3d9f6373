/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Media types with more than one dissector.
 */
#include "media.h"

#define MAX_SHARES 16

typedef struct {
    media_visitor      visitor;
    dissector_handle_t owner;
} share;

static share    shares[MAX_SHARES];
static unsigned share_count;

static int
dissect_shared(unsigned index, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    return shares[index].visitor(tvb, pinfo, tree, data, shares[index].owner);
}

/* A dissector is not told which of its entries it was found by: each share has one of its own. */
#define SHARE(index)                                                                                                   \
    static int dissect_##index(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)                        \
    {                                                                                                                  \
        return dissect_shared(index, tvb, pinfo, tree, data);                                                          \
    }
SHARE(0) SHARE(1) SHARE(2) SHARE(3) SHARE(4) SHARE(5) SHARE(6) SHARE(7)
SHARE(8) SHARE(9) SHARE(10) SHARE(11) SHARE(12) SHARE(13) SHARE(14) SHARE(15)

static const dissector_t dissectors[MAX_SHARES] = {
    dissect_0, dissect_1, dissect_2,  dissect_3,  dissect_4,  dissect_5,  dissect_6,  dissect_7,
    dissect_8, dissect_9, dissect_10, dissect_11, dissect_12, dissect_13, dissect_14, dissect_15,
};

void
media_share(const char *name, media_visitor visitor)
{
    dissector_handle_t owner = dissector_get_string_handle(find_dissector_table("media_type"), name);

    g_assert(share_count < MAX_SHARES);
    if (!owner)
        return;
    shares[share_count] = (share){ visitor, owner };
    /* Without a protocol of its own, the entry leaves no layer behind. */
    dissector_add_string("media_type", name, create_dissector_handle(dissectors[share_count], -1));
    share_count++;
}
