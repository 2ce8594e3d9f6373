/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for programs, `-z scep,json`: one JSON object (RFC 8259) a line for each enrolment. GLib only.
 */
#ifndef VIEW_REPORT_JSON_H
#define VIEW_REPORT_JSON_H

#include "../../dissector/flow/flow.h"

/* Appends the object and a line end. Keys are in the order of the contract, what is not known is null. `logs` are those of
 * the file (of flow_log *), NULL or empty without any. */
void report_json(GString *out, const flow_enrolment *enrolment, const GPtrArray *logs);

#endif
