/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file that scepmatch writes: pcapng, one interface for each source (and for each interface of a source that has
 * several), named after the source, records with their comments, custom options and flags, decryption secrets, and what
 * scepmatch adds. It appears under its name when it is complete, and not at all when something goes wrong.
 */
#ifndef MATCH_MERGED_H
#define MATCH_MERGED_H

#include "source.h"

typedef struct merged merged;

/* `sources` are those that will be written, in the order of their interfaces; they are at their beginning. `keylog`: the
 * text of a TLS key log file to be embedded as well, or NULL. */
merged *merged_new(const char *path, GPtrArray *sources, const char *keylog, char **problem);

/* A copy of the source's current record that can be written later: what source_next() gave last. */
typedef struct kept_record kept_record;

kept_record *merged_keep(merged *file, const match_source *source, unsigned number_of_source);
size_t       kept_record_size(const kept_record *record); /* octets of memory */
void         kept_record_free(kept_record *record);

/* Writes a record with `time` instead of its own and `comment` (or NULL) added to its comments; frees it. */
bool merged_write(merged *file, kept_record *record, int64_t time, const char *comment, char **problem);

/* Ends the file and gives it its name, or removes what was written (`complete` false). */
bool merged_close(merged *file, bool complete, char **problem);

#endif
