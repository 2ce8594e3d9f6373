/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Dates and times as logs write them.
 */
#include <limits.h>

#include "internal.h"

/* What g_date_get_julian() says of 1970-01-01. */
#define JULIAN_1970 719163

#define FIRST_YEAR 1970
#define LAST_YEAR  2261

#define MAX_DECIMALS 9

bool
logfile_take_char(logfile_span *text, char c)
{
    if (text->length == 0 || *text->at != c)
        return false;
    *text = logfile_after(*text, 1);
    return true;
}

bool
logfile_take_number(logfile_span *text, unsigned most_digits, unsigned *number)
{
    unsigned digits = 0;
    uint64_t value = 0;

    for (; digits < most_digits && digits < text->length && g_ascii_isdigit(text->at[digits]); digits++)
        value = value * 10 + (unsigned)(text->at[digits] - '0');
    *number = (unsigned)MIN(value, UINT_MAX);
    *text = logfile_after(*text, digits);
    return digits > 0;
}

static bool
day_of(unsigned year, unsigned month, unsigned day, int64_t *days)
{
    GDate date;

    if (year < FIRST_YEAR || year > LAST_YEAR || !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
        return false;
    g_date_clear(&date, 1);
    g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    *days = (int64_t)g_date_get_julian(&date) - JULIAN_1970;
    return true;
}

bool
logfile_take_date(logfile_span *text, int64_t *day)
{
    unsigned year, month, of_month;

    return logfile_take_number(text, 4, &year) && logfile_take_char(text, '-') && logfile_take_number(text, 2, &month) &&
           logfile_take_char(text, '-') && logfile_take_number(text, 2, &of_month) && day_of(year, month, of_month, day);
}

bool
logfile_take_american_date(logfile_span *text, int64_t *day)
{
    unsigned year, month, of_month;

    return logfile_take_number(text, 2, &month) && logfile_take_char(text, '-') &&
           logfile_take_number(text, 2, &of_month) && logfile_take_char(text, '-') &&
           logfile_take_number(text, 4, &year) && day_of(year, month, of_month, day);
}

/* ".789" and ".": what is behind the point, if there is one, in ns. */
static int64_t
take_decimals(logfile_span *text)
{
    logfile_span digits;
    unsigned     number;
    int64_t      nanoseconds;

    if (!logfile_take_char(text, '.'))
        return 0;
    digits = *text;
    logfile_take_number(text, MAX_DECIMALS, &number);
    nanoseconds = number;
    for (size_t count = digits.length - text->length; count < MAX_DECIMALS; count++)
        nanoseconds *= 10;
    return nanoseconds;
}

bool
logfile_take_time(logfile_span *text, int64_t *time)
{
    unsigned hour, minute, second;

    if (!logfile_take_number(text, 2, &hour) || !logfile_take_char(text, ':') || !logfile_take_number(text, 2, &minute) ||
        !logfile_take_char(text, ':') || !logfile_take_number(text, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    *time = ((int64_t)hour * 3600 + minute * 60 + second) * LOGFILE_SECOND + take_decimals(text);
    return true;
}

void
logfile_append_date(GString *text, int64_t day)
{
    GDate date;

    g_date_clear(&date, 1);
    g_date_set_julian(&date, (guint32)(day + JULIAN_1970));
    g_string_append_printf(text, "%04u-%02u-%02u", g_date_get_year(&date), (unsigned)g_date_get_month(&date),
                           g_date_get_day(&date));
}
