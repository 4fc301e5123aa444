/* SPDX-License-Identifier: MIT
 *
 * framing_narrow.h - a size_t of 32 bits, for the sources of the stage that
 * are compiled with `-include` of this; the C library keeps its own.
 */
#ifndef FRAMING_NARROW_H
#define FRAMING_NARROW_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define size_t uint32_t
#undef SIZE_MAX
#define SIZE_MAX UINT32_MAX

#endif
