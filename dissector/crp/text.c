/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text as it stands in a body, escapes undone (RFC 8259 section 7, XML 1.0 section 4), and base64 (RFC 4648).
 */
#include "text.h"

#include <string.h>

/* Less base64 holds no request and no certificate. */
#define MIN_ENCODED 100

#define NOT_A_CHARACTER 0xfffd

bool
crp_text_starts(const crp_cursor *in, const char *text)
{
    size_t length = strlen(text);

    return in->end - in->at >= length && memcmp(in->data + in->at, text, length) == 0;
}

bool
crp_text_starts_any_case(const crp_cursor *in, const char *text)
{
    size_t length = strlen(text);

    return in->end - in->at >= length && g_ascii_strncasecmp((const char *)in->data + in->at, text, length) == 0;
}

bool
crp_text_skip_past(crp_cursor *in, const char *text)
{
    const uint8_t *found = memmem(in->data + in->at, in->end - in->at, text, strlen(text));

    in->at = found ? (size_t)(found - in->data) + strlen(text) : in->end;
    return found != NULL;
}

bool
crp_text_is_space(gunichar character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

void
crp_text_skip_spaces(crp_cursor *in)
{
    while (in->at < in->end && crp_text_is_space(in->data[in->at]))
        in->at++;
}

/* Takes `count` hexadecimal digits. Returns false, with the cursor unmoved, when there are not so many. */
static bool
hexadecimal(crp_cursor *in, unsigned count, gunichar *number)
{
    if (in->end - in->at < count)
        return false;
    *number = 0;
    for (unsigned i = 0; i < count; i++) {
        int digit = g_ascii_xdigit_value((char)in->data[in->at + i]);

        if (digit < 0)
            return false;
        *number = *number << 4 | (gunichar)digit;
    }
    in->at += count;
    return true;
}

/* What stands behind the backslash that was taken (RFC 8259 section 7). */
static gunichar
json_escape(crp_cursor *in)
{
    gunichar   character, low;
    crp_cursor ahead;

    if (in->at >= in->end)
        return NOT_A_CHARACTER;
    switch (in->data[in->at++]) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u':
        if (!hexadecimal(in, 4, &character))
            return NOT_A_CHARACTER;
        ahead = *in;
        if (character >> 10 == 0xd800 >> 10 && crp_text_starts(&ahead, "\\u")) {
            ahead.at += 2;
            if (hexadecimal(&ahead, 4, &low) && low >> 10 == 0xdc00 >> 10) {
                *in = ahead;
                return 0x10000 + ((character & 0x3ff) << 10 | (low & 0x3ff));
            }
        }
        return character;
    default: return in->data[in->at - 1];
    }
}

/* What stands behind the ampersand that was taken; the ampersand itself when it begins nothing (XML 1.0 4.1). */
static gunichar
xml_reference(crp_cursor *in)
{
    static const struct {
        const char *name;
        gunichar    character;
    } entities[] = { { "amp;", '&' }, { "lt;", '<' }, { "gt;", '>' }, { "quot;", '"' }, { "apos;", '\'' },
                     { "nbsp;", ' ' } };
    crp_cursor ahead = *in;
    gunichar   number = 0;
    unsigned   base = 10, digits;

    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
        if (crp_text_starts(in, entities[i].name)) {
            in->at += strlen(entities[i].name);
            return entities[i].character;
        }
    }
    if (!crp_text_starts(&ahead, "#"))
        return '&';
    ahead.at++;
    if (crp_text_starts_any_case(&ahead, "x")) {
        ahead.at++;
        base = 16;
    }
    for (digits = 0; digits < 7 && ahead.at < ahead.end; digits++, ahead.at++) {
        int digit = g_ascii_xdigit_value((char)ahead.data[ahead.at]);

        if (digit < 0 || digit >= (int)base)
            break;
        number = number * base + (gunichar)digit;
    }
    if (digits == 0 || !crp_text_starts(&ahead, ";"))
        return '&';
    in->at = ahead.at + 1;
    return number;
}

void
crp_text_skip_marks(crp_cursor *in)
{
    for (;;) {
        if (in->in_cdata && crp_text_starts(in, "]]>")) {
            in->at += strlen("]]>");
            in->in_cdata = false;
        } else if (!in->in_cdata && crp_text_starts(in, "<![CDATA[")) {
            in->at += strlen("<![CDATA[");
            in->in_cdata = true;
        } else if (in->in_cdata || !crp_text_starts(in, "<!--") || !crp_text_skip_past(in, "-->")) {
            return;
        }
    }
}

bool
crp_text_next(crp_cursor *in, gunichar *character, size_t *start)
{
    if (in->escapes == CRP_ESCAPES_XML)
        crp_text_skip_marks(in);
    if (in->at >= in->end)
        return false;
    *start = in->at;

    gunichar taken = in->data[in->at];

    if (taken >= 0x80) {
        taken = g_utf8_get_char_validated((const char *)in->data + in->at, (gssize)(in->end - in->at));
        in->at += taken < 0x110000 ? (size_t)g_unichar_to_utf8(taken, NULL) : 1;
    } else {
        in->at++;
        if (taken == '\\' && in->escapes == CRP_ESCAPES_JSON)
            taken = json_escape(in);
        else if (taken == '&' && in->escapes == CRP_ESCAPES_XML && !in->in_cdata)
            taken = xml_reference(in);
        else if (taken == '%' && in->escapes == CRP_ESCAPES_URI)
            taken = hexadecimal(in, 2, &taken) && taken < 0x80 ? taken : NOT_A_CHARACTER;
    }
    *character = taken != 0 && g_unichar_validate(taken) ? taken : NOT_A_CHARACTER;
    return true;
}

char *
crp_text_copy(wmem_allocator_t *scope, crp_cursor in, size_t limit, bool *is_cut)
{
    GString *text = g_string_new(NULL);
    gunichar character;
    size_t   start;
    char    *copy;

    while (crp_text_next(&in, &character, &start)) {
        if (text->len + (size_t)g_unichar_to_utf8(character, NULL) > limit) {
            *is_cut = true;
            break;
        }
        g_string_append_unichar(text, character);
    }
    copy = wmem_strndup(scope, text->str, text->len);
    g_string_free(text, TRUE);
    return copy;
}

const char *
crp_text_words(wmem_allocator_t *scope, const char *text)
{
    char *words = wmem_strdup(scope, text), *end = words;

    for (; *text; text++) {
        if (!crp_text_is_space((guint8)*text))
            *end++ = *text;
        else if (end > words && end[-1] != ' ')
            *end++ = ' ';
    }
    if (end > words && end[-1] == ' ')
        end--;
    *end = '\0';
    return words;
}

bool
crp_text_is_digit(gunichar character)
{
    return character < 0x80 && (g_ascii_isalnum((char)character) || (character != 0 && strchr("+/-_", (int)character)));
}

bool
crp_text_skip_armour(crp_cursor *in)
{
    crp_cursor ahead = *in;
    gunichar   character;
    size_t     start;

    for (unsigned dashes = 1; dashes < 5; dashes++) {
        if (!crp_text_next(&ahead, &character, &start) || character != '-')
            return false;
    }
    for (unsigned dashes = 0; dashes < 5 && crp_text_next(&ahead, &character, &start);)
        dashes = character == '-' ? dashes + 1 : 0;
    *in = ahead;
    return true;
}

/* Takes one digit of base64, or '=', from beyond white space and PEM's armour; it stands at `*start`. Returns 0 at the
 * end, -1 at something else. */
static int
next_digit(crp_cursor *in, size_t *start)
{
    gunichar character;

    while (crp_text_next(in, &character, start)) {
        if (crp_text_is_space(character) || (character == '-' && crp_text_skip_armour(in)))
            continue;
        return crp_text_is_digit(character) || character == '=' ? (int)character : -1;
    }
    return 0;
}

GString *
crp_text_sequence(crp_cursor in, size_t limit, bool *is_whole)
{
    GString *digits;
    size_t   start;
    int      digit;

    if (in.end - in.at < MIN_ENCODED)
        return NULL;
    digits = g_string_new(NULL);
    while ((digit = next_digit(&in, &start)) > 0 && digits->len < limit) {
        g_string_append_c(digits, (char)digit);
        if ((digits->len == 1 && digit != 'M') || (digits->len == 2 && (digit < 'A' || digit > 'P')))
            break; /* the first octet is not 0x30 */
    }
    *is_whole = digit == 0;
    if (digits->len >= MIN_ENCODED)
        return digits;
    g_string_free(digits, TRUE);
    return NULL;
}

void
crp_text_place(crp_cursor in, size_t first, size_t last, size_t *start, size_t *end)
{
    size_t at;

    for (size_t i = 0; i <= last && next_digit(&in, &at) > 0; i++) {
        if (i == first)
            *start = at;
    }
    *end = in.at;
}
