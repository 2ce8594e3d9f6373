/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What merged_blocks.c makes of the sources for merged.c: the blocks around the records.
 */
#ifndef MATCH_MERGED_INTERNAL_H
#define MATCH_MERGED_INTERNAL_H

#include "merged.h"
#include "source_internal.h"

/* No longer text fits into an option. */
#define MERGED_MAX_TEXT 65535

/* Adds text to a block, cut where it is too long for an option. */
void merged_add_text(wtap_block_t block, unsigned option, const char *text);

/* The section's header, as wtap_dump_fdopen() wants it: an array of one block. */
GArray *merged_section(const GPtrArray *sources);

/* One of a source's interfaces, with times in nanoseconds, and without statistics. */
wtap_block_t merged_interface(const match_source *source, unsigned index);

/* Decryption secrets of all sources and of a key log, each once. */
GArray *merged_secrets(const GPtrArray *sources, const char *keylog);

/* Hosts of all sources, each once; the lists are emptied by whoever writes them, the entries are of `entries`. */
addrinfo_lists_t merged_hosts(const GPtrArray *sources, GPtrArray *entries);

/* Appends what an interface's own statistics are as pcapng blocks of interface `number`; their times move by `shift`. */
void merged_statistics(const source_interface *interface, unsigned number, int64_t shift, GByteArray *blocks);

#endif
