/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plays TCP conversations into a capture file: Ethernet, IPv4 and TCP with correct checksums, in pcapng. */
#ifndef RECORD_WIRE_H
#define RECORD_WIRE_H

#include <gio/gio.h>

/* A capture in the making, with a clock of its own. */
typedef struct wire wire;

/* One TCP conversation; the wire owns it. */
typedef struct connection connection;

enum side { CLIENT, SERVER };

/* Starts a capture on an interface of that name, at TIME (microseconds since 1970). */
wire *wire_new(const char *interface, gint64 time);

/* Lets time pass. */
void wire_wait(wire *w, guint milliseconds);

/* Opens a conversation: the three-way handshake. Both sides take segments of up to MSS bytes. */
connection *wire_connect(wire *w, const char *client, guint16 client_port, const char *server, guint16 server_port,
                         guint16 mss);

/* Sends DATA in segments. Every second one is acknowledged, the rest with what the other side sends next. */
void connection_send(connection *c, enum side from, const void *data, gsize size);

/* The same, but the capture has segment LATE (an even number, from 0) after the one that follows it. */
void connection_send_late(connection *c, enum side from, const void *data, gsize size, guint late);

/* Closes in both directions, FROM first. */
void connection_close(connection *c, enum side from);

/* Writes the file and frees the wire. */
gboolean wire_write(wire *w, const char *path, GError **error);

#endif
