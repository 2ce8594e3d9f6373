/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a line of IIS or HTTP.sys tells of a request: what was asked, by SCEP or of a registration point, and what came
 * of it.
 */
#ifndef LOG_REQUEST_H
#define LOG_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <wsutil/wmem/wmem.h>

#include "../../captures/logfile/logfile.h"
#include "../flow/flow.h"

/* Strings are static, the record's, or in the scope given to log_request_read(). What the line lacks is NULL or 0. */
typedef struct {
    const char *method, *path, *query;
    bool        is_post;
    bool        is_cut;         /* the query was longer than the log takes */
    uint32_t    target_length;  /* octets of path and query; 0 when cut */
    const char *user_agent, *host;

    flow_step   step;           /* FLOW_STEP_NONE: neither SCEP nor a call of a registration point */
    const char *operation;      /* of SCEP, as sent; of a cut query PKIOperation: no other is so long */
    const char *message;        /* the parameter of a Get… */
    const char *transaction_id; /* of a PKIOperation by GET whose query is in the log */
    const char *call, *product; /* of a registration point */

    bool        has_status, has_win32_status;
    uint32_t    status, substatus, win32_status;
    int64_t     duration;       /* ms, time-taken; -1: not known */
    const char *reason;         /* of HTTP.sys */
} log_request;

/* Reads a parsed record, of LOGFILE_IIS or LOGFILE_HTTPERR. `crp_paths` is as in crp_target_read(). */
void log_request_read(wmem_allocator_t *scope, const logfile_parsed *parsed, const char *crp_paths,
                      log_request *request);

/* A whole decimal number. */
bool log_read_number(const char *text, uint64_t limit, uint64_t *number);

#endif
