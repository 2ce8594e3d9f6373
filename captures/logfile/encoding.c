/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * UTF-8 and UTF-16 (RFC 3629, RFC 2781), with and without a byte order mark.
 */
#include "internal.h"

#define REPLACEMENT_CHARACTER 0xfffd

size_t
logfile_find(logfile_span text, logfile_span what)
{
    const char *found = text.length < what.length ? NULL : memmem(text.at, text.length, what.at, what.length);

    return found ? (size_t)(found - text.at) : text.length;
}

logfile_span
logfile_trim_end(logfile_span text)
{
    while (text.length > 0 && logfile_is_blank(text.at[text.length - 1]))
        text.length--;
    return text;
}

/* Every second octet NUL, and the others characters of a text: no UTF-8 has that. */
static bool
is_unmarked_utf16(const uint8_t *head, size_t length)
{
    if (length < LOGFILE_ENCODING_HEAD)
        return false;
    for (size_t i = 0; i < LOGFILE_ENCODING_HEAD; i += 2) {
        if (head[i + 1] != 0 || !(g_ascii_isprint((char)head[i]) || g_ascii_isspace((char)head[i])))
            return false;
    }
    return true;
}

logfile_encoding
logfile_encoding_of(const uint8_t *head, size_t length, size_t *mark)
{
    static const struct {
        const char      *octets;
        size_t           length;
        logfile_encoding encoding;
    } marks[] = {
        { "\xef\xbb\xbf", 3, LOGFILE_UTF8 },
        { "\xff\xfe", 2, LOGFILE_UTF16_LE },
        { "\xfe\xff", 2, LOGFILE_UTF16_BE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        if (length >= marks[i].length && memcmp(head, marks[i].octets, marks[i].length) == 0) {
            *mark = marks[i].length;
            return marks[i].encoding;
        }
    }
    *mark = 0;
    return is_unmarked_utf16(head, length) ? LOGFILE_UTF16_LE : LOGFILE_UTF8;
}

static gunichar
unit_at(logfile_encoding encoding, const uint8_t *octets)
{
    return encoding == LOGFILE_UTF16_LE ? octets[0] | (gunichar)octets[1] << 8 : (gunichar)octets[0] << 8 | octets[1];
}

static bool
is_high_surrogate(gunichar unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool
is_low_surrogate(gunichar unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

size_t
logfile_decode(logfile_encoding encoding, const uint8_t *octets, size_t length, bool is_end, char *text, size_t *used)
{
    size_t at = 0, written = 0;

    for (; at + 2 <= length; at += 2) {
        gunichar unit = unit_at(encoding, octets + at);

        if (is_high_surrogate(unit)) {
            gunichar next = at + 4 <= length ? unit_at(encoding, octets + at + 2) : 0;

            if (at + 4 > length && !is_end)
                break;
            if (is_low_surrogate(next)) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
                at += 2;
            } else {
                unit = REPLACEMENT_CHARACTER;
            }
        } else if (is_low_surrogate(unit)) {
            unit = REPLACEMENT_CHARACTER;
        }
        if (unit < 0x80)
            text[written++] = (char)unit;
        else
            written += (size_t)g_unichar_to_utf8(unit, text + written);
    }
    if (is_end && at < length) {
        written += (size_t)g_unichar_to_utf8(REPLACEMENT_CHARACTER, text + written);
        at = length;
    }
    *used = at;
    return written;
}

size_t
logfile_encoded_length(logfile_span text)
{
    size_t units = 0;

    for (size_t i = 0; i < text.length; i++) {
        uint8_t octet = (uint8_t)text.at[i];

        units += (octet & 0xc0) != 0x80; /* a character */
        units += octet >= 0xf0;          /* which has two */
    }
    return 2 * units;
}

/* Neither NUL nor anything that takes more than one octet, looked at by eight. */
static bool
is_ascii(logfile_span text)
{
    uint64_t all = 0, word;
    size_t   at = 0;

    for (; at + sizeof word <= text.length; at += sizeof word) {
        memcpy(&word, text.at + at, sizeof word);
        all |= word | (word - UINT64_C(0x0101010101010101)); /* which borrows from the high bit of a NUL */
    }
    for (; at < text.length; at++)
        all |= (uint8_t)text.at[at] | (text.at[at] == '\0' ? 0x80 : 0);
    return (all & UINT64_C(0x8080808080808080)) == 0;
}

logfile_span
logfile_valid(logfile_span text, GString *scratch)
{
    const char *bad;

    if (is_ascii(text) || g_utf8_validate_len(text.at, text.length, &bad))
        return text;
    g_string_truncate(scratch, 0);
    while (!g_utf8_validate_len(text.at, text.length, &bad)) {
        g_string_append_len(scratch, text.at, bad - text.at);
        g_string_append_unichar(scratch, REPLACEMENT_CHARACTER);
        text = logfile_after(text, (size_t)(bad - text.at) + 1);
    }
    g_string_append_len(scratch, text.at, (gssize)text.length);
    return (logfile_span){ scratch->str, scratch->len };
}
