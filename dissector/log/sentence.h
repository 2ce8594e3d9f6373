/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Log records in a sentence each, for the Info column: no line ends, no secrets, of bounded length.
 */
#ifndef LOG_SENTENCE_H
#define LOG_SENTENCE_H

#include "message.h"
#include "request.h"

/* "NDES answered PKIOperation with 200 after 502 ms". NULL when the line tells nothing. */
const char *log_request_sentence(wmem_allocator_t *scope, logfile_format format, const log_request *request);

/* True when the server refused what SCEP or a registration point was asked. */
bool log_request_is_refused(const log_request *request);

/* The message `text`, with the names of its codes. `level` as in flow_log_line. */
const char *log_message_sentence(wmem_allocator_t *scope, const char *text, const log_message *message, int level);

#endif
