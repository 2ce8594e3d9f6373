/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The fields of log records: one for each column or attribute that these logs have, of its type, and those for what
 * follows from them.
 */
#ifndef LOG_FIELDS_H
#define LOG_FIELDS_H

#include <epan/packet.h>

#include "../../captures/logfile/logfile.h"

/* What is not a column of its own. */
typedef enum {
    LOG_LINE,
    LOG_ERROR,
    LOG_RECORD,      /* as it stands, when it cannot be understood */
    LOG_FIELDS,      /* of W3C logs: the directive in force */
    LOG_COLUMN,      /* one that has no field, or a value that does not fit its field */

    /* Of a request. */
    LOG_START,
    LOG_STATUS_MEANING,
    LOG_REASON_MEANING,
    LOG_QUERY_CUT,
    LOG_SCEP_OPERATION,
    LOG_SCEP_MESSAGE,
    LOG_SCEP_TRANSACTION_ID,
    LOG_CRP_CALL,
    LOG_CRP_PRODUCT,

    /* Of a message. */
    LOG_EVENT,
    LOG_STATUS,
    LOG_CODE,
    LOG_DEVICE,
    LOG_USER,
    LOG_HTTP_TITLE,
    LOG_FACTS,
} log_fact;

/* Registers the fields of a format for its protocol, whose filter name is the format's name. */
void log_fields_register(logfile_format format, int proto);

/* A fact's field; -1 when the format has none. */
int log_field(logfile_format format, log_fact fact);

/* The field of a column; -1 when it has none. */
int log_column_field(logfile_format format, const char *name);

/* Adds the columns in the order of the log, each with its octets in the packet. Returns NULL, or what is wrong with the
 * first value that is not what its column has, in the scope of the packet. */
const char *log_fields_add_columns(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const logfile_parsed *parsed);

/* A time in ns as Wireshark has it. */
nstime_t log_time(int64_t nanoseconds);

#endif
