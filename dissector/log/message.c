/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a message of NDESPlugin.log, CRP.log or a service trace log says.
 */
#include "message.h"

#include <string.h>

#include <glib.h>

#include "../crp/body.h"
#include "names.h"

/* Length of a GUID as text, and between a word and what it introduces. */
#define GUID_WIDTH 36
#define MAX_GAP    8

/* How a message begins (NULL: however), what else is in it (NULL: whatever), and what it tells then. The first one that
 * fits counts. The registration point's "finised" is as it writes it. */
static const struct {
    const char *begin, *has, *event;
} events[] = {
    { "Calling VerifyRequest", NULL, "verify-request-begin" },
    { "VerifyRequest Started", NULL, "verify-request-begin" },
    { "Verify challenge returns", NULL, "verify-request-answer" },
    { "Exiting VerifyRequest", NULL, "verify-request-end" },
    { "VerifyRequest Finished", NULL, "verify-request-end" },
    { "Calling Notify", NULL, "notify-begin" },
    { "Notify Started", NULL, "notify-begin" },
    { "Exiting Notify", NULL, "notify-end" },
    { "Notify Finished", NULL, "notify-end" },
    { "Sending request to certificate registration point", NULL, "request-sent" },
    { "Failed to send http request", NULL, "request-failed" },
    { "Validation Phase 1", "started", "phase-1-begin" },
    { "Validation Phase 1", "finised", "phase-1-end" },
    { "Validation Phase 1", "finished", "phase-1-end" },
    { "Validation Phase 2", "started", "phase-2-begin" },
    { "Validation Phase 2", "finised", "phase-2-end" },
    { "Validation Phase 2", "finished", "phase-2-end" },
    { "Validation Phase 3", "started", "phase-3-begin" },
    { "Validation Phase 3", "finised", "phase-3-end" },
    { "Validation Phase 3", "finished", "phase-3-end" },
    { "Get Challenge Parameters from DB", NULL, "challenge-query" },
    { "Beginning state message creation", NULL, "state-message-begin" },
    { "StateMessage ", "is dropped", "state-message-written" },
    { "Successfully sent state message", NULL, "state-message-end" },
    { "Signing certificate could not be retrieved", NULL, "signing-certificate-missing" },
    { "Cryptography Exception", NULL, "exception" },
    { NULL, "do not match", "request-mismatch" },
    { NULL, LOG_WINHTTP_FLAG, "tls-failure" },
};

/* Words before a code. */
static const struct {
    const char *word;
    bool        takes_decimal;
} introductions[] = {
    { "with", false },     { "error", true },     { "code", true },   { "hresult", true }, { "hr", true },
    { "received", false }, { "returned", false }, { "result", false },
};

static bool
starts(const char *text, const char *with)
{
    return g_ascii_strncasecmp(text, with, strlen(with)) == 0;
}

static const char *
event_of(const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        if ((!events[i].begin || starts(text, events[i].begin)) && (!events[i].has || strstr(text, events[i].has)))
            return events[i].event;
    }
    return NULL;
}

static bool
is_word(char c)
{
    return g_ascii_isalnum(c) || c == '_';
}

/* Behind blanks and the marks that stand between a word and its value. */
static const char *
behind_marks(const char *text, const char *marks)
{
    size_t length = strspn(text, marks);

    return length <= MAX_GAP ? text + length : NULL;
}

/* "status True", "returns false". */
static void
find_status(const char *text, log_message *message)
{
    static const char *const words[] = { "status ", "returns " };
    static const char *const values[] = { "false", "true" };

    for (size_t i = 0; i < G_N_ELEMENTS(words) && message->status < 0; i++) {
        const char *at = strstr(text, words[i]);

        for (size_t value = 0; at && value < G_N_ELEMENTS(values); value++) {
            const char *word = at + strlen(words[i]);

            if (!starts(word, values[value]) || is_word(word[strlen(values[value])]))
                continue;
            message->status = (int)value;
            message->status_at = (log_span){ (size_t)(word - text), strlen(values[value]) };
        }
    }
}

/* Reads a number of 32 bits, hexadecimal with "0x" or, if that may be, decimal, negative too, as HRESULTs often are. */
static bool
read_code(const char *text, bool takes_decimal, uint32_t *code, size_t *length)
{
    bool        is_hex = starts(text, "0x"), is_negative = !is_hex && *text == '-';
    const char *digits = text + (is_hex ? 2 : is_negative);
    size_t      count = strspn(digits, is_hex ? "0123456789abcdefABCDEF" : "0123456789");
    guint64     value;

    if (count == 0 || count > (is_hex ? 8 : 10) || is_word(digits[count]) || (!is_hex && !takes_decimal))
        return false;
    value = g_ascii_strtoull(digits, NULL, is_hex ? 16 : 10);
    if (value > (is_negative ? (guint64)G_MAXINT32 + 1 : G_MAXUINT32))
        return false;
    *code = is_negative ? 0u - (uint32_t)value : (uint32_t)value;
    *length = (size_t)(digits - text) + count;
    return true;
}

/* The word that `length` octets are may introduce a code; `*takes_decimal` tells of which kind. */
static bool
introduces_code(const char *word, size_t length, bool *takes_decimal)
{
    for (size_t i = 0; i < G_N_ELEMENTS(introductions); i++) {
        if (strlen(introductions[i].word) == length && starts(word, introductions[i].word)) {
            *takes_decimal = introductions[i].takes_decimal;
            return true;
        }
    }
    return false;
}

/* The first code, before `end`. */
static void
find_code(const char *text, const char *end, log_message *message)
{
    for (const char *at = text; at < end && !message->has_code;) {
        const char *word = at, *number;
        bool        takes_decimal;
        size_t      length = 0;

        while (is_word(*at))
            at++;
        if (at == word) {
            at++;
            continue;
        }
        if (!introduces_code(word, (size_t)(at - word), &takes_decimal))
            continue;
        number = behind_marks(at, " :=(");
        if (!number || number == at || !read_code(number, takes_decimal, &message->code, &length))
            continue;
        message->has_code = true;
        message->code_at = (log_span){ (size_t)(number - text), length };
    }
}

static bool
is_guid(const char *text)
{
    for (size_t i = 0; i < GUID_WIDTH; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_dash ? text[i] != '-' : !g_ascii_isxdigit(text[i]))
            return false;
    }
    return !is_word(text[GUID_WIDTH]);
}

/* The GUID behind `label`, as in "device GUID" and "@vchDeviceID = 'GUID'". */
static log_span
find_guid(const char *text, const char *label)
{
    for (const char *at = strcasestr(text, label); at; at = strcasestr(at, label)) {
        at += strlen(label);

        const char *value = behind_marks(at + (starts(at, "ID") ? 2 : 0), " :='\"({");

        if (value && is_guid(value))
            return (log_span){ (size_t)(value - text), GUID_WIDTH };
    }
    return (log_span){ 0, 0 };
}

/* A page of HTML where the registration point's answer should be. */
static void
find_page(wmem_allocator_t *scope, const char *text, log_message *message)
{
    const char *page = strcasestr(text, "<!DOCTYPE");
    crp_body    body;

    if (!page)
        page = strcasestr(text, "<html");
    if (!page)
        return;
    message->page = (log_span){ (size_t)(page - text), strlen(page) };
    crp_body_read(scope, (const uint8_t *)page, strlen(page), true, &body);
    message->title = body.title;
}

void
log_message_read(wmem_allocator_t *scope, const char *text, log_message *message)
{
    const char *end, *flag = strstr(text, LOG_WINHTTP_FLAG);

    memset(message, 0, sizeof *message);
    message->status = -1;
    message->event = event_of(text);
    find_page(scope, text, message);
    if (message->page.length == 0)
        find_status(text, message);
    /* A page says "Error 403" too. */
    end = message->page.length > 0 ? text + message->page.offset : text + strlen(text);
    find_code(text, end, message);
    message->device = find_guid(text, "device");
    message->user = find_guid(text, "user");
    if (!flag || flag >= end)
        return;
    message->flag.offset = (size_t)(flag - text);
    while (is_word(flag[message->flag.length]))
        message->flag.length++;
}
