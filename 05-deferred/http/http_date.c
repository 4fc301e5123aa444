/* SPDX-License-Identifier: MIT */
#include "http/http_date.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char days[][4] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
};
static const char *const long_days[] = { "Sunday",    "Monday",   "Tuesday",
                                         "Wednesday", "Thursday", "Friday",
                                         "Saturday" };
static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* strftime would speak the language of the locale. */
char *http_date(time_t time, char *text)
{
    struct tm tm;

    *text = '\0';
    if (!gmtime_r(&time, &tm) || tm.tm_year < -900 || tm.tm_year > 8099)
        return text;
    snprintf(text, HTTP_DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

/* What is left to be read. */
struct text {
    const char *next, *end;
};

static bool take(struct text *text, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(text->end - text->next) < length ||
        memcmp(text->next, word, length) != 0)
        return false;
    text->next += length;
    return true;
}

/* Exactly so many digits; -1: there are none. `blank`: the first of two may be
 * a space, as in "Nov  6". */
static int take_number(struct text *text, int digits, bool blank)
{
    int number = 0;

    if (text->end - text->next < digits)
        return -1;
    for (; digits > 0; digits--, text->next++) {
        if (blank && digits == 2 && *text->next == ' ')
            continue;
        if (*text->next < '0' || *text->next > '9')
            return -1;
        number = number * 10 + (*text->next - '0');
    }
    return number;
}

/* hour ":" minute ":" second */
static bool take_time(struct text *text, struct tm *tm)
{
    tm->tm_hour = take_number(text, 2, false);
    if (!take(text, ":"))
        return false;
    tm->tm_min = take_number(text, 2, false);
    if (!take(text, ":"))
        return false;
    tm->tm_sec = take_number(text, 2, false);
    return tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 &&
           tm->tm_min < 60 && tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

static bool take_month(struct text *text, struct tm *tm)
{
    for (tm->tm_mon = 0; tm->tm_mon < 12; tm->tm_mon++)
        if (take(text, months[tm->tm_mon]))
            return true;
    return false;
}

/* One of them, in whichever spelling; long ones first, as they begin alike. */
static bool take_day(struct text *text, bool *is_long)
{
    for (int i = 0; i < 7; i++)
        if ((*is_long = take(text, long_days[i])) || take(text, days[i]))
            return true;
    return false;
}

/* Sets the year as such, not as of 1900. Two digits are the last such year that
 * is not more than 50 years ahead of `now`. */
static bool take_date(struct text *text, struct tm *tm, int now)
{
    bool is_long;

    if (!take_day(text, &is_long))
        return false;
    if (!is_long && take(text, " ")) { /* asctime */
        if (!take_month(text, tm) || !take(text, " "))
            return false;
        tm->tm_mday = take_number(text, 2, true);
        if (!take(text, " ") || !take_time(text, tm) || !take(text, " "))
            return false;
        tm->tm_year = take_number(text, 4, false);
        return true;
    }
    const char *between = is_long ? "-" : " ";
    if (!take(text, ", "))
        return false;
    tm->tm_mday = take_number(text, 2, false);
    if (!take(text, between) || !take_month(text, tm) || !take(text, between))
        return false;
    tm->tm_year = take_number(text, is_long ? 2 : 4, false);
    if (is_long && tm->tm_year >= 0)
        for (tm->tm_year += 1900; tm->tm_year + 100 <= now + 50;)
            tm->tm_year += 100;
    return take(text, " ") && take_time(text, tm) && take(text, " GMT");
}

/* Seconds since 1970. There is no timegm in POSIX, and mktime would take it for
 * local time. Years begin in March here, so that a leap day is the last. */
static int64_t seconds_of(const struct tm *tm)
{
    int64_t year = tm->tm_year - (tm->tm_mon < 2);
    int64_t month = (tm->tm_mon + 10) % 12; /* of that year */
    int64_t day = 365 * year + year / 4 - year / 100 + year / 400 +
                  (153 * month + 2) / 5 + tm->tm_mday - 1;

    return ((day - 719468) * 24 + tm->tm_hour) * 3600 + tm->tm_min * 60 +
           tm->tm_sec;
}

int http_date_parse(const char *text, size_t length, time_t *result)
{
    struct text left = { text, text + length };
    struct tm tm = { 0 }, today;
    time_t now = time(NULL);

    if (!gmtime_r(&now, &today) ||
        !take_date(&left, &tm, today.tm_year + 1900) || left.next != left.end ||
        tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_year < 1)
        return -1;
    *result = (time_t)seconds_of(&tm);
    return 0;
}
