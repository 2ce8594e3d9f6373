/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests and answers: what the first pass keeps of every SCEP message, and which belongs to which.
 */
#ifndef SCEP_EXCHANGE_H
#define SCEP_EXCHANGE_H

#include <epan/packet.h>

#include "envelope.h"
#include "query.h"

typedef struct scep_record scep_record;

/* What is wrong with a message; checks.c finds it, tree.c shows it. The text is in file scope. */
typedef enum {
    SCEP_FINDING_FAILURE,
    SCEP_FINDING_PENDING,
    SCEP_FINDING_HTTP_ERROR,
    SCEP_FINDING_EMPTY_ANSWER,
    SCEP_FINDING_MALFORMED,
    SCEP_FINDING_NONCE,
    SCEP_FINDING_TRANSACTION,
    SCEP_FINDING_RECIPIENT,
    SCEP_FINDING_NOT_ADVERTISED,
    SCEP_FINDING_WEAK,
    SCEP_FINDING_DATED,
    SCEP_FINDING_VALIDITY,
    SCEP_FINDING_SIGNATURE,
    SCEP_FINDING_ATTRIBUTE,
    SCEP_FINDING_UNKNOWN_OPERATION,
    SCEP_FINDINGS,
} scep_finding_kind;

typedef struct {
    scep_finding_kind kind;
    const char       *text;
} scep_finding;

/* What a server (address and port) answered last to GetCACaps and GetCACert. File scope. */
typedef struct {
    char        **capabilities; /* NULL until it answered */
    wmem_array_t *certificates; /* of scep_certificate *; NULL until it answered */
} scep_authority;

/* One SCEP message as HTTP carried it. File scope; made on the frame's first visit, later visits only read (but
 * `peer`, `answered_in` of a request come with its answer). */
struct scep_record {
    uint32_t       frame;
    nstime_t       time;
    bool           is_response;
    scep_operation operation;
    const char    *operation_name; /* as sent; NULL when the request was not captured and the content does not tell */
    const char    *message_parameter; /* of a Get… request, or NULL */
    bool           is_post;
    unsigned       http_status;       /* of a response, 0 when HTTP/1 did not tell */
    scep_octets    get_message;       /* decoded pkiMessage of a PKIOperation by GET */
    bool           has_body;
    unsigned       body;              /* which of the frame's bodies this is, from 1; 0 when it came without one */

    scep_message  *message;      /* NULL when there is none */
    const char   **capabilities; /* of a GetCACaps answer, NULL-terminated, or NULL */
    wmem_array_t  *certificates; /* of scep_certificate *: a GetCACert answer's, or an opened CertRep's; or NULL */
    scep_octets    opened;       /* content of the envelope */
    scep_request  *request;      /* the opened PKCS #10 */
    bool           has_key_id;   /* of a request: the key that is to be certified is known, from the PKCS #10 or, as a */
    uint8_t        key_id[SCEP_THUMBPRINT_SIZE]; /* self-signed certificate has the same, from the signer's */
    scep_signature signature;

    scep_record    *peer;          /* the answer to a request, the request of an answer */
    bool            is_answered;   /* of a request */
    uint32_t        first_frame;   /* of a request or answer: where its transaction began, if elsewhere; or 0 */
    scep_authority *authority;     /* of the server */
    wmem_array_t   *findings;      /* of scep_finding; NULL when there are none */
};

/* Registers the maps, which empty themselves with each file. */
void scep_exchange_init(int proto);

/* Makes the record of a request. `query` is what its target says, or NULL when only the body tells; `data` the
 * pkiMessage, or length 0. `keys` opens envelopes. */
scep_record *scep_exchange_add_request(packet_info *pinfo, const scep_query *query, bool is_post, ber_slice data,
                                       const GPtrArray *keys);

/* The request of this conversation that an answer now read belongs to, or NULL: `request_frame` is the frame that HTTP
 * pairs with it, or 0; `message` its facts, or NULL; `operation` what it must have asked, or SCEP_OPERATION_OTHER. */
scep_record *scep_exchange_find_request(packet_info *pinfo, uint32_t request_frame, const scep_message *message,
                                        scep_operation operation);

/* Makes the record of an answer to `request` (NULL when it is not known). `operation` is used when there is no
 * request. `data` is the body, or length 0. */
scep_record *scep_exchange_add_response(packet_info *pinfo, scep_record *request, scep_operation operation,
                                        unsigned http_status, ber_slice data, const GPtrArray *keys);

/* True when a SCEP request of this conversation still waits for its answer. `*from_server` tells whether this frame
 * comes from where the answer will. */
bool scep_exchange_is_waiting(packet_info *pinfo, bool *from_server);

/* True when a SCEP request of any conversation still waits. */
bool scep_exchange_has_waiting(void);

/* The records of the frame in order, an array of scep_record *; NULL when there are none. */
wmem_array_t *scep_exchange_records(packet_info *pinfo);

/* The certificate that was seen with this issuer and serial number in a GetCACert answer, or NULL. */
const scep_certificate *scep_exchange_certificate(wmem_allocator_t *scratch, const char *issuer, scep_octets serial);

/* Adds a finding to `record`; a printf format. */
void scep_record_add_finding(scep_record *record, scep_finding_kind kind, const char *format, ...) G_GNUC_PRINTF(3, 4);

#endif
