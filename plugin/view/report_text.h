/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for people, `-z scep,flow`. GLib only.
 */
#ifndef VIEW_REPORT_TEXT_H
#define VIEW_REPORT_TEXT_H

#include "../../dissector/flow/flow.h"

/* Appends the report on the enrolments that have a conversation in `shown`, a set of const flow_conversation *; on all
 * when it is NULL. In 100 columns, but for the one line about a capture without SCEP. */
void report_text(GString *out, const flow_result *result, GHashTable *shown);

/* True when one of the enrolment's conversations is in `shown`, or `shown` is NULL. */
bool report_is_shown(const flow_enrolment *enrolment, GHashTable *shown);

#endif
