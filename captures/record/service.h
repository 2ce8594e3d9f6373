/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a SCEP server answers to a pkiMessage (RFC 8894 section 3.3), in the RFC's or in NDES's manner. */
#ifndef RECORD_SERVICE_H
#define RECORD_SERVICE_H

#include "authority.h"

/* Lives as long as the program; the strings are the command line's. */
struct service {
    GMutex *lock;             /* held by who calls; released while a command runs */
    struct authority authority;
    gboolean ndes;            /* one-byte content, HRESULT, server message, no certificates in a CertRep */
    char *challenge;          /* NULL: any will do */
    int pending;              /* polls that are answered PENDING; negative: issue at once */
    char *fail_info;          /* every enrolment fails with this */
    char *digest, *cipher;    /* of every CertRep; NULL: what the request used */
    char *key_transport;      /* "oaep", "pkcs1", NULL: what the request used */
    char *verify_command;     /* asked before issuing, as NDES's policy module asks the CRP */
    char *issue_command;      /* asked next, as NDES asks the CA; may print the certificate */
    char *notify_command;     /* told what became of it */
    GHashTable *waiting;      /* transactionID to struct waiting */
};

void service_init(struct service *service);

/* Answers REQUEST with a CertRep. Appends to LOG what was asked and decided. NULL with *error for what is no pkiMessage. */
GBytes *service_answer(struct service *service, GBytes *request, GString *log, GError **error);

#endif
