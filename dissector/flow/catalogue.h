/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads the files of the folder catalogue. A group is an entry:
 *
 *   [ID]
 *   about=exchange|conversation|enrolment
 *   severity=note|warning|error
 *   when=CONDITION; CONDITION …     all must hold (conditions.h); when-2, when-3 … are alternatives
 *   given=CONDITION; CONDITION …    these too, whichever alternative it is
 *   what=, cause=, fix=, look=      with {FACT}, or {FACT|FACT} for the first that is there
 *   hides=ID; ID …                  entries that say the same less precisely
 *   hidden-by=GLOB; GLOB …          ids of errors that explain this one
 */
#ifndef FLOW_CATALOGUE_H
#define FLOW_CATALOGUE_H

#include "keyfile.h"
#include "knowledge.h"

/* Adds the sound entries of a file to `read`, of flow_entry *. */
void flow_catalogue_read(keyfile *file, GPtrArray *read);

/* Moves entries, all of a source, into the catalogue, where they replace those of their ids. One that refers to an
 * entry that is neither here nor there is left out. */
void flow_catalogue_take(GPtrArray *catalogue, GPtrArray *read, GPtrArray *problems);

/* Makes the entries' final lists of what they hide, once everything is read. */
void flow_catalogue_link(GPtrArray *catalogue);

void flow_entry_free(gpointer entry);

#endif
