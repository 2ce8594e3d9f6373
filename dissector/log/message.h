/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a message of NDESPlugin.log, CRP.log or a service trace log says. NDES's policy module and the registration
 * point write much the same: the one in CMTrace's form, the other in that or as traces, by its product.
 */
#ifndef LOG_MESSAGE_H
#define LOG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsutil/wmem/wmem.h>

/* Where something stands in the message; length 0: nowhere. */
typedef struct {
    size_t offset, length;
} log_span;

typedef struct {
    const char *event;        /* static: "verify-request-begin" …; NULL: none that is known */
    int         status;       /* "returns true", "with status False": 1, 0; -1: it does not say */
    bool        has_code;
    uint32_t    code;         /* "Exiting VerifyRequest with 0x0", "Error 12175" */
    log_span    status_at, code_at;
    log_span    flag;         /* WINHTTP_CALLBACK_STATUS_FLAG_… */
    log_span    device, user; /* GUIDs */
    log_span    page;         /* of HTML, to the end of the message */
    const char *title;        /* of the page, or NULL */
} log_message;

/* Reads `text`, valid UTF-8; what is allocated is in `scope`. */
void log_message_read(wmem_allocator_t *scope, const char *text, log_message *message);

#endif
