/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a SCEP message agrees with what was seen before it.
 */
#ifndef SCEP_CHECKS_H
#define SCEP_CHECKS_H

#include "exchange.h"

/* Adds to `record` what is wrong with it, seen at its own time. `parts` are those of its message, or NULL. */
void scep_checks_run(wmem_allocator_t *scratch, scep_record *record, const scep_parts *parts);

#endif
