/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A made sample: a capture and its truth, filled by playing HTTP exchanges between devices and a stand-in for NDES. */
#ifndef RECORD_SAMPLE_H
#define RECORD_SAMPLE_H

#include "authority.h"
#include "http.h"
#include "truth.h"
#include "wire.h"

/* A device: its key, and the certificate with which it signs (self-signed for a first enrolment). */
struct device {
    const char *name;
    struct identity identity;
    const char *challenge;
    const char *alt_names;
};

/*
 * Lives while one sample is made. The strings are how the next exchanges look and may be changed between them.
 * Everything that the functions below return belongs to the sample. What cannot be made ends the program.
 */
struct sample {
    struct authority authority;   /* RA as NDES: two certificates with one subject */
    struct identity expired_ra;   /* the encryption RA's key with a certificate of 2020 to 2024 */
    struct identity earlier;      /* what the device got from the CA a year ago, for renewals */
    struct device device, second_device;
    wire *wire;
    truth *truth;
    char *directory;
    const char *client, *server;  /* IPv4 addresses */
    guint16 next_port;
    const char *path, *host, *user_agent, *request_headers, *response_headers;
    enum http_framing framing;    /* of the responses; bare LF also of the requests */
    const char *capabilities;
    gboolean ndes;                /* replies as NDES makes them */
    GPtrArray *owned;             /* GBytes */
    guint nonces;
};

struct sample *sample_open(const char *samples, const char *keys, const char *name, const char *vantage, time_t start);
void sample_close(struct sample *s, const char *vantage);

/* Ends the program when something could not be made. */
void must(gboolean done, GError *error);

/* Writes another key or certificate beside the ones that every sample has. */
void sample_write_key(struct sample *s, const char *name, EVP_PKEY *key);
void sample_write_certificate(struct sample *s, const char *name, X509 *certificate);

connection *sample_connect(struct sample *s);

/* The next nonce: other bytes for each, the same in each run. */
GBytes *sample_nonce(struct sample *s, gsize length);

/* Hands BYTES to the sample. */
GBytes *sample_own(struct sample *s, GBytes *bytes);

/* A request by DEVICE to the RA; payload NULL: a PKCS#10 for the device. */
struct scep_message sample_request(struct sample *s, const struct device *device, const char *message_type,
                                   const char *transaction_id, GBytes *payload);

/* The CertRep to it, in the request's algorithms or NDES's; payload NULL: no envelope. */
struct scep_message sample_reply(struct sample *s, const struct scep_message *request, const char *pki_status, GBytes *payload);

/* Issues the certificate for DEVICE, once for each key; returns the degenerate SignedData for the CertRep. */
GBytes *sample_issue(struct sample *s, const struct device *device);

GBytes *sample_build(struct sample *s, const struct scep_message *message);

/* Notes an exchange in the truth. */
void sample_record(struct sample *s, const struct exchange *exchange);

/* One exchange: REQUEST over the wire, the response that EXCHANGE tells of, in the sample's style, and the truth of both. */
void sample_exchange(struct sample *s, connection *c, GBytes *request, const struct exchange *exchange);

/* The bytes of a request and a response in the sample's style. Query without '?', body NULL for GET. */
GBytes *sample_http_request(struct sample *s, const char *query, GBytes *body);
GBytes *sample_http_response(struct sample *s, const struct exchange *exchange);

/* Whole exchanges. MESSAGE NULL: no such parameter. */
void sample_get(struct sample *s, connection *c, const char *operation, const char *message, int status,
                const char *type, GBytes *body);
void sample_pki_get(struct sample *s, connection *c, const char *query, GBytes *request, GBytes *response);
void sample_pki_post(struct sample *s, connection *c, GBytes *request, GBytes *response);
void sample_get_ca_caps(struct sample *s, connection *c, const char *message);
void sample_get_ca_cert(struct sample *s, connection *c, const char *message);

/* A message parameter: base64 with the characters ESCAPED as %XX and LINE_END (may be NULL) after every 64. */
char *encode_message(GBytes *message, const char *escaped, const char *line_end);

#endif
