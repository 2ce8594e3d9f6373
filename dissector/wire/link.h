/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which of libwiretap's encapsulations are links that segment.h reads. The only header here that knows libwiretap, for
 * those who have a capture open.
 */
#ifndef WIRE_LINK_H
#define WIRE_LINK_H

#include <wiretap/wtap.h>

#include "segment.h"

static inline wire_link
wire_link_of(int encapsulation)
{
    switch (encapsulation) {
    case WTAP_ENCAP_ETHERNET: return WIRE_LINK_ETHERNET;
    case WTAP_ENCAP_RAW_IP:
    case WTAP_ENCAP_RAW_IP4:
    case WTAP_ENCAP_RAW_IP6: return WIRE_LINK_RAW_IP;
    case WTAP_ENCAP_NULL:
    case WTAP_ENCAP_LOOP: return WIRE_LINK_NULL;
    case WTAP_ENCAP_SLL: return WIRE_LINK_SLL;
    case WTAP_ENCAP_SLL2: return WIRE_LINK_SLL2;
    case WTAP_ENCAP_IEEE_802_11: return WIRE_LINK_IEEE80211;
    default: return WIRE_LINK_UNKNOWN;
    }
}

#endif
