/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of logs as evidence, for the tests of dissector/flow: those of the healthy enrolment in captures/samples/logs/
 * reference, and others like them. GLib only. Times are milliseconds after BEGIN, as in flow_support.h; frames follow the
 * order in which lines are added.
 */
#ifndef TESTS_LOGS_SUPPORT_H
#define TESTS_LOGS_SUPPORT_H

#include "flow/logs.h"
#include "flow_support.h"

/* The machines of the reference logs. */
#define LOGGED_WAP  "10.0.0.30"
#define LOGGED_NDES "10.0.0.20"
#define LOGGED_CRP  "10.0.0.40"

/* Numbers of the logs. */
enum { NDES_IIS = 1, PLUGIN, CRP_IIS, CRP_LOG, HTTPERR };

/* The log with that number; NDES_IIS and CRP_IIS have one name, in two folders. */
flow_log *log_of(flow_model *model, unsigned number);

/* A line of NDES's IIS log: a request for `step` with `message`, by GET, answered at `time` after `duration` with `status`. */
flow_conversation *add_request_line(flow_model *model, int64_t time, flow_step step, const char *message,
                                    const char *agent, int status, int64_t duration);

/* A line of the registration point's. */
flow_conversation *add_call_line(flow_model *model, int64_t time, flow_step step, int status, int64_t duration);

/* A message of the policy module's log or of CRP.log (`number`), without a time zone unless `is_utc`. */
flow_conversation *add_message(flow_model *model, unsigned number, int64_t time, const char *thread, int level,
                               bool is_utc, const char *text);

/* The lines of the reference logs; those of CRP.log `ahead` of UTC. Their number. */
unsigned add_reference_requests(flow_model *model);
unsigned add_reference_plugin(flow_model *model);
unsigned add_reference_crp_requests(flow_model *model);
unsigned add_reference_crp(flow_model *model, int64_t ahead);

#endif
