/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Log records in a sentence each.
 */
#include "sentence.h"

#include <string.h>

#include <glib.h>

#include "../crp/body.h"
#include "../crp/text.h"
#include "names.h"

/* Octets. Of a message more do not fit in the column. */
#define MAX_PATH_WIDTH 80
#define MAX_MESSAGE    1500

/* So many digits of base64 together are nothing to read, and may be a challenge. */
#define MAX_DIGITS   80
#define SHOWN_DIGITS 16

/* From here on seconds say it better. */
#define MANY_MILLISECONDS 10000

/* The first octets of `text`, at most `limit`, without a part of a character. */
static const char *
shortened(wmem_allocator_t *scope, const char *text, size_t limit)
{
    const char *end;

    if (strlen(text) <= limit)
        return text;
    g_utf8_validate(text, (gssize)limit, &end);
    return wmem_strdup_printf(scope, "%.*s…", (int)(end - text), text);
}

/* " NAME (meaning)" of "NAME, meaning". */
static void
append_name(wmem_strbuf_t *line, const char *name)
{
    const char *comma = name ? strchr(name, ',') : NULL;

    if (comma)
        wmem_strbuf_append_printf(line, " %.*s (%s)", (int)(comma - name), name, comma + 2);
    else if (name)
        wmem_strbuf_append_printf(line, " %s", name);
}

/* --- requests --- */

/* What was asked, by its name if it has one. */
static const char *
asked(wmem_allocator_t *scope, const log_request *request)
{
    const char *name = request->call ? request->call : request->operation;

    if (name)
        return name;
    if (!request->path)
        return request->method;
    return wmem_strdup_printf(scope, "%s%s%s", request->method ? request->method : "", request->method ? " " : "",
                              shortened(scope, request->path, MAX_PATH_WIDTH));
}

/* Who answers what was asked. */
static const char *
answerer(const log_request *request)
{
    if (request->call)
        return "CRP";
    return strcasestr(request->path, "mscep") ? "NDES" : "IIS";
}

/* "404.15 (the query is too long …), Win32 …"; returns whether there is more than the status. */
static bool
append_status(wmem_strbuf_t *line, const log_request *request)
{
    const char *meaning = crp_status_meaning(request->status, request->substatus);

    if (request->has_status)
        wmem_strbuf_append_printf(line, "%u", request->status);
    if (request->has_status && request->substatus)
        wmem_strbuf_append_printf(line, ".%u", request->substatus);
    if (request->has_status && meaning)
        wmem_strbuf_append_printf(line, " (%s)", meaning);
    if (request->has_win32_status && request->win32_status != 0) {
        wmem_strbuf_append_printf(line, request->win32_status > INT32_MAX ? ", HRESULT 0x%08x" : ", Win32 %u",
                                  request->win32_status);
        append_name(line, log_code_name(request->win32_status));
        return true;
    }
    return meaning != NULL;
}

static void
append_duration(wmem_strbuf_t *line, const log_request *request, bool has_details)
{
    if (request->duration < 0)
        return;
    wmem_strbuf_append(line, has_details ? ", after " : " after ");
    if (request->duration < MANY_MILLISECONDS)
        wmem_strbuf_append_printf(line, "%u ms", (unsigned)request->duration);
    else
        wmem_strbuf_append_printf(line, "%.1f s", (double)request->duration / 1000);
}

bool
log_request_is_refused(const log_request *request)
{
    return request->step != FLOW_STEP_NONE && request->has_status && request->status >= 400;
}

static void
tell_answer(wmem_strbuf_t *line, const log_request *request, const char *what)
{
    if (request->step == FLOW_STEP_NONE)
        wmem_strbuf_append_printf(line, request->has_status ? "%s " : "%s", what);
    else if (!request->has_status)
        wmem_strbuf_append_printf(line, "%s was asked for %s", answerer(request), what);
    else if (log_request_is_refused(request))
        wmem_strbuf_append_printf(line, "IIS refused %s: ", what);
    else
        wmem_strbuf_append_printf(line, "%s answered %s with ", answerer(request), what);
    append_duration(line, request, append_status(line, request));
}

static void
tell_error(wmem_strbuf_t *line, const log_request *request, const char *what)
{
    const char *meaning = log_reason_meaning(request->reason);

    if (request->has_status)
        wmem_strbuf_append_printf(line, "HTTP.sys refused %s with %u", what ? what : "a request", request->status);
    else if (what)
        wmem_strbuf_append_printf(line, "HTTP.sys gave up %s", what);
    else
        wmem_strbuf_append(line, "HTTP.sys closed a connection");
    if (request->reason)
        wmem_strbuf_append_printf(line, ": %s", request->reason);
    if (meaning)
        wmem_strbuf_append_printf(line, " (%s)", meaning);
}

/* --- secrets --- */

static bool
is_digit(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/';
}

/* The value that `text` gives a password or challenge; its length in `*length`. */
static const char *
secret_in(const char *text, size_t *length)
{
    static const char *const words[] = { "password", "challenge" };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t width = strlen(words[i]);

        if (g_ascii_strncasecmp(text, words[i], width) != 0)
            continue;

        const char *value = text + width + strspn(text + width, " '\"");

        if (*value != '=' && *value != ':')
            continue;
        value += 1 + strspn(value + 1, " '\"");
        *length = strcspn(value, " '\"&,;)<>");
        return *length > 0 ? value : NULL;
    }
    return NULL;
}

/* Appends text in which what may be a challenge is not shown. */
static void
append_without_secrets(wmem_strbuf_t *line, const char *text)
{
    const char *shown = text;

    while (*text) {
        size_t      length = 0, digits = 0;
        const char *secret = secret_in(text, &length);

        if (secret) {
            wmem_strbuf_append_printf(line, "%.*s[hidden]", (int)(secret - shown), shown);
            shown = text = secret + length;
            continue;
        }
        while (is_digit(text[digits]))
            digits++;
        if (digits > MAX_DIGITS) {
            wmem_strbuf_append_printf(line, "%.*s…", (int)(text - shown + SHOWN_DIGITS), shown);
            shown = text + digits;
        }
        text += digits > MAX_DIGITS ? digits : 1;
    }
    wmem_strbuf_append(line, shown);
}

const char *
log_request_sentence(wmem_allocator_t *scope, logfile_format format, const log_request *request)
{
    wmem_strbuf_t *line = wmem_strbuf_new(scope, ""), *shown = wmem_strbuf_new(scope, "");
    const char    *what = asked(scope, request);

    if (format == LOGFILE_HTTPERR && (what || request->reason || request->has_status))
        tell_error(line, request, what);
    else if (format == LOGFILE_IIS && what)
        tell_answer(line, request, what);
    else
        return NULL;
    append_without_secrets(shown, wmem_strbuf_get_str(line));
    return wmem_strbuf_get_str(shown);
}

/* --- messages --- */

/* Appends `text` up to the end of `span`, and what that means; returns the rest. */
static const char *
append_meaning(wmem_strbuf_t *line, const char *from, const char *text, const log_span *span, const char *meaning)
{
    const char *end = text + span->offset + span->length;

    if (span->length == 0 || !meaning || end <= from)
        return from;
    wmem_strbuf_append_printf(line, "%.*s (%s)", (int)(end - from), from, meaning);
    return end;
}

static const char *
with_meanings(wmem_allocator_t *scope, const char *text, const log_message *message)
{
    wmem_strbuf_t *line = wmem_strbuf_new(scope, "");
    const char    *rest = text, *flag = text + message->flag.offset;
    const char    *name = message->has_code && message->code != 0 ? log_code_name(message->code) : NULL;
    const char    *meaning = log_flag_meaning(flag, message->flag.length);

    if (message->flag.offset < message->code_at.offset)
        rest = append_meaning(line, rest, text, &message->flag, meaning);
    rest = append_meaning(line, rest, text, &message->code_at, name);
    rest = append_meaning(line, rest, text, &message->flag, meaning);
    if (message->page.length > 0) {
        wmem_strbuf_append_printf(line, "%.*sa page of HTML%s%s", (int)(text + message->page.offset - rest), rest,
                                  message->title ? ": " : "", message->title ? message->title : "");
        return wmem_strbuf_get_str(line);
    }
    wmem_strbuf_append(line, rest);
    return wmem_strbuf_get_str(line);
}

const char *
log_message_sentence(wmem_allocator_t *scope, const char *text, const log_message *message, int level)
{
    static const char *const levels[] = { [2] = "Warning", [3] = "Error" };
    const char              *words = crp_text_words(scope, with_meanings(scope, text, message));
    const char              *prefix = level == 2 || level == 3 ? levels[level] : NULL;
    wmem_strbuf_t           *line = wmem_strbuf_new(scope, "");

    if (prefix && g_ascii_strncasecmp(words, prefix, strlen(prefix)) != 0)
        wmem_strbuf_append_printf(line, "%s: ", prefix);
    append_without_secrets(line, shortened(scope, words, MAX_MESSAGE));
    return wmem_strbuf_get_str(line);
}
