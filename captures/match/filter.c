/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <stdio.h>

#include <glib.h>
#include <pcap/pcap.h>
#include <wiretap/pcap-encap.h>

#define MAGIC 0xa1b2c3d4 /* of a capture file in this machine's byte order */

/* Beyond all link types there are. */
#define LINK_TYPES 1024

#define NO_LINK_TYPE (-1)

struct packet_filter {
    struct bpf_program program;
};

/* libwiretap tells which encapsulation a link type is, and keeps the other way to itself. */
static int
link_type_of(int encapsulation)
{
    /* Its packets are those of plain IEEE 802.11; what is known of the radio is not part of them. */
    if (encapsulation == WTAP_ENCAP_IEEE_802_11_WITH_RADIO)
        encapsulation = WTAP_ENCAP_IEEE_802_11;
    /* What libpcap takes for the packet's begin libwiretap has taken off. */
    if (wtap_encap_requires_phdr(encapsulation))
        return NO_LINK_TYPE;
    for (int type = 0; encapsulation > WTAP_ENCAP_UNKNOWN && type < LINK_TYPES; type++) {
        if (wtap_pcap_encap_to_wtap_encap(type) == encapsulation)
            return type;
    }
    return NO_LINK_TYPE;
}

/* As libpcap opens a capture file without packets: it alone knows which link type of a file is which of this machine. */
static pcap_t *
open_empty(int link_type)
{
    struct pcap_file_header header = { .magic = MAGIC,
                                       .version_major = PCAP_VERSION_MAJOR,
                                       .version_minor = PCAP_VERSION_MINOR,
                                       .snaplen = WTAP_MAX_PACKET_SIZE_STANDARD,
                                       .linktype = (bpf_u_int32)link_type };
    FILE                   *file = fmemopen(&header, sizeof header, "rb");
    char                    ignored[PCAP_ERRBUF_SIZE];
    pcap_t                 *pcap = file ? pcap_fopen_offline(file, ignored) : NULL;

    if (file && !pcap)
        fclose(file);
    return pcap;
}

packet_filter *
packet_filter_new(const char *expression, int encapsulation, char **problem)
{
    int            link_type = link_type_of(encapsulation);
    pcap_t        *pcap = link_type == NO_LINK_TYPE ? NULL : open_empty(link_type);
    packet_filter *filter = NULL;

    if (!pcap) {
        *problem = g_strdup_printf("there are no capture filters for its link type (%s)",
                                   wtap_encap_description(encapsulation));
        return NULL;
    }
    filter = g_new0(packet_filter, 1);
    if (pcap_compile(pcap, &filter->program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        *problem = g_strdup_printf("the filter \"%s\": %s", expression, pcap_geterr(pcap));
        g_clear_pointer(&filter, g_free);
    }
    pcap_close(pcap);
    return filter;
}

void
packet_filter_free(packet_filter *filter)
{
    if (!filter)
        return;
    pcap_freecode(&filter->program);
    g_free(filter);
}

bool
packet_filter_passes(const packet_filter *filter, const uint8_t *octets, size_t captured, uint32_t length)
{
    struct pcap_pkthdr header = { .caplen = (bpf_u_int32)captured, .len = length };

    return pcap_offline_filter(&filter->program, &header, octets) != 0;
}
