/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Facts for the table in facts.c that logs tell: of an exchange, or, the last four, of an enrolment's logs.
 */
#ifndef FLOW_LOG_FACTS_H
#define FLOW_LOG_FACTS_H

#include "facts.h"

const char *flow_tell_log_messages(flow_subject *about);      /* what was said during a call, in lines: problems first */
const char *flow_tell_log_problem(flow_subject *about);       /* the first of it that is a warning or an error */
const char *flow_tell_log_win32(flow_subject *about);         /* sc-win32-status, unless 0 */
const char *flow_tell_log_reason(flow_subject *about);        /* s-reason of HTTPERR */
const char *flow_tell_log_where(flow_subject *about);         /* "u_ex160610.log line 7, …" */
const char *flow_tell_log_failed_phase(flow_subject *about);  /* "crp-phase-3" … */
const char *flow_tell_log_error(flow_subject *about);         /* WinHTTP's number */
const char *flow_tell_log_missing(flow_subject *about);       /* the log that should have it */
const char *flow_tell_capture(flow_subject *about);           /* "yes", "missing" */
const char *flow_tell_log_contradiction(flow_subject *about); /* in words */

const char *flow_tell_log_skewed(flow_subject *about);        /* the log whose clock is furthest from the others' */
const char *flow_tell_log_skew(flow_subject *about);          /* by how many seconds it is ahead */
const char *flow_tell_log_zone_unsure(flow_subject *about);   /* the log whose time zone is a guess */
const char *flow_tell_logs(flow_subject *about);              /* "ndes, ndes-plugin, crp" */

#endif
