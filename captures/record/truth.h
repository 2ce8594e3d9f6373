/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth folder of a sample: every raw message, and exchanges.json with one object for each HTTP exchange. */
#ifndef RECORD_TRUTH_H
#define RECORD_TRUTH_H

#include <gio/gio.h>

typedef struct truth truth;

/* One HTTP exchange. Everything is borrowed; what did not exist is NULL. */
struct exchange {
    const char *operation;
    const char *method;
    const char *message;        /* of the Get… operations, decoded */
    int status;                 /* 0: unanswered */
    GBytes *request;            /* the pkiMessage of a PKIOperation */
    GBytes *response;           /* the body */
    const char *response_type;
};

/* Starts an empty DIRECTORY/exchanges.json; the directory is made. */
truth *truth_open(const char *directory, GError **error);

/* Adds an exchange: exchanges.json is whole again afterwards. Returns its number, from 1; 0 with *error. */
guint truth_add(truth *t, const struct exchange *exchange, GError **error);

/* Writes another file of the folder. */
gboolean truth_write(truth *t, const char *name, const void *data, gsize size, GError **error);

void truth_close(truth *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(truth, truth_close)

#endif
