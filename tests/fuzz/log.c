/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A described record of a log as the dissector takes it apart: what was asked, or what a message says, and the sentence
 * about it. The first octet of an input chooses the format.
 */
#include <string.h>

#include "fuzz.h"
#include "log/message.h"
#include "log/request.h"
#include "log/sentence.h"

/* No sentence fills more than a few lines, whatever a log has in it. */
#define MAX_SENTENCE 3000

static wmem_allocator_t *scope;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    return 0;
}

static void
check_sentence(const char *sentence)
{
    assert_text(sentence);
    g_assert_true(!sentence || (!strpbrk(sentence, "\r\n") && strlen(sentence) < MAX_SENTENCE));
}

static void
check_span(const char *text, log_span span)
{
    g_assert_true(span.offset <= strlen(text) && span.length <= strlen(text) - span.offset);
}

static void
check_message(const char *text)
{
    log_message message;

    g_assert_true(g_utf8_validate(text, -1, NULL));
    log_message_read(scope, text, &message);
    check_span(text, message.status_at);
    check_span(text, message.code_at);
    check_span(text, message.flag);
    check_span(text, message.device);
    check_span(text, message.user);
    check_span(text, message.page);
    assert_text(message.title);
    for (int level = 0; level <= 3; level++)
        check_sentence(log_message_sentence(scope, text, &message, level));
}

static void
check_request(logfile_format format, const logfile_parsed *parsed, size_t size)
{
    log_request request;

    log_request_read(scope, parsed, "/a/b", &request);
    assert_text(request.operation);
    assert_text(request.message);
    assert_text(request.transaction_id);
    g_assert_true(request.target_length <= 3 * size + 1); /* what is no UTF-8 becomes U+FFFD, three octets */
    check_sentence(log_request_sentence(scope, format, &request));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    logfile_format  format = size > 0 ? data[0] % LOGFILE_FORMATS : 0;
    char           *copy = size > 1 ? g_memdup2(data + 1, size - 1) : g_strdup("");
    logfile_parsed *parsed = logfile_parse(format, copy, size > 1 ? size - 1 : 0);
    const char     *text = logfile_value(parsed, "message");

    if (format <= LOGFILE_HTTPERR)
        check_request(format, parsed, size);
    else if (text)
        check_message(text);
    logfile_parsed_free(parsed);
    g_free(copy);
    wmem_free_all(scope);
    return 0;
}
