/* SPDX-License-Identifier: MIT
 *
 * lastlog.h - the command `lastlog` of cmd_server: the last lines of a log
 * file, as the program `tail` prints them.
 *
 * A struct lastlog lives in the client's protocol. While tail runs, the
 * client's next line waits. When the connection is lost, lastlog_cancel; until
 * then the answer goes to the client's transport.
 */
#ifndef LASTLOG_H
#define LASTLOG_H

#include "framing/line_receiver.h"
#include "process/process.h"
#include "protocol/log.h"
#include "protocol/write_watermark.h"

enum {
    LASTLOG_LINE_MAX = 16384, /* bytes of a line; the rest of it is cut */
    LASTLOG_SECONDS = 5       /* then tail is ended; a pipe can be silent */
};

/* Set the first three. */
struct lastlog {
    struct reactor *reactor;
    struct line_receiver *client;
    const char *path; /* of the log file */

    struct log_system asked;      /* who has asked, in the log */
    struct process *tail;         /* NULL: it does not run */
    struct delayed_call patience; /* the end of it */
    struct write_watermark write_watermark;
    struct buffer text;      /* all that tail has printed */
    size_t column;           /* bytes of its last line */
    struct buffer complaint; /* what it has to say of it */
};

/* Answers, later as a rule,
 *
 *     "Begin lastlog" LF *( LINE LF ) "End lastlog" LF
 *
 * without the lines that begin with "==", which are tail's own headings. What
 * tail complains of is logged, and that is what there is to see of a file that
 * cannot be read. Without tail: "An error occured : TEXT" LF. */
void lastlog_start(struct lastlog *self);

/* Nobody wants it any more; and no lastlog_start may follow. */
void lastlog_cancel(struct lastlog *self);

#endif
