/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What came of a request, or of an enrolment, in a few words for people. GLib only.
 */
#ifndef VIEW_OUTCOME_H
#define VIEW_OUTCOME_H

#include "../../dissector/flow/flow.h"

/* "HTTP 200, SUCCESS", "HTTP 200, FAILURE badRequest, 0x80070057"; NULL when nothing was read. Free with g_free(). */
char *outcome_of(const flow_exchange *exchange);

/* pkiStatus, RFC 8894 3.2.1.3: "SUCCESS" …; NULL when it is not known. */
/* What a CA says became of a request: "issued", "denied" … */
const char *outcome_disposition(int disposition);

const char *outcome_pki_status(int status);

/* The expected steps that are fine, and those that this vantage point can see. */
void outcome_count(const flow_enrolment *enrolment, unsigned *fine, unsigned *visible);

/* The device's address, the server's name or else its address; "unknown device", "unknown server". */
const char *outcome_device(const flow_enrolment *enrolment);
const char *outcome_server(const flow_enrolment *enrolment);

#endif
