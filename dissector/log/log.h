/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dissectors of log records: "iis", "httperr", "cmtrace" and "svclog". A record is a packet whose payload is the
 * text of logfile_describe(), in a log that Wireshark opened or in a merged capture.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

void proto_register_log(void);

#endif
