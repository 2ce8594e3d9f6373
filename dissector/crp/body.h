/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the body of a call to the registration point, or of its answer, says. The bodies on premises are not published:
 * their form is sniffed, and known things are recognised wherever they stand. Packets are hostile, so that everything
 * is bounded; nothing here needs a tree.
 */
#ifndef CRP_BODY_H
#define CRP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsutil/wmem/wmem.h>

typedef enum {
    CRP_BODY_EMPTY,
    CRP_BODY_LITERAL, /* true or false alone, quoted or not */
    CRP_BODY_JSON,
    CRP_BODY_XML,
    CRP_BODY_HTML,    /* an error page */
    CRP_BODY_TEXT,
    CRP_BODY_OTHER,   /* not text */
} crp_body_form;

typedef enum {
    CRP_ITEM_TRANSACTION,
    CRP_ITEM_REQUEST,      /* PKCS #10 */
    CRP_ITEM_CERTIFICATE,
    CRP_ITEM_CHALLENGE,    /* a secret */
    CRP_ITEM_DEVICE,       /* GUIDs */
    CRP_ITEM_USER,
    CRP_ITEM_TEMPLATE,
    CRP_ITEM_CODE,
    CRP_ITEM_DESCRIPTION,  /* of an error */
    CRP_ITEM_HRESULT,
    CRP_ITEM_CALLER,
    CRP_ITEM_THUMBPRINT,
    CRP_ITEM_SERIAL,
    CRP_ITEM_EXPIRATION,
    CRP_ITEM_AUTHORITY,
    CRP_ITEM_DISPOSITION,
    CRP_ITEMS,
} crp_item_kind;

/* One thing that was recognised. */
typedef struct {
    crp_item_kind  kind;
    const char    *value;          /* as UTF-8, escapes undone, never empty; of octets the digits and padding. It
                                      may be cut, and it may be a secret: of a challenge, and of a request */
    uint32_t       offset, length; /* where it stands in the body, escapes and white space included, quotes not */
    const uint8_t *octets;         /* CRP_ITEM_REQUEST and CRP_ITEM_CERTIFICATE: the DER, else NULL */
    size_t         octets_length;
} crp_item;

/* A place in the body. */
typedef struct {
    uint32_t offset, length;
} crp_span;

typedef struct {
    crp_body_form form;
    int           verified;  /* what a literal, an answer's boolean or Intune's code says: 1, 0; else -1 */
    unsigned      status, substatus; /* "HTTP Error 403.16" of an IIS error page; 0 when it does not say */
    const char   *title;     /* of an error page, or NULL */
    wmem_array_t *items;     /* of crp_item, in the order of the body, at most CRP_MAX_ITEMS */
    wmem_array_t *secrets;   /* of crp_span: what crp_body_mask() overwrites, items or not */
    bool          is_cut;    /* it ends early, is damaged, or has more than is looked at */
} crp_body;

/* What is looked at of a body; beyond it is passed over, and `is_cut` says so. */
#define CRP_MAX_ITEMS 64
#define CRP_MAX_BODY  (1u << 20)

/* Reads `length` octets of a body into `body`, everything in `scope`. `is_answer`: whether it comes from the server. */
void crp_body_read(wmem_allocator_t *scope, const uint8_t *data, size_t length, bool is_answer, crp_body *body);

/* The first item of a kind, or NULL. */
const crp_item *crp_body_item(const crp_body *body, crp_item_kind kind);

/* Overwrites with '*' what is secret in a copy of the body that `body` was read from: the challenge as it stands, and
 * the base64 digits that hold the challengePassword of a PKCS #10. In doubt the whole value goes: base64 of DER that is
 * no request and no certificate (a part of one, an encrypted challenge), a string that holds JSON or XML of its own,
 * octets written as numbers, a body that is not text, and what was not looked at. Lengths stay. */
void crp_body_mask(const crp_body *body, uint8_t *copy, size_t length);

/* What a result code of Intune's validation means, in a few words; NULL for one that is not known. */
const char *crp_code_meaning(const char *code);

/* What an HTTP status with IIS's substatus means; NULL for one that is not known. */
const char *crp_status_meaning(unsigned status, unsigned substatus);

#endif
