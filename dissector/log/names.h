/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the numbers and words in logs mean. "NAME, meaning" in the tables of codes, as scep_hresults has it.
 */
#ifndef LOG_NAMES_H
#define LOG_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include <epan/value_string.h>

extern const value_string log_message_types[]; /* CMTrace's type */
extern const value_string log_trace_types[];   /* of service traces: .NET's TraceEventType, as Level has it */

/* Name and meaning of an error of Windows: a Win32 code (WinHTTP's are among them) or an HRESULT; NULL when not known. */
const char *log_code_name(uint32_t code);

/* All of these, for fields. Lives as long as the program. */
const value_string *log_code_names(void);

/* What a reason of HTTP.sys means (s-reason of HTTPERR logs); NULL when not known. */
const char *log_reason_meaning(const char *reason);

/* How the names of WinHTTP's objections to a certificate begin. */
#define LOG_WINHTTP_FLAG "WINHTTP_CALLBACK_STATUS_FLAG_"

/* What WinHTTP objects to by a flag of `length` octets, LOG_WINHTTP_FLAG included; NULL when not known. */
const char *log_flag_meaning(const char *flag, size_t length);

#endif
