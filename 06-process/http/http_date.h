/* SPDX-License-Identifier: MIT
 *
 * http_date.h - the dates of HTTP, as text and as seconds: RFC 9110, 5.6.7.
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stddef.h>
#include <time.h>

/* Bytes for "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. */
enum { HTTP_DATE_MAX = 30 };

/* Writes that form, in HTTP_DATE_MAX bytes, and returns them; empty when the
 * year has not four digits. */
char *http_date(time_t time, char *text);

/* Reads that form, or one of the two of old:
 *
 *     Sunday, 06-Nov-94 08:49:37 GMT
 *     Sun Nov  6 08:49:37 1994
 *
 * Returns 0, or -1 if it is no such date. Whether the day of the week is the
 * right one is not asked. */
int http_date_parse(const char *text, size_t length, time_t *time);

#endif
