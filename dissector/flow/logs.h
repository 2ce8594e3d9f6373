/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Log files as evidence: whoever reads a log adds its lines, which become requests and calls like those of packets
 * (basis "log"), or witnesses of such.
 */
#ifndef FLOW_LOGS_H
#define FLOW_LOGS_H

#include "flow.h"

/* What a line says, as far as the log has it; strings are copied. */
typedef struct {
    uint32_t      line;          /* in its file, 0 when not known */
    bool          is_malformed;
    bool          is_utc;        /* the frame's time is; else it is the machine's local time taken for UTC */

    /* A request (IIS, HTTPERR). */
    flow_endpoint client, server;
    flow_step     step;          /* FLOW_STEP_NONE: neither SCEP nor a call of a registration point */
    const char   *operation, *message, *product; /* as in flow_exchange */
    bool          is_post;
    const char   *user_agent, *host, *transaction_id;
    uint32_t      target_length; /* octets of path and query; 0 when not known, as for a query that was cut to "..." */
    bool          is_cut;        /* the query was longer than 4096 octets: IIS wrote "..." for it */
    int           http_status;   /* 0: none */
    unsigned      http_substatus;
    int64_t       win32_status;  /* -1: none */
    uint32_t      request_octets, response_octets;
    int64_t       duration;      /* ns, time-taken; -1: not known */
    const char   *reason;        /* HTTPERR's s-reason */

    /* A message (CMTrace, svclog). */
    const char   *component, *thread, *text;
    int           level;         /* 1 information, 2 warning, 3 error; 0 not known */
} flow_log_line;

/* True for a time zone that settings may name: an offset from UTC, or a name of the system's; also for "auto". */
bool flow_zone_is_known(const char *text);

/* The log with this number, of the interface (or whatever tells files apart), made when it is new. `format` is "iis",
 * "httperr", "cmtrace" or "svclog"; `path` may be NULL. Lives as long as the model. */
flow_log *flow_log_of(flow_model *model, unsigned number, const char *format, const char *name, const char *path);

/* Adds a line; `where` has the frame's number and the time that the file gives it. Returns the conversation that the line
 * tells of (each line that asks or answers something has one), or NULL when it is about none. */
flow_conversation *flow_log_add(flow_log *log, flow_moment where, const flow_log_line *line);

#endif
