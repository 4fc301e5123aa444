/* SPDX-License-Identifier: MIT
 *
 * lastlog.h - the command `lastlog` of cmd_server: the last lines of a log
 * file, as the program `tail` prints them.
 *
 * A struct lastlog lives in the client's protocol. While tail runs, and until
 * the client has read what it was sent, the client's next line waits. When the
 * connection is lost, lastlog_cancel; until then the answer goes to the
 * client's transport.
 */
#ifndef LASTLOG_H
#define LASTLOG_H

#include "framing/line_receiver.h"
#include "process/process.h"
#include "protocol/log.h"
#include "protocol/write_watermark.h"

enum {
    LASTLOG_SECONDS = 5,         /* of silence; then tail is ended, for a pipe
                                    may never say anything */
    LASTLOG_COMPLAINT_MAX = 4096 /* bytes of it, beyond which it is logged in
                                    parts */
};

/* Set the first two. */
struct lastlog {
    struct line_receiver *client;
    const char *path; /* of the log file */

    struct process *tail;         /* NULL: it does not run */
    struct delayed_call patience; /* the end of it */
    struct write_watermark write_watermark;
    struct running asked; /* who has asked, in the log */
    enum { LINE_START, ONE_EQUALS_SIGN, IN_HEADING, IN_LINE } state;
    struct buffer complaint; /* what tail has to say of the file */
};

/* Answers, as it comes,
 *
 *     "Begin lastlog" LF *( LINE LF ) "End lastlog" LF
 *
 * without the lines that begin with "==", which are tail's own headings. A line
 * may be as long as it likes: a client that does not read stops tail. What tail
 * complains of is logged, and that is what there is to see of a file that
 * cannot be read. Without tail: "An error occured : TEXT" LF. */
void lastlog_start(struct lastlog *self);

/* Nobody wants it any more; and no lastlog_start may follow. */
void lastlog_cancel(struct lastlog *self);

#endif
