/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a file is by its first octets. No extension and no name counts: logs are renamed, pasted and cut.
 */
#include "internal.h"

static const char no_iis_fields[] =
    "These are lines of an IIS log without the #Fields directive that names their columns: copy that line from the begin "
    "of the log and put it before them.";
static const char no_httperr_fields[] =
    "These are lines of an HTTPERR log without the #Fields directive that names their columns: copy that line from the "
    "begin of the log and put it before them.";

/* Who writes such logs; others write W3C logs too, of other things. */
static const struct {
    logfile_span   software; /* the begin of #Software */
    logfile_format format;
} writers[] = {
    { LOGFILE_SPAN("Microsoft Internet Information Serv"), LOGFILE_IIS }, /* Server, Services */
    { LOGFILE_SPAN("Microsoft HTTP Server API"), LOGFILE_IIS },
    { LOGFILE_SPAN("IIS Advanced Logging"), LOGFILE_IIS },
    { LOGFILE_SPAN("Microsoft HTTP API"), LOGFILE_HTTPERR },
};

/* Columns of a request, and those that only Microsoft's servers have. */
static const logfile_span request_columns[] = {
    LOGFILE_SPAN("cs-method"), LOGFILE_SPAN("cs-uri-stem"), LOGFILE_SPAN("cs-uri-query"), LOGFILE_SPAN("sc-status"),
};
static const logfile_span iis_columns[] = {
    LOGFILE_SPAN("s-ip"),         LOGFILE_SPAN("s-port"),          LOGFILE_SPAN("s-sitename"),
    LOGFILE_SPAN("sc-substatus"), LOGFILE_SPAN("sc-win32-status"), LOGFILE_SPAN("s-computername"),
};
static const logfile_span httperr_columns[] = { LOGFILE_SPAN("s-reason"), LOGFILE_SPAN("s-queuename") };

static const logfile_span methods[] = {
    LOGFILE_SPAN("GET"),     LOGFILE_SPAN("POST"),  LOGFILE_SPAN("HEAD"),     LOGFILE_SPAN("PUT"),
    LOGFILE_SPAN("OPTIONS"), LOGFILE_SPAN("PATCH"), LOGFILE_SPAN("PROPFIND"), LOGFILE_SPAN("DELETE"),
};

static bool
is_one_of(logfile_span word, const logfile_span *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (logfile_equals(word, words[i]))
            return true;
    }
    return false;
}

static bool
have_any(logfile_span names, const logfile_span *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (logfile_have_name(names, wanted[i]))
            return true;
    }
    return false;
}

/* LOGFILE_FORMATS: neither. */
static logfile_format
format_of_fields(logfile_span names)
{
    if (have_any(names, httperr_columns, G_N_ELEMENTS(httperr_columns)))
        return LOGFILE_HTTPERR;
    return have_any(names, request_columns, G_N_ELEMENTS(request_columns)) &&
                   have_any(names, iis_columns, G_N_ELEMENTS(iis_columns))
               ? LOGFILE_IIS
               : LOGFILE_FORMATS;
}

static logfile_format
format_of_software(logfile_span software)
{
    for (size_t i = 0; i < G_N_ELEMENTS(writers); i++) {
        if (logfile_begins(software, writers[i].software))
            return writers[i].format;
    }
    return LOGFILE_FORMATS;
}

/* "address port address port", as HTTPERR has it behind the time. */
static bool
begins_with_two_ends(logfile_span rest)
{
    logfile_span address, port;
    unsigned     number;

    for (unsigned end = 0; end < 2; end++) {
        if (!logfile_next_word(&rest, &address) || !logfile_is_address(address) || !logfile_next_word(&rest, &port) ||
            !logfile_take_number(&port, 5, &number) || port.length > 0)
            return false;
    }
    return true;
}

/* What a line without its #Fields looks like; LOGFILE_FORMATS: like none of these logs'. */
static logfile_format
format_of_line(logfile_span line)
{
    logfile_span rest = line, word;
    int64_t      number;
    bool         has_address = false, has_method = false;

    if (!logfile_next_word(&rest, &word) || !logfile_take_date(&word, &number) || word.length > 0 ||
        !logfile_next_word(&rest, &word) || !logfile_take_time(&word, &number) || word.length > 0)
        return LOGFILE_FORMATS;
    if (begins_with_two_ends(rest))
        return LOGFILE_HTTPERR;
    while (logfile_next_word(&rest, &word)) {
        has_address = has_address || logfile_is_address(word);
        has_method = has_method || is_one_of(word, methods, G_N_ELEMENTS(methods));
    }
    return has_address && has_method ? LOGFILE_IIS : LOGFILE_FORMATS;
}

/* Takes the next line. */
static logfile_span
next_line(logfile_span *text)
{
    size_t       end = logfile_find(*text, LOGFILE_SPAN("\n"));
    logfile_span line = logfile_before(*text, end);

    *text = logfile_after(*text, MIN(end + 1, text->length));
    return logfile_trim_end(line);
}

/* LOGFILE_FORMATS: it is no W3C log of ours. Sets whether its columns have names, and whether there are lines before
 * those. */
static logfile_format
format_of_w3c(logfile_span text, bool *has_fields, bool *has_lines)
{
    logfile_format format = LOGFILE_FORMATS;

    *has_fields = *has_lines = false;
    while (text.length > 0) {
        logfile_span line = next_line(&text), name, value;

        if (line.length == 0)
            continue;
        if (!logfile_w3c_directive(line, &name, &value)) {
            format = format == LOGFILE_FORMATS ? format_of_line(line) : format;
            *has_lines = true;
        } else if (logfile_equals(name, LOGFILE_SPAN("Software"))) {
            format = format == LOGFILE_FORMATS ? format_of_software(value) : format;
        } else if (logfile_equals(name, LOGFILE_SPAN("Fields"))) {
            logfile_format named = format_of_fields(value);

            format = named != LOGFILE_FORMATS ? named : format;
            *has_fields = true;
        } else {
            continue;
        }
        if (format == LOGFILE_FORMATS || *has_fields)
            break;
    }
    return format;
}

static logfile_claim
claim_w3c(logfile_span text, logfile_format *format, const char **problem)
{
    bool           has_fields, has_lines;
    logfile_format found = format_of_w3c(text, &has_fields, &has_lines);

    if (found == LOGFILE_FORMATS)
        return LOGFILE_FOREIGN;
    if (has_lines && !has_fields) {
        *problem = found == LOGFILE_IIS ? no_iis_fields : no_httperr_fields;
        return LOGFILE_REFUSED;
    }
    *format = found;
    return LOGFILE_KNOWN;
}

static bool
is_empty(logfile_span text)
{
    return logfile_trim_end(text).length == 0;
}

/* No control characters, which binary files have. */
static bool
is_text(logfile_span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (g_ascii_iscntrl(text.at[i]) && !logfile_is_blank(text.at[i]))
            return false;
    }
    return true;
}

/* The end of the form with attributes. */
static size_t
cmtrace_end(logfile_span text)
{
    return logfile_cmtrace_end(text, true, true);
}

/* Lines that end as the older form does: the first, or most of them. */
static bool
is_older_cmtrace(logfile_span text)
{
    size_t lines = 0, ends = 0;

    while (text.length > 0) {
        logfile_span line = next_line(&text);

        if (line.length == 0)
            continue;
        lines++;
        ends += logfile_cmtrace_end(line, false, true) == line.length && cmtrace_end(line) == 0;
        if (lines == 1 && ends == 1)
            return true;
    }
    return 2 * ends > lines;
}

/* The first record of a log that was cut may lack its begin. Then its end comes before any other begin, and what follows
 * that is the next record: so it is in no text that quotes a log. */
static bool
is_cut(logfile_span text, logfile_span begin, size_t (*end_of)(logfile_span))
{
    logfile_span before = logfile_before(text, logfile_find(text, begin));
    size_t       end = end_of(before);

    return end > 0 && is_text(before) && is_empty(logfile_after(before, end));
}

static bool
is_cmtrace(logfile_span text)
{
    return logfile_begins(text, logfile_cmtrace_begin) || is_cut(text, logfile_cmtrace_begin, cmtrace_end) ||
           (is_older_cmtrace(text) && is_text(text));
}

static bool
is_svclog(logfile_span text)
{
    if (!logfile_begins(text, logfile_svclog_begin))
        return is_cut(text, logfile_svclog_begin, logfile_svclog_end);
    text = logfile_after(text, logfile_svclog_begin.length);
    return text.length == 0 || logfile_is_blank(*text.at) || *text.at == '>';
}

static logfile_claim
claim(logfile_span text, logfile_format *format, const char **problem)
{
    logfile_span line = text; /* the first that is not blank */

    while (text.length > 0 && (logfile_is_blank(*text.at) || *text.at == '\0')) {
        bool is_end = *text.at == '\n' || *text.at == '\0';

        text = logfile_after(text, 1);
        line = is_end ? text : line;
    }
    if (is_cmtrace(text)) {
        *format = LOGFILE_CMTRACE;
        return LOGFILE_KNOWN;
    }
    if (is_svclog(text)) {
        *format = LOGFILE_SVCLOG;
        return LOGFILE_KNOWN;
    }
    return claim_w3c(line, format, problem);
}

logfile_claim
logfile_detect(const uint8_t *head, size_t length, logfile_format *format, const char **problem)
{
    size_t           mark, used;
    logfile_encoding encoding;
    logfile_span     text;
    char            *decoded = NULL;
    logfile_claim    found;

    length = MIN(length, LOGFILE_HEAD);
    encoding = logfile_encoding_of(head, length, &mark);
    text = (logfile_span){ (const char *)head + mark, length - mark };
    if (encoding != LOGFILE_UTF8) {
        decoded = g_malloc(text.length / 2 * 3 + 6);
        text.length = logfile_decode(encoding, head + mark, length - mark, false, decoded, &used);
        text.at = decoded;
    }
    found = claim(text, format, problem);
    g_free(decoded);
    return found;
}
